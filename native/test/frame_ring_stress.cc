// Stress of the rings between processes (nexus/frame_ring.hpp, nexus/link_end.hpp) on real threads and a real process: frames of all sizes both ways with parking, a peer that writes rubbish into
// whatever it can reach, a producer that is killed at a random moment. argv: seed, milliseconds for each shape.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include <vector>

#include "nexus/link_end.hpp"
#include "test_memory.hpp"

namespace {

using nexus::FrameRingReader;
using nexus::FrameRingWriter;
using nexus::LinkEnd;
using nexus::RingOutcome;
using nexus::test::Random;
using nexus::test::Report;
namespace layout = nexus::layout;

constexpr std::uint32_t kRingBytes = 4096;
constexpr std::uint32_t kFrameBytesMax = nexus::FrameBytesMax(kRingBytes);

std::uint8_t* Map(std::size_t bytes) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) std::abort();
  return static_cast<std::uint8_t*>(base);
}

/** What frame `number` of a lane has: its bytes say which it is. */
void Fill(std::vector<std::uint8_t>* frame, std::uint32_t number, std::uint32_t seed) {
  Random random{(number * 2654435761u ^ seed) | 1};
  const std::uint32_t kind = random.Next() % 8;
  frame->resize(kind == 0 ? 0 : kind == 1 ? kFrameBytesMax : random.Next() % 200);
  for (std::uint8_t& byte : *frame) byte = static_cast<std::uint8_t>(random.Next());
}

/** The socket of one side: a wake-up that is not taken yet is kept, and nobody sleeps beside it. */
struct Bell {
  std::mutex mutex;
  std::condition_variable rung;
  std::uint32_t waiting = 0;
  void Ring() {
    std::lock_guard<std::mutex> lock(mutex);
    waiting++;
    rung.notify_one();
  }
  /** False when nothing comes for as long as no test may take. */
  bool Wait() {
    std::unique_lock<std::mutex> lock(mutex);
    return rung.wait_for(lock, std::chrono::seconds(20), [this] { return waiting > 0; });
  }
  void Take() {
    std::lock_guard<std::mutex> lock(mutex);
    if (waiting > 0) waiting--;
  }
};

struct Side {
  LinkEnd<> end;
  std::uint32_t sent[layout::kLinkLanes] = {};
  std::uint32_t received[layout::kLinkLanes] = {};
  bool wrong = false;
  bool lost_wake = false;
  std::uint32_t parks = 0;
  std::uint32_t looks_on = 0;
  std::uint32_t peer_looks_on = 0;
  std::uint32_t looks_seen = 0;
};

/** Sends `frames` on each lane and receives as many, parking as a hub does. */
void Converse(Side* side, Bell* own, Bell* other, std::uint32_t frames, std::uint32_t seed) {
  std::vector<std::uint8_t> frame;
  std::vector<std::uint8_t> expected;
  std::vector<std::uint8_t> buffer(kFrameBytesMax);
  Random random{seed | 1};
  bool is_rung = false;
  for (;;) {
    bool is_done = true;
    bool is_blocked = true;
    side->end.TakeAttention();
    for (std::uint32_t lane = 0; lane < layout::kLinkLanes; lane++) {
      // A few at a time, so that the rings are full, empty and between.
      for (std::uint32_t burst = random.Next() % 8; burst > 0 && side->sent[lane] < frames; burst--) {
        Fill(&frame, side->sent[lane] + 1, lane);
        const auto length = static_cast<std::uint32_t>(frame.size());
        RingOutcome outcome = side->end.writers[lane].Offer(frame.data(), length);
        if (outcome == RingOutcome::kFull && side->end.writers[lane].RequestRoom(length) == RingOutcome::kDone) outcome = side->end.writers[lane].Offer(frame.data(), length);
        if (outcome == RingOutcome::kBroken) side->wrong = true;
        if (outcome != RingOutcome::kDone) break;
        side->sent[lane]++;
        is_blocked = false;
        if (side->end.ClaimWake()) other->Ring();
      }
      std::uint32_t length = 0;
      bool has_one = false;
      const RingOutcome outcome = side->end.readers[lane].Read([&](std::uint32_t bytes) -> std::uint8_t* {
        if (has_one) return nullptr;
        has_one = true;
        length = bytes;
        return buffer.data();
      });
      if (outcome == RingOutcome::kBroken) side->wrong = true;
      if (has_one) {
        is_blocked = false;
        Fill(&expected, ++side->received[lane], lane);
        if (length != expected.size() || std::memcmp(buffer.data(), expected.data(), length) != 0) side->wrong = true;
      }
      if (side->end.readers[lane].TakeRoomRequest()) {
        side->end.AskAttention();
        if (side->end.ClaimWake()) other->Ring();
      }
      is_done = is_done && side->sent[lane] == frames && side->received[lane] == frames;
    }
    // As a hub does: the work that it was woken for comes first.
    if (is_rung) own->Take();
    is_rung = false;
    side->end.LookOn(random.Next() % 4 == 0 ? 0 : side->looks_on);
    const std::uint32_t there = side->end.PeerLooksOn();
    if (there == side->peer_looks_on) side->looks_seen++;
    if (there != 0 && there != side->peer_looks_on) side->wrong = true;
    if (side->wrong || is_done) return;
    // What was refused as full comes again with ATTENTION; what was not tried in this round is tried in the next.
    bool wants_to_send = false;
    for (std::uint32_t lane = 0; lane < layout::kLinkLanes; lane++) wants_to_send = wants_to_send || side->sent[lane] < frames;
    if (!is_blocked || (wants_to_send && random.Next() % 4 != 0)) continue;
    if (wants_to_send) {
      // Only a side that was told full on every lane that it has something for may sleep on that.
      bool can_sleep = true;
      for (std::uint32_t lane = 0; lane < layout::kLinkLanes; lane++) {
        if (side->sent[lane] < frames && side->end.writers[lane].RequestRoom(kFrameBytesMax) != RingOutcome::kFull) can_sleep = false;
      }
      if (!can_sleep) continue;
    }
    if (!side->end.TryPark()) continue;
    side->parks++;
    if (!own->Wait()) {
      side->lost_wake = true;
      return;
    }
    is_rung = true;
    side->end.Unpark();
  }
}

