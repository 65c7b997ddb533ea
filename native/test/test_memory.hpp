// A nexus memory for tests in plain C++: the same header that `createSharedMemory` writes, in zeroed pages of this process.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "nexus/shared_memory.hpp"

namespace nexus::test {

/** `bucket_count`: 0 for as many as `createSharedMemory` makes. */
inline SharedMemory MakeMemory(std::uint32_t thread_count, std::uint32_t record_capacity, std::uint32_t ring_bytes, std::uint32_t bucket_count = 0) {
  if (bucket_count == 0) bucket_count = record_capacity / 8;
  const std::uint32_t threads = layout::kHeaderBytes;
  const std::uint32_t counters = threads + thread_count * layout::kThreadBytes;
  const std::uint32_t histograms = counters + thread_count * layout::kCountersBytes;
  const std::uint32_t groups = histograms + thread_count * layout::kHistogramCount * layout::kHistogramBytes;
  const std::uint32_t buckets = (groups + record_capacity / layout::kGroupRecords * 4 + 63) / 64 * 64;
  const std::uint32_t records = buckets + bucket_count * layout::kBucketBytes;
  const std::uint32_t rings = records + record_capacity * layout::kRecordBytes;
  const std::uint32_t total = (rings + thread_count * thread_count * (layout::kRingHeaderBytes + ring_bytes) + 4095) / 4096 * 4096;
  auto* bytes = static_cast<std::uint8_t*>(std::aligned_alloc(4096, total));
  std::memset(bytes, 0, total);
  auto* words = reinterpret_cast<std::uint32_t*>(bytes);
  words[layout::kHeaderWordMagic] = layout::kMagic;
  words[layout::kHeaderWordVersion] = layout::kVersion;
  words[layout::kHeaderWordMemoryBytes] = total;
  words[layout::kHeaderWordThreadCount] = thread_count;
  words[layout::kHeaderWordRecordCapacity] = record_capacity;
  words[layout::kHeaderWordBucketCount] = bucket_count;
  words[layout::kHeaderWordRingBytes] = ring_bytes;
  words[layout::kHeaderWordSeed0] = 0x01234567;
  words[layout::kHeaderWordSeed1] = 0x89abcdef;
  words[layout::kHeaderWordThreadsOffset] = threads;
  words[layout::kHeaderWordCountersOffset] = counters;
  words[layout::kHeaderWordHistogramsOffset] = histograms;
  words[layout::kHeaderWordGroupsOffset] = groups;
  words[layout::kHeaderWordBucketsOffset] = buckets;
  words[layout::kHeaderWordRecordsOffset] = records;
  words[layout::kHeaderWordRingsOffset] = rings;
  SharedMemory shared;
  if (!shared.Open(bytes, total)) std::abort();
  return shared;
}

inline void FreeMemory(const SharedMemory& shared) { std::free(shared.base); }

/** xorshift32. */
struct Random {
  std::uint32_t state;
  std::uint32_t Next() {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
  }
};

/** Prints the outcome of one named check; the number of failures is the exit code. */
struct Report {
  int failed = 0;
  void Check(const char* name, bool passed) {
    std::printf("%s %s\n", passed ? "pass" : "FAIL", name);
    if (!passed) failed++;
  }
};

}  // namespace nexus::test
