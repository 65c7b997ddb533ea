/** What the dispatcher lets see its messages, while somebody wants to; and what is told of messages that have been handled. */
import type { AgentContext } from '../model/agent-context.js';
import type { AgentCell } from './agent-cell.js';
import type { ActionEntry } from './kind.js';
import type { MessageSender } from './mailbox.js';
import type { ReplyPort } from './pending-asks.js';

export interface MessageObserver {
  /** Whether a message of this sender is for this observer. Asked for each message: cheap. */
  sees(sender: MessageSender): boolean;
  /**
   * Calls the handler of a message in the dispatcher's place: returns what it returns, or a promise of the same outcome for what looks like a promise, and throws what it
   * throws. What the observer itself does must not throw.
   * @param reply of an ask; `TIMER_MESSAGE` for a message of a timer
   */
  handle(cell: AgentCell, action: ActionEntry, input: unknown, context: AgentContext, sender: MessageSender, reply: ReplyPort | undefined): unknown;
}

/** A message whose handler has returned, or whose promise has settled. Valid during the call it is given to. */
export interface HandledMessage {
  readonly cell: AgentCell;
  readonly action: ActionEntry;
  readonly input: unknown;
  readonly sender: MessageSender;
  /** Of an ask; `TIMER_MESSAGE` for a message of a timer. */
  readonly reply: ReplyPort | undefined;
  /** When its handler was called, by the clock of the thread. */
  readonly startedMs: number;
  readonly durationMs: number;
  /** `refused`: the input did not fit. */
  readonly outcome: 'handled' | 'failed' | 'refused';
  /** Of a failure or refusal. */
  readonly error: unknown;
}

/** Is told of every message that is handled while it wants that. Add it with `ThreadObservation.listen`. */
export interface HandledListener {
  /** Asked once in each drain: whether messages of this drain are of interest. Cheap. */
  wants(): boolean;
  /** Must not throw. */
  handled(message: HandledMessage): void;
}
