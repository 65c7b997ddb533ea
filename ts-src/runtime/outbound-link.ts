/**
 * Messages from this thread to one other: encodes them straight into the ring, publishes in batches, wakes the other thread, and keeps what must not
 * be lost when the ring is full. Order is kept: once something waits in the outbox, everything after it waits behind it.
 */
import * as L from '../../layout/generated/layout.js';
import type { RingWriter } from '../../bindings/portable/ring.js';
import type { SharedMemory } from '../../bindings/shared-memory.js';
import { NexusTypeError } from '../errors.js';
import type { MessageCodec } from '../codec/declared/lazy-codec.js';
import type { MemoryViews } from '../codec/declared/memory-views.js';
import { ScratchMemory } from '../codec/declared/scratch-memory.js';
import { type MessageTrace, writeTrace } from '../model/message-trace.js';
import type { ValueEncoder } from '../codec/value-encoder.js';
import { isCarrier } from './system-calls.js';

/** Messages, and bytes of messages, that are published without waiting for the end of the turn. */
const PUBLISH_EVERY = 16;
const PUBLISH_EVERY_BYTES = 8192;
/** A new message is refused when this much waits already. One message may be larger than it. */
export const OUTBOX_BYTES_MAX = 1 << 20;
/** What the runtime says, errors included, goes out however low the limit for messages is. */
const RUNTIME_BYTES_MAX = 1 << 18;
/** What carries a message, or an agent with its mailbox, to another thread may be so many times as large as a message. */
const CARRIER_FACTOR = 16;
const HEADER_BYTES = 16;
const FRAGMENT_HEADER_BYTES = 16;

/** What happens to a message when the ring is full. */
export const Admission = {
  /** It is refused. For tells, whose sender should slow down. If others wait already it waits behind them, so that order is kept. */
  ifRingHasRoom: 0,
  /** It waits while the outbox is not too full. For asks: their caller waits anyway, for a limited time. */
  ifOutboxHasRoom: 1,
  /** It waits. For replies and calls of the runtime, whose number is bounded by what caused them. */
  always: 2,
} as const;

export type Admission = (typeof Admission)[keyof typeof Admission];

export interface OutboundNeeds {
  readonly shared: SharedMemory;
  /** The shared memory, for declared messages. */
  readonly views: MemoryViews;
  readonly encoder: ValueEncoder;
  readonly writer: RingWriter;
  readonly messageBytesMax: number;
  /** The time to stamp what is published now with, or -1 for none. */
  readonly stampMs: () => number;
  /** Wakes the thread this link leads to, if it is parked. */
  readonly wake: () => void;
  /** Asks for `flush` at the end of the turn. */
  readonly flushSoon: () => void;
}

export class OutboundLink {
  sent = 0;
  bytes = 0;
  refused = 0;
  readonly #needs: OutboundNeeds;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #scratch = new ScratchMemory();
  readonly #outbox: Uint8Array[] = [];
  #outboxBytes = 0;
  #unpublishedBytes = 0;
  #flushRequested = false;
  #sending = false;
  /** Bytes of the first outbox entry that went out as fragments. */
  #fragmented = 0;

  constructor(needs: OutboundNeeds) {
    this.#needs = needs;
    this.#words = needs.shared.words;
    this.#bytes = needs.shared.bytes;
  }

  get waiting(): number {
    return this.#outbox.length;
  }

