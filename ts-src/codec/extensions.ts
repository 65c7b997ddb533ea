/**
 * The numbers of the wire format, for both directions. The format is MessagePack; what MessagePack lacks uses lead bytes that we have no
 * other use for:
 *
 *     d4 nn .. d7 nn     object of a known shape, number = (lead & 3) * 256 + nn, then its values in the order of the keys
 *     d8 nnnn cc         definition of shape nnnn with cc keys: the keys, then the values of the object that needed it
 *     c1 tt              tagged value, `Tag` says what follows
 *     c7, c8, c9         extension with a length (8, 16, 32 bit) and a type, `Extension`: everything that is one run of bytes
 *
 * Maps (80..8f, de, df) are plain objects. Integers of 64 bits (cf, d3) are bigints, whatever their value. Text is Latin-1 in a0..bf,
 * which MessagePack has as UTF-8 too: a byte a character is what both sides do fastest. It is UTF-8 in d9..db. Numbers are big-endian as MessagePack wants them, the elements of typed arrays are in the order of the machine.
 */

/** What follows the byte c1. */
export const Tag = {
  undefined: 0,
  /** 64-bit float: milliseconds, NaN when invalid. */
  date: 1,
  /** Two strings: source, flags. */
  regExp: 2,
  /** 32-bit count, then key, value, key, value. */
  map: 3,
  /** 32-bit count, then the values. */
  set: 4,
  /** Class (8 bit, `error-values.ts`), name or null, message, 32-bit count of properties, then key, value. */
  error: 5,
  /** One primitive. */
  boxed: 6,
  /** Slot, generation, kind (32 bit), id or null. */
  reference: 7,
  /** Only at the start: the rest is written with `backReference`. */
  graph: 8,
  /** 32-bit number of an object that came earlier in the same message. */
  backReference: 9,
  /** An agent of a node, by names: node (string), its incarnation, life (numbers), kind, id (strings). */
  nodeReference: 10,
} as const;

/** Types of c7, c8 and c9. */
export const Extension = {
  latin1: 1,
  utf16: 2,
  /** First byte 1 when negative, then the magnitude as hexadecimal digits. */
  bigint: 3,
  arrayBuffer: 4,
  dataView: 5,
  /** Typed arrays: `typedArrays` + the index of the class in TYPED_ARRAYS. */
  typedArrays: 16,
} as const;

/** Added to a type: a byte with the number of bytes to skip follows, and the bytes to skip, which the length does not count. */
export const PADDED = 0x80;

/** The order is the wire format. */
export const TYPED_ARRAYS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  // From Node 24 on.
  ...float16Array(),
] as const;

function float16Array(): (typeof Float32Array)[] {
  const { Float16Array } = globalThis as { Float16Array?: typeof Float32Array };
  return Float16Array === undefined ? [] : [Float16Array];
}

/** Containers inside containers, in an ordinary message; a deeper one is cyclic or odd, and is written as a graph (`graph-writer.ts`). */
export const TREE_DEPTH_MAX = 64;

/** Containers inside containers, in any message. */
export const DEPTH_MAX = 10_000;

/** Results of the writing functions that are not an end offset. */
export const FULL = -1;
export const REFUSED = -2;
export const DEEP = -3;
