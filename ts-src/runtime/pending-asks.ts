/**
 * Asks of this thread that wait for a reply. Each settles exactly once: by a reply, a failure, its time, its signal, or the loss of the other thread.
 * An ask to another thread has a slot and a sequence number that the reply brings back, so that a late reply is recognised and dropped.
 */
import type { MessageCodec } from '../codec/declared/lazy-codec.js';
import { NexusError, quoted } from '../errors.js';
import type { MessageTrace } from '../model/message-trace.js';
import type { AgentReference } from './agent-reference.js';
import { type AskWaiting, nodeOf, waitingText } from './ask-waiting.js';
import { agentNotFound, isUnnamed } from './failures.js';
import { inNeutralContext } from './neutral-context.js';
import { DeadlineWheel, WheelEntry } from '../model/deadline-wheel.js';
import type { Clock } from '../ports/clock.js';

/** Where a handler's result goes. */
export interface ReplyPort {
  /** When whoever waits for it gives up, by the clock of all threads; 0 if nobody does. */
  readonly deadlineMs: number;
  /** The agent that waits, where it has said so. */
  sender: AgentReference | undefined;
  /** Of an ask that is traced. */
  trace: MessageTrace | undefined;
  reply(value: unknown): void;
  fail(error: unknown): void;
}

/** Who was asked, for messages. */
export interface AskTarget {
  readonly kind: string;
  readonly id: string;
  /** Of an agent. */
  readonly slot?: number;
  readonly generation?: number;
  /** The id where it is known without looking it up. */
  readonly knownId?: string | undefined;
}

/** Asks of one thread that may wait at once. */
export const PENDING_ASKS_MAX = 1 << 20;
const TICK_MS = 8;
/** Of one whose asker says no deadline. */
const PASSED_ON_MS_MAX = 86_400_000;
/** Visits of the event loop that overdue asks are given while more has arrived than is read in one. */
const POSTPONED_MAX = 32;

/** Where it is recorded how long asks took, in nanoseconds. */
export interface AskDurations {
  readonly local: { record(nanoseconds: number): void };
  readonly remote: { record(nanoseconds: number): void };
}

export class PendingAsk extends WheelEntry implements ReplyPort {
  /** Thread that was asked; -1 for this one, below that a node (`cluster/agents/peers.ts`). */
  thread = -1;
  slot = -1;
  sequence = 0;
  /** Of the declared shape of the reply; undefined where none is declared. */
  readonly replyCodec: MessageCodec | undefined;
  /** Set before it is sent to an agent of this thread. */
  sender: AgentReference | undefined = undefined;
  /** Set before it is sent. */
  trace: MessageTrace | undefined = undefined;
  /** Set before it is sent, if it is one of those whose duration is recorded. */
  isTimed = false;
  /** Its deadline less this is when it was opened. */
  readonly timeoutMs: number;
  /** Its time is what was left of that of the message which the asking agent handles. */
  readonly isCutShort: boolean;
  readonly #asks: PendingAsks;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  readonly #target: AskTarget;
  readonly #action: string;
  #settled = false;
  #signal: AbortSignal | undefined;
  #onAbort: (() => void) | undefined;

  constructor(
    asks: PendingAsks,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
    target: AskTarget,
    action: string,
    timeoutMs: number,
    replyCodec: MessageCodec | undefined,
    isCutShort: boolean,
  ) {
    super();
    this.isCutShort = isCutShort;
    this.replyCodec = replyCodec;
    this.#asks = asks;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#target = target;
    this.#action = action;
    this.timeoutMs = timeoutMs;
  }

