// What a word of the shared memory is, for traces of schedules.
#pragma once
#include <string>

#include "nexus/shared_memory.hpp"

namespace nexus::test {

inline std::string WordName(const SharedMemory& shared, std::uint32_t word) {
  const std::uint32_t at = word * 4;
  const auto number = [](std::uint32_t value) { return std::to_string(value); };
  if (at >= shared.rings_offset) {
    const std::uint32_t ring_bytes = layout::kRingHeaderBytes + shared.ring_bytes;
    const std::uint32_t ring = (at - shared.rings_offset) / ring_bytes;
    const std::uint32_t in_ring = (at - shared.rings_offset) % ring_bytes / 4;
    const std::string name = "ring " + number(ring / shared.thread_count) + "->" + number(ring % shared.thread_count);
    if (in_ring == layout::kRingWordTail) return name + " TAIL";
    if (in_ring == layout::kRingWordHead) return name + " HEAD";
    if (in_ring == layout::kRingWordBlocked) return name + " BLOCKED";
    return name + " data word " + number(in_ring - layout::kRingHeaderBytes / 4);
  }
  if (at >= shared.records_offset) {
    static const char* const kNames[] = {"STATE", "HASH", "OWNER", "KEY_BYTES", "PAYLOAD_BYTES", "EXTENSION", "ENTRY", "PARENT"};
    const std::uint32_t in_record = (at - shared.records_offset) % layout::kRecordBytes / 4;
    const std::string name = "record " + number((at - shared.records_offset) / layout::kRecordBytes);
    return name + (in_record < 8 ? std::string(" ") + kNames[in_record] : " inline word " + number(in_record - 8));
  }
  if (at >= shared.buckets_offset) {
    const std::uint32_t in_bucket = (at - shared.buckets_offset) % layout::kBucketBytes / 4;
    const std::string name = "bucket " + number((at - shared.buckets_offset) / layout::kBucketBytes);
    return name + (in_bucket == layout::kBucketWordOverflow ? " OVERFLOW" : " entry " + number(in_bucket - layout::kBucketWordEntries));
  }
  if (at >= shared.groups_offset) return "owner of group " + number((at - shared.groups_offset) / 4);
  if (at >= shared.threads_offset && at < shared.counters_offset) {
    const std::uint32_t in_thread = (at - shared.threads_offset) % layout::kThreadBytes / 4;
    const std::string name = "thread " + number((at - shared.threads_offset) / layout::kThreadBytes);
    if (in_thread == layout::kThreadWordParked) return name + " PARKED";
    if (in_thread == layout::kThreadWordAttention) return name + " ATTENTION";
    return name + " word " + number(in_thread);
  }
  return "word " + number(word);
}

}  // namespace nexus::test
