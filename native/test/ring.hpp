// The ring of bindings/portable/ring.ts in C++: the same positions, padding, batches and limits on the same layout, so that its protocol can be explored and its reader
// fuzzed. Not used by the addon, whose rings are TypeScript. Change both together.
//
// Beside the operations of the core, `Atomics` has `ReadPlain` and `WritePlain`: messages are plain memory, which TAIL and HEAD hand from one thread to the other.
#pragma once
#include <cstdint>

#include "nexus/hardware_atomics.hpp"
#include "nexus/shared_memory.hpp"

namespace nexus::test {

struct PlainHardwareAtomics : HardwareAtomics {
  static std::uint32_t ReadPlain(const std::uint32_t* word) { return *word; }
  static void WritePlain(std::uint32_t* word, std::uint32_t value) { *word = value; }
};

template <class Atomics = PlainHardwareAtomics>
class RingWriter {
 public:
  RingWriter(const SharedMemory& shared, std::uint32_t from, std::uint32_t to)
      : ring_(shared.RingWords(from, to)), data_(ring_ + layout::kRingHeaderBytes / 4), size_(shared.ring_bytes) {
    tail_ = Atomics::LoadSeqCst(ring_ + layout::kRingWordTail);
    head_ = Atomics::LoadSeqCst(ring_ + layout::kRingWordHead);
  }

  /** Room for a message of a quarter of the ring, or null if the ring is full. */
  std::uint32_t* Begin() {
    const std::uint32_t position = tail_ & (size_ - 1);
    const std::uint32_t rest = size_ - position;
    const std::uint32_t room = size_ / 4;
    if (rest >= room) return HasFree(room) ? data_ + position / 4 : nullptr;
    if (!HasFree(rest + room)) return nullptr;
    Atomics::WritePlain(data_ + position / 4 + layout::kMessageWordBytes, rest);
    Atomics::WritePlain(data_ + position / 4 + layout::kMessageWordType, layout::kMessageTypePadding);
    tail_ += rest;
    return data_;
  }
  void Commit(std::uint32_t bytes) { tail_ += bytes; }
  void Publish() { Atomics::StoreSeqCst(ring_ + layout::kRingWordTail, tail_); }

  /** The flag first, then the look at HEAD: the consumer stores HEAD first and then looks at the flag. True if there is room meanwhile. */
  bool RequestWake() {
    Atomics::StoreSeqCst(ring_ + layout::kRingWordBlocked, 1);
    head_ = Atomics::LoadSeqCst(ring_ + layout::kRingWordHead);
    return Begin() != nullptr;
  }

 private:
  bool HasFree(std::uint32_t bytes) {
    if (size_ - (tail_ - head_) >= bytes) return true;
    head_ = Atomics::LoadSeqCst(ring_ + layout::kRingWordHead);
    return size_ - (tail_ - head_) >= bytes;
  }

  std::uint32_t* ring_;
  std::uint32_t* data_;
  std::uint32_t size_;
  std::uint32_t tail_;
  std::uint32_t head_;
};

template <class Atomics = PlainHardwareAtomics>
class RingReader {
 public:
  RingReader(const SharedMemory& shared, std::uint32_t from, std::uint32_t to)
      : ring_(shared.RingWords(from, to)), data_(ring_ + layout::kRingHeaderBytes / 4), size_(shared.ring_bytes) {
    head_ = Atomics::LoadSeqCst(ring_ + layout::kRingWordHead);
  }

  bool HasData() const { return Atomics::LoadSeqCst(ring_ + layout::kRingWordTail) != head_; }

  /** Hands over up to `messages_max` messages, as their first words. Returns how many, or -1 if what is in the ring is no message: then all of it is dropped. */
  template <class Receive>
  int Read(int messages_max, Receive receive) {
    const std::uint32_t tail = Atomics::LoadSeqCst(ring_ + layout::kRingWordTail);
    int count = 0;
    while (head_ != tail && count >= 0 && count < messages_max) {
      const std::uint32_t position = head_ & (size_ - 1);
      const std::uint32_t* message = data_ + position / 4;
      const std::uint32_t bytes = Atomics::ReadPlain(message + layout::kMessageWordBytes);
      if (!IsMessage(bytes, position, tail)) {
        head_ = tail;
        count = -1;
        break;
      }
      head_ += bytes;
      if ((Atomics::ReadPlain(message + layout::kMessageWordType) & 255) == layout::kMessageTypePadding) continue;
      count++;
      receive(message);
    }
    Atomics::StoreSeqCst(ring_ + layout::kRingWordHead, head_);
    return count;
  }

  /** True once after the producer asked to be woken when there is room. */
  bool TakeWakeRequest() {
    std::uint32_t* blocked = ring_ + layout::kRingWordBlocked;
    return Atomics::LoadSeqCst(blocked) == 1 && Atomics::CompareExchange(blocked, 1, 0) == 1;
  }

 private:
  bool IsMessage(std::uint32_t bytes, std::uint32_t position, std::uint32_t tail) const {
    return bytes >= 8 && bytes % 8 == 0 && bytes <= tail - head_ && bytes <= size_ - position;
  }

  std::uint32_t* ring_;
  std::uint32_t* data_;
  std::uint32_t size_;
  std::uint32_t head_;
};

}  // namespace nexus::test
