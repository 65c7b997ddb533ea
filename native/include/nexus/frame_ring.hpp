// A ring between two processes: the positions, padding and records of the ring between threads (bindings/portable/ring.ts), for frames of bytes, and for a peer that is not
// trusted. Single producer, single consumer. Each side keeps its own position to itself; what it reads of the other's is checked before it is used, and a frame is copied out before anybody
// looks into it. So whatever is written into the memory from outside, at whatever moment, the outcome is `kBroken` or a frame of other bytes: never an access outside of the ring, never a wait.
//
// A frame is visible with the one store of TAIL after all of it is there: a producer that is killed before has sent nothing of it, and one that is killed after has sent all of it.
// Used by the links between processes (link_end.hpp); threads of one process use TypeScript.
//
// Beside the operations of the core, `Atomics` copies bytes and reads and writes plain words, so that a test can drive interleavings.
#pragma once
#include <cstdint>
#include <cstring>

#include "hardware_atomics.hpp"
#include "layout.hpp"

namespace nexus {

struct FrameAtomics : HardwareAtomics {
  /** The word may change while it is read, if the peer is hostile: one load, of which the compiler makes no second. */
  static std::uint32_t ReadPlain(const std::uint32_t* word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }
  static void WritePlain(std::uint32_t* word, std::uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELAXED); }
  static void CopyIn(std::uint32_t* to, const std::uint8_t* from, std::uint32_t bytes) { std::memcpy(to, from, bytes); }
  static void CopyOut(std::uint8_t* to, const std::uint32_t* from, std::uint32_t bytes) { std::memcpy(to, from, bytes); }
};

enum class RingOutcome { kDone, kFull, kBroken };

/** Bytes before a frame in the ring: BYTES and TYPE. */
inline constexpr std::uint32_t kFrameHeaderBytes = 8;

/** Largest frame of a ring: with its header a quarter of it. */
inline constexpr std::uint32_t FrameBytesMax(std::uint32_t ring_bytes) { return ring_bytes / 4 - kFrameHeaderBytes; }

template <class Atomics = FrameAtomics>
class FrameRingWriter {
 public:
  FrameRingWriter() = default;
  FrameRingWriter(std::uint32_t* ring, std::uint32_t ring_bytes) : ring_(ring), data_(ring + layout::kRingHeaderBytes / 4), size_(ring_bytes) {}

  /** Sends a frame of at most `FrameBytesMax` bytes, whole, or nothing of it. */
  RingOutcome Offer(const std::uint8_t* bytes, std::uint32_t length) {
    const std::uint32_t record = kFrameHeaderBytes + ((length + 7) & ~7u);
    std::uint32_t position = tail_ & (size_ - 1);
    const std::uint32_t rest = size_ - position;
    const RingOutcome room = MakeRoom(rest >= record ? record : rest + record);
    if (room != RingOutcome::kDone) return room;
    if (rest < record) {
      Atomics::WritePlain(data_ + position / 4 + layout::kMessageWordBytes, rest);
      Atomics::WritePlain(data_ + position / 4 + layout::kMessageWordType, layout::kMessageTypePadding);
      tail_ += rest;
      position = 0;
    }
    std::uint32_t* to = data_ + position / 4;
    Atomics::WritePlain(to + layout::kMessageWordBytes, record);
    Atomics::WritePlain(to + layout::kMessageWordType, layout::kMessageTypeFrame | (record - kFrameHeaderBytes - length) << layout::kMessagePaddingShift);
    Atomics::CopyIn(to + kFrameHeaderBytes / 4, bytes, length);
    tail_ += record;
    // Before the look at PARKED of the consumer, which stores that first and then looks at TAIL.
    Atomics::StoreSeqCst(ring_ + layout::kRingWordTail, tail_);
    return RingOutcome::kDone;
  }

  /** Asks to be told of room. The flag first, then the look at HEAD: the consumer stores HEAD first and then looks at the flag. `kDone`: there is room for a frame meanwhile. */
  RingOutcome RequestRoom(std::uint32_t length) {
    const std::uint32_t record = kFrameHeaderBytes + ((length + 7) & ~7u);
    const std::uint32_t rest = size_ - (tail_ & (size_ - 1));
    Atomics::StoreSeqCst(ring_ + layout::kRingWordBlocked, 1);
    return MakeRoom(rest >= record ? record : rest + record);
  }

