/** What the lifecycle of agents asks about durable ones. The implementation is `durable-agents.ts`. */
import type { StopReason } from '../../model/agent-definition.js';
import type { AgentCell } from '../agent-cell.js';
import type { DurableRecord } from './durable-record.js';

/** What is different in the lives of durable agents. */
export interface DurableLives {
  /**
   * Gives `begin` the state that it starts with: what is stored, else a new one; that calls its start hook. A promise: it has started when that resolves. In a cluster `begin` is called later, when this node may run it.
   */
  startLife(cell: AgentCell, init: unknown, begin: (state: unknown) => Promise<unknown> | undefined): Promise<unknown> | undefined;
  /** It starts again from what is stored once this has resolved. It never rejects. */
  beforeRestart(cell: AgentCell): Promise<unknown> | undefined;
  /** What is in memory may not be gone on with, whatever supervision says. */
  mustReload(cell: AgentCell): boolean;
  /** It leaves the table once this has resolved. It never rejects. */
  beforeEnd(cell: AgentCell, reason: StopReason, hadStarted: boolean): Promise<unknown> | undefined;
  ended(cell: AgentCell, record: DurableRecord): void;
}
