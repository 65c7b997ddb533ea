// Real threads insert, find, remove and read a few names, and record when each call began and ended; the history must be linearizable. It is cut into windows: between
// two of them no call is under way, and what is live is carried over. Threads live for one window, tables for all. Run under thread sanitizer and under address sanitizer. argv[1]: seed, argv[2]: milliseconds.
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "linearizability.hpp"
#include "nexus/routing_table.hpp"
#include "test_memory.hpp"
#include "yielding_atomics.hpp"

namespace {

using nexus::EncodedKey;
using nexus::InsertStatus;
using nexus::SharedMemory;
using nexus::TableEntry;
using nexus::test::Address;
using nexus::test::Operation;

constexpr std::uint32_t kThreads = 4;
constexpr std::uint32_t kKeys = 3;
/** Calls of each thread in a window: the search is short, and a history that is wrong is found soon after it went wrong. */
constexpr std::uint32_t kCalls = 60;

class Recorder {
 public:
  explicit Recorder(std::atomic<std::uint32_t>& clock) : clock_(clock) {}
  void Invoke(Operation::Kind kind, std::uint32_t key, std::uint64_t address) {
    Operation operation{kind, key};
    operation.address = address;
    operation.invoked = clock_.fetch_add(1);
    operations.push_back(operation);
  }
  void Respond(Operation::Result result, std::uint64_t address) {
    operations.back().returned = clock_.fetch_add(1);
    operations.back().result = result;
    operations.back().address = address;
  }
  std::vector<Operation> operations;

 private:
  std::atomic<std::uint32_t>& clock_;
};

/** What a thread keeps from window to window. */
struct Caller {
  explicit Caller(const SharedMemory& shared, std::uint32_t thread, std::uint32_t seed) : table(shared, thread), random{seed * 7919 + thread + 1}, mine(kKeys) {}
  nexus::RoutingTable<nexus::test::YieldingAtomics> table;
  nexus::test::Random random;
  /** Addresses of what this thread has inserted, 0 for none. */
  std::vector<std::uint64_t> mine;
  /** One that was found last. */
  std::uint64_t seen = 0;
  std::uint32_t seen_key = 0;
};

void Call(Caller& caller, const std::vector<EncodedKey>& keys, Recorder& recorder) {
  using Kind = Operation::Kind;
  using Result = Operation::Result;
  const std::uint32_t key = caller.random.Next() % kKeys;
  const std::uint32_t what = caller.random.Next() % 8;
  TableEntry entry{0, 0, 0, 0};
  if (caller.mine[key] == 0 && what < 4) {
    recorder.Invoke(Kind::kInsert, key, 0);
    const InsertStatus status = caller.table.Insert(keys[key], key, nullptr, 0, 0, &entry);
    const bool inserted = status == InsertStatus::kInserted;
    recorder.Respond(inserted ? Result::kYes : status == InsertStatus::kExists ? Result::kNo : Result::kFull, inserted ? Address(entry.slot, entry.generation) : 0);
    if (inserted) caller.mine[key] = Address(entry.slot, entry.generation);
  } else if (caller.mine[key] != 0 && what < 4) {
    const std::uint64_t address = caller.mine[key];
    recorder.Invoke(Kind::kRemove, key, address);
    const bool removed = caller.table.Remove(static_cast<std::uint32_t>(address), static_cast<std::uint32_t>(address >> 32));
    recorder.Respond(removed ? Result::kYes : Result::kNo, address);
    caller.mine[key] = 0;
  } else if (what < 7 || caller.seen == 0) {
    recorder.Invoke(Kind::kFind, key, 0);
    const bool found = caller.table.Find(keys[key], &entry);
    recorder.Respond(found ? Result::kYes : Result::kNo, found ? Address(entry.slot, entry.generation) : 0);
    if (found) {
      caller.seen = Address(entry.slot, entry.generation);
      caller.seen_key = key;
    }
  } else {
    std::uint32_t owner = 0;
    recorder.Invoke(Kind::kRead, caller.seen_key, caller.seen);
    const bool live = caller.table.Word(static_cast<std::uint32_t>(caller.seen), static_cast<std::uint32_t>(caller.seen >> 32), nexus::layout::kRecordWordOwner, &owner);
    recorder.Respond(live ? Result::kYes : Result::kNo, caller.seen);
  }
}

std::vector<EncodedKey> MakeKeys(const SharedMemory& shared) {
  std::vector<EncodedKey> keys(kKeys);
  for (std::uint32_t number = 0; number < kKeys; number++) {
    const std::string name = "agent/" + std::to_string(number);
    keys[number].Set(name.data(), name.size(), shared.HeaderWord(nexus::layout::kHeaderWordSeed0), shared.HeaderWord(nexus::layout::kHeaderWordSeed1));
  }
  return keys;
}

/** One window: all threads call at once; what is live at its start comes first in the history. */
std::vector<Operation> RunWindow(std::vector<Caller>& callers, const std::vector<EncodedKey>& keys) {
  std::atomic<std::uint32_t> clock{1};
  std::vector<Operation> history;
  for (const Caller& caller : callers) {
    for (std::uint32_t key = 0; key < kKeys; key++) {
      if (caller.mine[key] == 0) continue;
      Operation operation{Operation::Kind::kInsert, key};
      operation.address = caller.mine[key];
      operation.result = Operation::Result::kYes;
      operation.invoked = operation.returned = 0;
      history.push_back(operation);
    }
  }
  std::vector<Recorder> recorders(kThreads, Recorder(clock));
  std::atomic<std::uint32_t> ready{0};
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < kThreads; thread++) {
    threads.emplace_back([&, thread] {
      recorders[thread].operations.reserve(kCalls);
      ready++;
      while (ready != kThreads) std::this_thread::yield();
      for (std::uint32_t call = 0; call < kCalls; call++) {
        Call(callers[thread], keys, recorders[thread]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Recorder& recorder : recorders) history.insert(history.end(), recorder.operations.begin(), recorder.operations.end());
  return history;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint32_t seed = argc > 1 ? static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 1;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(argc > 2 ? std::atoi(argv[2]) : 1000);
  const SharedMemory shared = nexus::test::MakeMemory(kThreads, 1 << 12, 1 << 10);
  const std::vector<EncodedKey> keys = MakeKeys(shared);
  std::vector<Caller> callers;
  for (std::uint32_t thread = 0; thread < kThreads; thread++) callers.emplace_back(shared, thread, seed);
  nexus::test::LinearizabilityChecker checker;
  nexus::test::Report report;
  std::uint32_t windows = 0, overlapping = 0;
  int wrong = -1;
  while (std::chrono::steady_clock::now() < end && wrong < 0) {
    std::vector<Operation> history = RunWindow(callers, keys);
    wrong = checker.Check(history, kKeys);
    windows++;
    for (std::size_t at = 0; at + 1 < history.size(); at++) {
      for (std::size_t other = at + 1; other < history.size() && other < at + 2000; other++) {
        if (history[at].invoked < history[other].returned && history[other].invoked < history[at].returned) overlapping++;
      }
    }
  }
  std::printf("# %u windows of %u calls, seed %u, %u pairs of calls overlapped\n", windows, kThreads * kCalls, seed, overlapping);
  report.Check("the recorded history is linearizable", wrong < 0);
  report.Check("calls overlapped", overlapping > windows);
  nexus::test::FreeMemory(shared);
  return report.failed == 0 ? 0 : 1;
}