  void End(std::uint32_t how) { Atomics::StoreSeqCst(ring_ + layout::kRingWordEnded, how); }

 private:
  RingOutcome MakeRoom(std::uint32_t bytes) {
    if (size_ - (tail_ - head_) >= bytes) return RingOutcome::kDone;
    const std::uint32_t head = Atomics::LoadSeqCst(ring_ + layout::kRingWordHead);
    // It moves from where it was seen last to TAIL, and nowhere else.
    if ((head & 7) != 0 || head - head_ > tail_ - head_) return RingOutcome::kBroken;
    head_ = head;
    return size_ - (tail_ - head_) >= bytes ? RingOutcome::kDone : RingOutcome::kFull;
  }

  std::uint32_t* ring_ = nullptr;
  std::uint32_t* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t tail_ = 0;
  std::uint32_t head_ = 0;
};

template <class Atomics = FrameAtomics>
class FrameRingReader {
 public:
  FrameRingReader() = default;
  FrameRingReader(std::uint32_t* ring, std::uint32_t ring_bytes) : ring_(ring), data_(ring + layout::kRingHeaderBytes / 4), size_(ring_bytes) {}

  bool HasData() const { return Atomics::LoadSeqCst(ring_ + layout::kRingWordTail) != head_; }

  /**
   * Copies out frames for as long as `take(length)` returns where to, and leaves the others. `kDone` also if there were none; `kBroken` if what is in the ring is no record, after those before it.
   */
  template <class Take>
  RingOutcome Read(Take take) {
    const std::uint32_t tail = Atomics::LoadSeqCst(ring_ + layout::kRingWordTail);
    if (tail == head_) return RingOutcome::kDone;
    if ((tail & 7) != 0 || tail - head_ > size_) return RingOutcome::kBroken;
    RingOutcome outcome = RingOutcome::kDone;
    while (head_ != tail) {
      const std::uint32_t position = head_ & (size_ - 1);
      const std::uint32_t* record = data_ + position / 4;
      const std::uint32_t bytes = Atomics::ReadPlain(record + layout::kMessageWordBytes);
      const std::uint32_t type = Atomics::ReadPlain(record + layout::kMessageWordType);
      const std::uint32_t rest = size_ - position;
      if (bytes < kFrameHeaderBytes || bytes % 8 != 0 || bytes > tail - head_ || bytes > rest) {
        outcome = RingOutcome::kBroken;
        break;
      }
      if (type == layout::kMessageTypePadding && bytes == rest) {
        head_ += bytes;
        continue;
      }
      const std::uint32_t padding = type >> layout::kMessagePaddingShift;
      if ((type & ((1u << layout::kMessagePaddingShift) - 1)) != layout::kMessageTypeFrame || padding > 7 || padding > bytes - kFrameHeaderBytes || bytes > size_ / 4) {
        outcome = RingOutcome::kBroken;
        break;
      }
      const std::uint32_t length = bytes - kFrameHeaderBytes - padding;
      std::uint8_t* to = take(length);
      if (to == nullptr) break;
      Atomics::CopyOut(to, record + kFrameHeaderBytes / 4, length);
      head_ += bytes;
    }
    Atomics::StoreSeqCst(ring_ + layout::kRingWordHead, head_);
    return outcome;
  }

  /** True once after the producer has asked to be told of room. */
  bool TakeRoomRequest() {
    std::uint32_t* blocked = ring_ + layout::kRingWordBlocked;
    return Atomics::LoadSeqCst(blocked) == 1 && Atomics::CompareExchange(blocked, 1, 0) == 1;
  }

  /** How the producer has ended it; anything else than what it may say is no end. */
  std::uint32_t Ended() const { return Atomics::LoadSeqCst(ring_ + layout::kRingWordEnded); }

 private:
  std::uint32_t* ring_ = nullptr;
  std::uint32_t* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t head_ = 0;
};

}  // namespace nexus