void TwoWays(Report* report, std::uint32_t seed, int milliseconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  bool wrong = false, lost_wake = false;
  std::uint32_t parks = 0, looks_seen = 0;
  std::uint64_t frames = 0;
  do {
    const std::size_t bytes = nexus::LinkMemoryBytes(kRingBytes);
    std::uint8_t* base = Map(bytes);
    nexus::InitializeLinkMemory(base, kRingBytes);
    Side sides[2];
    Bell bells[2];
    for (std::uint32_t side = 0; side < 2; side++) sides[side].end = LinkEnd<>(base, kRingBytes, side);
    sides[0].looks_on = sides[1].peer_looks_on = 7;
    sides[1].looks_on = sides[0].peer_looks_on = 8;
    std::thread other([&] { Converse(&sides[1], &bells[1], &bells[0], 2000, seed * 3); });
    Converse(&sides[0], &bells[0], &bells[1], 2000, seed * 7);
    other.join();
    for (const Side& side : sides) {
      wrong = wrong || side.wrong;
      lost_wake = lost_wake || side.lost_wake;
      parks += side.parks;
      looks_seen += side.looks_seen;
      for (const std::uint32_t count : side.received) frames += count;
    }
    munmap(base, bytes);
    seed++;
  } while (!wrong && !lost_wake && std::chrono::steady_clock::now() < until);
  std::printf("# %llu frames, %u parks\n", static_cast<unsigned long long>(frames), parks);
  report->Check("frames between two sides arrive once, whole and in order, on every lane", !wrong);
  report->Check("no wake-up of a side is lost, whenever it is taken", !lost_wake);
  report->Check("a side sees where the other one looks for frames, and nothing else", !wrong && looks_seen > 0);
}

