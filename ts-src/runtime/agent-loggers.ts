/**
 * `ctx.logger` of the agents of one thread: puts the agent, its kind and thread on every line, the ids of its trace where it is traced, and the
 * correlation id of the operation that it is within. Kept for the agent that asked last,
 * because most lines in a row are of one; an agent that logs costs nothing that stays.
 */
import type { Logger } from '../model/agent-context.js';
import type { AgentCell } from './agent-cell.js';
import type { LogLine } from './system-calls.js';
import type { TraceIds } from './tracing.js';

export interface AgentLoggersNeeds {
  readonly thread: number;
  readonly logger: Logger;
  nameOf(slot: number, generation: number): string | undefined;
  /** Of what runs now; undefined where it is not traced. */
  traceIds(): TraceIds | undefined;
  /** Of the operation that is observed now, if any. */
  operationFields(): object;
}

export class AgentLoggers {
  readonly #needs: AgentLoggersNeeds;
  #cell: AgentCell | undefined;
  #logger: Logger | undefined;

  constructor(needs: AgentLoggersNeeds) {
    this.#needs = needs;
  }

  of(cell: AgentCell): Logger {
    if (this.#cell === cell && this.#logger !== undefined) return this.#logger;
    this.#cell = cell;
    this.#logger = this.#make(cell);
    return this.#logger;
  }

  /** The methods may be taken out of it. */
  #make(cell: AgentCell): Logger {
    const { thread, logger, nameOf, traceIds, operationFields } = this.#needs;
    const bind = (level: LogLine['level']) => (data: object, message: string) =>
      logger[level]({ agent: nameOf(cell.slot, cell.generation), kind: cell.kind.name, thread, ...traceIds(), ...operationFields(), ...data }, message);
    return { debug: bind('debug'), info: bind('info'), warn: bind('warn'), error: bind('error') };
  }
}
