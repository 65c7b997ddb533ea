// Runs the threads of a scenario under every schedule with few preemptions (CHESS: Musuvathi and Qadeer, "Iterative context bounding for systematic testing of
// multithreaded programs", 2007), under random ones beyond that, and with a thread that dies at any step. A step is an access to a word that at least two threads
// touch and one writes; which words those are is found out while exploring, and the exploration starts again when one is added. What loads may return is
// weak_memory.hpp. A schedule that fails is printed with its steps and with the string that replays it alone.
//
// Scenarios (../scenarios) are written against this and `ModelledAtomics`; explore.cc runs them. Single-threaded, one exploration at a time.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "arena.hpp"
#include "choices.hpp"
#include "fiber.hpp"
#include "weak_memory.hpp"

namespace nexus::test {

/** What limits an exploration, and how long it may take. */
struct Bounds {
  std::uint32_t preemptions_max = 3;
  /** Loads of a schedule that may return a store other than the newest. */
  std::uint32_t stale_max = 2;
  /** Threads of a schedule that may die. */
  std::uint32_t deaths_max = 0;
  std::uint64_t random_schedules = 20000;
  double seconds = 3;
  std::uint32_t seed = 1;
};

struct Exploration {
  bool failed = false;
  std::string message;
  /** What `Replay` takes. */
  std::string schedule;
  std::vector<std::string> trace;
  /** Schedules of the depth-first search with the highest bound, and whether those were all. */
  std::uint64_t schedules = 0;
  int bound_complete = -1;
  std::uint64_t random_schedules = 0;
  std::uint64_t steps_longest = 0;
  std::uint64_t executions = 0;
  double seconds = 0;
};

class Explorer;

/** Threads, and what must hold after all of them have ended. All that it allocates is put back before each schedule. */
class Scenario {
 public:
  virtual ~Scenario() = default;
  /** After a schedule: returns what is wrong, or an empty text. Accesses here are no steps. */
  virtual std::string Check() = 0;
};

class Explorer {
 public:
  static Explorer* current;

  /** `words`: the memory of the scenario. `name_of` says what a word is, for the trace. */
  Explorer(std::uint32_t* base, std::uint32_t words, std::function<std::string(std::uint32_t)> name_of);

  /** For the constructor of a scenario: one more thread. Only a mortal one may die. */
  void AddThread(bool mortal, std::function<void()> body);
  /**
   * Takes sequentially consistent loads, stores and swaps for acquire, release and both. For a scenario whose threads do not need more: the order of execution then
   * no longer makes up for an order that is missing elsewhere.
   */
  void WeakenSeqCst() { weakened_ = true; }

  /** All schedules up to the bounds, then random ones, until one fails or the time is over. */
  Exploration Explore(const std::function<Scenario*(Explorer&)>& make, const Bounds& bounds);
  /** One schedule, with its trace. `schedule` is that of an `Exploration`. */
  Exploration Replay(const std::function<Scenario*(Explorer&)>& make, const std::string& schedule);

  // For the bodies of the threads.
  std::uint32_t Thread() const { return running_; }
  /** A clock that goes on with every call. */
  std::uint32_t Now() { return ++now_; }
  /** Blocks this thread until `ready()`, which looks at nothing that is modelled. */
  void Await(const std::function<bool()>& ready);
  bool IsDead(std::uint32_t thread) const { return thread < threads_.size() && threads_[thread].state == State::kDead; }
  bool HasAnyDied() const { return deaths_ > 0; }
  bool HasEnded(std::uint32_t thread) const { return threads_[thread].state == State::kDone || threads_[thread].state == State::kDead; }
  /** What that thread has done so far comes before what this one does from now on. */
  void SynchronizeWith(std::uint32_t thread) { memory_.Synchronize(thread, running_); }
  /** Ends the schedule: it has failed. Does not return. */
  void Fail(const std::string& message);
  void Note(const std::string& text) { if (tracing_) Trace(text); }
  bool IsTracing() const { return tracing_; }

  // For `ModelledAtomics`.
  std::uint32_t Load(const std::uint32_t* at, Order order);
  void Store(std::uint32_t* at, std::uint32_t value, Order order);
  std::uint32_t Add(std::uint32_t* at, std::uint32_t value);
  std::uint32_t CompareExchange(std::uint32_t* at, std::uint32_t expected, std::uint32_t desired);
  std::uint32_t ReadPlain(const std::uint32_t* at);
  void WritePlain(std::uint32_t* at, std::uint32_t value);

