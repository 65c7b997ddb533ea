/** What a thread does with messages from other threads: into a mailbox, to a waiting ask, or to the runtime itself (slot 0). */
import type { MessageCodec } from '../codec/declared/lazy-codec.js';
import { NexusError } from '../errors.js';
import type { MessageTrace } from '../model/message-trace.js';
import { type AgentCell, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import { senderWith } from './mailbox.js';
import { threadLost, unnamedNotFound } from './failures.js';
import type { Receiver } from './inbound-link.js';
import { type ActionEntry, undeclared } from './kind.js';
import { isThenable } from './promised.js';
import type { ReplyPort } from './pending-asks.js';
import { SYSTEM_CALLS, type SystemCalls } from './system-calls.js';
import { RemoteReply } from './remote-reply.js';
import type { ThreadHost } from './thread-host.js';

export class MessageReceiver implements Receiver {
  readonly #host: ThreadHost;
  readonly #calls: SystemCalls;

  constructor(host: ThreadHost, calls: SystemCalls) {
    this.#host = host;
    this.#calls = calls;
  }

  inputCodec(slot: number, generation: number, action: number): MessageCodec | undefined {
    const host = this.#host;
    const known = host.cells.get(slot, generation)?.kind ?? host.durable?.passivation.whoWas(slot, generation)?.kind;
    if (known !== undefined) return known.actions[action]?.input;
    // It may have moved: what is read here is sent on.
    const kind = slot === 0 ? -1 : host.engine.table.kindOf(slot, generation);
    return kind < 0 ? undefined : host.kinds.byIndex(kind).actions[action]?.input;
  }

  replyCodec(replySlot: number, replySequence: number): MessageCodec | undefined {
    return this.#host.asks.waiting(replySlot, replySequence)?.replyCodec;
  }

  tell(
    thread: number,
    slot: number,
    generation: number,
    action: number,
    input: unknown,
    senderSlot: number,
    senderGeneration: number,
    trace: MessageTrace | undefined,
  ): void {
    if (slot === 0) return this.#callInTrace(thread, action, input, undefined, trace);
    const cell = this.#host.cells.get(slot, generation);
    const entry = cell?.kind.actions[action];
    const sender = senderWith(senderSlot === 0 ? undefined : this.#sender(senderSlot, senderGeneration), trace);
    if (cell !== undefined && entry !== undefined) return void this.#host.dispatcher.enqueue(cell, entry, input, undefined, sender);
    if (cell === undefined && this.#host.durable?.arrived(slot, generation, action, input, undefined, sender) === true) return;
    if (cell !== undefined || !this.#host.departures.forward(slot, generation, action, input, sender, undefined)) this.#noAgent(slot, generation);
  }

  ask(
    thread: number,
    slot: number,
    generation: number,
    action: number,
    input: unknown,
    senderSlot: number,
    senderGeneration: number,
    replySlot: number,
    replySequence: number,
    deadlineMs: number,
    trace: MessageTrace | undefined,
  ): void {
    const cell = slot === 0 ? undefined : this.#host.cells.get(slot, generation);
    const entry = cell?.kind.actions[action];
    const was = cell === undefined && slot !== 0 ? this.#host.durable?.passivation.whoWas(slot, generation)?.kind.actions[action] : undefined;
    const reply = this.#replyTo(thread, replySlot, replySequence, (entry ?? was)?.reply, deadlineMs);
    if (slot === 0) return this.#callInTrace(thread, action, input, reply, trace);
    reply.trace = trace;
    if (senderSlot !== 0) reply.sender = this.#sender(senderSlot, senderGeneration);
    if (cell !== undefined && entry !== undefined) return void this.#host.dispatcher.enqueue(cell, entry, input, reply, reply);
    if (was !== undefined && this.#host.durable?.arrived(slot, generation, action, input, reply, reply) === true) return;
    if (cell === undefined && this.#host.departures.forward(slot, generation, action, input, reply, reply)) return;
    this.#noAgent(slot, generation);
    reply.fail(unnamedNotFound());
  }

  reply(replySlot: number, replySequence: number, value: unknown): void {
    this.#host.asks.find(replySlot, replySequence)?.reply(value);
  }

  replyError(replySlot: number, replySequence: number, error: unknown): void {
    this.#host.asks.find(replySlot, replySequence)?.fail(error);
  }

  discarded(thread: number, _slot: number, _generation: number, replySlot: number, replySequence: number): void {
    this.#host.deadLetters.add('threadLost', 1);
    // Its sender has failed it already, unless it was sent after that.
    if (replySlot >= 0) this.#replyTo(thread, replySlot, replySequence, undefined).fail(threadLost(this.#host.thread, 'the message'));
  }

  replyDiscarded(replySlot: number, replySequence: number): void {
    const ask = this.#host.asks.waiting(replySlot, replySequence);
    ask?.fail(threadLost(this.#host.thread, ask.description, ask.facts));
  }

  corrupt(thread: number, replySlot: number, replySequence: number, error: unknown): void {
    if (replySlot >= 0) this.#replyTo(thread, replySlot, replySequence, undefined).fail(error);
    this.#host.logger.error({ error, from: thread, thread: this.#host.thread }, 'a message could not be decoded');
  }

  #replyTo(thread: number, replySlot: number, replySequence: number, codec: MessageCodec | undefined, deadlineMs = 0): RemoteReply {
    return new RemoteReply(this.#host.router.sendReply, thread, replySlot, replySequence, codec, deadlineMs);
  }

  #sender(slot: number, generation: number): AgentReference | undefined {
    const kind = slot === 0 ? -1 : this.#host.engine.table.kindOf(slot, generation);
    return kind < 0 ? undefined : this.#host.reference(slot, generation, kind, undefined);
  }

  #noAgent(_slot: number, _generation: number): void {
    this.#host.deadLetters.record('noAgent', undefined, () => undefined, undefined);
  }

  /** What the call does at once, such as starting an agent or delivering a signal, is done in the trace that it belongs to. */
  #callInTrace(thread: number, number: number, input: unknown, reply: ReplyPort | undefined, trace: MessageTrace | undefined): void {
    const { tracing } = this.#host.observation;
    if (trace === undefined || tracing === undefined) return this.#call(thread, number, input, reply);
    tracing.inScopeOf(trace, () => this.#call(thread, number, input, reply));
  }

  #call(thread: number, number: number, input: unknown, reply: ReplyPort | undefined): void {
    const name = SYSTEM_CALLS[number];
    if (name === undefined) {
      reply?.fail(new NexusError('NEXUS_MESSAGE_CORRUPT', `thread ${thread} made the unknown system call ${number}`));
      return;
    }
    let result: unknown;
    try {
      result = (this.#calls[name] as (call: unknown) => unknown).call(this.#calls, input);
    } catch (error) {
      if (reply === undefined) this.#host.logger.error({ error, call: name, from: thread }, 'a system call failed');
      return reply?.fail(error);
    }
    if (!isThenable(result)) return reply?.reply(result);
    result.then(
      (value) => reply?.reply(value),
      (error: unknown) => {
        if (reply === undefined) this.#host.logger.error({ error, call: name, from: thread }, 'a system call failed');
        reply?.fail(error);
      },
    );
  }
}

/** Messages of the runtime to an agent, in its mailbox between those of others. Their index is negative. */
export const systemActions = {
  stop: undeclared('stop', -1, nothing),
  /** Does nothing: gives the agent a turn, in which it is seen that it asked for its end. */
  look: undeclared('look', -2, nothing),

  run(host: ThreadHost, cell: AgentCell, action: ActionEntry, reply: ReplyPort | undefined): void {
    if (cell.status >= Status.stopping) return reply?.reply(undefined);
    if (action === systemActions.stop) return host.lifecycle.stop(cell, { type: 'stopped' });
    if (cell.extra?.stopRequested === true) host.lifecycle.stop(cell, { type: 'stopped' });
  },
};

function nothing(): void {}
