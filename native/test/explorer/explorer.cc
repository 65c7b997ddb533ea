// The explorer of explorer.hpp: the search, the scheduler, and the accesses.
#include "explorer.hpp"

#include <cstring>

namespace nexus::test {

Explorer* Explorer::current = nullptr;

namespace {
using SteadyClock = std::chrono::steady_clock;
/** Random schedules before the search, so that most words that threads share are known when it starts. */
constexpr std::uint32_t kScoutingSchedules = 400;
}  // namespace

Explorer::Explorer(std::uint32_t* base, std::uint32_t words, std::function<std::string(std::uint32_t)> name_of)
    : base_(base), words_(words), name_of_(std::move(name_of)), readers_(words), writers_(words), shared_(words) {
  memory_.Open(words);
  current = this;
}

void Explorer::AddThread(bool mortal, std::function<void()> body) {
  OutsideArena outside;
  if (threads_.size() == kModelThreadsMax) std::abort();
  threads_.emplace_back();
  threads_.back().body = std::move(body);
  threads_.back().mortal = mortal;
}

void Explorer::Prepare(const std::function<Scenario*(Explorer&)>& make) {
  threads_.clear();
  weakened_ = false;
  Arena::Clear();
  {
    InArena in;
    scenario_ = make(*this);
  }
  Arena::Snapshot();
  now_at_start_ = now_;
  changed_.clear();
  pristine_.assign(base_, base_ + words_);
}

Exploration Explorer::Explore(const std::function<Scenario*(Explorer&)>& make, const Bounds& bounds) {
  Prepare(make);
  Exploration result;
  const auto start = SteadyClock::now();
  const auto after = [start](double seconds) { return start + std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(seconds)); };
  bounds_ = bounds;
  bounds_.random_schedules = kScoutingSchedules;
  Randomize(bounds_, after(bounds.seconds), result);
  // If one of those fails, the search may find a shorter one, with fewer preemptions.
  const Exploration scouted = result;
  result.failed = false;
  result.random_schedules = 0;
  bounds_ = bounds;
  for (std::uint32_t preemptions = 0; preemptions <= bounds.preemptions_max && !result.failed; preemptions++) {
    if (!Search(preemptions, after(bounds.seconds * 0.75), result)) break;
    result.bound_complete = static_cast<int>(preemptions);
  }
  if (!result.failed && !scouted.failed) Randomize(bounds, after(bounds.seconds), result);
  if (!result.failed && scouted.failed) result = scouted;
  result.seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  return result;
}

bool Explorer::Search(std::uint32_t preemptions_max, SteadyClock::time_point end, Exploration& result) {
  bounds_.preemptions_max = preemptions_max;
  for (;;) {
    grown_ = false;
    result.schedules = 0;
    choices_.StartDepthFirst();
    do {
      RunOnce();
      result.executions++;
      if (grown_) break;
      result.schedules++;
      if (steps_ > result.steps_longest) result.steps_longest = steps_;
      if (outcome_ == Outcome::kFailed) {
        Report(result);
        return false;
      }
      if (result.schedules % 64 == 0 && SteadyClock::now() > end) return false;
    } while (choices_.Next());
    if (!grown_) return true;
  }
}

void Explorer::Randomize(const Bounds& bounds, SteadyClock::time_point end, Exploration& result) {
  bounds_.preemptions_max = bounds_.stale_max = 1u << 30;
  for (std::uint64_t turn = 0; turn < bounds.random_schedules; turn++) {
    if (turn % 64 == 0 && SteadyClock::now() > end) break;
    grown_ = false;
    choices_.StartRandom(turn % 2 == 0 ? Choices::Way::kPriorities : Choices::Way::kRandomWalk, bounds.seed + static_cast<std::uint32_t>(turn),
                         static_cast<std::uint32_t>(threads_.size()), static_cast<std::uint32_t>(result.steps_longest));
    RunOnce();
    result.executions++;
    if (grown_) continue;
    result.random_schedules++;
    if (steps_ > result.steps_longest) result.steps_longest = steps_;
    if (outcome_ == Outcome::kFailed) return Report(result);
  }
}

