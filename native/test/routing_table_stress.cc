// Threads insert, find and remove a few names as fast as they can. After each successful insert the thread counts itself as an owner of the name, before each
// remove it discounts itself: two owners at once mean that the same name was live twice. Run under thread sanitizer and under address sanitizer.
// argv[1]: seed, argv[2]: milliseconds.
#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "nexus/routing_table.hpp"
#include "nexus/table_statistics.hpp"
#include "test_memory.hpp"
#include "yielding_atomics.hpp"

namespace {

using nexus::EncodedKey;
using nexus::InsertStatus;
using nexus::RoutingTable;
using nexus::SharedMemory;
using nexus::TableEntry;
using nexus::test::YieldingAtomics;

constexpr std::uint32_t kThreads = 4;
struct Shape {
  const char* name;
  std::uint32_t keys;
  /** Bytes of the longest name: beyond 32 they go into extension records. */
  std::uint32_t longest;
  std::uint32_t payload_max;
  /** All names hash into a few buckets, so that probes run over their ends. */
  bool crowded;
};

struct Outcome {
  std::atomic<std::uint64_t> inserted{0}, existed{0}, full{0}, removed{0}, found{0};
  std::atomic<bool> twice_live{false}, wrong_name{false}, wrong_payload{false}, lost_own{false}, remove_failed{false};
};

template <class Atomics>
void Work(const SharedMemory& shared, std::uint32_t thread, const std::vector<EncodedKey>& keys, std::vector<std::atomic<int>>& owners, const Shape& shape,
          std::uint32_t seed, std::chrono::steady_clock::time_point end, Outcome& outcome) {
  RoutingTable<Atomics> table(shared, thread);
  nexus::test::Random random{seed * 7919 + thread + 1};
  std::vector<TableEntry> mine(keys.size(), TableEntry{0, 0, 0, 0});
  std::vector<std::uint8_t> payload(shape.payload_max + 1);
  std::vector<std::uint32_t> copy(1);
  const auto reserve = [&copy](std::uint32_t count) { if (copy.size() < count) copy.resize(count); return copy.data(); };
  while (std::chrono::steady_clock::now() < end) {
    for (int turn = 0; turn < 32; turn++) {
      const std::uint32_t index = random.Next() % keys.size();
      const EncodedKey& key = keys[index];
      if (mine[index].slot == 0 && random.Next() % 2 == 0) {
        const std::uint32_t bytes = shape.payload_max == 0 ? 0 : random.Next() % shape.payload_max;
        std::memset(payload.data(), static_cast<int>(index), bytes);
        const InsertStatus status = table.Insert(key, index, payload.data(), bytes, 0, &mine[index]);
        if (status == InsertStatus::kExists) { outcome.existed++; continue; }
        if (status == InsertStatus::kFull) { outcome.full++; continue; }
        outcome.inserted++;
        if (owners[index].fetch_add(1) != 0) outcome.twice_live = true;
        TableEntry found;
        // Nobody else may remove it.
        if (!table.Find(key, &found) || found.slot != mine[index].slot || found.generation != mine[index].generation) outcome.lost_own = true;
      } else if (mine[index].slot != 0 && random.Next() % 2 == 0) {
        owners[index].fetch_sub(1);
        if (!table.Remove(mine[index].slot, mine[index].generation)) outcome.remove_failed = true;
        if (table.Remove(mine[index].slot, mine[index].generation)) outcome.remove_failed = true;
        mine[index].slot = 0;
        outcome.removed++;
      } else {
        TableEntry found;
        if (!table.Find(key, &found)) continue;
        outcome.found++;
        std::uint32_t length = 0;
        if (table.Records().Copy(found.slot, found.generation, false, &length, reserve)) {
          if (length != key.byte_length || std::memcmp(copy.data(), key.words, length) != 0) outcome.wrong_name = true;
        }
        if (table.Records().Copy(found.slot, found.generation, true, &length, reserve)) {
          for (std::uint32_t at = 0; at < length; at++) {
            if (reinterpret_cast<std::uint8_t*>(copy.data())[at] != static_cast<std::uint8_t>(index)) outcome.wrong_payload = true;
          }
        }
      }
    }
  }
  for (std::size_t index = 0; index < keys.size(); index++) {
    if (mine[index].slot == 0) continue;
    owners[index].fetch_sub(1);
    if (!table.Remove(mine[index].slot, mine[index].generation)) outcome.remove_failed = true;
  }
}

std::vector<EncodedKey> MakeKeys(const SharedMemory& shared, const Shape& shape) {
  std::vector<EncodedKey> keys;
  for (std::uint32_t number = 0; keys.size() < shape.keys; number++) {
    std::string name = "agent/" + std::to_string(number);
    if (shape.longest > name.size()) name += std::string(number % (shape.longest - name.size()), 'x');
    EncodedKey key;
    key.Set(name.data(), name.size(), shared.HeaderWord(nexus::layout::kHeaderWordSeed0), shared.HeaderWord(nexus::layout::kHeaderWordSeed1));
    if (!shape.crowded || (key.hash & (shared.bucket_count - 1)) < 2) keys.push_back(key);
  }
  return keys;
}

template <class Atomics>
void Run(const Shape& shape, std::uint32_t seed, std::chrono::milliseconds duration, nexus::test::Report& report) {
  const SharedMemory shared = nexus::test::MakeMemory(kThreads, 1 << 12, 1 << 14);
  const std::vector<EncodedKey> keys = MakeKeys(shared, shape);
  std::vector<std::atomic<int>> owners(keys.size());
  Outcome outcome;
  const auto end = std::chrono::steady_clock::now() + duration;
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < kThreads; thread++) {
    threads.emplace_back([&, thread] { Work<Atomics>(shared, thread, keys, owners, shape, seed, end, outcome); });
  }
  for (std::thread& thread : threads) thread.join();
  const nexus::TableStatistics statistics = nexus::TableCount<Atomics>(shared).Run();
  std::printf("# %s, seed %u: %llu inserted, %llu existed, %llu full, %llu found\n", shape.name, seed, static_cast<unsigned long long>(outcome.inserted),
              static_cast<unsigned long long>(outcome.existed), static_cast<unsigned long long>(outcome.full), static_cast<unsigned long long>(outcome.found));
  report.Check("no name is live twice", !outcome.twice_live);
  report.Check("a find never returns another name", !outcome.wrong_name);
  report.Check("a payload is never torn", !outcome.wrong_payload);
  report.Check("what a thread has inserted it finds", !outcome.lost_own);
  report.Check("a live record is removed once", !outcome.remove_failed);
  report.Check("names met", outcome.existed > 0 && outcome.inserted > 0 && outcome.found > 0);
  report.Check("nothing is left: entries and overflow counters are 0", statistics.live == 0 && statistics.stale_entries == 0 && statistics.overflow == 0);
  nexus::test::FreeMemory(shared);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint32_t seed = argc > 1 ? static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 1;
  const std::chrono::milliseconds duration(argc > 2 ? std::atoi(argv[2]) : 1000);
  nexus::test::Report report;
  Run<YieldingAtomics>({"one name", 1, 0, 0, false}, seed, duration, report);
  Run<YieldingAtomics>({"few names", 8, 0, 0, false}, seed, duration, report);
  Run<nexus::HardwareAtomics>({"long names and payloads", 32, 200, 600, false}, seed, duration, report);
  Run<YieldingAtomics>({"crowded buckets", 80, 40, 100, true}, seed, duration, report);
  return report.failed == 0 ? 0 : 1;
}
