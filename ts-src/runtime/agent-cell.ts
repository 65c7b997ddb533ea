/**
 * An agent as its thread holds it. Small, because a node has millions: whatever most agents never use is in `extra`, made when first needed. The name is
 * in the shared table only. Data, no behaviour; owned by one thread.
 */
import type { StopReason } from '../model/agent-definition.js';
import type { SeededRandom } from '../model/seeded-random.js';
import type { RestartHistory } from '../model/supervision.js';
import type { AgentReference } from './agent-reference.js';
import type { CellTimer } from './agent-timers.js';
import type { CarriedTies } from './carried-ties.js';
import type { FollowedAgent } from './followed.js';
import type { ActionEntry, Kind } from './kind.js';
import type { DurableRecord } from './durable/durable-record.js';
import type { Mailbox } from './mailbox.js';
import type { RecentSignals } from './recent-signals.js';
import type { AgentSubscriber } from './signals.js';
import type { Membership } from './member-loads.js';
import type { AgentKey, NamedAgent } from './remote/agent-keys.js';

/** What an agent is doing. Only a `ready` one handles messages. */
export const Status = {
  /** The start hook runs. */
  starting: 0,
  ready: 1,
  /** An async handler runs. */
  busy: 2,
  /** Waits to be restarted. */
  suspended: 3,
  /** Handles nothing, because it is about to move to another thread, or is paused. */
  held: 4,
  /** Comes from another thread: handles nothing until everything that was sent to it there is here. */
  arriving: 5,
  /** The stop hook runs, or children end. */
  stopping: 6,
  stopped: 7,
  /** Lives on another thread now; this is what references of this thread still hold. Its state is the reference by which messages follow it. */
  moved: 8,
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

/** What an agent watches or is linked to, as it has that, and how it has ended. */
export interface TieEnd {
  readonly tie: 'watch' | 'link';
  readonly other: AgentReference;
  readonly reason: StopReason;
}

/** What only some agents have. */
export class AgentExtra {
  /** Counts starts: what belongs to an earlier life is recognised by it. */
  life = 0;
  /** A copy of `init`, on the calling thread; on workers it is in the shared table. */
  init: unknown = undefined;
  reference: AgentReference | undefined = undefined;
  parent: AgentReference | undefined = undefined;
  children: Map<AgentKey, AgentReference> | undefined = undefined;
  /** Spawns of children that have not come back yet, with their ids. None rejects. */
  spawning: Map<Promise<void>, string> | undefined = undefined;
  /** While the agent waits for its restart: its stop hook, and the end of its children. */
  ending: Promise<unknown> | undefined = undefined;
  /** While it waits for its back-off: an agent that ends meanwhile leaves no timer, which would keep the process alive. */
  cancelRestart: (() => void) | undefined = undefined;
  /** Agents to tell when this one ends. */
  watchers: AgentReference[] | undefined = undefined;
  /** Agents this one watches. */
  watching: Map<AgentKey, AgentReference> | undefined = undefined;
  /** What signals it gets, by action. */
  subscribers: Map<ActionEntry, AgentSubscriber> | undefined = undefined;
  /** Agents it is linked to. */
  linked: Map<AgentKey, AgentReference> | undefined = undefined;
  /** What other nodes call it, from when it is tied to an agent of one of them: when it has ended, it has no name any more. */
  nodeName: NamedAgent | undefined = undefined;
  /** The first of a list of timers that have not fired. */
  timers: CellTimer | undefined = undefined;
  /** In this life: messages of timers may be in the mailbox. */
  hadTimers = false;
  /** While it is in groups. */
  membership: Membership | undefined = undefined;
  abort: AbortController | undefined = undefined;
  random: SeededRandom | undefined = undefined;
  restarts: RestartHistory = [];
  /** Called when the agent has ended. */
  onStopped: (() => void)[] | undefined = undefined;
  /** Concurrent handlers that run. */
  concurrent = 0;
  /** Wants to know when the agent handles nothing and nothing of it runs, or has ended: it is to move. */
  onHeld: (() => void) | undefined = undefined;
  /** Handles no messages until it is resumed: `held` whenever it would be ready. */
  isPaused = false;
  /** While somebody looks at the nexus. */
  recentSignals: RecentSignals | undefined = undefined;
  /** While somebody follows its messages. */
  followed: FollowedAgent | undefined = undefined;
  /** While it is packed for another node: what it was tied to and has ended since, of which the agent learns here if it stays, else there. */
  endsWhilePacked: TieEnd[] | undefined = undefined;
  /** For a time after it has come from another node: the links that came with it, and whether the other end was not found, so that word of how it ended is on its way. */
  carriedLinks: CarriedTies | undefined = undefined;
  /** As `carriedLinks`, of what it watches. */
  carriedWatches: CarriedTies | undefined = undefined;
  /** What was to be done to an agent that was still arriving. */
  onArrival: (() => void)[] | undefined = undefined;
  /** Asked to end by its own handler. */
  stopRequested = false;
  /** Of a durable agent: what is not on disk yet. Kept when it has ended, for those who still hold its cell. */
  durable: DurableRecord | undefined = undefined;
}

export function extraOf(cell: AgentCell): AgentExtra {
  cell.extra ??= new AgentExtra();
  return cell.extra;
}

/** Does something to an agent that is still arriving, when it is here as a whole. */
export function onArrival(cell: AgentCell, act: () => void): void {
  const extra = extraOf(cell);
  extra.onArrival ??= [];
  extra.onArrival.push(act);
}
