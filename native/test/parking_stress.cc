// A consumer parks whenever its ring is empty; producers publish and wake. A wake-up that is lost shows as a consumer that is parked although there is data.
// The condition variable stands for the event loop. argv[2]: milliseconds.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "nexus/parking.hpp"
#include "test_memory.hpp"

namespace {

constexpr std::uint32_t kProducers = 3;
constexpr std::uint32_t kMessages = 20000;

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

}  // namespace

int main() {
  using HardwareAtomics = nexus::HardwareAtomics;
  const nexus::SharedMemory shared = nexus::test::MakeMemory(kProducers + 1, 1 << 12, 1 << 14);
  nexus::test::Report report;
  Loop loop;
  std::uint32_t consumed = 0, parks = 0, lost = 0;
  std::thread consumer([&] {
    nexus::Parking<> parking(shared, 0);
    while (consumed < kProducers * kMessages) {
      for (std::uint32_t from = 1; from <= kProducers; from++) {
        std::uint32_t* ring = shared.RingWords(from, 0);
        const std::uint32_t tail = HardwareAtomics::LoadSeqCst(ring + nexus::layout::kRingWordTail);
        consumed += (tail - HardwareAtomics::LoadRelaxed(ring + nexus::layout::kRingWordHead)) / 8;
        HardwareAtomics::StoreSeqCst(ring + nexus::layout::kRingWordHead, tail);
      }
      if (consumed == kProducers * kMessages || !parking.TryPark()) continue;
      parks++;
      if (!loop.Poll() && parking.HasWork()) lost++;
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
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  consumer.join();
  std::printf("# %u messages, %u parks\n", consumed, parks);
  report.Check("every message arrives", consumed == kProducers * kMessages);
  report.Check("the consumer parked", parks > 100);
  report.Check("no wake-up is lost", lost == 0);
  nexus::test::FreeMemory(shared);
  return report.failed == 0 ? 0 : 1;
}
