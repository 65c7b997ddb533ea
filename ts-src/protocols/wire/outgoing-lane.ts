/**
 * What waits on one lane of a session to be sent. A message is encoded when it is sent, straight into the frame that is being filled; a frame is sealed when it is full or when it is asked for, so
 * that under load frames hold many messages and without it none waits. Larger messages are cut into fragments when their turn comes. First in, first out.
 *
 * Memory: frames are cut from slabs that are never written again where a frame was given out, because the network may still read there.
 */
import { type NexusError, NexusTypeError } from '../../errors.js';
import type { Shape } from '../../model/shape.js';
import type { ValueEncoder } from '../../codec/value-encoder.js';
import { compressed, type CompressionOptions } from './compression.js';
import { FLAG_LAST, FrameType, HEADER_BYTES, sealFrame, writeU32 } from './frame-format.js';
import { COMPRESSED, Kind, type MessageCodec, tooLarge } from './message-codec.js';
import { BATCH_MESSAGES_MAX, FRAME_BYTES_MIN, type LaneCredit } from './wire-limits.js';

/** Channel, kind, length. */
export const MESSAGE_HEADER_BYTES = 6;
/** Channel, kind, length, offset, raw length, fingerprint. */
export const FRAGMENT_HEADER_BYTES = 18;
const SLAB_BYTES_MIN = 4096;
/** Less than that is left behind in a slab. */
const ROOM_BYTES_MIN = 256;

interface SealedFrame {
  readonly type: 'frame';
  readonly slab: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly messages: number;
}

interface LargeMessage {
  readonly type: 'large';
  readonly channel: number;
  readonly kind: number;
  /** Before compression; 0 without it. */
  readonly rawBytes: number;
  readonly fingerprint: number;
  readonly bytes: Uint8Array;
  sent: number;
}

export interface OutgoingLaneOptions {
  /** 0 control, 1 normal, 2 bulk. */
  readonly lane: number;
  readonly codec: MessageCodec;
  readonly waitingMax: LaneCredit;
  /** Until the peer has said what it takes. */
  readonly messageBytes: number;
}

export class OutgoingLane {
  readonly #options: OutgoingLaneOptions;
  readonly #codec: MessageCodec;
  #encoder: ValueEncoder | undefined;
  #queue: (SealedFrame | LargeMessage)[] = [];
  #head = 0;
  #slab: Uint8Array | undefined;
  /** Of the frame that is being filled. */
  #start = 0;
  #at = 0;
  #count = 0;
  /** What can be compressed is, from the handshake on. */
  compression: CompressionOptions | undefined;
  frameBytes = FRAME_BYTES_MIN;
  messageBytes: number;
  /** Since the session opened; what the peer has granted, in the same count. */
  sentBytes = 0;
  sentMessages = 0;
  grantedBytes = Number.POSITIVE_INFINITY;
  grantedMessages = Number.POSITIVE_INFINITY;
  /** As the peer has receipted. */
  deliveredMessages = 0;
  waitingBytes = 0;
  waitingMessages = 0;
  /** `full` was said: whoever heard it is told when there is room. */
  saidFull = false;

  constructor(options: OutgoingLaneOptions) {
    this.#options = options;
    this.#codec = options.codec;
    this.messageBytes = options.messageBytes;
  }

