/**
 * A ring: messages from one thread to one other, in shared memory. Single producer, single consumer; positions are bytes that count up for ever
 * (modulo 2^32), so that an empty and a full ring differ. One TypeScript form for every engine: it is the fastest measured one.
 *
 * A message is contiguous; where the rest of the ring is too short for one, a PADDING message fills it. The producer writes with plain stores and makes
 * a batch visible with one Atomics.store of TAIL (release); the consumer's Atomics.load of TAIL (acquire) pairs with it. HEAD is the same the
 * other way round: the producer reuses bytes only after it has seen HEAD pass them.
 *
 * The producer may stamp what it publishes with a time, for the consumer to say how long it took to get there; one stamp at a time is under way. STAMP is stored after
 * the time and before TAIL, and the consumer sets it to 0 when it has read the time, after which the producer may write another.
 *
 * Not here: what a message means, waking, and what to do when the ring is full.
 */
import * as L from '../../layout/generated/layout.js';
import { NexusError } from '../../ts-src/errors.js';
import { ringOffset, type SharedMemory } from '../shared-memory.js';

/** The producer's end. */
export class RingWriter {
  /** Largest message; also the room that `begin` guarantees. A quarter of the ring. */
  readonly messageBytesMax: number;
  /** Messages committed since the last `publish`. */
  unpublished = 0;
  readonly #words: Int32Array;
  readonly #tailAt: number;
  readonly #headAt: number;
  readonly #blockedAt: number;
  readonly #doubles: Float64Array;
  readonly #stampAt: number;
  readonly #stampedAt: number;
  readonly #dataAt: number;
  readonly #mask: number;
  readonly #size: number;
  #tail: number;
  #head: number;

  constructor(shared: SharedMemory, from: number, to: number) {
    const offset = ringOffset(shared, from, to);
    this.#words = shared.words;
    this.#tailAt = (offset >> 2) + L.RING_WORD_TAIL;
    this.#headAt = (offset >> 2) + L.RING_WORD_HEAD;
    this.#blockedAt = (offset >> 2) + L.RING_WORD_BLOCKED;
    this.#doubles = shared.doubles;
    this.#stampAt = (offset >> 2) + L.RING_WORD_STAMP;
    this.#stampedAt = (offset + L.RING_WORD_STAMPED_AT * 4) >> 3;
    this.#dataAt = offset + L.RING_HEADER_BYTES;
    this.#size = shared.ringBytes;
    this.#mask = shared.ringBytes - 1;
    this.messageBytesMax = shared.ringBytes / 4;
    // A successor of a lost producer goes on where the last published message ends.
    this.#tail = Atomics.load(this.#words, this.#tailAt);
    this.#head = Atomics.load(this.#words, this.#headAt);
  }

