/**
 * The sending side of a stream of undeclared messages: any JavaScript value that can be copied, to bytes in memory that the caller owns.
 * One encoder for each decoder, and the decoder must see every value exactly once and in order, because shapes (lists of keys) are defined
 * when they are first needed and then referred to by number.
 *
 * What arrives is what `structuredClone` makes, with these differences. Class instances arrive as plain objects of their own enumerable
 * properties, errors with these properties too. An object that is met twice arrives as two copies unless the message is cyclic (or more
 * than TREE_DEPTH_MAX levels deep): then identity is kept everywhere in it. Two typed arrays over one buffer arrive with a buffer each, of
 * the size of the view. Properties of an array other than its elements stay behind, and holes are filled with undefined.
 */

import { NexusError, NexusTypeError } from '../errors.js';
import { DEEP, FULL } from './extensions.js';
import { needsGraph } from './graph-check.js';
import { GraphWriter } from './graph-writer.js';
import { explainRefusal } from './not-cloneable.js';
import type { ReferenceCodec } from './reference-codec.js';

export type { ReferenceCodec } from './reference-codec.js';

const SCRATCH_BYTES_MIN = 4096;
/** A larger scratch buffer is given back after use. */
const SCRATCH_BYTES_KEPT_MAX = 1_048_576;

export interface ValueEncoderOptions {
  /** False for values that are decoded on their own, outside a stream: each carries its keys. Default true. */
  readonly shapes?: boolean;
}

export class ValueEncoder {
  private readonly writer: GraphWriter;
  private readonly references: ReferenceCodec;
  private scratch = new Uint8Array(0);
  private encoding = false;

  constructor(references: ReferenceCodec, options: ValueEncoderOptions = {}) {
    this.references = references;
    this.writer = new GraphWriter(references, options.shapes ?? true);
  }

  /** Shapes that the decoder knows, at most SHAPES_MAX. */
  get shapeCount(): number {
    return this.writer.tree?.shapes.length ?? 0;
  }

  /**
   * Encodes into `bytes[offset..limit)`, which may be a view of shared memory. Returns the end offset, or -1 if there is not enough room:
   * then the bytes are garbage and the encoder is as it was before.
   *
   * @throws NexusTypeError NEXUS_NOT_CLONEABLE, with the path of what cannot be sent; the encoder is as it was before.
   */
  encode(value: unknown, bytes: Uint8Array, offset: number, limit: number): number {
    const writer = this.writer;
    if (this.encoding) throw new NexusTypeError('NEXUS_NOT_CLONEABLE', 'message has a getter that sends a message itself');
    writer.aim(bytes, limit);
    let end: number;
    if (typeof value !== 'object' || value === null) {
      end = writer.write(value, offset, 0);
    } else {
      const shapeCount = writer.begin();
      this.encoding = true;
      try {
        end = writer.write(value, offset, 0);
        if (end < 0) {
          writer.rollback(shapeCount);
          // A cycle can use up the room before it reaches the depth.
          if (end === DEEP || (end === FULL && needsGraph(value, limit - offset, this.references))) end = writer.writeGraph(value, offset);
        }
      } catch (error) {
        writer.rollback(shapeCount);
        throw explainRefusal(value, this.references, error);
      } finally {
        this.encoding = false;
      }
    }
    if (end >= 0 || end === FULL) return end;
    throw explainRefusal(value, this.references, undefined);
  }

  /**
   * Encodes into a private buffer and returns a view of it, valid until the next call: `headerBytes` that are left to the caller, then the
   * value, which takes at most `bytesMax`.
   *
   * @throws NexusError NEXUS_MESSAGE_TOO_LARGE; NexusTypeError NEXUS_NOT_CLONEABLE. The encoder is as it was before.
   */
  encodeToScratch(value: unknown, headerBytes: number, bytesMax: number): Uint8Array {
    const sizeMax = headerBytes + bytesMax;
    if (this.scratch.length < Math.min(SCRATCH_BYTES_MIN, sizeMax)) this.scratch = new Uint8Array(Math.min(SCRATCH_BYTES_MIN, sizeMax));
    for (;;) {
      const scratch = this.scratch;
      const end = this.encode(value, scratch, headerBytes, Math.min(scratch.length, sizeMax));
      if (end >= 0) {
        if (scratch.length > SCRATCH_BYTES_KEPT_MAX) this.forgetScratch();
        return scratch.subarray(0, end);
      }
      if (scratch.length >= sizeMax) {
        if (scratch.length > SCRATCH_BYTES_KEPT_MAX) this.forgetScratch();
        throw new NexusError(
          'NEXUS_MESSAGE_TOO_LARGE',
          `the message takes more than ${bytesMax} bytes when encoded; send less, or raise messages.bytesMax of createNexus`,
          { data: { bytesMax } },
        );
      }
      this.scratch = new Uint8Array(Math.min(Math.max(scratch.length, headerBytes) * 4, sizeMax));
    }
  }

  /** Forgets all shapes: the decoder was replaced or reset. */
  reset(): void {
    this.writer.tree?.reset();
  }

  /** Lets go of the memory that was last written to. Shapes stay. */
  forgetMemory(): void {
    this.writer.end();
  }

  private forgetScratch(): void {
    this.scratch = new Uint8Array(0);
    this.writer.end();
  }
}
