/**
 * The router of a thread that traces: gives every message that leaves the trace it belongs to, if any. A class of its own, so that a nexus that does not trace has nothing to
 * ask.
 */
import type { AskOptions, TellOutcome } from '../model/agent-ref.js';
import type { MessageTrace } from '../model/message-trace.js';
import type { AgentCell } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import type { ActionEntry } from './kind.js';
import type { MessageSender } from './mailbox.js';
import { MessageRouter, type MessageRouterNeeds } from './message-router.js';
import type { RemoteAgents } from './remote/remote-agents.js';
import type { Tracing } from './tracing.js';

export class TracingRouter extends MessageRouter {
  readonly #tracing: Tracing;

  constructor(needs: MessageRouterNeeds, tracing: Tracing) {
    super(needs);
    this.#tracing = tracing;
  }

  override tellLocal(cell: AgentCell, action: ActionEntry, input: unknown, sender: MessageSender): TellOutcome {
    return this.tellHere(cell, action, input, this.#tracing.mark(sender));
  }

  override tellRemote(target: AgentReference, action: ActionEntry, input: unknown, sender: MessageSender): TellOutcome {
    return this.tellThere(target, action, input, this.#tracing.mark(sender));
  }

  override ask(
    target: AgentReference,
    action: string,
    input: unknown,
    options: AskOptions | undefined,
    sender: AgentReference | undefined,
    deadlineMs = 0,
  ): Promise<unknown> {
    return super.ask(target, action, input, options, sender, deadlineMs, this.#tracing.outgoing());
  }

  override sendTo(remote: RemoteAgents, id: string, action: string, input: unknown, sender: MessageSender): TellOutcome {
    return super.sendTo(remote, id, action, input, this.#tracing.mark(sender));
  }

  protected override tellFar(
    remote: RemoteAgents,
    targets: readonly AgentReference[],
    action: string,
    input: unknown,
    sender: MessageSender,
  ): readonly TellOutcome[] {
    return super.tellFar(remote, targets, action, input, this.#tracing.mark(sender));
  }

  protected override traceOfCall(): MessageTrace | undefined {
    return this.#tracing.continued();
  }
}
