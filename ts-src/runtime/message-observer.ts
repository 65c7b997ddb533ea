/** What the dispatcher lets see its messages, while somebody wants to. */
import type { AgentContext } from '../model/agent-context.js';
import type { AgentCell } from './agent-cell.js';
import type { ActionEntry } from './kind.js';
import type { MessageSender } from './mailbox.js';

export interface MessageObserver {
  /**
   * Calls the handler of a message in the dispatcher's place: returns what it returns, the same promise included, and throws what it throws. What the observer itself does must not throw.
   */
  handle(cell: AgentCell, action: ActionEntry, input: unknown, context: AgentContext, sender: MessageSender): unknown;
}