  /** Byte offset in the shared memory with `messageBytesMax` contiguous bytes free for one message, or -1 if the ring is full. */
  begin(): number {
    const position = this.#tail & this.#mask;
    const rest = this.#size - position;
    const room = this.messageBytesMax;
    if (rest >= room) return this.#hasFree(room) ? this.#dataAt + position : -1;
    if (!this.#hasFree(rest + room)) return -1;
    const at = (this.#dataAt + position) >> 2;
    this.#words[at + L.MESSAGE_WORD_BYTES] = rest;
    this.#words[at + L.MESSAGE_WORD_TYPE] = L.MESSAGE_TYPE_PADDING;
    this.#tail = (this.#tail + rest) | 0;
    return this.#dataAt;
  }

  /** Ends the message that `begin` started. `bytes` is a multiple of 8. */
  commit(bytes: number): void {
    this.#tail = (this.#tail + bytes) | 0;
    this.unpublished++;
  }

  /** Makes everything committed visible to the consumer. */
  publish(): void {
    this.unpublished = 0;
    Atomics.store(this.#words, this.#tailAt, this.#tail);
  }

  /** Before `publish`: leaves the time for the consumer to take when it has read everything committed so far. Nothing happens if the last stamp is still there. */
  stamp(timeMs: number): void {
    if (Atomics.load(this.#words, this.#stampAt) !== 0) return;
    this.#doubles[this.#stampedAt] = timeMs;
    // Positions are multiples of 8: the lowest bit says that there is one.
    Atomics.store(this.#words, this.#stampAt, this.#tail | 1);
  }

  /**
   * Asks the consumer to wake this thread when it has made room. The flag first, then the look at HEAD: the consumer stores HEAD first and then looks
   * at the flag, so one of the two sees the other. True if room has appeared meanwhile.
   */
  requestWake(): boolean {
    Atomics.store(this.#words, this.#blockedAt, 1);
    this.#head = Atomics.load(this.#words, this.#headAt);
    return this.begin() >= 0;
  }

  #hasFree(bytes: number): boolean {
    if (this.#size - ((this.#tail - this.#head) | 0) >= bytes) return true;
    this.#head = Atomics.load(this.#words, this.#headAt);
    return this.#size - ((this.#tail - this.#head) | 0) >= bytes;
  }
}

/** The consumer's end. */
export class RingReader {
  readonly #words: Int32Array;
  readonly #tailAt: number;
  readonly #headAt: number;
  readonly #blockedAt: number;
  readonly #doubles: Float64Array;
  readonly #stampAt: number;
  readonly #stampedAt: number;
  readonly #dataAt: number;
  readonly #mask: number;
  #head: number;

  constructor(shared: SharedMemory, from: number, to: number) {
    const offset = ringOffset(shared, from, to);
    this.#words = shared.words;
    this.#tailAt = (offset >> 2) + L.RING_WORD_TAIL;
    this.#headAt = (offset >> 2) + L.RING_WORD_HEAD;
    this.#blockedAt = (offset >> 2) + L.RING_WORD_BLOCKED;
    this.#doubles = shared.doubles;
    this.#stampAt = (offset >> 2) + L.RING_WORD_STAMP;
    this.#stampedAt = (offset + L.RING_WORD_STAMPED_AT * 4) >> 3;
    this.#dataAt = offset + L.RING_HEADER_BYTES;
    this.#mask = shared.ringBytes - 1;
    this.#head = Atomics.load(this.#words, this.#headAt);
  }

  get hasData(): boolean {
    return Atomics.load(this.#words, this.#tailAt) !== this.#head;
  }

  /**
   * Hands over up to `messagesMax` messages, each as a byte offset into the shared memory that is valid during the call only. Returns how many it
   * handed over. A message is consumed before it is handed over, so that one whose handling throws is not met again.
   */
  read(messagesMax: number, receive: (at: number) => void): number {
    const tail = Atomics.load(this.#words, this.#tailAt);
    if (tail === this.#head) return 0;
    let count = 0;
    try {
      while (this.#head !== tail && count < messagesMax) {
        const at = this.#dataAt + (this.#head & this.#mask);
        const bytes = this.#words[(at >> 2) + L.MESSAGE_WORD_BYTES] as number;
        if (bytes < 8 || bytes > ((tail - this.#head) | 0)) this.#dropAll(tail, bytes);
        this.#head = (this.#head + bytes) | 0;
        if (((this.#words[(at >> 2) + L.MESSAGE_WORD_TYPE] as number) & 255) === L.MESSAGE_TYPE_PADDING) continue;
        count++;
        receive(at);
      }
    } finally {
      Atomics.store(this.#words, this.#headAt, this.#head);
    }
    return count;
  }

  /** The time of a stamp, once, when everything up to it has been read; otherwise -1. */
  takeStamp(): number {
    const stamp = Atomics.load(this.#words, this.#stampAt);
    if (stamp === 0 || ((this.#head - (stamp & ~1)) | 0) < 0) return -1;
    const timeMs = this.#doubles[this.#stampedAt] as number;
    Atomics.store(this.#words, this.#stampAt, 0);
    return timeMs;
  }

  /** A length that no producer writes: something else wrote into the ring, and where the next message starts is not known. */
  #dropAll(tail: number, bytes: number): never {
    const dropped = (tail - this.#head) | 0;
    this.#head = tail;
    throw new NexusError(
      'NEXUS_MESSAGE_CORRUPT',
      `a message in a ring says that it has ${bytes} bytes; the ${dropped} bytes that were in the ring are dropped`,
    );
  }

  /** True once after the producer asked to be woken when there is room. */
  takeWakeRequest(): boolean {
    return Atomics.load(this.#words, this.#blockedAt) === 1 && Atomics.compareExchange(this.#words, this.#blockedAt, 1, 0) === 1;
  }
}
