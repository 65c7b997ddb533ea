/**
 * Values and their bytes, for all sessions of a transport: a declared shape by the codec that is compiled for it, where both sides have registered the same shape; anything else as the codec
 * of undeclared values makes it. Messages that fit a frame are values of a stream (one for each lane and session, in which keys travel once); larger ones stand for themselves, so that one may be
 * refused and the stream goes on. Agents travel by names, or are refused: their addresses mean nothing on another node.
 */
import { NexusError, NexusTypeError } from '../../errors.js';
import { fingerprint, type Shape } from '../../model/shape.js';
import { compileCodec, type DeclaredCodec } from '../../codec/declared/declared-codec.js';
import { type MemoryViews, memoryViews } from '../../codec/declared/memory-views.js';
import { corrupt } from '../../codec/primitive-reader.js';
import type { ReferenceCodec } from '../../codec/reference-codec.js';
import { ValueDecoder } from '../../codec/value-decoder.js';
import { ValueEncoder } from '../../codec/value-encoder.js';
import { SHAPES_REGISTERED_MAX } from './wire-limits.js';

/** How the payload of a message is encoded. Numbers of the protocol. */
export const Kind = { stream: 0, whole: 1, declared: 2 } as const;
/** Added to a kind: the payload is compressed. */
export const COMPRESSED = 0x80;

const SCRATCH_BYTES_MIN = 4096;
const SCRATCH_BYTES_KEPT_MAX = 1_048_576;
/** Memory of large messages that were sent, kept for the next ones: the system takes longer to give new memory than it takes to fill it. */
const SPARE_BYTES_MAX = 4_194_304;

export interface MessageCodecOptions {
  /** True for references to agents, which are then refused with their path. */
  readonly isReference: (value: object) => boolean;
  /** How they travel; undefined: not at all. What it describes must be remote: addresses mean nothing on another node. */
  readonly references?: ReferenceCodec | undefined;
}

/** What a value became. `bytes` are the caller's. */
export interface EncodedMessage {
  readonly kind: number;
  /** Of the shape, for `declared`. */
  readonly fingerprint: number;
  readonly bytes: Uint8Array;
}

export class MessageCodec {
  readonly #references: ReferenceCodec;
  readonly #takesAgents: boolean;
  readonly #whole: { readonly encoder: ValueEncoder; readonly decoder: ValueDecoder };
  /** What can be understood. */
  readonly #registered = new Map<number, DeclaredCodec>();
  /** By the shape itself, which senders hold. */
  readonly #byShape = new WeakMap<Shape, DeclaredCodec>();
  #scratch: MemoryViews | undefined;
  /** What large messages have taken lately: the first attempt at the next one. */
  #wholeBytes = 0;
  #spare: Uint8Array[] = [];
  #spareBytes = 0;
  /** A getter of a value that sends a message itself would write into the middle of the one that is being encoded. */
  encoding = false;