  /**
   * Sends a message. False if there is no room for it. Throws if the value cannot be encoded; nothing was sent then.
   * @param codec of the declared shape
   * @param deadlineMs of an ask: when its asker gives up; 0 for none
   * @param trace that the message belongs to
   */
  send(
    type: number,
    action: number,
    slot: number,
    generation: number,
    replySlot: number,
    replySequence: number,
    senderSlot: number,
    senderGeneration: number,
    value: unknown,
    codec: MessageCodec | undefined,
    admission: Admission,
    deadlineMs = 0,
    trace: MessageTrace | undefined = undefined,
  ): boolean {
    // A getter in a message may send another one, while the first is half written.
    if (this.#sending) throw new NexusTypeError('NEXUS_NOT_CLONEABLE', 'message has a getter that sends a message itself');
    this.#sending = true;
    try {
      return this.#send(type, action, slot, generation, replySlot, replySequence, senderSlot, senderGeneration, value, codec, admission, deadlineMs, trace);
    } finally {
      this.#sending = false;
    }
  }

  #send(
    type: number,
    action: number,
    slot: number,
    generation: number,
    replySlot: number,
    replySequence: number,
    senderSlot: number,
    senderGeneration: number,
    value: unknown,
    codec: MessageCodec | undefined,
    admission: Admission,
    deadlineMs: number,
    trace: MessageTrace | undefined,
  ): boolean {
    const { writer, encoder, views } = this.#needs;
    if (this.#outbox.length === 0) {
      const at = writer.begin();
      if (at >= 0) {
        let end = this.#writeHeader(
          this.#words,
          at,
          type,
          codec,
          action,
          slot,
          generation,
          replySlot,
          replySequence,
          senderSlot,
          senderGeneration,
          deadlineMs,
          trace,
        );
        const limit = Math.min(at + writer.messageBytesMax, end + this.#bytesMaxOf(type, slot, action));
        if (codec !== undefined) end = codec.write(value, views, end, limit);
        else if (value !== undefined) end = encoder.encode(value, this.#bytes, end, limit);
        if (end >= 0) {
          const size = (end - at + 7) & ~7;
          this.#words[(at >> 2) + L.MESSAGE_WORD_BYTES] = size;
          this.#words[(at >> 2) + L.MESSAGE_WORD_TYPE]! |= (at + size - end) << L.MESSAGE_PADDING_SHIFT;
          writer.commit(size);
          this.sent++;
          this.bytes += size;
          this.#unpublishedBytes += size;
          if (writer.unpublished >= PUBLISH_EVERY || this.#unpublishedBytes >= PUBLISH_EVERY_BYTES) this.#publish();
          else this.#requestFlush();
          return true;
        }
      } else if (admission === Admission.ifRingHasRoom) {
        this.refused++;
        return false;
      }
    }
    if (admission !== Admission.always && this.#outboxBytes > OUTBOX_BYTES_MAX) {
      this.refused++;
      return false;
    }
    this.#queue(type, action, slot, generation, replySlot, replySequence, senderSlot, senderGeneration, value, codec, deadlineMs, trace);
    return true;
  }

  /** Publishes what was written, and moves on what waits. */
  flush(): void {
    this.#flushRequested = false;
    if (this.#outbox.length > 0) this.pump();
    if (this.#needs.writer.unpublished > 0) this.#publish();
  }

  /** Moves the outbox into the ring as far as there is room; asks to be woken for the rest. */
  pump(): void {
    const { writer } = this.#needs;
    while (this.#outbox.length > 0) {
      if (this.#moveFirst()) continue;
      if (writer.unpublished > 0) this.#publish();
      if (!writer.requestWake()) return;
    }
    if (writer.unpublished > 0) this.#publish();
  }

  /**
   * One of the two ends was replaced: what waits was encoded for its predecessor. Returns how many messages were dropped. The next message is a RESET, which
   * names the incarnation of the thread it is for: a later one throws it away with everything else that is not for it.
   */
  reset(incarnation: number): number {
    const dropped = this.#outbox.length;
    this.#outbox.length = 0;
    this.#outboxBytes = 0;
    this.#fragmented = 0;
    this.#needs.encoder.reset();
    this.send(L.MESSAGE_TYPE_RESET, 0, incarnation, 0, 0, 0, 0, 0, undefined, undefined, Admission.always);
    this.flush();
    return dropped;
  }

  #bytesMaxOf(type: number, slot: number, action: number): number {
    const { messageBytesMax } = this.#needs;
    if (type === L.MESSAGE_TYPE_TELL && slot === 0 && isCarrier(action)) return Math.max(messageBytesMax, RUNTIME_BYTES_MAX) * CARRIER_FACTOR;
    const isOfRuntime = type === L.MESSAGE_TYPE_REPLY_ERROR || (slot === 0 && type !== L.MESSAGE_TYPE_REPLY);
    return isOfRuntime && messageBytesMax < RUNTIME_BYTES_MAX ? RUNTIME_BYTES_MAX : messageBytesMax;
  }

  #requestFlush(): void {
    if (this.#flushRequested) return;
    this.#flushRequested = true;
    this.#needs.flushSoon();
  }

  #publish(): void {
    const { writer, stampMs, wake } = this.#needs;
    this.#unpublishedBytes = 0;
    const nowMs = stampMs();
    if (nowMs >= 0) writer.stamp(nowMs);
    writer.publish();
    wake();
  }

  #queue(
    type: number,
    action: number,
    slot: number,
    generation: number,
    replySlot: number,
    replySequence: number,
    senderSlot: number,
    senderGeneration: number,
    value: unknown,
    codec: MessageCodec | undefined,
    deadlineMs: number,
    trace: MessageTrace | undefined,
  ): void {
    const pairs = (type === L.MESSAGE_TYPE_ASK ? 1 : 0) + (senderSlot !== 0 ? 1 : 0) + (deadlineMs !== 0 ? 1 : 0);
    const headerBytes = HEADER_BYTES + pairs * 8 + (trace === undefined ? 0 : L.MESSAGE_TRACE_WORDS * 4);
    const encoded = this.#encoded(headerBytes, this.#bytesMaxOf(type, slot, action), value, codec);
    const size = (encoded.length + 7) & ~7;
    const message = new Uint8Array(size);
    message.set(encoded);
    const words = new Int32Array(message.buffer);
    this.#writeHeader(words, 0, type, codec, action, slot, generation, replySlot, replySequence, senderSlot, senderGeneration, deadlineMs, trace);
    words[L.MESSAGE_WORD_BYTES] = size;
    words[L.MESSAGE_WORD_TYPE]! |= (size - encoded.length) << L.MESSAGE_PADDING_SHIFT;
    this.#outbox.push(message);
    this.#outboxBytes += size;
    this.sent++;
    this.bytes += size;
    this.#requestFlush();
  }

  /** A view that is valid until the next call. */
  #encoded(headerBytes: number, bytesMax: number, value: unknown, codec: MessageCodec | undefined): Uint8Array {
    if (codec !== undefined) return this.#scratch.encode(codec, value, headerBytes, bytesMax);
    return value === undefined ? new Uint8Array(headerBytes) : this.#needs.encoder.encodeToScratch(value, headerBytes, bytesMax);
  }

  /** Returns the byte offset behind the header, a multiple of 8. */
  #writeHeader(
    words: Int32Array,
    at: number,
    type: number,
    codec: MessageCodec | undefined,
    action: number,
    slot: number,
    generation: number,
    replySlot: number,
    replySequence: number,
    senderSlot: number,
    senderGeneration: number,
    deadlineMs: number,
    trace: MessageTrace | undefined,
  ): number {
    const word = at >> 2;
    const flags = (senderSlot === 0 ? 0 : L.MESSAGE_FLAG_HAS_SENDER) | (codec === undefined ? 0 : L.MESSAGE_FLAG_DECLARED);
    words[word + L.MESSAGE_WORD_TYPE] = type | (flags << 8) | (action << 16);
    words[word + L.MESSAGE_WORD_SLOT] = slot;
    words[word + L.MESSAGE_WORD_GENERATION] = generation;
    let extra = word + L.MESSAGE_WORD_EXTRA;
    if (type === L.MESSAGE_TYPE_ASK) {
      words[extra++] = replySlot;
      words[extra++] = replySequence;
    }
    if (senderSlot !== 0) {
      words[extra++] = senderSlot;
      words[extra++] = senderGeneration;
    }
    if (deadlineMs !== 0) {
      // In microseconds: an exact number in 53 bits for centuries.
      const deadlineUs = Math.ceil(deadlineMs * 1000);
      words[word + L.MESSAGE_WORD_TYPE]! |= L.MESSAGE_DEADLINE_BIT;
      words[extra++] = deadlineUs | 0;
      words[extra++] = Math.floor(deadlineUs / 4294967296);
    }
    if (trace !== undefined) {
      words[word + L.MESSAGE_WORD_TYPE]! |= L.MESSAGE_TRACE_BIT;
      writeTrace(words, extra, trace);
      extra += L.MESSAGE_TRACE_WORDS;
    }
    return extra << 2;
  }

