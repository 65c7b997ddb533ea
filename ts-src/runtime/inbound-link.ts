/**
 * Messages from one other thread to this one: takes them out of the ring, puts fragments together, decodes, and hands them over. The decoder must see
 * every message in order (it learns shapes from them), so nothing is skipped undecoded, but for what an earlier life of either side left behind.
 */
import * as L from '../../layout/generated/layout.js';
import type { RingReader } from '../../bindings/portable/ring.js';
import type { MessageCodec } from '../codec/declared/lazy-codec.js';
import { type MemoryViews, memoryViews } from '../codec/declared/memory-views.js';
import { type MessageTrace, readTrace } from '../model/message-trace.js';
import type { ValueDecoder } from '../codec/value-decoder.js';

/** The type of a message, without the bit beside it. */
const TYPE_MASK = 255 & ~L.MESSAGE_TRACE_BIT;

/** What happens to a message that has arrived. `thread` is the one that sent it. */
export interface Receiver {
  /** How the input of a declared message is read; undefined if there is no such agent. */
  inputCodec(slot: number, generation: number, action: number): MessageCodec | undefined;
  /** How a declared reply is read; undefined if nobody waits for it any more. */
  replyCodec(replySlot: number, replySequence: number): MessageCodec | undefined;
  tell(
    thread: number,
    slot: number,
    generation: number,
    action: number,
    input: unknown,
    senderSlot: number,
    senderGeneration: number,
    trace: MessageTrace | undefined,
  ): void;
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
    /** When its asker gives up; 0 for an ask of the runtime. */
    deadlineMs: number,
    trace: MessageTrace | undefined,
  ): void;
  reply(replySlot: number, replySequence: number, value: unknown): void;
  replyError(replySlot: number, replySequence: number, error: unknown): void;
  /** A message to the predecessor of this thread was thrown away. For an ask its reply slot is ≥ 0. */
  discarded(thread: number, slot: number, generation: number, replySlot: number, replySequence: number): void;
  /** A reply was thrown away that a thread sent before it had heard that this one has come: it may be one that this one waits for. */
  replyDiscarded(replySlot: number, replySequence: number): void;
  /** A message could not be decoded, which is a defect. For an ask its reply slot is ≥ 0. */
  corrupt(thread: number, replySlot: number, replySequence: number, error: unknown): void;
}

export class InboundLink {
  received = 0;
  readonly #views: MemoryViews;
  readonly #thread: number;
  readonly #reader: RingReader;
  readonly #decoder: ValueDecoder;
  readonly #receiver: Receiver;
  readonly #receive: (at: number) => void;
  readonly #published: (stampedMs: number) => void;
  readonly #nowMs: () => number;
  #assembly: Uint8Array | undefined;
  #assembled = 0;
  readonly #incarnation: number;
  /** A successor throws away what was meant for its predecessors, up to the RESET that is meant for itself. */
  #discarding: boolean;

  /**
   * @param views the shared memory
   * @param incarnation of this thread.
   * @param published told, for some of the messages that were taken, when they had been published.
   */
  constructor(
    views: MemoryViews,
    thread: number,
    reader: RingReader,
    decoder: ValueDecoder,
    receiver: Receiver,
    incarnation: number,
    published: (stampedMs: number) => void,
    nowMs: () => number,
  ) {
    this.#views = views;
    this.#thread = thread;
    this.#reader = reader;
    this.#decoder = decoder;
    this.#receiver = receiver;
    this.#incarnation = incarnation;
    this.#published = published;
    this.#nowMs = nowMs;
    this.#discarding = incarnation > 0;
    this.#receive = (at) => this.#dispatch(this.#views, at);
  }

  get hasData(): boolean {
    return this.#reader.hasData;
  }

  /** Handles up to `messagesMax` messages. Returns how many there were. */
  read(messagesMax: number): number {
    const count = this.#reader.read(messagesMax, this.#receive);
    this.received += count;
    if (count > 0) {
      const stampedMs = this.#reader.takeStamp();
      if (stampedMs >= 0) this.#published(stampedMs);
    }
    return count;
  }

  /** True once after the sender asked to be woken when there is room. */
  takeWakeRequest(): boolean {
    return this.#reader.takeWakeRequest();
  }

