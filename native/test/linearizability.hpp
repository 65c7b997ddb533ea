// Whether a concurrent history of the routing table can be explained by calls that happen one after the other, each at a moment between its invocation and its
// response (Herlihy and Wing 1990). Names do not influence each other, so each is checked alone (P-compositionality: Horn and Kroening 2015), by the search of
// Wing and Gong (1993) with the memory of visited configurations that Lowe added (2017). Used by the explorer's scenarios and by table_history_stress.cc;
// linearizability_test.cc proves it with histories made by hand.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

namespace nexus::test {

/** Slot and generation in one number; 0 for none. */
inline std::uint64_t Address(std::uint32_t slot, std::uint32_t generation) { return (std::uint64_t{generation} << 32) | slot; }

struct Operation {
  enum class Kind : std::uint8_t { kInsert, kFind, kRemove, kRead };
  /** `kFull` of an insert, which then has done nothing, may happen at any time. */
  enum class Result : std::uint8_t { kPending, kYes, kNo, kFull };
  static constexpr std::uint32_t kNever = 0xffffffff;

  Kind kind;
  std::uint32_t key;
  /** What an insert or a find returned; what a removal or a read was asked for. */
  std::uint64_t address = 0;
  Result result = Result::kPending;
  std::uint32_t invoked = 0;
  /** Never, for one whose thread died in it: it has happened at some time after its invocation, or not at all. */
  std::uint32_t returned = kNever;
};

/** The state of one name: the address of its live record, or 0. One that a dead insert made has an address that is known only when somebody sees it. */
constexpr std::uint64_t kAbsent = 0;
constexpr std::uint64_t kUnseen = ~std::uint64_t{0};

class LinearizabilityChecker {
 public:
  /** Index of a name whose history cannot be explained, or -1. The operations need no order. */
  int Check(const std::vector<Operation>& history, std::uint32_t keys) {
    for (std::uint32_t key = 0; key < keys; key++) {
      operations_.clear();
      for (const Operation& operation : history) {
        if (operation.key == key) operations_.push_back(operation);
      }
      if (!IsLinearizable()) return static_cast<int>(key);
    }
    return -1;
  }

 private:
  bool IsLinearizable() {
    std::sort(operations_.begin(), operations_.end(), [](const Operation& a, const Operation& b) { return a.invoked < b.invoked; });
    known_.clear();
    for (const Operation& operation : operations_) {
      if (operation.kind == Operation::Kind::kInsert && operation.result == Operation::Result::kYes) known_.push_back(operation.address);
    }
    std::sort(known_.begin(), known_.end());
    // Two inserts that return one address: the generation was not raised.
    if (std::adjacent_find(known_.begin(), known_.end()) != known_.end()) return false;
    done_.assign((operations_.size() + 63) / 64, 0);
    first_ = 0;
    visited_.clear();
    return Search(kAbsent);
  }

  /**
   * Tries each operation that may come next: one that is invoked before any operation that is left has returned. Recursion is as deep as the history is long;
   * histories are cut to a few thousand operations.
   */
  bool Search(std::uint64_t state) {
    while (first_ < operations_.size() && IsDone(first_)) first_++;
    const std::size_t first = first_;
    std::uint32_t earliest_return = Operation::kNever;
    bool left = false;
    for (std::size_t at = first; at < operations_.size(); at++) {
      // Sorted by invocation: those that come later cannot return earlier.
      if (operations_[at].invoked > earliest_return) break;
      if (IsDone(at)) continue;
      if (operations_[at].result != Operation::Result::kPending) left = true;
      if (operations_[at].returned < earliest_return) earliest_return = operations_[at].returned;
    }
    if (!left && earliest_return == Operation::kNever) return true;
    if (operations_.size() > kUnrememberedMax && !visited_.insert(Configuration(state)).second) return false;
    for (std::size_t at = first; at < operations_.size() && operations_[at].invoked <= earliest_return; at++) {
      std::uint64_t after = state;
      if (IsDone(at) || !Apply(operations_[at], &after)) continue;
      done_[at / 64] |= std::uint64_t{1} << (at % 64);
      if (Search(after)) return true;
      done_[at / 64] &= ~(std::uint64_t{1} << (at % 64));
      first_ = first;
    }
    return false;
  }

  /** The sequential table, for one name. False if it would have answered something else. */
  bool Apply(const Operation& operation, std::uint64_t* state) const {
    using Kind = Operation::Kind;
    using Result = Operation::Result;
    switch (operation.kind) {
      case Kind::kInsert:
        if (operation.result == Result::kFull) return true;
        if (operation.result == Result::kNo) return *state != kAbsent;
        if (*state != kAbsent) return false;
        *state = operation.result == Result::kPending ? kUnseen : operation.address;
        return true;
      case Kind::kFind:
        if (operation.result == Result::kPending) return true;
        return operation.result == Result::kNo ? *state == kAbsent : Is(state, operation.address);
      case Kind::kRead:
        if (operation.result == Result::kPending) return true;
        return operation.result == Result::kNo ? *state != operation.address : Is(state, operation.address);
      case Kind::kRemove:
        if (operation.result == Result::kNo) return *state != operation.address;
        if (!Is(state, operation.address)) return false;
        *state = kAbsent;
        return true;
    }
    return false;
  }

  /** Whether the live record is this one. An unseen one is it if no insert that returned made it; from now on it has this address. */
  bool Is(std::uint64_t* state, std::uint64_t address) const {
    if (*state == kUnseen && address != kAbsent && !std::binary_search(known_.begin(), known_.end(), address)) *state = address;
    return *state == address;
  }

  bool IsDone(std::size_t at) const { return (done_[at / 64] >> (at % 64)) & 1; }

  /** State and operations done, as bytes: all before the first open one are done, and few are beyond it. */
  std::string Configuration(std::uint64_t state) const {
    std::string bytes(reinterpret_cast<const char*>(&state), 8);
    const std::size_t from = first_ / 64;
    bytes.append(reinterpret_cast<const char*>(&from), 8);
    std::size_t to = done_.size();
    while (to > from && done_[to - 1] == 0) to--;
    bytes.append(reinterpret_cast<const char*>(done_.data() + from), (to - from) * 8);
    return bytes;
  }

  /** Histories as short as those of the explorer are searched faster without memory. */
  static constexpr std::size_t kUnrememberedMax = 12;

  std::vector<Operation> operations_;
  std::vector<std::uint64_t> known_;
  std::vector<std::uint64_t> done_;
  std::size_t first_ = 0;
  std::unordered_set<std::string> visited_;
};

}  // namespace nexus::test
