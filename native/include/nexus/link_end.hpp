// One side of the memory that two processes share: where its rings are, and the protocol of waiting, which is that of threads (parking.hpp) with the peer in the place of another thread.
//   consumer: PARKED = 1, then look at the rings and ATTENTION; block only if there is nothing
//   producer: store TAIL (or ATTENTION), then look at PARKED; if it is 1, swap it to 0 and wake the consumer
//   who looks for work without sleeping says where (LOOKS_ON), so that a peer on the same processor can give it back when there is some: a hint, on which nothing depends
// How a peer is woken is not here. The memory belongs to whoever has mapped it, and stays mapped while this object is used. Nothing here waits for the peer, and nothing trusts it: its rings
// are checked in frame_ring.hpp, and a flag that says something else than the truth costs a wake-up, of that peer's own messages.
#pragma once
#include <cstddef>
#include <cstdint>

#include "frame_ring.hpp"

namespace nexus {

/** Bytes of a memory with rings of that size. */
inline constexpr std::size_t LinkMemoryBytes(std::uint32_t ring_bytes) {
  return layout::kLinkHeaderBytes + 2 * layout::kLinkSideBytes + 2 * layout::kLinkLanes * (std::size_t{layout::kRingHeaderBytes} + ring_bytes);
}

/** Makes one of zeroed bytes. */
inline void InitializeLinkMemory(std::uint8_t* base, std::uint32_t ring_bytes) {
  auto* words = reinterpret_cast<std::uint32_t*>(base);
  words[layout::kLinkWordVersion] = layout::kLinkVersion;
  words[layout::kLinkWordMemoryBytes] = static_cast<std::uint32_t>(LinkMemoryBytes(ring_bytes));
  words[layout::kLinkWordRingBytes] = ring_bytes;
  __atomic_store_n(words + layout::kLinkWordMagic, layout::kLinkMagic, __ATOMIC_SEQ_CST);
}

/** The size of the rings of a memory of `byte_length` bytes that another process has made; 0 if it is none of this version. Read once: it could change afterwards. */
inline std::uint32_t CheckedRingBytes(const std::uint8_t* base, std::size_t byte_length) {
  if (byte_length < LinkMemoryBytes(layout::kLinkRingBytesMin) || byte_length > LinkMemoryBytes(layout::kLinkRingBytesMax)) return 0;
  const auto* words = reinterpret_cast<const std::uint32_t*>(base);
  const auto word = [words](std::uint32_t at) { return __atomic_load_n(words + at, __ATOMIC_SEQ_CST); };
  const std::uint32_t ring_bytes = word(layout::kLinkWordRingBytes);
  if (word(layout::kLinkWordMagic) != layout::kLinkMagic || word(layout::kLinkWordVersion) != layout::kLinkVersion) return 0;
  if (ring_bytes < layout::kLinkRingBytesMin || ring_bytes > layout::kLinkRingBytesMax || (ring_bytes & (ring_bytes - 1)) != 0) return 0;
  return LinkMemoryBytes(ring_bytes) == byte_length && word(layout::kLinkWordMemoryBytes) == byte_length ? ring_bytes : 0;
}

template <class Atomics = FrameAtomics>
class LinkEnd {
 public:
  LinkEnd() = default;
  /** @param side 0 for whoever has made the memory, 1 for the other */
  LinkEnd(std::uint8_t* base, std::uint32_t ring_bytes, std::uint32_t side) {
    const auto side_words = [base](std::uint32_t which) { return Words(base, layout::kLinkHeaderBytes + which * std::size_t{layout::kLinkSideBytes}); };
    const auto ring_words = [base, ring_bytes](std::uint32_t which, std::uint32_t lane) {
      const std::size_t first = layout::kLinkHeaderBytes + 2 * std::size_t{layout::kLinkSideBytes};
      return Words(base, first + (std::size_t{which} * layout::kLinkLanes + lane) * (std::size_t{layout::kRingHeaderBytes} + ring_bytes));
    };
    own_ = side_words(side);
    peer_ = side_words(1 - side);
    for (std::uint32_t lane = 0; lane < layout::kLinkLanes; lane++) {
      writers[lane] = FrameRingWriter<Atomics>(ring_words(side, lane), ring_bytes);
      readers[lane] = FrameRingReader<Atomics>(ring_words(1 - side, lane), ring_bytes);
    }
  }

  FrameRingWriter<Atomics> writers[layout::kLinkLanes];
  FrameRingReader<Atomics> readers[layout::kLinkLanes];

  bool HasWork() const {
    if (Atomics::LoadSeqCst(own_ + layout::kLinkSideWordAttention) != 0) return true;
    for (const FrameRingReader<Atomics>& reader : readers) {
      if (reader.HasData()) return true;
    }
    return false;
  }

  /** True if this side may block: whoever sends from now on wakes it. */
  bool TryPark() {
    Atomics::StoreSeqCst(own_ + layout::kLinkSideWordParked, 1);
    if (!HasWork()) return true;
    Unpark();
    return false;
  }
  void Unpark() { Atomics::StoreSeqCst(own_ + layout::kLinkSideWordParked, 0); }

  /** Before the work is done: a request that comes meanwhile is not lost. True if there was one. By a swap, which acquires what it was made for. */
  bool TakeAttention() {
    std::uint32_t* attention = own_ + layout::kLinkSideWordAttention;
    // Whatever is in it: a value that nobody takes would be work for ever.
    const std::uint32_t seen = Atomics::LoadSeqCst(attention);
    return seen != 0 && Atomics::CompareExchange(attention, seen, 0) == seen;
  }

  /** This side looks for frames on that processor (from 1; 0: not any more), and would rather have it back than look. */
  void LookOn(std::uint32_t processor) { Atomics::StoreRelease(own_ + layout::kLinkSideWordLooksOn, processor); }
  /** Where the peer looks for frames; 0 if it does not. Whatever it says, believing it costs a turn on that processor. */
  std::uint32_t PeerLooksOn() const { return Atomics::LoadRelaxed(peer_ + layout::kLinkSideWordLooksOn); }

  /** Makes the peer look although no ring has news. Then `ClaimWake`. */
  void AskAttention() { Atomics::StoreSeqCst(peer_ + layout::kLinkSideWordAttention, 1); }

  /** After a store that the peer is to see: whether it has to be woken. */
  bool ClaimWake() {
    std::uint32_t* parked = peer_ + layout::kLinkSideWordParked;
    return Atomics::LoadSeqCst(parked) == 1 && Atomics::CompareExchange(parked, 1, 0) == 1;
  }

 private:
  static std::uint32_t* Words(std::uint8_t* base, std::size_t offset) { return reinterpret_cast<std::uint32_t*>(base + offset); }

  std::uint32_t* own_ = nullptr;
  std::uint32_t* peer_ = nullptr;
};

}  // namespace nexus
