/** What the dispatcher of a thread uses of the thread. Given by `thread-agents.ts`. */
import type { AgentContext } from '../model/agent-context.js';
import type { TellOutcome } from '../model/agent-ref.js';
import type { AgentCell } from './agent-cell.js';
import type { DeadLetterReason } from './dead-letters.js';
import type { FlightRecorder } from './flight-recorder.js';
import type { ActionEntry } from './kind.js';
import type { MessageSender } from './mailbox.js';
import type { MemberLoads } from './member-loads.js';
import type { MessageObserver } from './message-observer.js';
import type { ReplyPort } from './pending-asks.js';

export interface DispatcherNeeds {
  readonly loads: MemberLoads;
  readonly flight: FlightRecorder | undefined;
  nowMs(): number;
  contextOf(cell: AgentCell, sender: MessageSender): AgentContext;
  /** A handler threw or rejected; its ask, if any, has been rejected. */
  failed(cell: AgentCell, error: unknown, action: ActionEntry): void;
  /** A message of the runtime itself to an agent. */
  system(cell: AgentCell, action: ActionEntry, input: unknown, reply: ReplyPort | undefined): void;
  /** The agent asked for its own end. */
  stopRequested(cell: AgentCell): void;
  deadLetter(reason: DeadLetterReason, cell: AgentCell, action: ActionEntry): void;
  /** Handlers ran for so long, one after the other. Called for some drains only, chosen by their number. */
  turnTook(durationMs: number): void;
  /** The mailbox of the agent holds so much that senders on other threads shall wait, or no longer so much. */
  congested(cell: AgentCell, isCongested: boolean): void;
  /** A message to an agent of this thread that has moved to another. */
  follow(cell: AgentCell, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, sender: MessageSender): TellOutcome;
  /** A message for a durable agent that has left memory. */
  sendDurable(cell: AgentCell, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, sender: MessageSender): TellOutcome;
  /** For errors. */
  nameOf(cell: AgentCell): string | undefined;
  /** Who sees the messages of the drain that begins. */
  observer(): MessageObserver | undefined;
  /** The end of a drain: publish what was sent to other threads. */
  afterDrain(): void;
  /** At [0]: until when handlers may begin, in the time of `nowMs`. Infinity unless the nexus is a node of a cluster. */
  readonly runUntilMs: Float64Array;
}
