// What loads may return under the memory model of C++, for the threads of an exploration. Each shared word keeps its stores of this schedule in modification order;
// a load may return any that the thread does not know to be overwritten (happens-before, by vector clocks, as in the model checkers Relacy and loom), so that a missing
// release or acquire shows on any machine. Plain accesses are checked for data races instead (FastTrack's condition, Flanagan and Freund 2009).
//
// What it leaves out: modification order is the order of execution, and a load never returns a store that is executed later (no load buffering). A sequentially
// consistent load returns the newest sequentially consistent store to the word, in the order of execution, or a newer one.
// Used by explorer.hpp, which decides who runs and which of the possible stores is taken.
#pragma once
#include <cstdint>
#include <vector>

namespace nexus::test {

constexpr std::uint32_t kModelThreadsMax = 4;
enum class Order { kRelaxed, kAcquire, kRelease, kSeqCst };

struct Clock {
  std::uint16_t at[kModelThreadsMax] = {};
  void Join(const Clock& other) {
    for (std::uint32_t thread = 0; thread < kModelThreadsMax; thread++) at[thread] = at[thread] < other.at[thread] ? other.at[thread] : at[thread];
  }
};

class WeakMemory {
 public:
  void Open(std::uint32_t words) {
    newest_.assign(words, 0);
    newest_epoch_.assign(words, 0);
    plain_.assign(words, Plain{});
    plain_epoch_.assign(words, 0);
    epoch_ = 0;
  }

  /** A new schedule: no store has been made yet. */
  void Restart() {
    epoch_++;
    stores_.clear();
    for (Clock& clock : clocks_) clock = Clock{};
  }

  /** Before each access: a thread's clock counts them. */
  void Step(std::uint32_t thread) { clocks_[thread].at[thread]++; }

  /** Fills `possible_` with the stores that a load may return, newest first; returns how many. `base` is the value before the schedule. */
  std::uint32_t Candidates(std::uint32_t thread, std::uint32_t word, Order order, std::uint32_t base) {
    possible_.clear();
    for (std::int32_t store = Newest(word, base); store >= 0; store = stores_[store].before) {
      possible_.push_back(store);
      if (IsKnown(thread, stores_[store]) || (order == Order::kSeqCst && stores_[store].seq_cst)) break;
    }
    return static_cast<std::uint32_t>(possible_.size());
  }

  std::uint32_t ValueOf(std::uint32_t candidate) const { return stores_[possible_[candidate]].value; }

  std::uint32_t Read(std::uint32_t thread, std::uint32_t candidate, Order order) {
    Store& store = stores_[possible_[candidate]];
    Clock& clock = clocks_[thread];
    if (store.seen[thread] > clock.at[thread]) store.seen[thread] = clock.at[thread];
    if (order == Order::kAcquire || order == Order::kSeqCst) clock.Join(store.carried);
    return store.value;
  }

  void Write(std::uint32_t thread, std::uint32_t word, std::uint32_t value, Order order, std::uint32_t base) {
    Push(thread, word, value, order, Newest(word, base), nullptr);
  }

  /** Reads the newest store and replaces it: a read-modify-write is in the release sequence of what it read. */
  std::uint32_t Exchange(std::uint32_t thread, std::uint32_t word, std::uint32_t value, std::uint32_t base) {
    const std::int32_t before = Newest(word, base);
    const Clock carried = stores_[before].carried;
    const std::uint32_t seen = stores_[before].value;
    clocks_[thread].Join(carried);
    Push(thread, word, value, Order::kSeqCst, before, &carried);
    return seen;
  }

  std::uint32_t NewestValue(std::uint32_t word, std::uint32_t base) { return stores_[Newest(word, base)].value; }

  /** False if another thread wrote the word, and nothing orders that before this. */
  bool PlainRead(std::uint32_t thread, std::uint32_t word) {
    Plain& plain = PlainOf(word);
    plain.read.at[thread] = clocks_[thread].at[thread];
    return plain.writer == kNobody || plain.writer == thread || plain.written <= clocks_[thread].at[plain.writer];
  }
  /** False if another thread read or wrote the word, and nothing orders that before this. */
  bool PlainWrite(std::uint32_t thread, std::uint32_t word) {
    Plain& plain = PlainOf(word);
    bool ordered = plain.writer == kNobody || plain.writer == thread || plain.written <= clocks_[thread].at[plain.writer];
    for (std::uint32_t other = 0; other < kModelThreadsMax; other++) ordered = ordered && (other == thread || plain.read.at[other] <= clocks_[thread].at[other]);
    plain.writer = static_cast<std::uint8_t>(thread);
    plain.written = clocks_[thread].at[thread];
    return ordered;
  }

  /** What `from` has done comes before what `to` does from now on: a wake-up, the start of a successor. */
  void Synchronize(std::uint32_t from, std::uint32_t to) { clocks_[to].Join(clocks_[from]); }
  const Clock& ClockOf(std::uint32_t thread) const { return clocks_[thread]; }
  void Join(std::uint32_t thread, const Clock& clock) { clocks_[thread].Join(clock); }

 private:
  static constexpr std::uint16_t kNever = 0xffff;
  static constexpr std::uint8_t kNobody = 0xff;

  struct Store {
    std::uint32_t value;
    /** The store before this one in modification order, -1 for none. */
    std::int32_t before;
    /** For each thread its clock when it first read (or made) this store. */
    std::uint16_t seen[kModelThreadsMax];
    /** What an acquire that reads this store gets to know. */
    Clock carried;
    bool seq_cst;
  };
  struct Plain {
    Clock read;
    std::uint16_t written = 0;
    std::uint8_t writer = kNobody;
  };

  std::int32_t Newest(std::uint32_t word, std::uint32_t base) {
    if (newest_epoch_[word] != epoch_) {
      newest_epoch_[word] = epoch_;
      newest_[word] = static_cast<std::int32_t>(stores_.size());
      // From before the schedule: everybody knows it.
      stores_.push_back({base, -1, {0, 0, 0, 0}, Clock{}, true});
    }
    return newest_[word];
  }

  void Push(std::uint32_t thread, std::uint32_t word, std::uint32_t value, Order order, std::int32_t before, const Clock* sequence) {
    Store store{value, before, {kNever, kNever, kNever, kNever}, Clock{}, order == Order::kSeqCst};
    store.seen[thread] = clocks_[thread].at[thread];
    if (order == Order::kRelease || order == Order::kSeqCst) store.carried = clocks_[thread];
    if (sequence != nullptr) store.carried.Join(*sequence);
    newest_[word] = static_cast<std::int32_t>(stores_.size());
    stores_.push_back(store);
  }

  bool IsKnown(std::uint32_t thread, const Store& store) const {
    for (std::uint32_t other = 0; other < kModelThreadsMax; other++) {
      if (store.seen[other] <= clocks_[thread].at[other]) return true;
    }
    return false;
  }

  Plain& PlainOf(std::uint32_t word) {
    if (plain_epoch_[word] != epoch_) {
      plain_epoch_[word] = epoch_;
      plain_[word] = Plain{};
    }
    return plain_[word];
  }

  std::uint32_t epoch_ = 0;
  std::vector<std::int32_t> newest_;
  std::vector<std::uint32_t> newest_epoch_;
  std::vector<Store> stores_;
  std::vector<Plain> plain_;
  std::vector<std::uint32_t> plain_epoch_;
  std::vector<std::int32_t> possible_;
  Clock clocks_[kModelThreadsMax];
};

}  // namespace nexus::test