  constructor({ isReference, references }: MessageCodecOptions) {
    this.#references = references ?? {
      refusal: 'is an agent, which cannot be sent to another node',
      isReference,
      describe: () => {
        throw new NexusTypeError('NEXUS_NOT_CLONEABLE', 'an agent cannot be sent to another node');
      },
      restore: () => {
        throw corrupt('it has a reference to an agent, which does not come from another node');
      },
    };
    this.#takesAgents = references !== undefined;
    this.#whole = { encoder: new ValueEncoder(this.#references), decoder: this.decoder() };
  }

  /** Messages of this shape can be understood from now on. @throws NexusTypeError NEXUS_DEFINITION_INVALID, NEXUS_NOT_CLONEABLE */
  register(shape: Shape): void {
    const codec = this.codecOf(shape);
    if (!this.#registered.has(codec.fingerprint) && this.#registered.size >= SHAPES_REGISTERED_MAX)
      throw new NexusTypeError('NEXUS_DEFINITION_INVALID', `more than ${SHAPES_REGISTERED_MAX} shapes cannot be registered`);
    this.#registered.set(codec.fingerprint, codec);
  }

  /** For one lane of one session. */
  encoder(): ValueEncoder {
    return new ValueEncoder(this.#references);
  }

  decoder(): ValueDecoder {
    return new ValueDecoder(this.#references, { strictText: true });
  }

  /** @throws NexusTypeError NEXUS_DEFINITION_INVALID, NEXUS_NOT_CLONEABLE for a shape with agents in it where they do not travel */
  codecOf(shape: Shape): DeclaredCodec {
    let codec = this.#byShape.get(shape);
    if (codec === undefined) {
      const registered = this.#registered.get(fingerprint(shape));
      codec = registered ?? (compileCodec(this.#takesAgents ? shape : withoutAgents(shape, 'message'), this.#references) as DeclaredCodec);
      this.#byShape.set(shape, codec);
    }
    return codec;
  }

  /** A view of memory that is valid until the next call. @throws NexusTypeError NEXUS_SHAPE_MISMATCH; NexusError NEXUS_MESSAGE_TOO_LARGE */
  encodeDeclared(codec: DeclaredCodec, value: unknown, bytesMax: number): Uint8Array {
    let views = this.#scratch ?? memoryViews(new ArrayBuffer(SCRATCH_BYTES_MIN));
    for (;;) {
      this.#scratch = views.bytes.length > SCRATCH_BYTES_KEPT_MAX ? undefined : views;
      const size = views.bytes.length;
      const end = codec.write(value, views, 0, Math.min(size, bytesMax));
      if (end >= 0) return views.bytes.subarray(0, end);
      if (size >= bytesMax) throw tooLarge(bytesMax);
      views = memoryViews(new ArrayBuffer((Math.min(size * 4, bytesMax) + 7) & ~7));
    }
  }

  /** On its own, whatever was sent before. Whoever does not need the bytes any more may give them back. @throws NexusTypeError NEXUS_NOT_CLONEABLE; NexusError NEXUS_MESSAGE_TOO_LARGE */
  encodeWhole(value: unknown, bytesMax: number): Uint8Array {
    const { encoder } = this.#whole;
    for (let size = Math.min(bytesMax, Math.max(firstSize(value), this.#wholeBytes * 1.25) | 0); ; size = Math.min(size * 4, bytesMax)) {
      const bytes = this.#spareOf(size) ?? Buffer.allocUnsafeSlow(size);
      encoder.reset();
      const end = encoder.encode(value, bytes, 0, size);
      if (end >= 0) {
        this.#wholeBytes = Math.max(end, this.#wholeBytes / 2);
        encoder.forgetMemory();
        if (end >= bytes.length / 2) return bytes.subarray(0, end);
        const exact = Uint8Array.prototype.slice.call(bytes, 0, end);
        this.giveBack(bytes);
        return exact;
      }
      if (size >= bytesMax) throw tooLarge(bytesMax);
    }
  }

  /** What `encodeWhole` returned, of which nothing is needed any more. */
  giveBack({ buffer }: Uint8Array): void {
    if (this.#spareBytes + buffer.byteLength > SPARE_BYTES_MAX) return;
    this.#spare.push(new Uint8Array(buffer));
    this.#spareBytes += buffer.byteLength;
  }

  #spareOf(bytesMin: number): Uint8Array | undefined {
    const bytes = this.#spare.pop();
    if (bytes === undefined) return undefined;
    this.#spareBytes -= bytes.length;
    // One of another size would be in the way for ever.
    return bytes.length >= bytesMin && bytes.length <= bytesMin * 4 ? bytes : undefined;
  }

  /** @throws NexusError NEXUS_MESSAGE_CORRUPT */
  decodeWhole(bytes: Uint8Array, start: number, end: number): unknown {
    const { decoder } = this.#whole;
    decoder.reset();
    try {
      return decoder.decode(bytes, start, end);
    } finally {
      decoder.forgetMemory();
    }
  }

  /** @throws NexusError NEXUS_SHAPE_UNKNOWN, NEXUS_MESSAGE_CORRUPT */
  decodeDeclared(fingerprintOfShape: number, bytes: Uint8Array, start: number, end: number): unknown {
    const codec = this.#registered.get(fingerprintOfShape);
    if (codec === undefined)
      throw new NexusError(
        'NEXUS_SHAPE_UNKNOWN',
        `a message has a shape of fingerprint ${fingerprintOfShape.toString(16)}, which is not registered here: the two nodes declare it differently, or only one does`,
        { data: { fingerprint: fingerprintOfShape } },
      );
    const length = end - start;
    let views = this.#scratch;
    if (views === undefined || views.bytes.length < length) views = memoryViews(new ArrayBuffer((Math.max(length, SCRATCH_BYTES_MIN) + 7) & ~7));
    if (views.bytes.length <= SCRATCH_BYTES_KEPT_MAX) this.#scratch = views;
    views.bytes.set(bytes.subarray(start, end));
    return codec.read(views, 0, length);
  }
}

export function tooLarge(bytesMax: number): NexusError {
  return new NexusError('NEXUS_MESSAGE_TOO_LARGE', `the message takes more than ${bytesMax} bytes when encoded, which is the limit between these nodes`, {
    data: { bytesMax },
  });
}

/** What surely is large begins with enough memory. */
function firstSize(value: unknown): number {
  const known = typeof value === 'string' ? value.length : ArrayBuffer.isView(value) || value instanceof ArrayBuffer ? value.byteLength : 0;
  return Math.max(known + 64, 262_144);
}

function withoutAgents(shape: Shape, path: string): Shape {
  switch (shape.type) {
    case 'agentRef':
      throw new NexusTypeError('NEXUS_NOT_CLONEABLE', `${path} is declared as an agent, which cannot be sent to another node`);
    case 'array':
      withoutAgents(shape.element, `${path}[]`);
      break;
    case 'tuple':
      for (const [index, element] of shape.elements.entries()) withoutAgents(element, `${path}[${index}]`);
      break;
    case 'optional':
    case 'nullable':
      withoutAgents(shape.inner, path);
      break;
    case 'object':
      for (const [name, field] of Object.entries(shape.fields)) withoutAgents(field, `${path}.${name}`);
      break;
    default:
  }
  return shape;
}