  reply(value: unknown): void {
    // One from another thread has been checked there, and read as what is declared.
    if (this.replyCodec !== undefined && this.thread < 0) {
      try {
        this.replyCodec.check(value);
      } catch (error) {
        return this.fail(error);
      }
    }
    if (this.#close()) this.#resolve(value);
    else this.#asks.lateReplies++;
  }

  fail(error: unknown): void {
    if (!this.#settled && isTimeoutOf(error, this.#target, this.#action)) return this.#timeOut(waitingElsewhere(error, this.#target));
    if (this.#close()) {
      this.#asks.failures++;
      // Where it was looked for only its place was known.
      this.#reject(isUnnamed(error) ? agentNotFound(this.#target.kind, this.#target.knownId ?? this.#target.id, this.#action) : error);
    } else this.#asks.lateReplies++;
  }

  timeOut(): void {
    this.#timeOut(undefined);
  }

  /** @param found what is known already of what was waited for: the node of the agent has said it */
  #timeOut(found: AskWaiting | undefined): void {
    if (!this.#close()) return;
    this.#asks.timeouts++;
    const here = this.#asks.timedOut(this.#target, this.#action);
    const waiting = found ?? here;
    this.#reject(
      this.isCutShort ? callerGaveUp(this.#target, this.#action, this.timeoutMs, waiting) : askTimeout(this.#target, this.#action, this.timeoutMs, waiting),
    );
  }

  abortOn(signal: AbortSignal): void {
    const abort = (): void => {
      if (!this.#close()) return;
      const text = `the ask to ${this.description} was aborted by its signal; the message may still be handled`;
      this.#reject(new NexusError('NEXUS_ASK_ABORTED', text, { cause: signal.reason, data: this.facts }));
    };
    if (signal.aborted) return abort();
    this.#signal = signal;
    this.#onAbort = abort;
    this.#asks.listen(signal, abort);
  }

  get description(): string {
    return descriptionOf(this.#target, this.#action);
  }

  /** For `data` of an error about it. */
  get facts(): { id: string; kind: string; action: string } {
    return factsOf(this.#target, this.#action);
  }

  get isSettled(): boolean {
    return this.#settled;
  }

  #close(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    if (this.#signal !== undefined && this.#onAbort !== undefined) this.#asks.unlisten(this.#signal, this.#onAbort);
    this.#asks.closed(this);
    return true;
  }
}

export class PendingAsks {
  timeouts = 0;
  failures = 0;
  lateReplies = 0;
  readonly #clock: Clock;
  readonly #durations: AskDurations;
  readonly #wheel: DeadlineWheel;
  readonly #remote: (PendingAsk | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #bySignal = new WeakMap<AbortSignal, { readonly aborts: Set<() => void>; readonly listener: () => void }>();
  #sequence: number;
  #open = 0;
  #cancelTick: (() => void) | undefined;
  readonly #readReplies: () => boolean;
  #postponed = 0;

  /**
   * @param incarnation of this thread: replies to a predecessor's asks must not match.
   * @param readReplies takes what has arrived from other threads; true if more is left. Called before any ask times out: a thread that was held up beyond
   *   the deadline of an ask must not throw away the reply that came in time.
   * @param timedOut told of each ask that nobody answered in time; says where its agent is, as far as that is known
   */
  constructor(
    clock: Clock,
    incarnation: number,
    durations: AskDurations,
    readReplies: () => boolean = () => false,
    readonly timedOut: (target: AskTarget, action: string) => AskWaiting | undefined = () => undefined,
  ) {
    this.#clock = clock;
    this.#durations = durations;
    this.#readReplies = readReplies;
    this.#wheel = new DeadlineWheel(TICK_MS, clock.nowMs());
    this.#sequence = Math.imul(incarnation, 0x9e3779b1) | 0;
  }

  get size(): number {
    return this.#open;
  }

  /**
   * @param callerDeadlineMs of the message that the asking agent handles: the ask waits no longer than that; 0 for none
   * @throws NexusError NEXUS_ASKS_TOO_MANY; NEXUS_ASK_TIMEOUT if that deadline has passed
   */
  open(
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
    target: AskTarget,
    action: string,
    timeoutMs: number,
    replyCodec: MessageCodec | undefined,
    callerDeadlineMs = 0,
  ): PendingAsk {
    if (this.#open >= PENDING_ASKS_MAX) {
      throw new NexusError(
        'NEXUS_ASKS_TOO_MANY',
        `'${action}' of ${target.kind} was not asked: ${PENDING_ASKS_MAX} asks of this thread wait for replies already; wait for some of them, or use tell`,
        {
          data: { kind: target.kind, action },
        },
      );
    }
    const nowMs = this.#clock.nowMs();
    const isCutShort = callerDeadlineMs !== 0 && callerDeadlineMs < nowMs + timeoutMs;
    if (isCutShort && callerDeadlineMs <= nowMs) throw callerGaveUp(target, action, 0, undefined);
    const deadlineMs = isCutShort ? callerDeadlineMs : nowMs + timeoutMs;
    const ask = new PendingAsk(this, resolve, reject, target, action, isCutShort ? deadlineMs - nowMs : timeoutMs, replyCodec, isCutShort);
    this.#open++;
    this.#wheel.insert(ask, deadlineMs);
    if (this.#cancelTick === undefined) this.#arm();
    return ask;
  }

  /** An ask of its own for one of another thread or node, which passes through this thread: its outcome is passed on. */
  passOn(reply: ReplyPort, target: AskTarget, action: string, replyCodec?: MessageCodec): PendingAsk {
    const leftMs = reply.deadlineMs === 0 ? PASSED_ON_MS_MAX : Math.max(1, reply.deadlineMs - this.#clock.nowMs());
    const ask = this.open(
      (value) => reply.reply(value),
      (error) => reply.fail(error),
      target,
      action,
      leftMs,
      replyCodec,
    );
    ask.trace = reply.trace;
    ask.sender = reply.sender;
    return ask;
  }

  /** Gives an ask the slot and the sequence number under which its reply will come back from `thread`. */
  sendTo(ask: PendingAsk, thread: number): void {
    ask.thread = thread;
    ask.slot = this.#freeSlots.pop() ?? this.#remote.length;
    this.#sequence = (this.#sequence + 1) | 0;
    ask.sequence = this.#sequence;
    this.#remote[ask.slot] = ask;
  }

  /** The agent that an ask waits for has moved: to that thread, or, for -1, to this one. */
  follow(slot: number, sequence: number, thread: number): PendingAsk | undefined {
    const ask = this.waiting(slot, sequence);
    if (ask !== undefined) ask.thread = thread;
    return ask;
  }

  /** The ask that a reply belongs to, or undefined if it is not waited for any more: then the reply is counted as late. */
  find(slot: number, sequence: number): PendingAsk | undefined {
    const ask = this.waiting(slot, sequence);
    if (ask === undefined) this.lateReplies++;
    return ask;
  }

  /** As `find`, before the reply has been read. */
  waiting(slot: number, sequence: number): PendingAsk | undefined {
    const ask = this.#remote[slot];
    return ask !== undefined && ask.sequence === sequence ? ask : undefined;
  }

  /** Fails every ask that waits for a thread, or for a node, and is one of those. */
  failThread(thread: number, error: (ask: PendingAsk) => Error, isOne: (ask: PendingAsk) => boolean = all): void {
    for (const ask of this.#remote) if (ask !== undefined && ask.thread === thread && isOne(ask)) ask.fail(error(ask));
  }

  failAll(error: (ask: PendingAsk) => Error): void {
    this.#wheel.forEach((entry) => {
      const ask = entry as PendingAsk;
      ask.fail(error(ask));
    });
  }

  /** One listener a signal, however many asks share it: Node takes more than ten for a leak. */
  listen(signal: AbortSignal, abort: () => void): void {
    let waiting = this.#bySignal.get(signal);
    if (waiting === undefined) {
      const aborts = new Set<() => void>();
      waiting = { aborts, listener: () => [...aborts].forEach((each) => void each()) };
      this.#bySignal.set(signal, waiting);
      signal.addEventListener('abort', waiting.listener, { once: true });
    }
    waiting.aborts.add(abort);
  }

  unlisten(signal: AbortSignal, abort: () => void): void {
    const waiting = this.#bySignal.get(signal);
    if (waiting === undefined || !waiting.aborts.delete(abort) || waiting.aborts.size > 0) return;
    signal.removeEventListener('abort', waiting.listener);
    this.#bySignal.delete(signal);
  }

  stop(): void {
    this.#cancelTick?.();
    this.#cancelTick = undefined;
  }

  closed(ask: PendingAsk): void {
    this.#open--;
    this.#wheel.remove(ask);
    if (ask.isTimed) this.#record(ask);
    if (ask.slot < 0) return;
    this.#remote[ask.slot] = undefined;
    this.#freeSlots.push(ask.slot);
    ask.slot = -1;
  }

  /** However it ended: a caller who gave up after a second has waited a second. */
  #record(ask: PendingAsk): void {
    const tookMs = this.#clock.nowMs() - (ask.deadlineMs - ask.timeoutMs);
    (ask.thread < 0 ? this.#durations.local : this.#durations.remote).record(tookMs * 1e6);
  }

  #arm(delayMs = TICK_MS): void {
    // What is read may start agents: not in the context of whoever asked first.
    inNeutralContext(() => {
      this.#cancelTick = this.#clock.after(delayMs, () => this.#tick());
    });
  }

  #tick(): void {
    let more = false;
    try {
      more = this.#readReplies();
    } finally {
      // Also when reading fails: asks must not wait for ever because of it.
      if (more && this.#postponed < POSTPONED_MAX) {
        this.#postponed++;
        this.#arm(0);
      } else {
        this.#postponed = 0;
        this.#cancelTick = undefined;
        this.#wheel.advance(this.#clock.nowMs(), expire);
        // One more turn after the last ask: asks that follow each other closely do not start a timer each.
        if (this.#wheel.size > 0) this.#arm();
      }
    }
  }
}

function askTimeout(target: AskTarget, action: string, timeoutMs: number, waiting: AskWaiting | undefined): NexusError {
  const where = waiting === undefined ? '' : `; ${waitingText(waiting)}`;
  return new NexusError(
    'NEXUS_ASK_TIMEOUT',
    `no reply from ${descriptionOf(target, action)} within ${timeoutMs} ms${where}. Raise timeoutMs if it may take longer`,
    {
      data: { ...factsOf(target, action), timeoutMs, waiting },
    },
  );
}

/** Whether whoever passed an ask on has given it up, of which a moment was left there when its time was over: it is this one's time that is over. */
function isTimeoutOf(error: unknown, target: AskTarget, action: string): error is NexusError {
  if (!(error instanceof NexusError) || error.code !== 'NEXUS_ASK_TIMEOUT') return false;
  const { id, action: asked, deadline } = error.data ?? {};
  return asked === action && deadline === undefined && id === (target.knownId ?? target.id);
}

function waitingElsewhere({ data }: NexusError, target: AskTarget): AskWaiting | undefined {
  const waiting = data?.['waiting'] as AskWaiting | undefined;
  const node = nodeOf(target);
  return waiting === undefined || node === undefined || waiting.node !== undefined ? waiting : { ...waiting, node };
}

/** Nobody waits any more for the reply that this one was needed for. @param timeoutMs what there was left; not more than 0: nothing was sent */
function callerGaveUp(target: AskTarget, action: string, timeoutMs: number, waiting: AskWaiting | undefined): NexusError {
  const description = descriptionOf(target, action);
  const left = timeoutMs > 0 ? `no reply from ${description} within the ${timeoutMs.toFixed(1)} ms that were left` : `${description} was not asked`;
  const why = 'the deadline of the message that the asking agent handles has passed (ctx.deadlineMs). Raise timeoutMs of the first ask if it may take longer';
  return new NexusError('NEXUS_ASK_TIMEOUT', `${left}: ${why}`, {
    data: { ...factsOf(target, action), timeoutMs: Math.max(0, timeoutMs), deadline: 'caller', waiting },
  });
}

function descriptionOf(target: AskTarget, action: string): string {
  return `'${action}' of ${target.kind} ${quoted(target.id)}`;
}

function factsOf(target: AskTarget, action: string): { id: string; kind: string; action: string } {
  return { id: target.id, kind: target.kind, action };
}

function all(): boolean {
  return true;
}

function expire(entry: WheelEntry): void {
  (entry as PendingAsk).timeOut();
}
