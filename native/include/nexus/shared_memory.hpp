// Where the parts of a nexus's shared memory are. Reads the header that `bindings/shared-memory.ts` wrote; owns nothing: the memory belongs to JavaScript,
// and whoever makes this object keeps it alive.
#pragma once
#include <cstddef>
#include <cstdint>

#include "layout.hpp"

namespace nexus {

struct SharedMemory {
  std::uint8_t* base = nullptr;
  std::uint32_t thread_count = 0;
  std::uint32_t record_capacity = 0;
  std::uint32_t bucket_count = 0;
  std::uint32_t ring_bytes = 0;
  std::uint32_t threads_offset = 0;
  std::uint32_t counters_offset = 0;
  std::uint32_t groups_offset = 0;
  std::uint32_t buckets_offset = 0;
  std::uint32_t records_offset = 0;
  std::uint32_t rings_offset = 0;

  /** False if these bytes are not a memory of this layout. */
  bool Open(std::uint8_t* bytes, std::size_t byte_length) {
    if (bytes == nullptr || byte_length < layout::kHeaderBytes || (reinterpret_cast<std::uintptr_t>(bytes) & 63) != 0) return false;
    base = bytes;
    // The magic is written last, by a sequentially consistent store: what follows is constant once it is there.
    if (__atomic_load_n(Words(0), __ATOMIC_SEQ_CST) != layout::kMagic) return false;
    if (HeaderWord(layout::kHeaderWordVersion) != layout::kVersion) return false;
    if (HeaderWord(layout::kHeaderWordMemoryBytes) > byte_length) return false;
    thread_count = HeaderWord(layout::kHeaderWordThreadCount);
    record_capacity = HeaderWord(layout::kHeaderWordRecordCapacity);
    bucket_count = HeaderWord(layout::kHeaderWordBucketCount);
    ring_bytes = HeaderWord(layout::kHeaderWordRingBytes);
    threads_offset = HeaderWord(layout::kHeaderWordThreadsOffset);
    counters_offset = HeaderWord(layout::kHeaderWordCountersOffset);
    groups_offset = HeaderWord(layout::kHeaderWordGroupsOffset);
    buckets_offset = HeaderWord(layout::kHeaderWordBucketsOffset);
    records_offset = HeaderWord(layout::kHeaderWordRecordsOffset);
    rings_offset = HeaderWord(layout::kHeaderWordRingsOffset);
    return true;
  }

  std::uint32_t* Words(std::uint32_t byte_offset) const { return reinterpret_cast<std::uint32_t*>(base + byte_offset); }
  std::uint32_t HeaderWord(std::uint32_t word) const { return __atomic_load_n(Words(0) + word, __ATOMIC_RELAXED); }
  /** First word of a thread's entry. */
  std::uint32_t* ThreadWords(std::uint32_t thread) const { return Words(threads_offset + thread * layout::kThreadBytes); }
  /** Header of the ring from one thread to another. */
  std::uint32_t* RingWords(std::uint32_t from, std::uint32_t to) const {
    return Words(rings_offset + (from * thread_count + to) * (layout::kRingHeaderBytes + ring_bytes));
  }

  /** Adds one to a counter of the calling thread. Only that thread writes it; readers may come from anywhere, so the store is one atomic access. */
  void Count(std::uint32_t thread, std::uint32_t counter) const {
    double* cell = reinterpret_cast<double*>(base + counters_offset + thread * layout::kCountersBytes) + counter;
    double value;
    __atomic_load(cell, &value, __ATOMIC_RELAXED);
    value += 1;
    __atomic_store(cell, &value, __ATOMIC_RELAXED);
  }
};

}  // namespace nexus
