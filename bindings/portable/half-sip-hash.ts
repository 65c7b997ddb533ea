/**
 * HalfSipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", and its 32-bit variant from the reference code): a keyed 32-bit hash
 * of words. The key is drawn once a process, so that names cannot be chosen to collide.
 */

/** Hashes the first `byteLength` bytes of `words`. Bytes after them are not looked at. Returns a signed 32-bit integer. */
export function halfSipHash(words: Int32Array, byteLength: number, key0: number, key1: number): number {
  let v0 = key0;
  let v1 = key1;
  let v2 = 0x6c796765 ^ key0;
  let v3 = 0x74656462 ^ key1;
  const whole = byteLength >>> 2;
  const rest = byteLength & 3;
  // The round is written out twice: a call is not always inlined, and a test for the last word in each round costs a third of a short name.
  for (let index = 0; index <= whole; index++) {
    const word = index < whole ? (words[index] as number) : (byteLength << 24) | (rest === 0 ? 0 : (words[whole] as number) & ((1 << (rest << 3)) - 1));
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  v2 ^= 0xff;
  for (let round = 0; round < 3; round++) {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
  }
  return v1 ^ v3;
}
