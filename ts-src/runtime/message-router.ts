/**
 * Chooses the way of every message that leaves an agent, a caller or the runtime of this thread: into a mailbox here, into the ring to another thread, or
 * nowhere (a dead letter). The way back of a reply is `pending-asks.ts`; what arrives is `message-receiver.ts`.
 */
import * as L from '../../layout/generated/layout.js';
import type { SharedMemory } from '../../bindings/shared-memory.js';
import { NexusError, optionError, quoted, valueText } from '../errors.js';
import type { AskOptions, OfferOptions, TellOutcome } from '../model/agent-ref.js';
import { checkNames } from '../model/nearest-name.js';
import { Sampling } from '../model/sampling.js';
import type { MessageTrace } from '../model/message-trace.js';
import type { Clock } from '../ports/clock.js';
import type { Signal } from '../model/signal.js';
import type { RoutingTable } from '../ports/engine.js';
import type { AgentCell } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import type { CellTable } from './cell-table.js';
import type { DeadLetters } from './dead-letters.js';
import { Deliveries } from './deliveries.js';
import type { Dispatcher } from './dispatcher.js';
import { agentNotFound, nexusStopped, threadFailed } from './failures.js';
import type { ActionEntry, Kind } from './kind.js';
import type { Links } from './links.js';
import { type MessageSender, senderOf, traceOf } from './mailbox.js';
import type { SignalHomes } from './moving-subscribers.js';
import { Admission } from './outbound-link.js';
import { type AskTarget, PendingAsk, type PendingAsks, type ReplyPort } from './pending-asks.js';
import { isComing, isCongested, isMarked } from './record-word.js';
import type { RemoteAgents } from './remote/remote-agents.js';
import type { SendReply } from './remote-reply.js';
import { type SystemCallName, type SystemCalls, systemCallNumber } from './system-calls.js';

/** Calls that only tell what happened, as often as agents please: dropped when too many wait. */
const NEWS: ReadonlySet<SystemCallName> = new Set(['deadLetter', 'log', 'agentFailed', 'followed'] as const);
const TIMEOUT_MS_MAX = 86_400_000;
/** One of so many asks of a thread is timed: the second reading of the clock is a tenth of an ask on the same thread, and a fiftieth of one of another thread. */
const LOCAL_ASKS_PERIOD = 127;
const REMOTE_ASKS_PERIOD = 7;
const ASK_OPTIONS = ['timeoutMs', 'signal'];
const OFFER_OPTIONS = ['timeoutMs'];
/** How long an offer waits before it looks for room again: at first, and at most. */
const OFFER_WAIT_MS = 1;
const OFFER_WAIT_MS_MAX = 8;

export interface MessageRouterNeeds {
  readonly thread: number;
  readonly askTimeoutMs: number;
  readonly shared: SharedMemory;
  readonly clock: Clock;
  readonly table: RoutingTable;
  readonly cells: CellTable;
  readonly links: Links;
  readonly dispatcher: Dispatcher;
  readonly asks: PendingAsks;
  readonly deadLetters: DeadLetters;
  /** Sends to a durable agent that is not where the reference says. */
  sendDurable(target: AgentReference, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, sender: MessageSender): TellOutcome;
  /** Other nodes, if there are any. */
  remote(): RemoteAgents | undefined;
}

export class MessageRouter {
  sentLocal = 0;
  asked = 0;
  readonly #thread: number;
  readonly askTimeoutMs: number;
  readonly #shared: SharedMemory;
  readonly #clock: Clock;
  readonly #table: RoutingTable;
  readonly #cells: CellTable;
  readonly #links: Links;
  readonly #dispatcher: Dispatcher;
  readonly #asks: PendingAsks;
  readonly #deadLetters: DeadLetters;
  readonly #sendDurable: MessageRouterNeeds['sendDurable'];
  readonly #remote: MessageRouterNeeds['remote'];
  /** Messages that other nodes have sent. */
  readonly deliveries: Deliveries;
  readonly #localSampling = new Sampling(LOCAL_ASKS_PERIOD);
  readonly #remoteSampling = new Sampling(REMOTE_ASKS_PERIOD);