  /** False if there is no room. @throws NexusTypeError NEXUS_NOT_CLONEABLE, NEXUS_SHAPE_MISMATCH; NexusError NEXUS_MESSAGE_TOO_LARGE: nothing was sent then */
  send(channel: number, value: unknown, shape: Shape | undefined): boolean {
    const { waitingMax } = this.#options;
    if (this.waitingMessages >= waitingMax.messages || this.waitingBytes >= waitingMax.bytes) {
      this.saidFull = true;
      return false;
    }
    const codec = this.#codec;
    if (codec.encoding) throw new NexusTypeError('NEXUS_NOT_CLONEABLE', 'message has a getter that sends a message itself');
    codec.encoding = true;
    try {
      if (shape !== undefined) this.#sendDeclared(channel, value, shape);
      else if (isSurelyLarge(value, this.frameBytes) || !this.#sendInStream(channel, value)) this.#sendWhole(channel, value);
    } finally {
      codec.encoding = false;
    }
    return true;
  }

  /** Half of what may wait is free. */
  get hasRoom(): boolean {
    const { bytes, messages } = this.#options.waitingMax;
    return this.waitingBytes * 2 <= bytes && this.waitingMessages * 2 <= messages;
  }

  /** Whether a frame could be sent now. */
  get isReady(): boolean {
    const first = this.#queue[this.#head];
    if (first === undefined) return this.#count > 0 && this.#allows(this.#at - this.#start - HEADER_BYTES, this.#count);
    if (first.type === 'frame') return this.#allows(first.end - first.start - HEADER_BYTES, first.messages);
    return this.#allows(FRAGMENT_HEADER_BYTES + this.#chunk(first), 1);
  }

  /** The next frame, for which `isReady` was asked. */
  take(sequence: number, salt: number): Uint8Array {
    // Without load that is the frame which is being filled: it needs no place in the queue.
    if (this.#head === this.#queue.length) return this.#takeOpen(sequence, salt);
    const first = this.#queue[this.#head] as SealedFrame | LargeMessage;
    if (first.type === 'large') return this.#takeFragment(first, sequence, salt);
    this.#forgetFirst();
    return this.#sealed(first.slab, first.start, first.end, first.messages, sequence, salt);
  }

  /** When there was nothing to send for a while. */
  forgetMemory(): void {
    if (this.waitingMessages > 0) return;
    this.#slab = undefined;
    this.#start = 0;
    this.#encoder?.forgetMemory();
  }

  /** The session is over: what waits is lost. */
  discard(): void {
    this.#queue = [];
    this.#head = 0;
    this.#slab = undefined;
    this.#count = 0;
    this.#encoder = undefined;
    this.waitingBytes = 0;
    this.waitingMessages = 0;
  }

  #sendInStream(channel: number, value: unknown): boolean {
    this.#encoder ??= this.#codec.encoder();
    const encoder = this.#encoder;
    if (this.#slab !== undefined && this.#count < BATCH_MESSAGES_MAX && this.#limit() - this.#at >= ROOM_BYTES_MIN) {
      const end = encoder.encode(value, this.#slab, this.#at + MESSAGE_HEADER_BYTES, this.#limit());
      if (end >= 0) return this.#wrote(channel, end);
    }
    // Into a frame of its own: of a small slab first, if slabs are small, then of the largest.
    while (this.#count > 0 || this.#start > 0 || (this.#slab?.length ?? 0) < this.frameBytes) {
      this.#open(this.#slab?.length === undefined || this.#start > 0 ? SLAB_BYTES_MIN : this.frameBytes);
      const end = encoder.encode(value, this.#slab as Uint8Array, this.#at + MESSAGE_HEADER_BYTES, this.#limit());
      if (end >= 0) return this.#wrote(channel, end);
    }
    return false;
  }

  /** In place of the payload, which is smaller then. */
  #wrote(channel: number, end: number): boolean {
    const slab = this.#slab as Uint8Array;
    const start = this.#at + MESSAGE_HEADER_BYTES;
    if (this.compression !== undefined && end - start >= this.compression.bytesMin) {
      const smaller = compressed(slab.subarray(start, end));
      if (smaller !== undefined) {
        this.#put(channel, Kind.stream | COMPRESSED, end - start, 0, smaller);
        return true;
      }
    }
    writeHeader(slab, this.#at, channel, Kind.stream, end - start);
    this.#advance(end);
    return true;
  }

  #sendDeclared(channel: number, value: unknown, shape: Shape): void {
    const codec = this.#codec.codecOf(shape);
    const bytes = this.#codec.encodeDeclared(codec, value, this.messageBytes);
    this.#sendBytes(channel, Kind.declared, codec.fingerprint, bytes, true);
  }

  #sendWhole(channel: number, value: unknown): void {
    this.#sendBytes(channel, Kind.whole, 0, this.#codec.encodeWhole(value, this.messageBytes), false);
  }

  #sendBytes(channel: number, plainKind: number, fingerprint: number, plain: Uint8Array, isShared: boolean): void {
    const smaller = this.compression !== undefined && plain.length >= this.compression.bytesMin ? compressed(plain) : undefined;
    const bytes = smaller ?? plain;
    const kind = smaller === undefined ? plainKind : plainKind | COMPRESSED;
    const rawBytes = smaller === undefined ? 0 : plain.length;
    const size = MESSAGE_HEADER_BYTES + 8 + bytes.length;
    if (size <= this.frameBytes - HEADER_BYTES) {
      if (this.#slab === undefined || this.#count >= BATCH_MESSAGES_MAX || size > this.#limit() - this.#at)
        this.#open(Math.max(size + HEADER_BYTES, SLAB_BYTES_MIN));
      this.#put(channel, kind, rawBytes, fingerprint, bytes);
      return;
    }
    this.#seal();
    this.#queue.push({ type: 'large', channel, kind, rawBytes, fingerprint, bytes: isShared && smaller === undefined ? bytes.slice() : bytes, sent: 0 });
    this.waitingBytes += bytes.length;
    this.waitingMessages++;
  }

  /** A message into the open frame, in which there is room. */
  #put(channel: number, kind: number, rawBytes: number, fingerprint: number, bytes: Uint8Array): void {
    const slab = this.#slab as Uint8Array;
    let at = this.#at + MESSAGE_HEADER_BYTES;
    writeHeader(slab, this.#at, channel, kind, bytes.length);
    if ((kind & COMPRESSED) !== 0) {
      writeU32(slab, at, rawBytes);
      at += 4;
    }
    if ((kind & ~COMPRESSED) === Kind.declared) {
      writeU32(slab, at, fingerprint);
      at += 4;
    }
    slab.set(bytes, at);
    this.#advance(at + bytes.length);
  }

  #advance(end: number): void {
    this.waitingBytes += end - this.#at;
    this.#at = end;
    this.#count++;
    this.waitingMessages++;
  }

