/**
 * What comes on one lane of a session: takes batches and fragments apart, holds the sender to its credit, puts fragments together, decodes. At most one message is in fragments at a time, because a
 * lane is a queue. Whatever the bytes are, it delivers, refuses one message, or throws NEXUS_FRAME_INVALID, upon which the session ends.
 */
import { NexusError } from '../../errors.js';
import type { ValueDecoder } from '../../codec/value-decoder.js';
import { inflated } from './compression.js';
import { FLAG_LAST, HEADER_BYTES, readU32, violation } from './frame-format.js';
import { COMPRESSED, Kind, type MessageCodec } from './message-codec.js';
import { FRAGMENT_HEADER_BYTES, MESSAGE_HEADER_BYTES } from './outgoing-lane.js';
import type { ReassemblyBudget } from './reassembly-budget.js';
import { BATCH_MESSAGES_MAX, type LaneCredit } from './wire-limits.js';

export interface IncomingLaneOptions {
  readonly codec: MessageCodec;
  /** Undefined: no credit, on the control lane. */
  readonly credit: LaneCredit | undefined;
  readonly messageBytes: number;
  readonly budget: ReassemblyBudget;
  readonly compressionAllowed: boolean;
}

export interface IncomingLaneEvents {
  /** False when the session has ended in the meantime: nothing more is delivered. */
  message(channel: number, value: unknown): boolean;
  /** One message was not understood; the next ones may be. */
  refused(error: NexusError): void;
}

/** A message of which not all fragments have come. `bytes` is undefined if there was no room: then they are thrown away. */
interface Assembly {
  readonly channel: number;
  readonly kind: number;
  readonly total: number;
  readonly rawBytes: number;
  readonly fingerprint: number;
  readonly bytes: Uint8Array | undefined;
  has: number;
}

export class IncomingLane {
  readonly #options: IncomingLaneOptions;
  readonly #events: IncomingLaneEvents;
  #decoder: ValueDecoder | undefined;
  #assembly: Assembly | undefined;
  receivedBytes = 0;
  receivedMessages = 0;
  consumedBytes = 0;
  consumedMessages = 0;
  /** As the sender was told. */
  receiptedBytes = 0;
  receiptedMessages = 0;