void Explorer::Report(Exploration& result) {
  result.failed = true;
  result.message = message_;
  result.schedule = std::to_string(bounds_.preemptions_max) + "/" + std::to_string(bounds_.stale_max) + "/" + std::to_string(bounds_.deaths_max) + "/" + SharedWords() + "/" + choices_.Schedule();
  choices_.StartReplay(choices_.Schedule());
  tracing_ = true;
  RunOnce();
  tracing_ = false;
  result.trace = trace_;
}

Exploration Explorer::Replay(const std::function<Scenario*(Explorer&)>& make, const std::string& schedule) {
  Prepare(make);
  Exploration result;
  unsigned preemptions = 0, stale = 0, deaths = 0;
  int words = 0;
  const std::size_t choices = schedule.rfind('/');
  if (std::sscanf(schedule.c_str(), "%u/%u/%u/%n", &preemptions, &stale, &deaths, &words) != 3 || words == 0 || choices < static_cast<std::size_t>(words)) {
    result.failed = true;
    result.message = "not a schedule: " + schedule;
    return result;
  }
  for (const char* at = schedule.c_str() + words; at < schedule.c_str() + choices;) {
    char* end = nullptr;
    const unsigned long word = std::strtoul(at, &end, 16);
    if (word < words_) shared_[word] = 1;
    at = end + 1;
  }
  bounds_.preemptions_max = preemptions;
  bounds_.stale_max = stale;
  bounds_.deaths_max = deaths;
  choices_.StartReplay(schedule.substr(choices + 1));
  tracing_ = true;
  RunOnce();
  tracing_ = false;
  result.executions = result.schedules = 1;
  result.failed = outcome_ == Outcome::kFailed;
  result.message = message_;
  result.schedule = schedule;
  result.trace = trace_;
  return result;
}

std::string Explorer::SharedWords() const {
  std::string text;
  char word[16];
  for (std::uint32_t at = 0; at < words_; at++) {
    if (!shared_[at]) continue;
    std::snprintf(word, sizeof word, text.empty() ? "%x" : ".%x", at);
    text += word;
  }
  return text;
}

void Explorer::RunOnce() {
  for (const std::uint32_t word : changed_) base_[word] = pristine_[word];
  changed_.clear();
  Arena::Restore();
  memory_.Restart();
  choices_.Rewind();
  trace_.clear();
  message_.clear();
  steps_ = 0;
  preemptions_ = stale_ = deaths_ = 0;
  now_ = now_at_start_;
  for (ModelThread& thread : threads_) {
    thread.state = State::kReady;
    thread.fiber.Start(&Explorer::Entry);
  }
  outcome_ = Outcome::kRunning;
  running_ = kNobody;
  active_ = true;
  std::uint8_t options[kModelThreadsMax];
  for (std::uint32_t thread = 0; thread < threads_.size(); thread++) options[thread] = static_cast<std::uint8_t>(thread);
  running_ = options[choices_.TakeThread(options, static_cast<std::uint32_t>(threads_.size()), false, false)];
  Fiber::Switch(main_, threads_[running_].fiber);
  Arena::on = false;
  active_ = false;
  running_ = kNobody;
  if (outcome_ != Outcome::kComplete) return;
  std::string wrong;
  {
    InArena in;
    wrong = scenario_->Check();
    if (!wrong.empty()) {
      OutsideArena outside;
      message_ = std::string(wrong.data(), wrong.size());
    }
  }
  if (!message_.empty()) outcome_ = Outcome::kFailed;
}

void Explorer::Entry() {
  Explorer& self = *current;
  Arena::on = true;
  self.threads_[self.running_].body();
  Arena::on = false;
  self.threads_[self.running_].state = State::kDone;
  self.Schedule();
}

bool Explorer::CanRun(std::uint32_t thread) const {
  const ModelThread& it = threads_[thread];
  return it.state == State::kReady || (it.state == State::kWaiting && (*it.ready)());
}