  constructor(needs: MessageRouterNeeds) {
    this.#thread = needs.thread;
    this.askTimeoutMs = needs.askTimeoutMs;
    this.#shared = needs.shared;
    this.#clock = needs.clock;
    this.#table = needs.table;
    this.#cells = needs.cells;
    this.#links = needs.links;
    this.#dispatcher = needs.dispatcher;
    this.#asks = needs.asks;
    this.#deadLetters = needs.deadLetters;
    this.#sendDurable = needs.sendDurable;
    this.#remote = needs.remote;
    this.deliveries = new Deliveries(needs, this);
  }

  tellLocal(cell: AgentCell, action: ActionEntry, input: unknown, sender: MessageSender): TellOutcome {
    return this.tellHere(cell, action, input, sender);
  }

  tellRemote(target: AgentReference, action: ActionEntry, input: unknown, sender: MessageSender): TellOutcome {
    return this.tellThere(target, action, input, sender);
  }

  protected tellHere(cell: AgentCell, action: ActionEntry, input: unknown, sender: MessageSender): TellOutcome {
    // As if it went to another thread: whether a message is accepted must not depend on where the agent is.
    if (action.input !== undefined) action.input.check(input);
    this.sentLocal++;
    return this.#dispatcher.enqueue(cell, action, input, undefined, sender);
  }