  constructor(options: IncomingLaneOptions, events: IncomingLaneEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** Bytes of a message in fragments that are reserved for it; 0 without one. */
  get assemblyBytes(): number {
    return this.#assembly?.bytes?.length ?? 0;
  }

  get isAssembling(): boolean {
    return this.#assembly !== undefined;
  }

  /** There is something that the sender was not told. */
  get hasNews(): boolean {
    return this.consumedBytes > this.receiptedBytes;
  }

  /** The sender could soon have to wait. */
  get isReceiptUrgent(): boolean {
    const { credit } = this.#options;
    const messages = this.consumedMessages - this.receiptedMessages;
    if (credit === undefined) return messages >= BATCH_MESSAGES_MAX;
    return this.consumedBytes - this.receiptedBytes >= credit.bytes / 4 || messages >= credit.messages / 4;
  }

  /** A batch frame whose header was checked. @throws NexusError NEXUS_FRAME_INVALID */
  batch(frame: Uint8Array): void {
    const end = frame.length;
    if (this.#assembly !== undefined) throw violation('fragment', 'a message comes between the fragments of another one of its lane');
    this.#charge(end - HEADER_BYTES);
    let at = HEADER_BYTES;
    for (let count = 1; ; count++) {
      if (count > BATCH_MESSAGES_MAX) throw violation('batch', `more than ${BATCH_MESSAGES_MAX} messages in a frame`);
      if (end - at < MESSAGE_HEADER_BYTES) throw violation('batch', 'a frame ends within the header of a message');
      const channel = frame[at] as number;
      const kind = frame[at + 1] as number;
      const length = readU32(frame, at + 2);
      let start = at + MESSAGE_HEADER_BYTES;
      const plainKind = kind & ~COMPRESSED;
      let rawBytes = 0;
      let fingerprint = 0;
      if (kind !== Kind.stream) {
        const added = ((kind & COMPRESSED) === 0 ? 0 : 4) + (plainKind === Kind.declared ? 4 : 0);
        if (end - start < added) throw violation('batch', 'a frame ends within the header of a message');
        if ((kind & COMPRESSED) !== 0) {
          rawBytes = readU32(frame, start);
          this.#checkCompressed(length, rawBytes);
        }
        if (plainKind === Kind.declared) fingerprint = readU32(frame, start + added - 4);
        start += added;
      }
      if (length > end - start) throw violation('batch', `a message of ${length} bytes, where ${end - start} are left of the frame`);
      this.#arrived();
      if (!this.#deliver(channel, kind, rawBytes, fingerprint, frame, start, start + length)) return;
      this.consumedBytes += start + length - at;
      this.consumedMessages++;
      at = start + length;
      if (at === end) return;
    }
  }

  /** A fragment frame whose header was checked. @throws NexusError NEXUS_FRAME_INVALID */
  fragment(frame: Uint8Array): void {
    const body = frame.length - HEADER_BYTES;
    if (body <= FRAGMENT_HEADER_BYTES) throw violation('fragment', 'a fragment has no content');
    this.#charge(body);
    const chunk = body - FRAGMENT_HEADER_BYTES;
    const assembly = this.#assemblyOf(frame, readU32(frame, HEADER_BYTES + 6));
    const isLast = ((frame[2] as number) & FLAG_LAST) !== 0;
    if (chunk > assembly.total - assembly.has) throw violation('fragment', 'a fragment reaches over the end of its message');
    if (isLast !== (assembly.has + chunk === assembly.total))
      throw violation('fragment', isLast ? 'a message ends before its end' : 'a message does not end where it should');
    assembly.bytes?.set(frame.subarray(HEADER_BYTES + FRAGMENT_HEADER_BYTES), assembly.has);
    assembly.has += chunk;
    this.consumedBytes += body;
    if (!isLast) return;
    this.#arrived();
    const { channel, kind, rawBytes, fingerprint, bytes, total } = assembly;
    // Still in the memory that is given back: nothing takes any before it is decoded.
    this.abandon();
    if (bytes === undefined) {
      const { budget } = this.#options;
      this.#events.refused(
        new NexusError(
          'NEXUS_MESSAGE_TOO_LARGE',
          `there was no room for a message of ${total} bytes: messages that are not whole yet may take ${budget.bytesMax} bytes of all connections`,
          {
            data: { bytes: total, bytesMax: budget.bytesMax },
          },
        ),
      );
    } else if (!this.#deliver(channel, kind, rawBytes, fingerprint, bytes, 0, total)) return;
    this.consumedMessages++;
  }

  /** Lets go of the last frame. */
  forgetMemory(): void {
    this.#decoder?.forgetMemory();
  }

  /** Gives back the memory of a message that is not whole. */
  abandon(): void {
    if (this.#assembly?.bytes !== undefined) this.#options.budget.give(this.#assembly.bytes);
    this.#assembly = undefined;
  }

  #assemblyOf(frame: Uint8Array, offset: number): Assembly {
    const channel = frame[HEADER_BYTES] as number;
    const kind = frame[HEADER_BYTES + 1] as number;
    const total = readU32(frame, HEADER_BYTES + 2);
    const rawBytes = readU32(frame, HEADER_BYTES + 10);
    const fingerprint = readU32(frame, HEADER_BYTES + 14);
    const known = this.#assembly;
    if (known !== undefined) {
      if (known.has !== offset) throw violation('fragment', `a fragment begins at ${offset}, where ${known.has} bytes of its message are there`);
      if (known.channel !== channel || known.kind !== kind || known.total !== total || known.rawBytes !== rawBytes || known.fingerprint !== fingerprint)
        throw violation('fragment', 'a fragment is of another message than the one before it');
      return known;
    }
    if (offset !== 0) throw violation('fragment', 'the beginning of a message is missing');
    const { messageBytes, budget } = this.#options;
    const plainKind = kind & ~COMPRESSED;
    if (plainKind !== Kind.whole && plainKind !== Kind.declared) throw violation('fragment', `a message in fragments is of kind ${kind}`);
    if ((fingerprint !== 0 && plainKind !== Kind.declared) || (rawBytes !== 0 && (kind & COMPRESSED) === 0))
      throw violation('fragment', 'a fragment has a field that is of another kind');
    if (total > messageBytes) throw violation('fragment', `a message of ${total} bytes, where at most ${messageBytes} are allowed`);
    if ((kind & COMPRESSED) !== 0) this.#checkCompressed(total, rawBytes);
    this.#assembly = { channel, kind, total, rawBytes, fingerprint, bytes: budget.take(total), has: 0 };
    return this.#assembly;
  }

  #checkCompressed(length: number, rawBytes: number): void {
    const { compressionAllowed, messageBytes } = this.#options;
    if (!compressionAllowed) throw violation('compression', 'a message is compressed, which was not agreed');
    if (rawBytes > messageBytes) throw violation('compression', `a message of ${rawBytes} bytes when inflated, where at most ${messageBytes} are allowed`);
    if (rawBytes <= length) throw violation('compression', 'a message is larger compressed than not');
  }

  /** Of the sender's credit. */
  #charge(bytes: number): void {
    const { credit } = this.#options;
    this.receivedBytes += bytes;
    if (credit !== undefined && this.receivedBytes > this.receiptedBytes + credit.bytes)
      throw violation('credit', `${this.receivedBytes} bytes have come, where ${this.receiptedBytes + credit.bytes} were granted`);
  }

  #arrived(): void {
    const { credit } = this.#options;
    this.receivedMessages++;
    if (credit !== undefined && this.receivedMessages > this.receiptedMessages + credit.messages)
      throw violation('credit', `${this.receivedMessages} messages have come, where ${this.receiptedMessages + credit.messages} were granted`);
  }

