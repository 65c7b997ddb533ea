/**
 * The receiving side of a stream of undeclared messages; see `value-encoder.ts` for what arrives. Sees every value of one encoder exactly
 * once and in order.
 */

import { GraphReader } from './graph-reader.js';
import type { ReferenceCodec } from './reference-codec.js';

export interface ValueDecoderOptions {
  /** Text that is not UTF-8 is refused, for bytes of strangers; otherwise what cannot be read of it becomes U+FFFD. Default false. */
  readonly strictText?: boolean;
}

export class ValueDecoder {
  private readonly reader: GraphReader;

  constructor(references: ReferenceCodec, { strictText = false }: ValueDecoderOptions = {}) {
    this.reader = new GraphReader(references);
    this.reader.strictText = strictText;
  }

  /** Shapes that the encoder has defined. */
  get shapeCount(): number {
    return this.reader.shapes.length;
  }

  /**
   * Decodes the value in `bytes[offset..end)`. Nothing in the result refers to this memory.
   *
   * @throws NexusError NEXUS_MESSAGE_CORRUPT if these are not exactly one value. A stream in which that happened has lost its shapes: reset
   * both sides.
   */
  decode(bytes: Uint8Array, offset: number, end: number): unknown {
    return this.reader.readMessage(bytes, offset, end);
  }

  /** Lets go of the memory that was last read. Shapes stay. */
  forgetMemory(): void {
    this.reader.forgetMemory();
  }

  /** Forgets all shapes: the encoder was replaced or reset. */
  reset(): void {
    this.reader.shapes.length = 0;
  }
}
