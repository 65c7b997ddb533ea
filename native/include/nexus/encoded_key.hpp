// The name a table call is about: UTF-8 in words that are compared and copied as they are, with its keyed hash. Twin of bindings/portable/encoded-key.ts.
#pragma once
#include <cstdint>
#include <cstring>

#include "half_sip_hash.hpp"
#include "layout.hpp"

namespace nexus {

struct EncodedKey {
  /** The bytes, zero-padded to a word. The words after the limit are room for a caller that finds out only while it copies that a name is too long. */
  std::uint32_t words[layout::kKeyBytesMax / 4 + 4];
  std::uint32_t byte_length = 0;
  std::uint32_t hash = 0;

  char* Bytes() { return reinterpret_cast<char*>(words); }
  /** Bytes that may be written at `Bytes()`. */
  static constexpr std::size_t kRoom = sizeof words;

  /** Completes a key whose bytes are in place. False if it has no byte or too many. */
  bool Seal(std::size_t length, std::uint32_t seed0, std::uint32_t seed1) {
    if (length == 0 || length > layout::kKeyBytesMax) return false;
    byte_length = static_cast<std::uint32_t>(length);
    std::memset(Bytes() + length, 0, 4);
    hash = HalfSipHash(words, byte_length, seed0, seed1);
    return true;
  }

  bool Set(const char* bytes, std::size_t length, std::uint32_t seed0, std::uint32_t seed1) {
    if (length > layout::kKeyBytesMax) return false;
    std::memcpy(words, bytes, length);
    return Seal(length, seed0, seed1);
  }
};

}  // namespace nexus