  protected tellThere(target: AgentReference, action: ActionEntry, input: unknown, from: MessageSender): TellOutcome {
    if (this.#links.isClosed) return this.#dead('nexusStopped', target, action);
    const { slot, generation } = target;
    const thread = this.#table.threadOf(slot, generation);
    if (thread === this.#thread) {
      // The first use of a reference that was found, or arrived in a message.
      const cell = this.#cells.get(slot, generation);
      if (cell === undefined) return this.#absent(target, action, input, from);
      const round = isComing(this.#shared, slot) ? this.#roundTo(target) : undefined;
      if (round !== undefined) return round.send(target, action, input, undefined, from);
      return this.tellHere(cell, target.resolveTo(cell, action), input, from);
    }
    if (thread < 0 || !this.#links.canReach(thread)) return this.#absent(target, action, input, from);
    // In the same line of the cache as what `threadOf` has read.
    if (isMarked(this.#shared, slot)) {
      const round = this.#roundTo(target);
      if (round !== undefined) return round.send(target, action, input, undefined, from);
      if (isCongested(this.#shared, slot)) return this.#dead('mailboxFull', target, action);
    }
    const sender = senderOf(from);
    const sent = this.#links
      .to(thread)
      .send(
        L.MESSAGE_TYPE_TELL,
        action.index,
        slot,
        generation,
        0,
        0,
        sender?.slot ?? 0,
        sender?.generation ?? 0,
        input,
        action.input,
        Admission.ifRingHasRoom,
        0,
        traceOf(from),
      );
    return sent ? 'accepted' : 'full';
  }

  /** A message to an agent of this thread that has moved: what is left of it here holds a reference to it. */
  follow(cell: AgentCell, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, from: MessageSender): TellOutcome {
    const target = cell.state as AgentReference;
    // It may have come back since, and moved again.
    target.cell = undefined;
    return this.again(target, action, input, reply, from);
  }

  /** A message that was on its way already, to where its reference leads by now. */
  again(target: AgentReference, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, from: MessageSender): TellOutcome {
    if (reply === undefined) return this.tellThere(target, action, input, from);
    const ask =
      reply instanceof PendingAsk
        ? reply
        : this.#asks.open(
            (value) => reply.reply(value),
            (error) => reply.fail(error),
            target,
            action.name,
            reply.deadlineMs === 0 ? this.askTimeoutMs : Math.max(1, reply.deadlineMs - this.#clock.nowMs()),
            action.reply,
          );
    ask.trace = reply.trace;
    this.#askRemote(target, action, input, ask, senderOf(from));
    return 'accepted';
  }

  tellFrom(sender: AgentReference | undefined, target: AgentReference, action: string, input: unknown): TellOutcome {
    const entry = kindOf(target).action(action);
    return target.cell !== undefined ? this.tellLocal(target.cell, entry, input, sender) : this.tellRemote(target, entry, input, sender);
  }

  /** One message to each: those of other nodes in one frame for each node. In their order. @throws what `tell` throws: those before it have been sent */
  tellMany(targets: readonly AgentReference[], action: string, input: unknown, sender: AgentReference | undefined): readonly TellOutcome[] {
    const remote = this.#remote();
    if (remote === undefined) return targets.map((target) => this.tellFrom(sender, target, action, input));
    const far: number[] = [];
    const outcomes = targets.map((target, place): TellOutcome => {
      if (kindOf(target).action(action) !== undefined && !remote.leads(target)) return this.tellFrom(sender, target, action, input);
      far.push(place);
      return 'accepted';
    });
    if (far.length === 0) return outcomes;
    const elsewhere = far.map((place) => targets[place] as AgentReference);
    const there = this.tellFar(remote, elsewhere, action, input, sender);
    for (const [index, place] of far.entries()) outcomes[place] = there[index] as TellOutcome;
    return outcomes;
  }

  protected tellFar(remote: RemoteAgents, targets: readonly AgentReference[], action: string, input: unknown, sender: MessageSender): readonly TellOutcome[] {
    return remote.tellMany(targets, action, input, sender);
  }

  /**
   * A tell that waits until there is room. Whatever is wrong with the arguments rejects the promise.
   * @param isOver the life of the sender has ended: it waits no longer
   */
  async offer(
    target: AgentReference,
    action: string,
    input: unknown,
    options: OfferOptions | undefined,
    sender: AgentReference | undefined,
    isOver: () => boolean,
  ): Promise<TellOutcome> {
    if (options !== undefined) checkNames('offer', options, OFFER_OPTIONS);
    const timeoutMs = checkTimeout(options?.timeoutMs ?? this.askTimeoutMs);
    kindOf(target).action(action);
    const deadlineMs = this.#clock.nowMs() + timeoutMs;
    for (let waitMs = OFFER_WAIT_MS; ; waitMs = Math.min(waitMs * 2, OFFER_WAIT_MS_MAX)) {
      if (this.#hasRoom(target)) {
        const outcome = this.tellFrom(sender, target, action, input);
        if (outcome !== 'full') return outcome;
      }
      const remainingMs = deadlineMs - this.#clock.nowMs();
      if (remainingMs <= 0) return 'full';
      await new Promise<void>((resolve) => {
        this.#clock.after(Math.min(waitMs, remainingMs), resolve);
      });
      if (isOver()) return 'stopped';
    }
  }

  /**
   * Whatever is wrong with the arguments rejects the promise.
   * @param deadlineMs of the message that the sender handles: the ask waits no longer; 0 for none
   * @param trace that the ask belongs to
   */
  ask(
    target: AgentReference,
    action: string,
    input: unknown,
    options: AskOptions | undefined,
    sender: AgentReference | undefined,
    deadlineMs = 0,
    trace: MessageTrace | undefined = undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const entry = kindOf(target).action(action);
      if (options !== undefined) checkNames('ask', options, ASK_OPTIONS);
      const timeoutMs = checkTimeout(options?.timeoutMs ?? this.askTimeoutMs);
      const signal = options?.signal;
      if (signal !== undefined && !(signal instanceof AbortSignal)) throw optionError('signal', `must be an AbortSignal, not ${valueText(signal)}`);
      const ask = this.#asks.open(resolve, reject, target, action, timeoutMs, entry.reply, deadlineMs);
      if (signal !== undefined) {
        ask.abortOn(signal);
        if (ask.isSettled) return;
      }
      this.asked++;
      if (trace !== undefined) ask.trace = trace;
      const { cell } = target;
      if (cell !== undefined) this.#askLocal(cell, entry, input, ask, sender);
      else this.#askRemote(target, entry, input, ask, sender);
    });
  }

  readonly sendReply: SendReply = (thread, type, replySlot, replySequence, value, codec) => {
    if (!this.#links.isClosed) this.#links.to(thread).send(type, 0, replySlot, replySequence, 0, 0, 0, 0, value, codec, Admission.always);
  };

  /** The trace in which another thread does what it is asked for. A router that traces has one. */
  protected traceOfCall(): MessageTrace | undefined {
    return undefined;
  }

  /** A call to the runtime of another thread, without an answer. */
  call<N extends SystemCallName>(thread: number, name: N, input: Parameters<SystemCalls[N]>[0]): void {
    if (this.#links.isClosed || !this.#links.canReach(thread)) return;
    this.#links
      .to(thread)
      .send(L.MESSAGE_TYPE_TELL, systemCallNumber[name], 0, 0, 0, 0, 0, 0, input, undefined, NEWS.has(name) ? Admission.ifOutboxHasRoom : Admission.always);
  }

  /** A call that a message of an agent makes, to the thread that passes it on: refused for a full ring, as the message would be. */
  tryCall<N extends SystemCallName>(thread: number, name: N, input: Parameters<SystemCalls[N]>[0], admission: Admission = Admission.ifRingHasRoom): boolean {
    const call = systemCallNumber[name];
    return this.#links.to(thread).send(L.MESSAGE_TYPE_TELL, call, 0, 0, 0, 0, 0, 0, input, undefined, admission);
  }

  /** An ask that another thread passes on. False if there is no room for it. @throws what encoding throws */
  tryRequest<N extends SystemCallName>(thread: number, name: N, input: Parameters<SystemCalls[N]>[0], ask: PendingAsk, admission?: Admission): boolean {
    this.#asks.sendTo(ask, thread);
    const [call, waits] = [systemCallNumber[name], admission ?? Admission.ifOutboxHasRoom];
    return this.#links.to(thread).send(L.MESSAGE_TYPE_ASK, call, 0, 0, ask.slot, ask.sequence, 0, 0, input, undefined, waits, ask.deadlineMs);
  }

  /** To whatever agent has this id on some node of the cluster. */
  sendTo(remote: RemoteAgents, id: string, action: string, input: unknown, sender: MessageSender): TellOutcome {
    return remote.sendTo(id, action, input, sender);
  }

  /** A signal for the subscribers of another thread. False if it does not get there: too much waits for room in the ring, or nothing goes out any more. */
  publish(thread: number, signal: Signal, homes: SignalHomes | undefined, isForNodes: boolean): boolean {
    if (this.#links.isClosed) return false;
    if (homes !== undefined || isForNodes) {
      const call = isForNodes ? systemCallNumber.signalForNodes : systemCallNumber.signalWhileMoving;
      return this.#links
        .to(thread)
        .send(L.MESSAGE_TYPE_TELL, call, 0, 0, 0, 0, 0, 0, { signal, homes }, undefined, Admission.ifOutboxHasRoom, 0, this.traceOfCall());
    }
    return this.#links
      .to(thread)
      .send(L.MESSAGE_TYPE_TELL, systemCallNumber.signal, 0, 0, 0, 0, 0, 0, signal, undefined, Admission.ifOutboxHasRoom, 0, this.traceOfCall());
  }

  /** A call to the runtime of another thread, with an answer. */
  request<N extends SystemCallName>(
    thread: number,
    name: N,
    input: Parameters<SystemCalls[N]>[0],
    timeoutMs: number,
    target: AskTarget,
  ): Promise<Awaited<ReturnType<SystemCalls[N]>>> {
    return new Promise((resolve, reject) => {
      if (this.#links.isClosed) throw nexusStopped();
      if (!this.#links.canReach(thread)) throw threadFailed(thread, `${target.kind} ${quoted(target.id)}`, { id: target.id, kind: target.kind });
      const ask = this.#asks.open(resolve as (value: unknown) => void, reject, target, name, timeoutMs, undefined);
      this.#asks.sendTo(ask, thread);
      try {
        this.#links
          .to(thread)
          .send(L.MESSAGE_TYPE_ASK, systemCallNumber[name], 0, 0, ask.slot, ask.sequence, 0, 0, input, undefined, Admission.always, 0, this.traceOfCall());
      } catch (error) {
        ask.fail(error);
      }
    });
  }

  /**
   * Resolves when another thread has read everything that was sent to it before, and knows that this thread is there: to true; to false if it is lost meanwhile and has a
   * successor, or will have one. True also where nobody is left to answer. A thread that has not heard yet that this one has come in the place of another still answers,
   * and sends, to that one.
   */
  async roundTrip(thread: number): Promise<boolean> {
    for (;;) {
      try {
        await this.request(thread, 'roundTrip', undefined, TIMEOUT_MS_MAX, { kind: 'thread', id: String(thread) });
        return true;
      } catch (error) {
        const isLoss = error instanceof NexusError && error.code === 'NEXUS_THREAD_LOST';
        if (!isLoss || error.data?.['thread'] !== this.#thread) return !isLoss;
      }
    }
  }

  #askLocal(cell: AgentCell, action: ActionEntry, input: unknown, ask: PendingAsk, sender: AgentReference | undefined): void {
    try {
      if (action.input !== undefined) action.input.check(input);
    } catch (error) {
      return ask.fail(error);
    }
    this.sentLocal++;
    if (this.#localSampling.take()) ask.isTimed = true;
    if (sender !== undefined) ask.sender = sender;
    this.#dispatcher.enqueue(cell, action, input, ask, ask);
  }

  #askRemote(target: AgentReference, action: ActionEntry, input: unknown, ask: PendingAsk, sender: AgentReference | undefined): void {
    if (this.#links.isClosed) {
      this.#dead('nexusStopped', target, action);
      return ask.fail(nexusStopped());
    }
    const { slot, generation } = target;
    const thread = this.#table.threadOf(slot, generation);
    const round = thread >= 0 && isMarked(this.#shared, slot) ? this.#roundTo(target) : undefined;
    const cell = thread === this.#thread && round === undefined ? this.#cells.get(slot, generation) : undefined;
    if (cell !== undefined) {
      return this.#askLocal(cell, target.resolveTo(cell, action), input, ask, sender);
    }
    if (round !== undefined || thread < 0 || thread === this.#thread || !this.#links.canReach(thread)) {
      const remote = round ?? this.#remote();
      if (remote !== undefined && (round !== undefined || remote.leads(target))) {
        try {
          remote.send(target, action, input, ask, sender);
        } catch (error) {
          ask.fail(error);
        }
        return;
      }
      if (!target.isAt(slot, generation)) return this.#askRemote(target, action, input, ask, sender);
      if (target.kindEntry.isDurable) {
        this.#sendDurable(target, action, input, ask, sender);
        return;
      }
      this.#dead('noAgent', target, action);
      return ask.fail(agentNotFound(target.kind, target.knownId, action.name));
    }
    this.#asks.sendTo(ask, thread);
    if (this.#remoteSampling.take()) ask.isTimed = true;
    let sent: boolean;
    try {
      sent = this.#links
        .to(thread)
        .send(
          L.MESSAGE_TYPE_ASK,
          action.index,
          slot,
          generation,
          ask.slot,
          ask.sequence,
          sender?.slot ?? 0,
          sender?.generation ?? 0,
          input,
          action.input,
          Admission.ifOutboxHasRoom,
          ask.deadlineMs,
          ask.trace,
        );
    } catch (error) {
      return ask.fail(error);
    }
    if (sent) return;
    const message = `the ring to thread ${thread} is full: ${target.kind} ${quoted(target.id)} is sent messages faster than its thread takes them, and '${action.name}' was not sent; slow down, or raise memory.ringBytes of createNexus for bursts`;
    ask.fail(new NexusError('NEXUS_BACKPRESSURE', message, { data: { ...ask.facts, thread } }));
  }

  /** Whether a tell would find room. A hint: another sender may take it. */
  #hasRoom(target: AgentReference): boolean {
    const { slot, generation } = target;
    const cell = target.cell ?? this.#cells.get(slot, generation);
    if (cell !== undefined) return cell.mailbox === undefined || cell.mailbox.size < cell.kind.capacity;
    return this.#table.threadOf(slot, generation) < 0 || !isCongested(this.#shared, slot);
  }

  /** Sends what was accepted before to an agent of another thread: not refused for a full ring. False, with nothing done, if it is not there. */
  forward(target: AgentReference, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, from: MessageSender): boolean {
    const { slot, generation } = target;
    const thread = this.#table.threadOf(slot, generation);
    if (thread < 0 || thread === this.#thread || !this.#links.canReach(thread)) return false;
    const ask = reply === undefined ? undefined : this.#askFor(reply, target, action);
    const type = ask === undefined || ask.isSettled ? L.MESSAGE_TYPE_TELL : L.MESSAGE_TYPE_ASK;
    if (ask !== undefined && type === L.MESSAGE_TYPE_ASK) this.#asks.sendTo(ask, thread);
    const { slot: replySlot, sequence } = ask ?? { slot: 0, sequence: 0 };
    const { slot: senderSlot, generation: senderGeneration } = senderOf(from) ?? { slot: 0, generation: 0 };
    const trace = reply === undefined ? traceOf(from) : reply.trace;
    const { input: codec, index } = action;
    const link = this.#links.to(thread);
    try {
      const deadlineMs = ask?.deadlineMs;
      link.send(type, index, slot, generation, replySlot, sequence, senderSlot, senderGeneration, input, codec, Admission.always, deadlineMs, trace);
    } catch (error) {
      this.#dead('noAgent', target, action);
      ask?.fail(error);
    }
    return true;
  }

  /** An ask of this thread; for one of another, which passed through this one, an ask of its own whose outcome is passed on. */
  #askFor(reply: ReplyPort, target: AgentReference, action: ActionEntry): PendingAsk {
    if (reply instanceof PendingAsk) return reply;
    const passOn = { reply: (value: unknown) => reply.reply(value), fail: (error: unknown) => reply.fail(error) };
    return this.#asks.open(passOn.reply, passOn.fail, target, action.name, TIMEOUT_MS_MAX, action.reply);
  }

  #absent(target: AgentReference, action: ActionEntry, input: unknown, sender: MessageSender): TellOutcome {
    const remote = this.#remote();
    const { slot, generation } = target;
    if (remote?.leads(target) === true) return remote.send(target, action, input, undefined, sender);
    // It has come home, and the reference leads there now.
    if (!target.isAt(slot, generation)) return this.tellThere(target, action, input, sender);
    return target.kindEntry.isDurable ? this.#sendDurable(target, action, input, undefined, sender) : this.#dead('noAgent', target, action);
  }

  /** What sends to a marked agent of this node, if that does not go straight. */
  #roundTo(target: AgentReference): RemoteAgents | undefined {
    const remote = this.#remote();
    return remote?.goesRound(target) === true ? remote : undefined;
  }

  #dead(reason: 'noAgent' | 'nexusStopped' | 'mailboxFull', target: AgentReference, action: ActionEntry): TellOutcome {
    this.#deadLetters.record(reason, target.kind, () => target.knownId, action.name, target);
    return reason === 'mailboxFull' ? 'full' : reason === 'noAgent' ? 'noAgent' : 'stopped';
  }
}

function checkTimeout(timeoutMs: number): number {
  if (typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX) return timeoutMs;
  throw optionError('timeoutMs', `is ${valueText(timeoutMs)}; it must be more than 0 and at most ${TIMEOUT_MS_MAX}`);
}

/** Callers without types pass ids, and what `find` did not find. */
function kindOf(target: AgentReference): Kind {
  const kind = (target as AgentReference | undefined | null)?.kindEntry;
  if (kind === undefined) throw optionError('ref', `must be a reference to an agent, as spawn and find return one, not ${valueText(target)}`);
  return kind;
}