void Explorer::Schedule() {
  for (;;) {
    std::uint8_t options[kModelThreadsMax];
    std::uint32_t count = 0;
    const bool can_go_on = CanRun(running_);
    if (can_go_on) options[count++] = static_cast<std::uint8_t>(running_);
    if (!can_go_on || preemptions_ < bounds_.preemptions_max) {
      for (std::uint32_t thread = 0; thread < threads_.size(); thread++) {
        if (thread != running_ && CanRun(thread)) options[count++] = static_cast<std::uint8_t>(thread);
      }
    }
    if (count == 0) {
      bool all_ended = true;
      for (const ModelThread& thread : threads_) all_ended = all_ended && thread.state != State::kWaiting;
      if (!all_ended) Fail("a thread waits, and nobody will wake it");
      LeaveTo(Outcome::kComplete);
    }
    const bool may_die = can_go_on && threads_[running_].mortal && deaths_ < bounds_.deaths_max && threads_[running_].state == State::kReady;
    const std::uint32_t option = choices_.TakeThread(options, count, can_go_on, may_die);
    if (option == count) {
      deaths_++;
      threads_[running_].state = State::kDead;
      if (tracing_) Trace("dies here");
      continue;
    }
    if (can_go_on && option > 0) preemptions_++;
    return SwitchTo(options[option]);
  }
}

void Explorer::SwitchTo(std::uint32_t thread) {
  if (thread == running_) return;
  const std::uint32_t before = running_;
  running_ = thread;
  Fiber::Switch(threads_[before].fiber, threads_[thread].fiber);
}

void Explorer::LeaveTo(Outcome outcome) {
  outcome_ = outcome;
  // Nobody comes back to this fiber in this schedule.
  Fiber::Switch(threads_[running_].fiber, main_);
  std::abort();
}

void Explorer::Await(const std::function<bool()>& ready) {
  OutsideArena outside;
  if (!active_) std::abort();
  ModelThread& thread = threads_[running_];
  thread.ready = &ready;
  thread.state = State::kWaiting;
  Schedule();
  thread.state = State::kReady;
}

void Explorer::Fail(const std::string& message) {
  OutsideArena outside;
  message_ = std::string(message.data(), message.size());
  LeaveTo(Outcome::kFailed);
}

std::uint32_t Explorer::WordOf(const std::uint32_t* at) {
  if (at < base_ || at >= base_ + words_) {
    if (active_) Fail("an access outside the shared memory");
    std::abort();
  }
  return static_cast<std::uint32_t>(at - base_);
}

void Explorer::Put(std::uint32_t word, std::uint32_t value) {
  if (base_[word] == value) return;
  if (base_[word] == pristine_[word]) changed_.push_back(word);
  base_[word] = value;
}

bool Explorer::IsShared(std::uint32_t word, bool write) {
  const auto me = static_cast<std::uint8_t>(1u << running_);
  readers_[word] |= me;
  if (write) writers_[word] |= me;
  if (shared_[word]) return true;
  const std::uint8_t all = readers_[word];
  if (writers_[word] == 0 || (all & (all - 1)) == 0) return false;
  shared_[word] = 1;
  grown_ = true;
  LeaveTo(Outcome::kAbandoned);
  return true;
}

void Explorer::Step() {
  if (++steps_ > kStepsMax) Fail("does not end: more than 20,000 steps");
  Schedule();
  memory_.Step(running_);
}

std::uint32_t Explorer::Load(const std::uint32_t* at, Order order) {
  if (!active_) return *at;
  OutsideArena outside;
  const std::uint32_t word = WordOf(at);
  if (!IsShared(word, false)) return base_[word];
  Step();
  order = Weakened(order, Order::kAcquire);
  const std::uint32_t candidates = memory_.Candidates(running_, word, order, base_[word]);
  const std::uint32_t option = stale_ < bounds_.stale_max ? choices_.Take(candidates) : 0;
  if (option > 0) stale_++;
  const std::uint32_t value = memory_.Read(running_, option, order);
  if (tracing_) TraceAccess(option > 0 ? "loads, not the newest," : "loads", word, value);
  return value;
}

