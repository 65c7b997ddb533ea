/**
 * An agent as its thread holds it. Small, because a node has millions: whatever most agents never use is in `extra`, made when first needed. The name is
 * in the shared table only. Data, no behaviour; owned by one thread.
 */
import type { SeededRandom } from '../model/seeded-random.js';
import type { RestartHistory } from '../model/supervision.js';
import type { AgentReference } from './agent-reference.js';
import type { CellTimer } from './agent-timers.js';
import type { DurableRecord } from './durable/durable-record.js';
import type { Kind } from './kind.js';
import type { Mailbox } from './mailbox.js';

/** What an agent is doing. Only a `ready` one handles messages. */
export const Status = {
  /** The start hook runs. */
  starting: 0,
  ready: 1,
  /** An async handler runs. */
  busy: 2,
  /** Waits to be restarted. */
  suspended: 3,
  /** The stop hook runs, or children end. */
  stopping: 4,
  stopped: 5,
} as const;

export type Status = (typeof Status)[keyof typeof Status];

export class AgentCell {
  readonly kind: Kind;
  readonly slot: number;
  readonly generation: number;
  status: Status = Status.starting;
  state: unknown = undefined;
  mailbox: Mailbox | undefined = undefined;
  extra: AgentExtra | undefined = undefined;

  constructor(kind: Kind, slot: number, generation: number) {
    this.kind = kind;
    this.slot = slot;
    this.generation = generation;
  }
}

/** What only some agents have. */
export class AgentExtra {
  /** Counts starts: what belongs to an earlier life is recognised by it. */
  life = 0;
  /** A copy of `init`, on the calling thread; on workers it is in the shared table. */
  init: unknown = undefined;
  reference: AgentReference | undefined = undefined;
  parent: AgentReference | undefined = undefined;
  /** By slot. */
  children: Map<number, AgentReference> | undefined = undefined;
  /** Spawns of children that have not come back yet, with their ids. None rejects. */
  spawning: Map<Promise<void>, string> | undefined = undefined;
  /** While the agent waits for its restart: its stop hook, and the end of its children. */
  ending: Promise<unknown> | undefined = undefined;
  /** Agents to tell when this one ends. */
  watchers: AgentReference[] | undefined = undefined;
  /** Agents this one watches, by slot. */
  watching: Map<number, AgentReference> | undefined = undefined;
  /** The first of a list of timers that have not fired. */
  timers: CellTimer | undefined = undefined;
  /** In this life: messages of timers may be in the mailbox. */
  hadTimers = false;
  abort: AbortController | undefined = undefined;
  random: SeededRandom | undefined = undefined;
  restarts: RestartHistory = [];
  /** Called when the agent has ended. */
  onStopped: (() => void)[] | undefined = undefined;
  /** Asked to end by its own handler. */
  stopRequested = false;
  /** Of a durable agent: what is not on disk yet. Kept when it has ended, for those who still hold its cell. */
  durable: DurableRecord | undefined = undefined;
}

export function extraOf(cell: AgentCell): AgentExtra {
  cell.extra ??= new AgentExtra();
  return cell.extra;
}
