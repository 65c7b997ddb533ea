/**
 * HalfSipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", and its 32-bit variant from the reference code): a keyed 32-bit hash
 * of words. The key is drawn once a process, so that names cannot be chosen to collide. Twin of bindings/portable/half-sip-hash.ts.
 */

/** Hashes `byteLength` bytes at `at`, which are zero-padded to a word. */
export function halfSipHash(at: u32, byteLength: u32, key0: u32, key1: u32): u32 {
  let v0 = key0;
  let v1 = key1;
  let v2: u32 = 0x6c796765 ^ key0;
  let v3: u32 = 0x74656462 ^ key1;
  const end = at + (byteLength & ~3);
  for (; at < end; at += 4) {
    const word = load<u32>(at);
    v3 ^= word;
    v0 += v1;
    v1 = rotl<u32>(v1, 5) ^ v0;
    v0 = rotl<u32>(v0, 16);
    v2 += v3;
    v3 = rotl<u32>(v3, 8) ^ v2;
    v0 += v3;
    v3 = rotl<u32>(v3, 7) ^ v0;
    v2 += v1;
    v1 = rotl<u32>(v1, 13) ^ v2;
    v2 = rotl<u32>(v2, 16);
    v0 ^= word;
  }
  let word = byteLength << 24;
  if ((byteLength & 3) !== 0) word |= load<u32>(end);
  v3 ^= word;
  // The last word and the three final rounds.
  for (let round = 0; round < 4; round++) {
    v0 += v1;
    v1 = rotl<u32>(v1, 5) ^ v0;
    v0 = rotl<u32>(v0, 16);
    v2 += v3;
    v3 = rotl<u32>(v3, 8) ^ v2;
    v0 += v3;
    v3 = rotl<u32>(v3, 7) ^ v0;
    v2 += v1;
    v1 = rotl<u32>(v1, 13) ^ v2;
    v2 = rotl<u32>(v2, 16);
    if (round === 0) {
      v0 ^= word;
      v2 ^= 0xff;
    }
  }
  return v1 ^ v3;
}
