/**
 * The memory that declared messages are written to and read from, as one array class for each width. Made once for each memory and shared by all codecs:
 * the compiled code loads these properties, so every object of this sort must have the same hidden class.
 */

/** Methods of Buffer that the types do not know; `toString` and its checks cost 30 ns more. */
interface NativeSlices {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
}

/** Views of one whole memory, shared or not, from its first byte on. */
export interface MemoryViews {
  readonly bytes: Uint8Array;
  readonly halves: Int16Array;
  readonly words: Int32Array;
  readonly longs: BigInt64Array;
  readonly floats: Float32Array;
  readonly doubles: Float64Array;
  /** The same bytes with the native string methods. */
  readonly buffer: Buffer & NativeSlices;
}

/** What is left over at the end of a memory whose size is not a multiple of 8 is not usable. */
export function memoryViews(memory: ArrayBufferLike): MemoryViews {
  const size = memory.byteLength & ~7;
  return {
    bytes: new Uint8Array(memory, 0, size),
    halves: new Int16Array(memory, 0, size / 2),
    words: new Int32Array(memory, 0, size / 4),
    longs: new BigInt64Array(memory, 0, size / 8),
    floats: new Float32Array(memory, 0, size / 4),
    doubles: new Float64Array(memory, 0, size / 8),
    buffer: Buffer.from(memory as ArrayBuffer, 0, size) as Buffer & NativeSlices,
  };
}