  /** A frame may end here. */
  #limit(): number {
    return Math.min((this.#slab as Uint8Array).length, this.#start + this.frameBytes);
  }

  /** Begins a frame in a slab of its own. */
  #open(bytesMin: number): void {
    this.#seal();
    const size = Math.min(this.frameBytes, Math.max(bytesMin, (this.#slab?.length ?? SLAB_BYTES_MIN / 2) * 2));
    this.#slab = Buffer.allocUnsafeSlow(size);
    this.#start = 0;
    this.#at = HEADER_BYTES;
  }

  #takeOpen(sequence: number, salt: number): Uint8Array {
    const slab = this.#slab as Uint8Array;
    const start = this.#start;
    const end = this.#at;
    const messages = this.#count;
    this.#beginNext(slab);
    return this.#sealed(slab, start, end, messages, sequence, salt);
  }

  #sealed(slab: Uint8Array, start: number, end: number, messages: number, sequence: number, salt: number): Uint8Array {
    this.#sent(end - start - HEADER_BYTES, messages);
    this.waitingBytes -= end - start - HEADER_BYTES;
    return sealFrame(slab, start, end, FrameType.batch, this.#options.lane, 0, sequence, salt);
  }

  /** Ends the open frame, if there is anything in it, and begins the next behind it. */
  #seal(): void {
    if (this.#count === 0 || this.#slab === undefined) return;
    this.#queue.push({ type: 'frame', slab: this.#slab, start: this.#start, end: this.#at, messages: this.#count });
    this.#beginNext(this.#slab);
  }

  #beginNext(slab: Uint8Array): void {
    this.#count = 0;
    this.#start = this.#at;
    this.#at += HEADER_BYTES;
    // The size is kept as a measure of the next one.
    if (slab.length - this.#at < ROOM_BYTES_MIN) {
      this.#start = slab.length;
      this.#at = slab.length;
    }
  }

  #takeFragment(message: LargeMessage, sequence: number, salt: number): Uint8Array {
    const chunk = this.#chunk(message);
    const { bytes, sent } = message;
    const frame = Buffer.allocUnsafeSlow(HEADER_BYTES + FRAGMENT_HEADER_BYTES + chunk);
    frame[HEADER_BYTES] = message.channel;
    frame[HEADER_BYTES + 1] = message.kind;
    writeU32(frame, HEADER_BYTES + 2, bytes.length);
    writeU32(frame, HEADER_BYTES + 6, sent);
    writeU32(frame, HEADER_BYTES + 10, message.rawBytes);
    writeU32(frame, HEADER_BYTES + 14, message.fingerprint);
    frame.set(bytes.subarray(sent, sent + chunk), HEADER_BYTES + FRAGMENT_HEADER_BYTES);
    message.sent += chunk;
    this.waitingBytes -= chunk;
    const isLast = message.sent === bytes.length;
    if (isLast) {
      this.#forgetFirst();
      if (message.kind === Kind.whole) this.#codec.giveBack(bytes);
    }
    this.#sent(FRAGMENT_HEADER_BYTES + chunk, isLast ? 1 : 0);
    return sealFrame(frame, 0, frame.length, FrameType.fragment, this.#options.lane, isLast ? FLAG_LAST : 0, sequence, salt);
  }

  #chunk({ bytes, sent }: LargeMessage): number {
    return Math.min(bytes.length - sent, this.frameBytes - HEADER_BYTES - FRAGMENT_HEADER_BYTES);
  }

  #allows(bytes: number, messages: number): boolean {
    return this.sentBytes + bytes <= this.grantedBytes && this.sentMessages + messages <= this.grantedMessages;
  }

  #sent(bytes: number, messages: number): void {
    this.sentBytes += bytes;
    this.sentMessages += messages;
    this.waitingMessages -= messages;
  }

  #forgetFirst(): void {
    this.#queue[this.#head++] = undefined as never;
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  /** What the peer takes is known now. Large messages that wait and are too large for it are thrown away, and returned. */
  limitTo(frameBytes: number, messageBytes: number): NexusError[] {
    this.frameBytes = frameBytes;
    this.messageBytes = Math.min(messageBytes, this.messageBytes);
    const refused: NexusError[] = [];
    for (let index = this.#queue.length - 1; index >= this.#head; index--) {
      const message = this.#queue[index] as SealedFrame | LargeMessage;
      if (message.type !== 'large' || Math.max(message.bytes.length, message.rawBytes) <= messageBytes) continue;
      this.#queue.splice(index, 1);
      this.waitingBytes -= message.bytes.length;
      this.waitingMessages--;
      refused.push(tooLarge(messageBytes));
    }
    return refused;
  }
}

function writeHeader(bytes: Uint8Array, at: number, channel: number, kind: number, length: number): void {
  bytes[at] = channel;
  bytes[at + 1] = kind;
  writeU32(bytes, at + 2, length);
}

/** Found without an attempt to encode it. */
function isSurelyLarge(value: unknown, frameBytes: number): boolean {
  if (typeof value === 'string') return value.length > frameBytes;
  return (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) && value.byteLength > frameBytes;
}