  /** True if the first message of the outbox, or a fragment of it, went into the ring. */
  #moveFirst(): boolean {
    const { writer } = this.#needs;
    const message = this.#outbox[0] as Uint8Array;
    const at = writer.begin();
    if (at < 0) return false;
    if (message.length <= writer.messageBytesMax && this.#fragmented === 0) {
      this.#bytes.set(message, at);
      writer.commit(message.length);
      this.#dropFirst(message);
      return true;
    }
    const chunk = Math.min(message.length - this.#fragmented, writer.messageBytesMax - FRAGMENT_HEADER_BYTES);
    const word = at >> 2;
    const size = (FRAGMENT_HEADER_BYTES + chunk + 7) & ~7;
    const flags = (this.#fragmented === 0 ? L.MESSAGE_FLAG_FIRST : 0) | (this.#fragmented + chunk === message.length ? L.MESSAGE_FLAG_LAST : 0);
    this.#words[word + L.MESSAGE_WORD_BYTES] = size;
    this.#words[word + L.MESSAGE_WORD_TYPE] = L.MESSAGE_TYPE_FRAGMENT | (flags << 8);
    // A fragment uses these two words for the length of the whole message and of this part.
    this.#words[word + L.MESSAGE_WORD_SLOT] = message.length;
    this.#words[word + L.MESSAGE_WORD_GENERATION] = chunk;
    this.#bytes.set(message.subarray(this.#fragmented, this.#fragmented + chunk), at + FRAGMENT_HEADER_BYTES);
    writer.commit(size);
    this.#fragmented += chunk;
    if (this.#fragmented === message.length) this.#dropFirst(message);
    return true;
  }

  #dropFirst(message: Uint8Array): void {
    this.#outbox.shift();
    this.#outboxBytes -= message.length;
    this.#fragmented = 0;
  }
}
