// Counts what is in a routing table: its load, how far its names are from their places, and what its records were used for. For reports and tests: it walks all
// buckets and all records of claimed groups, and is exact where nothing changes meanwhile. Twin of bindings/portable/table-statistics.ts.
#pragma once
#include <algorithm>
#include <cstdint>

#include "hardware_atomics.hpp"
#include "layout.hpp"
#include "shared_memory.hpp"

namespace nexus {

/** What the fields mean is said in ts-src/ports/engine.ts. */
struct TableStatistics {
  std::uint32_t live = 0;
  std::uint32_t extensions = 0;
  std::uint32_t claimed = 0;
  std::uint32_t reused = 0;
  std::uint32_t reclaimed = 0;
  std::uint32_t retired = 0;
  std::uint32_t stale_entries = 0;
  std::uint32_t overflow = 0;
  std::uint32_t overflowing_buckets = 0;
  std::uint32_t probe_buckets_max = 0;
  /** Sum over all live entries of the buckets that are searched for them. */
  std::uint64_t searched_buckets = 0;
  std::uint32_t probe_buckets[layout::kProbeCounts] = {};
};

template <class Atomics = HardwareAtomics>
class TableCount {
 public:
  explicit TableCount(const SharedMemory& shared) : shared_(shared), buckets_(shared.Words(shared.buckets_offset)), records_(shared.Words(shared.records_offset)) {}

  TableStatistics Run() {
    for (std::uint32_t bucket = 0; bucket < shared_.bucket_count; bucket++) CountBucket(bucket);
    const std::uint32_t* owners = shared_.Words(shared_.groups_offset);
    for (std::uint32_t group = 0; group < shared_.record_capacity / layout::kGroupRecords; group++) {
      if (Atomics::LoadSeqCst(owners + group) == 0) continue;
      counts_.claimed += layout::kGroupRecords;
      for (std::uint32_t record = group * layout::kGroupRecords; record < (group + 1) * layout::kGroupRecords; record++) CountRecord(record);
    }
    counts_.reclaimed = static_cast<std::uint32_t>(std::max<std::int64_t>(0, reclaimed_));
    return counts_;
  }

 private:
  static constexpr std::uint32_t kBucketWords = layout::kBucketBytes / 4;
  static constexpr std::uint32_t kRecordWords = layout::kRecordBytes / 4;
  /** No chain is longer: a record that is being written again may lead anywhere, also in a circle. */
  static constexpr std::uint32_t kExtensionsMax = (layout::kKeyBytesMax + layout::kPayloadBytesMax + layout::kExtensionInlineBytes - 1) / layout::kExtensionInlineBytes;

  std::uint32_t Word(std::uint32_t record, std::uint32_t word) const { return Atomics::LoadSeqCst(records_ + std::size_t{record} * kRecordWords + word); }

  void CountBucket(std::uint32_t bucket) {
    const std::uint32_t* words = buckets_ + std::size_t{bucket} * kBucketWords;
    const std::uint32_t beyond = Atomics::LoadSeqCst(words + layout::kBucketWordOverflow);
    counts_.overflow += beyond;
    if (beyond != 0) counts_.overflowing_buckets++;
    for (std::uint32_t entry = layout::kBucketWordEntries; entry < kBucketWords; entry++) {
      const std::uint32_t record = Atomics::LoadSeqCst(words + entry) & (shared_.record_capacity - 1);
      if (record == 0) continue;
      if ((Word(record, layout::kRecordWordState) & 3) != layout::kRecordStateLive) {
        counts_.stale_entries++;
        continue;
      }
      const std::uint32_t buckets = ((bucket - Word(record, layout::kRecordWordHash)) & (shared_.bucket_count - 1)) + 1;
      counts_.live++;
      counts_.probe_buckets[std::min<std::uint32_t>(buckets, layout::kProbeCounts) - 1]++;
      counts_.searched_buckets += buckets;
      counts_.probe_buckets_max = std::max(counts_.probe_buckets_max, buckets);
    }
  }

  void CountRecord(std::uint32_t record) {
    const std::uint32_t state = Word(record, layout::kRecordWordState);
    const std::uint32_t generation = state >> 2;
    if ((state & 3) == layout::kRecordStateLive) {
      if (generation > 1) counts_.reused++;
      // An extension is FREE in its own word.
      std::uint32_t extension = Word(record, layout::kRecordWordExtension) & (shared_.record_capacity - 1);
      for (std::uint32_t count = 0; extension != 0 && count < kExtensionsMax; count++) {
        counts_.extensions++;
        if (Word(extension, layout::kRecordWordState) >> 2 > 0) reclaimed_--;
        extension = Word(extension, layout::kExtensionWordNext) & (shared_.record_capacity - 1);
      }
    } else if ((state & 3) == layout::kRecordStateFree && generation >= layout::kGenerationMax) {
      counts_.retired++;
    } else if ((state & 3) == layout::kRecordStateFree && generation > 0) {
      reclaimed_++;
    }
  }

  const SharedMemory shared_;
  const std::uint32_t* buckets_;
  const std::uint32_t* records_;
  TableStatistics counts_;
  /** Extensions that are in use are taken off again, whichever comes first. */
  std::int64_t reclaimed_ = 0;
};

}  // namespace nexus
