// HalfSipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", and its 32-bit variant from the reference code): a keyed 32-bit hash of words.
// The key is drawn once a process, so that names cannot be chosen to collide. Twin of bindings/portable/half-sip-hash.ts.
#pragma once
#include <cstdint>

namespace nexus {

namespace half_sip_hash_detail {
inline std::uint32_t Rotate(std::uint32_t value, int bits) { return (value << bits) | (value >> (32 - bits)); }

struct State {
  std::uint32_t v0, v1, v2, v3;
  void Round() {
    v0 += v1; v1 = Rotate(v1, 5) ^ v0; v0 = Rotate(v0, 16);
    v2 += v3; v3 = Rotate(v3, 8) ^ v2;
    v0 += v3; v3 = Rotate(v3, 7) ^ v0;
    v2 += v1; v1 = Rotate(v1, 13) ^ v2; v2 = Rotate(v2, 16);
  }
};
}  // namespace half_sip_hash_detail

/** Hashes the first `byte_length` bytes of `words`. Bytes after them are not looked at. */
inline std::uint32_t HalfSipHash(const std::uint32_t* words, std::uint32_t byte_length, std::uint32_t key0, std::uint32_t key1) {
  half_sip_hash_detail::State state{key0, key1, 0x6c796765u ^ key0, 0x74656462u ^ key1};
  const std::uint32_t whole = byte_length >> 2;
  const std::uint32_t rest = byte_length & 3;
  for (std::uint32_t index = 0; index <= whole; index++) {
    const std::uint32_t word = index < whole ? words[index] : (byte_length << 24) | (rest == 0 ? 0 : words[whole] & ((1u << (rest * 8)) - 1));
    state.v3 ^= word;
    state.Round();
    state.v0 ^= word;
  }
  state.v2 ^= 0xff;
  for (int round = 0; round < 3; round++) state.Round();
  return state.v1 ^ state.v3;
}

}  // namespace nexus
