// The decisions of one schedule: who runs next, which of several stores a load returns. Three ways to make them: all of them, one after the other (depth first);
// from a seed; as a schedule says that was printed before. Used by explorer.hpp.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "../test_memory.hpp"

namespace nexus::test {

class Choices {
 public:
  enum class Way { kDepthFirst, kRandomWalk, kPriorities, kReplay };

  void StartDepthFirst() {
    way_ = Way::kDepthFirst;
    taken_.clear();
  }
  /** For `kRandomWalk`, and for `kPriorities`: PCT (Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding bugs", 2010). */
  void StartRandom(Way way, std::uint32_t seed, std::uint32_t threads, std::uint32_t steps_expected) {
    way_ = way;
    taken_.clear();
    random_.state = seed * 2654435761u + 1;
    if (random_.state == 0) random_.state = 1;
    for (int turn = 0; turn < 4; turn++) random_.Next();
    for (std::uint32_t thread = 0; thread < threads; thread++) priorities_[thread] = kChangePoints + random_.Next() % 1000000;
    for (std::uint32_t& change : changes_) change = random_.Next() % (steps_expected + 1);
    steps_ = 0;
  }
  /** "12:1 30:2": decision 12 took its option 1, decision 30 its option 2, all others their first. */
  void StartReplay(const std::string& schedule) {
    way_ = Way::kReplay;
    taken_.clear();
    const char* at = schedule.c_str();
    while (*at != 0) {
      char* end = nullptr;
      const unsigned long decision = std::strtoul(at, &end, 10);
      if (*end != ':') break;
      const unsigned long option = std::strtoul(end + 1, &end, 10);
      if (replay_.size() <= decision) replay_.resize(decision + 1, 0);
      replay_[decision] = static_cast<std::uint16_t>(option);
      at = *end == ',' ? end + 1 : end;
    }
  }

  void Rewind() { at_ = 0; }

  /** One of `count` options; the first is the ordinary one. */
  std::uint32_t Take(std::uint32_t count) {
    if (count <= 1) return 0;
    if (way_ == Way::kDepthFirst) return Follow(count);
    return Note(way_ == Way::kReplay ? Replayed(count) : random_.Next() % 4 != 0 ? 0 : random_.Next() % count, count);
  }

  /**
   * One of the threads in `options`, the first of which runs now if `running`; or `count`, which means that it dies, if it `may_die`. A random schedule lets one run
   * for several steps more often than not, for what goes wrong needs few switches.
   */
  std::uint32_t TakeThread(const std::uint8_t* options, std::uint32_t count, bool running, bool may_die) {
    steps_++;
    const std::uint32_t all = count + (may_die ? 1 : 0);
    if (all <= 1) return 0;
    if (way_ == Way::kDepthFirst) return Follow(all);
    if (way_ == Way::kReplay) return Note(Replayed(all), all);
    if (may_die && random_.Next() % 64 == 0) return Note(count, all);
    if (way_ == Way::kRandomWalk) return Note(running && random_.Next() % 4 != 0 ? 0 : random_.Next() % count, all);
    for (std::uint32_t change = 0; change < kChangePoints; change++) {
      if (changes_[change] == steps_) priorities_[options[0]] = change;
    }
    std::uint32_t best = 0;
    for (std::uint32_t option = 1; option < count; option++) {
      if (priorities_[options[option]] > priorities_[options[best]]) best = option;
    }
    return Note(best, all);
  }

  /** Goes on to the next schedule. False after the last one. */
  bool Next() {
    while (!taken_.empty() && taken_.back().option + 1 == taken_.back().count) taken_.pop_back();
    if (taken_.empty()) return false;
    taken_.back().option++;
    return true;
  }

  /** What `StartReplay` takes. */
  std::string Schedule() const {
    std::string text;
    for (std::size_t at = 0; at < taken_.size() && at < at_; at++) {
      if (taken_[at].option == 0) continue;
      text += (text.empty() ? "" : ",") + std::to_string(at) + ":" + std::to_string(taken_[at].option);
    }
    return text;
  }

 private:
  static constexpr std::uint32_t kChangePoints = 4;

  struct Taken {
    std::uint16_t option;
    std::uint16_t count;
  };

  std::uint32_t Follow(std::uint32_t count) {
    if (at_ == taken_.size()) taken_.push_back({0, static_cast<std::uint16_t>(count)});
    if (taken_[at_].count != count) {
      std::fprintf(stderr, "decision %zu had %u options and now has %u: the scenario is not a function of its schedule\n", at_, taken_[at_].count, count);
      std::abort();
    }
    return taken_[at_++].option;
  }
  std::uint32_t Note(std::uint32_t option, std::uint32_t count) {
    taken_.push_back({static_cast<std::uint16_t>(option), static_cast<std::uint16_t>(count)});
    at_++;
    return option;
  }
  std::uint32_t Replayed(std::uint32_t count) const {
    const std::uint32_t option = at_ < replay_.size() ? replay_[at_] : 0;
    return option < count ? option : 0;
  }

  Way way_ = Way::kDepthFirst;
  std::vector<Taken> taken_;
  std::vector<std::uint16_t> replay_;
  std::size_t at_ = 0;
  Random random_{1};
  std::uint32_t steps_ = 0;
  std::uint32_t priorities_[8] = {};
  std::uint32_t changes_[kChangePoints] = {};
};

}  // namespace nexus::test
