/** The memory that a caller gave, as the class that the codec works on. */

/** The same memory as a Uint8Array: `slice` of a Buffer would not copy, and one class of array makes faster code than two. */
export function plainView(bytes: Uint8Array): Uint8Array {
  if (Object.getPrototypeOf(bytes) === Uint8Array.prototype) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
