/**
 * Messages that another node has sent, or a worker by way of the calling thread, on their last way: into a mailbox of this thread, or into the ring to the thread that has the agent. They were accepted elsewhere: what
 * finds no room here is a dead letter. Called by `cluster/agents/` and by calls between threads.
 */
import * as L from '../../layout/generated/layout.js';
import { NexusError, quoted } from '../errors.js';
import { type MessageTrace, traceValues } from '../model/message-trace.js';
import type { AgentReference } from './agent-reference.js';
import { agentNotFound } from './failures.js';
import type { ActionEntry } from './kind.js';
import { type MessageSender, senderOf, traceOf } from './mailbox.js';
import type { MessageRouter, MessageRouterNeeds } from './message-router.js';
import { Admission } from './outbound-link.js';
import { isComing } from './record-word.js';
import type { PendingAsk, ReplyPort } from './pending-asks.js';

type DeliveriesNeeds = Pick<
  MessageRouterNeeds,
  'thread' | 'shared' | 'table' | 'cells' | 'dispatcher' | 'links' | 'asks' | 'deadLetters' | 'remote' | 'sendDurable'
>;

export class Deliveries {
  readonly #needs: DeliveriesNeeds;
  readonly #router: Pick<MessageRouter, 'sentLocal' | 'tryCall' | 'tryRequest'>;

  constructor(needs: DeliveriesNeeds, router: Pick<MessageRouter, 'sentLocal' | 'tryCall' | 'tryRequest'>) {
    this.#needs = needs;
    this.#router = router;
  }

  /**
   * A message that another node has sent, or a worker by way of the calling thread: with the trace that it brings. What does not fit the declared shape, or finds no room, is a dead letter, and an ask fails.
   * @param from of an ask: its reply port
   */
  deliver(target: AgentReference, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, from: MessageSender): void {
    const { slot, generation } = target;
    const thread = target.cell === undefined ? this.#needs.table.threadOf(slot, generation) : this.#needs.thread;
    const cell = target.cell ?? (thread === this.#needs.thread ? this.#needs.cells.get(slot, generation) : undefined);
    const sender = reply ?? from;
    try {
      if (action.input !== undefined) action.input.check(input);
    } catch (error) {
      this.#needs.deadLetters.record('refused', target.kind, () => target.knownId, action.name, target);
      return reply?.fail(error);
    }
    if (cell !== undefined) {
      this.#router.sentLocal++;
      const entry = target.resolveTo(cell, action);
      // Whoever else has the reference must not get ahead of what comes this way.
      if (isComing(this.#needs.shared, slot)) target.cell = undefined;
      this.#needs.dispatcher.enqueue(cell, entry, input, reply, sender);
    } else if (thread < 0 || thread === this.#needs.thread || !this.#needs.links.canReach(thread)) this.#lead(target, action, input, reply, sender);
    else this.#pass(target, thread, action, input, reply, sender);
  }

  /** To an agent of another thread. Its thread is told who has sent it, if that is an agent of another node: the ring has no place for that. */
  #pass(target: AgentReference, thread: number, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, from: MessageSender): void {
    const sender = senderOf(from);
    const ask = reply === undefined ? undefined : this.#needs.asks.passOn(reply, target, action.name, action.reply);
    try {
      if (this.#passTo(target, thread, action, input, ask, sender, reply === undefined ? traceOf(from) : reply.trace)) return;
    } catch (error) {
      this.#needs.deadLetters.record('noAgent', target.kind, () => target.knownId, action.name, target);
      return ask?.fail(error);
    }
    this.#needs.deadLetters.record('mailboxFull', target.kind, () => target.knownId, action.name, target);
    const text = `too much waits for thread ${thread}: ${target.kind} ${quoted(target.id)} is sent messages faster than its thread takes them, and '${action.name}' was not handled; slow down`;
    ask?.fail(new NexusError('NEXUS_BACKPRESSURE', text, { data: { ...ask.facts, thread } }));
  }

  #passTo(
    target: AgentReference,
    thread: number,
    action: ActionEntry,
    input: unknown,
    ask: PendingAsk | undefined,
    sender: AgentReference | undefined,
    trace: MessageTrace | undefined,
  ): boolean {
    const { slot, generation } = target;
    const isNamed = sender?.remote !== undefined;
    if (isNamed) {
      const message = { agent: target, action: action.name, input, sender, trace: traceValues(trace) };
      if (ask !== undefined) return this.#router.tryRequest(thread, 'arrivedAsk', { ...message, deadlineMs: ask.deadlineMs }, ask);
      return this.#router.tryCall(thread, 'arrived', message, Admission.ifOutboxHasRoom);
    }
    if (ask !== undefined) this.#needs.asks.sendTo(ask, thread);
    const type = ask === undefined ? L.MESSAGE_TYPE_TELL : L.MESSAGE_TYPE_ASK;
    const from = [sender?.slot ?? 0, sender?.generation ?? 0] as const;
    const link = this.#needs.links.to(thread);
    return link.send(
      ...([type, action.index, slot, generation, ask?.slot ?? 0, ask?.sequence ?? 0, ...from, input, action.input] as const),
      ...([Admission.ifOutboxHasRoom, ask?.deadlineMs ?? 0, trace] as const),
    );
  }

  /** The agent is not in the table. */
  #lead(target: AgentReference, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, sender: MessageSender): void {
    const remote = this.#needs.remote();
    const { slot, generation } = target;
    if (remote?.leads(target) === true) return void remote.send(target, action, input, reply, sender);
    // It has come home, and the reference leads there now.
    if (!target.isAt(slot, generation)) return this.deliver(target, action, input, reply, sender);
    if (target.kindEntry.isDurable) return void this.#needs.sendDurable(target, action, input, reply, sender);
    this.#needs.deadLetters.record('noAgent', target.kind, () => target.knownId, action.name, target);
    reply?.fail(agentNotFound(target.kind, target.knownId, action.name));
  }
}