  #dispatch(views: MemoryViews, at: number): void {
    const { words } = views;
    const word = at >> 2;
    const head = words[word + L.MESSAGE_WORD_TYPE] as number;
    const type = head & TYPE_MASK;
    if (type === L.MESSAGE_TYPE_RESET) {
      // One for a predecessor, which had not got so far as to take it out of the ring for good.
      if (this.#discarding && words[word + L.MESSAGE_WORD_SLOT] !== this.#incarnation) return;
      this.#discarding = false;
      this.#assembly = undefined;
      this.#decoder.reset();
      return;
    }
    if (type === L.MESSAGE_TYPE_FRAGMENT) return this.#assemble(at);
    const slot = words[word + L.MESSAGE_WORD_SLOT] as number;
    const generation = words[word + L.MESSAGE_WORD_GENERATION] as number;
    let extra = word + L.MESSAGE_WORD_EXTRA;
    let replySlot = -1;
    let replySequence = 0;
    if (type === L.MESSAGE_TYPE_ASK) {
      replySlot = words[extra++] as number;
      replySequence = words[extra++] as number;
    }
    if (this.#discarding) {
      if (type === L.MESSAGE_TYPE_TELL || type === L.MESSAGE_TYPE_ASK) this.#receiver.discarded(this.#thread, slot, generation, replySlot, replySequence);
      else this.#receiver.replyDiscarded(slot, generation);
      return;
    }
    const flags = head >> 8;
    let senderSlot = 0;
    let senderGeneration = 0;
    if ((flags & L.MESSAGE_FLAG_HAS_SENDER) !== 0) {
      senderSlot = words[extra++] as number;
      senderGeneration = words[extra++] as number;
    }
    let deadlineMs = 0;
    if ((head & L.MESSAGE_DEADLINE_BIT) !== 0) {
      deadlineMs = ((words[extra + 1] as number) * 4294967296 + ((words[extra] as number) >>> 0)) / 1000;
      extra += 2;
    }
    let trace: MessageTrace | undefined;
    if ((head & L.MESSAGE_TRACE_BIT) !== 0) {
      trace = readTrace(words, extra, this.#nowMs());
      extra += L.MESSAGE_TRACE_WORDS;
    }
    const payload = extra << 2;
    const end = at + (words[word + L.MESSAGE_WORD_BYTES] as number) - ((head >> L.MESSAGE_PADDING_SHIFT) & 7);
    const action = head >>> 16;
    let value: unknown;
    if (payload < end || (flags & L.MESSAGE_FLAG_DECLARED) !== 0) {
      try {
        if ((flags & L.MESSAGE_FLAG_DECLARED) === 0) value = this.#decoder.decode(views.bytes, payload, end);
        else if (type === L.MESSAGE_TYPE_REPLY) value = this.#receiver.replyCodec(slot, generation)?.read(views, payload, end);
        else value = this.#receiver.inputCodec(slot, generation, action)?.read(views, payload, end);
      } catch (error) {
        this.#receiver.corrupt(this.#thread, replySlot, replySequence, error);
        if (type === L.MESSAGE_TYPE_REPLY || type === L.MESSAGE_TYPE_REPLY_ERROR) this.#receiver.replyError(slot, generation, error);
        return;
      }
    }
    switch (type) {
      case L.MESSAGE_TYPE_TELL:
        return this.#receiver.tell(this.#thread, slot, generation, action, value, senderSlot, senderGeneration, trace);
      case L.MESSAGE_TYPE_ASK:
        return this.#receiver.ask(this.#thread, slot, generation, action, value, senderSlot, senderGeneration, replySlot, replySequence, deadlineMs, trace);
      case L.MESSAGE_TYPE_REPLY:
        return this.#receiver.reply(slot, generation, value);
      case L.MESSAGE_TYPE_REPLY_ERROR:
        return this.#receiver.replyError(slot, generation, value);
    }
  }

  #assemble(at: number): void {
    const { words, bytes } = this.#views;
    const word = at >> 2;
    const flags = ((words[word + L.MESSAGE_WORD_TYPE] as number) >> 8) & 255;
    const total = words[word + L.MESSAGE_WORD_SLOT] as number;
    const chunk = words[word + L.MESSAGE_WORD_GENERATION] as number;
    if ((flags & L.MESSAGE_FLAG_FIRST) !== 0) {
      this.#assembly = new Uint8Array(total);
      this.#assembled = 0;
    }
    // The rest of a message whose start went to a predecessor.
    if (this.#assembly === undefined) return;
    const from = (word + L.MESSAGE_WORD_EXTRA) << 2;
    this.#assembly.set(bytes.subarray(from, from + chunk), this.#assembled);
    this.#assembled += chunk;
    if ((flags & L.MESSAGE_FLAG_LAST) === 0) return;
    const message = this.#assembly;
    this.#assembly = undefined;
    this.#dispatch(memoryViews(message.buffer), 0);
  }
}
