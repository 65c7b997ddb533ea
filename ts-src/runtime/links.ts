/**
 * The links of one thread to all others: made when first used, read in turn, flushed at the end of a turn. Knows when a turn ends, and nothing
 * of what the messages mean.
 */
import { RingReader, RingWriter } from '../../bindings/portable/ring.js';
import { type SharedMemory, threadWord } from '../../bindings/shared-memory.js';
import type { ReferenceCodec } from '../codec/reference-codec.js';
import { type MemoryViews, memoryViews } from '../codec/declared/memory-views.js';
import { ValueDecoder } from '../codec/value-decoder.js';
import { ValueEncoder } from '../codec/value-encoder.js';
import * as L from '../../layout/generated/layout.js';
import { Sampling } from '../model/sampling.js';
import type { Clock } from '../ports/clock.js';
import type { Waiter } from '../ports/engine.js';
import type { Turns } from '../ports/turns.js';
import { InboundLink, type Receiver } from './inbound-link.js';
import type { FlightRecorder } from './flight-recorder.js';
import { OutboundLink } from './outbound-link.js';

/** Messages taken at once when everything is taken from one ring. */
const READ_MESSAGES_MAX = 1024;
/** One of so many publications is timed, if the one timed before on that ring has been read. */
const PUBLICATIONS_PERIOD = 31;

export interface LinksNeeds {
  readonly thread: number;
  readonly shared: SharedMemory;
  readonly waiter: Waiter;
  readonly references: ReferenceCodec;
  readonly messageBytesMax: number;
  readonly clock: Clock;
  readonly turns: Turns;
  /** Told how long messages to this thread waited in their ring, in nanoseconds. */
  readonly flight: FlightRecorder | undefined;
  readonly messageWait: { record(nanoseconds: number): void };
  /** Runs soon when something was sent outside a turn; must call `flush`. */
  readonly flushSoon: () => void;
}

export class Links {
  /** Nothing goes to other threads any more. */
  isClosed = false;
  readonly #needs: LinksNeeds;
  readonly #views: MemoryViews;
  readonly #outbound: (OutboundLink | undefined)[] = [];
  readonly #inbound: (InboundLink | undefined)[] = [];
  readonly #dirty: OutboundLink[] = [];
  readonly #failedThreads = new Set<number>();
  /** By thread: which incarnation of it is to read what is sent now. */
  readonly #sentTo: number[] = [];
  readonly #sampling = new Sampling(PUBLICATIONS_PERIOD);
  readonly #stampMs = (): number => (this.#sampling.take() ? this.#needs.clock.nowMs() : -1);

  constructor(needs: LinksNeeds) {
    this.#needs = needs;
    this.#views = memoryViews(needs.shared.memory.buffer);
  }

  /** Connects the rings from all other threads. A successor first tells everybody that its predecessor's stream is over. */
  open(receiver: Receiver, incarnation: number): void {
    const { shared, thread, references, clock, messageWait } = this.#needs;
    const published = (stampedMs: number): void => messageWait.record((clock.nowMs() - stampedMs) * 1e6);
    for (let other = 0; other < shared.threadCount; other++) {
      if (other === thread) continue;
      const reader = new RingReader(shared, other, thread);
      this.#inbound[other] = new InboundLink(
        this.#views,
        other,
        reader,
        new ValueDecoder(references),
        receiver,
        incarnation,
        published,
        this.#needs.flight,
        () => clock.nowMs(),
      );
      this.#sentTo[other] = this.incarnationOf(other);
      // Given up before this thread was there to be told.
      if (Atomics.load(shared.words, threadWord(shared, other) + L.THREAD_WORD_STATE) === L.THREAD_STATE_FAILED) this.giveUp(other);
      else if (incarnation > 0) this.reset(other);
    }
  }

  /** This thread or the other one is a successor: their stream begins anew. Returns how many messages that waited were dropped. */
  reset(thread: number): number {
    const incarnation = this.incarnationOf(thread);
    this.#sentTo[thread] = incarnation;
    return this.to(thread).reset(incarnation);
  }

  /** Of a thread as it is now, whether this one has been told of its loss or not. */
  incarnationOf(thread: number): number {
    const { shared } = this.#needs;
    return Atomics.load(shared.words, threadWord(shared, thread) + L.THREAD_WORD_INCARNATION);
  }

  /** The incarnation of a thread that what is sent to it now is for: until this one is told of a loss, that of the lost one. */
  sentTo(thread: number): number {
    return this.#sentTo[thread] ?? this.incarnationOf(thread);
  }

  to(thread: number): OutboundLink {
    return this.#outbound[thread] ?? this.#connect(thread);
  }

  /** False for a thread that has been given up. */
  canReach(thread: number): boolean {
    return !this.#failedThreads.has(thread);
  }

  giveUp(thread: number): void {
    this.#failedThreads.add(thread);
    this.#outbound[thread] = undefined;
  }

  /** Takes what has arrived from every thread, up to a limit each, and moves on what waits. True if more is left. */
  readAll(): boolean {
    let more = false;
    for (let thread = 0; thread < this.#inbound.length; thread++) {
      const link = this.#inbound[thread];
      if (link === undefined) continue;
      const readsMax = this.#needs.turns.readsMax();
      if (link.read(readsMax) === readsMax) more = true;
      if (link.takeWakeRequest()) this.#callAttention(thread);
    }
    for (const link of this.#outbound) if (link !== undefined && link.waiting > 0) link.pump();
    return more;
  }

  /** Takes everything that one thread has sent. */
  readFrom(thread: number): void {
    while ((this.#inbound[thread]?.read(READ_MESSAGES_MAX) ?? 0) > 0);
  }

  /** Publishes everything that was sent in this turn. */
  flush(): void {
    const dirty = this.#dirty;
    const { flight } = this.#needs;
    for (let index = 0; index < dirty.length; index++) {
      const link = dirty[index] as OutboundLink;
      link.flush();
      flight?.published(link.thread, link.takeSent());
    }
    dirty.length = 0;
  }

  /** Messages that wait for room in a ring. */
  get waiting(): number {
    let waiting = 0;
    for (const link of this.#outbound) waiting += link?.waiting ?? 0;
    return waiting;
  }

  totals(): { sent: number; received: number; bytes: number; refused: number } {
    const totals = { sent: 0, received: 0, bytes: 0, refused: 0 };
    for (const link of this.#outbound) {
      if (link === undefined) continue;
      totals.sent += link.sent;
      totals.bytes += link.bytes;
      totals.refused += link.refused;
    }
    for (const link of this.#inbound) totals.received += link?.received ?? 0;
    return totals;
  }

  #connect(thread: number): OutboundLink {
    const { shared, waiter, references, messageBytesMax, flushSoon } = this.#needs;
    const link: OutboundLink = new OutboundLink({
      thread,
      shared,
      views: this.#views,
      encoder: new ValueEncoder(references),
      writer: new RingWriter(shared, this.#needs.thread, thread),
      messageBytesMax,
      stampMs: this.#stampMs,
      wake: () => waiter.wake(thread),
      flushSoon: () => {
        this.#dirty.push(link);
        flushSoon();
      },
    });
    this.#outbound[thread] = link;
    return link;
  }

  /** Makes a parked thread run its drain although no ring of it has data: there is room again in a ring it writes. */
  #callAttention(thread: number): void {
    const { shared, waiter } = this.#needs;
    Atomics.store(shared.words, threadWord(shared, thread) + L.THREAD_WORD_ATTENTION, 1);
    waiter.wake(thread);
  }
}