  #deliver(channel: number, kind: number, rawBytes: number, fingerprint: number, source: Uint8Array, from: number, to: number): boolean {
    const { codec } = this.#options;
    const isCompressed = (kind & COMPRESSED) !== 0;
    const bytes = isCompressed ? inflated(source.subarray(from, to), rawBytes) : source;
    const start = isCompressed ? 0 : from;
    const end = isCompressed ? rawBytes : to;
    let value: unknown;
    switch (kind & ~COMPRESSED) {
      case Kind.stream:
        this.#decoder ??= codec.decoder();
        value = decoded(this.#decoder, bytes, start, end);
        break;
      // Nothing depends on these: they are refused one by one.
      case Kind.whole:
      case Kind.declared:
        try {
          value = (kind & ~COMPRESSED) === Kind.whole ? codec.decodeWhole(bytes, start, end) : codec.decodeDeclared(fingerprint, bytes, start, end);
        } catch (error) {
          this.#events.refused(refusalOf(error));
          return true;
        }
        break;
      default:
        throw violation('message', `there is no message of kind ${kind}`);
    }
    return this.#events.message(channel, value);
  }
}

function decoded(decoder: ValueDecoder, bytes: Uint8Array, start: number, end: number): unknown {
  try {
    return decoder.decode(bytes, start, end);
  } catch (error) {
    // Its keys are lost for all that follow.
    throw violation('message', refusalOf(error).message);
  }
}

/** The engine has limits of its own: a bigint or a string can be too large for it. */
function refusalOf(error: unknown): NexusError {
  if (error instanceof NexusError) return error;
  return new NexusError('NEXUS_MESSAGE_CORRUPT', `the bytes are not an encoded message: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
