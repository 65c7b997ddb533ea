// A consumer parks whenever its rings are empty; producers publish, wake, and wait until they are heard. A wake-up that is lost shows as a consumer that stays
// parked although there is data, for nobody sends again. The condition variable stands for the event loop.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "nexus/parking.hpp"
#include "test_memory.hpp"

namespace {

constexpr std::uint32_t kProducers = 2;
constexpr std::uint32_t kMessages = 10000;

/** An event loop that can be woken: the counterpart of uv_async_send and poll. */
struct Loop {
  std::mutex mutex;
  std::condition_variable changed;
  bool woken = false;
  void Wake() {
    std::lock_guard<std::mutex> lock(mutex);
    woken = true;
    changed.notify_one();
  }
  /** False after a second without a wake-up. */
  bool Poll() {
    std::unique_lock<std::mutex> lock(mutex);
    const bool in_time = changed.wait_for(lock, std::chrono::seconds(1), [this] { return woken; });
    woken = false;
    return in_time;
  }
};

/** Between the last look at the rings and blocking there are a few instructions: a yield before PARKED is stored lets a producer in there. */
struct YieldingAtomics : nexus::HardwareAtomics {
  static void StoreSeqCst(std::uint32_t* word, std::uint32_t value) {
    static thread_local std::uint32_t turn = 0;
    if (++turn % 7 == 0) std::this_thread::yield();
    HardwareAtomics::StoreSeqCst(word, value);
  }
};

}  // namespace

int main() {
  using HardwareAtomics = nexus::HardwareAtomics;
  const nexus::SharedMemory shared = nexus::test::MakeMemory(kProducers + 1, 1 << 12, 1 << 14);
  nexus::test::Report report;
  Loop loop;
  std::uint32_t consumed = 0, parks = 0;
  std::thread consumer([&] {
    nexus::Parking<YieldingAtomics> parking(shared, 0);
    while (consumed < kProducers * kMessages) {
      for (std::uint32_t from = 1; from <= kProducers; from++) {
        std::uint32_t* ring = shared.RingWords(from, 0);
        const std::uint32_t tail = HardwareAtomics::LoadSeqCst(ring + nexus::layout::kRingWordTail);
        consumed += (tail - HardwareAtomics::LoadRelaxed(ring + nexus::layout::kRingWordHead)) / 8;
        HardwareAtomics::StoreSeqCst(ring + nexus::layout::kRingWordHead, tail);
      }
      if (consumed == kProducers * kMessages || !parking.TryPark()) continue;
      parks++;
      if (!loop.Poll() && parking.HasWork()) {
        report.Check("no wake-up is lost", false);
        std::fflush(stdout);
        std::_Exit(1);
      }
      parking.Unpark();
    }
  });
  std::vector<std::thread> producers;
  for (std::uint32_t from = 1; from <= kProducers; from++) {
    producers.emplace_back([&, from] {
      nexus::test::Random random{from};
      std::uint32_t* tail = shared.RingWords(from, 0) + nexus::layout::kRingWordTail;
      for (std::uint32_t message = 1; message <= kMessages; message++) {
        HardwareAtomics::StoreSeqCst(tail, message * 8);
        if (nexus::Parking<>::ClaimWake(shared, 0)) loop.Wake();
        // Long enough that the consumer often has to park.
        for (std::uint32_t pause = random.Next() % 400; pause > 0; pause--) nexus::SpinPause();
        const std::uint32_t* head = shared.RingWords(from, 0) + nexus::layout::kRingWordHead;
        while (HardwareAtomics::LoadSeqCst(head) != message * 8) std::this_thread::yield();
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  consumer.join();
  std::printf("# %u messages, %u parks\n", consumed, parks);
  report.Check("every message arrives", consumed == kProducers * kMessages);
  report.Check("the consumer parked", parks > 100);
  report.Check("no wake-up is lost", true);
  nexus::test::FreeMemory(shared);
  return report.failed == 0 ? 0 : 1;
}