void Explorer::Store(std::uint32_t* at, std::uint32_t value, Order order) {
  if (!active_) {
    OutsideArena outside;
    if (!pristine_.empty()) return Put(WordOf(at), value);
    *at = value;
    return;
  }
  OutsideArena outside;
  const std::uint32_t word = WordOf(at);
  if (IsShared(word, true)) {
    Step();
    memory_.Write(running_, word, value, Weakened(order, Order::kRelease), base_[word]);
    if (tracing_) TraceAccess("stores", word, value);
  }
  Put(word, value);
}

std::uint32_t Explorer::Add(std::uint32_t* at, std::uint32_t value) {
  if (!active_) {
    const std::uint32_t before = *at;
    Store(at, before + value, Order::kSeqCst);
    return before;
  }
  OutsideArena outside;
  const std::uint32_t word = WordOf(at);
  if (!IsShared(word, true)) {
    const std::uint32_t before = base_[word];
    Put(word, before + value);
    return before;
  }
  Step();
  const std::uint32_t before = memory_.NewestValue(word, base_[word]);
  memory_.Exchange(running_, word, before + value, base_[word]);
  Put(word, before + value);
  if (tracing_) TraceAccess("adds up to", word, before + value);
  return before;
}

std::uint32_t Explorer::CompareExchange(std::uint32_t* at, std::uint32_t expected, std::uint32_t desired) {
  if (!active_) {
    const std::uint32_t before = *at;
    if (before == expected) Store(at, desired, Order::kSeqCst);
    return before;
  }
  OutsideArena outside;
  const std::uint32_t word = WordOf(at);
  if (!IsShared(word, true)) {
    const std::uint32_t before = base_[word];
    if (before == expected) Put(word, desired);
    return before;
  }
  Step();
  // A swap that fails is a load, and may see an older store; one that succeeds replaces the newest.
  const std::uint32_t candidates = memory_.Candidates(running_, word, Weakened(Order::kSeqCst, Order::kAcquire), base_[word]);
  std::uint32_t option = stale_ < bounds_.stale_max ? choices_.Take(candidates) : 0;
  if (option > 0 && memory_.ValueOf(option) == expected) option = 0;
  if (option > 0) stale_++;
  const std::uint32_t seen = memory_.ValueOf(option);
  if (option == 0 && seen == expected) {
    memory_.Exchange(running_, word, desired, base_[word]);
    Put(word, desired);
    if (tracing_) TraceAccess("swaps in", word, desired);
    return seen;
  }
  memory_.Read(running_, option, Weakened(Order::kSeqCst, Order::kAcquire));
  if (tracing_) TraceAccess("fails to swap, seeing", word, seen);
  return seen;
}

std::uint32_t Explorer::ReadPlain(const std::uint32_t* at) {
  if (!active_) return *at;
  OutsideArena outside;
  const std::uint32_t word = WordOf(at);
  memory_.Step(running_);
  if (tracing_) TraceAccess("reads plainly", word, base_[word]);
  if (!memory_.PlainRead(running_, word)) Fail("a data race: " + name_of_(word) + " is read while another thread writes it");
  return base_[word];
}

void Explorer::WritePlain(std::uint32_t* at, std::uint32_t value) {
  if (!active_) return Store(at, value, Order::kRelaxed);
  OutsideArena outside;
  const std::uint32_t word = WordOf(at);
  memory_.Step(running_);
  if (tracing_) TraceAccess("writes plainly", word, value);
  if (!memory_.PlainWrite(running_, word)) Fail("a data race: " + name_of_(word) + " is written while another thread reads or writes it");
  Put(word, value);
}

void Explorer::Trace(const std::string& text) {
  OutsideArena outside;
  trace_.push_back("thread " + std::to_string(running_) + " " + std::string(text.data(), text.size()));
}

void Explorer::TraceAccess(const char* what, std::uint32_t word, std::uint32_t value) {
  Trace(std::string(what) + " " + name_of_(word) + " = " + std::to_string(value));
}

}  // namespace nexus::test