 private:
  enum class State { kReady, kWaiting, kDone, kDead };
  enum class Outcome { kRunning, kComplete, kFailed, kAbandoned };
  struct ModelThread {
    Fiber fiber;
    std::function<void()> body;
    bool mortal = false;
    State state = State::kReady;
    const std::function<bool()>* ready = nullptr;
  };
  static constexpr std::uint32_t kNobody = 0xff;
  /** A schedule that takes more steps does not end. */
  static constexpr std::uint64_t kStepsMax = 20000;

  static void Entry();
  void Prepare(const std::function<Scenario*(Explorer&)>& make);
  void RunOnce();
  /** Depth first, with at most that many preemptions. True if it got through all schedules. */
  bool Search(std::uint32_t preemptions_max, std::chrono::steady_clock::time_point end, Exploration& result);
  void Randomize(const Bounds& bounds, std::chrono::steady_clock::time_point end, Exploration& result);
  void Report(Exploration& result);
  /** The words at which steps are made, in hexadecimal: part of a schedule, which counts steps. */
  std::string SharedWords() const;

  /** Decides who goes on. Returns when this thread does. */
  void Schedule();
  void SwitchTo(std::uint32_t thread);
  void LeaveTo(Outcome outcome);
  bool CanRun(std::uint32_t thread) const;
  /** Whether the word is touched by several threads; if that is new, the schedule is abandoned. Notes the access. */
  bool IsShared(std::uint32_t word, bool write);
  /** The start of each access to a shared word. */
  void Step();
  void Trace(const std::string& text);
  void TraceAccess(const char* what, std::uint32_t word, std::uint32_t value);
  std::uint32_t WordOf(const std::uint32_t* at);
  Order Weakened(Order order, Order to) const { return weakened_ && order == Order::kSeqCst ? to : order; }
  /** Writes the memory itself, so that it can be put back. */
  void Put(std::uint32_t word, std::uint32_t value);

  std::uint32_t* base_;
  std::uint32_t words_;
  std::function<std::string(std::uint32_t)> name_of_;
  std::vector<std::uint32_t> pristine_;
  std::vector<std::uint32_t> changed_;
  std::vector<std::uint8_t> readers_, writers_, shared_;
  WeakMemory memory_;
  Choices choices_;
  Bounds bounds_;
  std::vector<ModelThread> threads_;
  Fiber main_;
  Scenario* scenario_ = nullptr;
  std::uint32_t running_ = kNobody;
  Outcome outcome_ = Outcome::kComplete;
  bool active_ = false;
  bool tracing_ = false;
  bool weakened_ = false;
  bool grown_ = false;
  std::uint32_t preemptions_ = 0, stale_ = 0, deaths_ = 0, now_ = 0, now_at_start_ = 0;
  std::uint64_t steps_ = 0;
  std::string message_;
  std::vector<std::string> trace_;
};

/** The type that the lock-free core takes in place of `HardwareAtomics`. Outside a schedule its operations are plain. */
struct ModelledAtomics {
  static std::uint32_t LoadRelaxed(const std::uint32_t* word) { return Explorer::current->Load(word, Order::kRelaxed); }
  static std::uint32_t LoadAcquire(const std::uint32_t* word) { return Explorer::current->Load(word, Order::kAcquire); }
  static std::uint32_t LoadSeqCst(const std::uint32_t* word) { return Explorer::current->Load(word, Order::kSeqCst); }
  /** Nothing in the core stores relaxed; seeded mistakes do. */
  static void StoreRelaxed(std::uint32_t* word, std::uint32_t value) { Explorer::current->Store(word, value, Order::kRelaxed); }
  static void StoreRelease(std::uint32_t* word, std::uint32_t value) { Explorer::current->Store(word, value, Order::kRelease); }
  static void StoreSeqCst(std::uint32_t* word, std::uint32_t value) { Explorer::current->Store(word, value, Order::kSeqCst); }
  static void Add(std::uint32_t* word, std::uint32_t value) { Explorer::current->Add(word, value); }
  static void Subtract(std::uint32_t* word, std::uint32_t value) { Explorer::current->Add(word, 0u - value); }
  static std::uint32_t CompareExchange(std::uint32_t* word, std::uint32_t expected, std::uint32_t desired) {
    return Explorer::current->CompareExchange(word, expected, desired);
  }
  static std::uint32_t ReadPlain(const std::uint32_t* word) { return Explorer::current->ReadPlain(word); }
  static void WritePlain(std::uint32_t* word, std::uint32_t value) { Explorer::current->WritePlain(word, value); }
};

}  // namespace nexus::test
