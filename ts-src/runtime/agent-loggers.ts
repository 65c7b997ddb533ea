/**
 * `ctx.logger` of the agents of one thread: puts the agent, its kind and thread on every line, and the ids of its trace or its operation where there is one. Kept for the agent that asked last,
 * because most lines in a row are of one; an agent that logs costs nothing that stays.
 */
import type { Logger } from '../model/agent-context.js';
import type { AgentCell } from './agent-cell.js';
import type { LogLine } from './system-calls.js';

export interface AgentLoggersNeeds {
  readonly thread: number;
  readonly logger: Logger;
  nameOf(slot: number, generation: number): string | undefined;
  /** Of what runs now: of its trace where it is traced, of the operation it belongs to where there is one. */
  workIds(): object;
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
    const { thread, logger, nameOf, workIds } = this.#needs;
    const bind = (level: LogLine['level']) => (data: object, message: string) =>
      logger[level]({ agent: nameOf(cell.slot, cell.generation), kind: cell.kind.name, thread, ...workIds(), ...data }, message);
    return { debug: bind('debug'), info: bind('info'), warn: bind('warn'), error: bind('error') };
  }
}