// The peer of this one writes where it must not: a race by definition, so thread sanitizer is not asked.
#if !defined(__SANITIZE_THREAD__)
void Hostile(Report* report, std::uint32_t seed, int milliseconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  const std::size_t bytes = nexus::LinkMemoryBytes(kRingBytes);
  Random chance{seed | 1};
  std::uint64_t rounds = 0, broken = 0;
  bool is_bounded = true;
  do {
    // Pages that cannot be touched on both sides of it.
    auto* guarded = static_cast<std::uint8_t*>(mmap(nullptr, 65536 + 2 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    const std::size_t pages = (bytes + 4095) / 4096 * 4096;
    std::uint8_t* base = guarded + 4096;
    if (mprotect(base, pages, PROT_READ | PROT_WRITE) != 0) std::abort();
    nexus::InitializeLinkMemory(base, kRingBytes);
    LinkEnd<> end(base, kRingBytes, 0);
    std::atomic<bool> is_over{false};
    std::thread rubbish([&, own = chance.Next()] {
      Random random{own | 1};
      auto* words = reinterpret_cast<std::uint32_t*>(base);
      while (!is_over.load(std::memory_order_relaxed)) {
        // Positions and headers of records more often than what is in frames.
        const std::uint32_t ring = (layout::kLinkHeaderBytes + 2 * layout::kLinkSideBytes + random.Next() % 6 * (layout::kRingHeaderBytes + kRingBytes)) / 4;
        const std::uint32_t places[] = {ring + layout::kRingWordTail, ring + layout::kRingWordHead, ring + layout::kRingHeaderBytes / 4, ring + layout::kRingHeaderBytes / 4 + 1,
                                        static_cast<std::uint32_t>(random.Next() % (bytes / 4))};
        const std::uint32_t values[] = {random.Next(), random.Next() % 8192 & ~7u, 8 + random.Next() % 64 * 8, layout::kMessageTypeFrame, layout::kMessageTypePadding, 0xfffffff8u};
        __atomic_store_n(words + places[random.Next() % 5], values[random.Next() % 6], __ATOMIC_RELAXED);
      }
    });
    std::vector<std::uint8_t> frame(kFrameBytesMax), buffer(kFrameBytesMax);
    bool is_broken = false;
    for (int step = 0; step < 2000 && !is_broken; step++) {
      const std::uint32_t lane = chance.Next() % layout::kLinkLanes;
      const auto length = static_cast<std::uint32_t>(chance.Next() % (kFrameBytesMax + 1));
      if (end.writers[lane].Offer(frame.data(), length) == RingOutcome::kBroken) is_broken = true;
      std::uint32_t count = 0;
      const RingOutcome outcome = end.readers[lane].Read([&](std::uint32_t size) -> std::uint8_t* {
        if (size > kFrameBytesMax) is_bounded = false;
        return ++count > 1000 || !is_bounded ? nullptr : buffer.data();
      });
      if (outcome == RingOutcome::kBroken) is_broken = true;
      end.TakeAttention();
      end.ClaimWake();
      if (end.TryPark()) end.Unpark();
    }
    is_over = true;
    rubbish.join();
    munmap(guarded, 65536 + 2 * 4096);
    if (is_broken) broken++;
    rounds++;
  } while (is_bounded && std::chrono::steady_clock::now() < until);
  std::printf("# %llu rounds, %llu of them ended by what was found\n", static_cast<unsigned long long>(rounds), static_cast<unsigned long long>(broken));
  report->Check("whatever a peer writes into the memory, no frame is larger than its place and nothing else is touched", is_bounded);
  report->Check("rubbish is found", broken > 0);
}

void Killed(Report* report, std::uint32_t seed, int milliseconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  const std::size_t bytes = nexus::LinkMemoryBytes(kRingBytes);
  Random chance{seed | 1};
  bool wrong = false;
  std::uint32_t kills = 0;
  std::uint64_t frames = 0;
  std::vector<std::uint8_t> expected, buffer(kFrameBytesMax);
  do {
    std::uint8_t* base = Map(bytes);
    nexus::InitializeLinkMemory(base, kRingBytes);
    const pid_t child = fork();
    if (child < 0) std::abort();
    if (child == 0) {
      LinkEnd<> end(base, kRingBytes, 1);
      std::vector<std::uint8_t> frame;
      for (std::uint32_t number = 1;; number++) {
        Fill(&frame, number, 0);
        while (end.writers[0].Offer(frame.data(), static_cast<std::uint32_t>(frame.size())) != RingOutcome::kDone) nexus::SpinYield();
      }
    }
    LinkEnd<> end(base, kRingBytes, 0);
    std::uint32_t received = 0;
    const auto read = [&] {
      std::uint32_t before;
      do {
        before = received;
        std::uint32_t length = 0;
        bool has_one = false;
        if (end.readers[0].Read([&](std::uint32_t size) -> std::uint8_t* {
              if (has_one) return nullptr;
              has_one = true;
              length = size;
              return buffer.data();
            }) == RingOutcome::kBroken)
          wrong = true;
        if (!has_one) continue;
        Fill(&expected, ++received, 0);
        if (length != expected.size() || std::memcmp(buffer.data(), expected.data(), length) != 0) wrong = true;
      } while (received != before && !wrong);
    };
    const auto kill_at = std::chrono::steady_clock::now() + std::chrono::microseconds(chance.Next() % 3000);
    while (std::chrono::steady_clock::now() < kill_at && !wrong) read();
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    // What it had published is all there, and nothing of what it had not.
    read();
    if (end.readers[0].HasData()) wrong = true;
    frames += received;
    kills++;
    munmap(base, bytes);
  } while (!wrong && std::chrono::steady_clock::now() < until);
  std::printf("# %u kills, %llu frames\n", kills, static_cast<unsigned long long>(frames));
  report->Check("of a producer that is killed all that it had published arrives, and nothing else", !wrong && kills > 0);
}
#endif

}  // namespace

int main(int argc, char** argv) {
  const auto seed = static_cast<std::uint32_t>(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1);
  const int milliseconds = argc > 2 ? std::atoi(argv[2]) : 1500;
  Report report;
  TwoWays(&report, seed, milliseconds);
#if !defined(__SANITIZE_THREAD__)
  Hostile(&report, seed, milliseconds);
  Killed(&report, seed, milliseconds);
#endif
  return report.failed == 0 ? 0 : 1;
}
