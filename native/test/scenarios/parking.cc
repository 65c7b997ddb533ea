// Scenarios of parking: a consumer that parks when it finds nothing, producers that publish and wake. A wake-up that is lost shows as a consumer that waits for ever.
#include "catalogue.hpp"
#include "nexus/parking.hpp"

namespace nexus::test {

namespace {

/** One event loop, thread 0, as native/napi/waiter.cc drives it: look, park, poll, unpark, clear ATTENTION, drain. */
class ParkingScenario : public Scenario {
 public:
  ParkingScenario(Explorer& explorer, const SharedMemory& shared) : explorer_(explorer), shared_(shared) {}

  /** A producer that publishes that many messages, one by one. */
  void AddProducer(std::uint32_t from, std::uint32_t messages) {
    expected_ += messages;
    explorer_.AddThread(false, [this, from, messages] {
      std::uint32_t* tail = shared_.RingWords(from, 0) + layout::kRingWordTail;
      for (std::uint32_t message = 1; message <= messages; message++) {
        ModelledAtomics::StoreSeqCst(tail, message * 8);
        WakeIfParked();
      }
    });
  }
  /** One that asks for attention, as for work that is in no ring. What it asks for is `work`, a plain counter of its own. */
  void AddRequester(std::uint32_t requests) {
    requests_expected_ += requests;
    explorer_.AddThread(false, [this, requests] {
      for (std::uint32_t request = 1; request <= requests; request++) {
        ModelledAtomics::StoreRelease(Request(), request);
        ModelledAtomics::StoreSeqCst(shared_.ThreadWords(0) + layout::kThreadWordAttention, 1);
        WakeIfParked();
      }
    });
  }
  void AddConsumer() {
    explorer_.AddThread(false, [this] {
      Parking<ModelledAtomics> parking(shared_, 0);
      while (consumed_ < expected_ || served_ < requests_expected_) {
        if (!parking.HasWork() && Park(parking)) {
          explorer_.Await([this] { return woken_; });
          woken_ = false;
          explorer_.SynchronizeWith(waker_);
          parking.Unpark();
        }
        if (!parking.HasWork()) continue;
        parking.ClearAttention();
        Drain();
      }
    });
  }

  std::string Check() override {
    if (consumed_ != expected_ || served_ != requests_expected_) return "not everything was consumed";
    return "";
  }

 private:
  /** The flag is up from here on, and may be claimed once, also if the thread finds work and does not block. */
  bool Park(Parking<ModelledAtomics>& parking) {
    parks_++;
    return parking.TryPark();
  }
  void WakeIfParked() {
    if (!Parking<ModelledAtomics>::ClaimWake(shared_, 0)) return;
    if (explorer_.IsTracing()) explorer_.Note("wakes thread 0's loop");
    if (++wakes_ > parks_) explorer_.Fail("one park is woken twice");
    waker_ = explorer_.Thread();
    woken_ = true;
  }
  void Drain() {
    for (std::uint32_t from = 1; from < shared_.thread_count; from++) {
      std::uint32_t* ring = shared_.RingWords(from, 0);
      const std::uint32_t tail = ModelledAtomics::LoadSeqCst(ring + layout::kRingWordTail);
      consumed_ += (tail - ModelledAtomics::LoadRelaxed(ring + layout::kRingWordHead)) / 8;
      ModelledAtomics::StoreSeqCst(ring + layout::kRingWordHead, tail);
    }
    served_ = ModelledAtomics::LoadAcquire(Request());
  }
  /** A word that the core does not use. */
  std::uint32_t* Request() const { return shared_.ThreadWords(1) + layout::kThreadWordQueueDepth; }

  Explorer& explorer_;
  SharedMemory shared_;
  std::uint32_t expected_ = 0, requests_expected_ = 0, consumed_ = 0, served_ = 0, parks_ = 0, wakes_ = 0, waker_ = 0;
  bool woken_ = false;
};

ScenarioCase Case(const char* name, void (*build)(ParkingScenario&)) {
  return {name, 0, [build](Explorer& explorer, const SharedMemory& shared) {
            auto* scenario = new ParkingScenario(explorer, shared);
            build(*scenario);
            return scenario;
          }};
}

}  // namespace

std::vector<ScenarioCase> ParkingCases() {
  return {
      Case("parking: a consumer beside a producer of one message",
           [](ParkingScenario& it) {
             it.AddConsumer();
             it.AddProducer(1, 1);
           }),
      Case("parking: a consumer beside a producer of three messages",
           [](ParkingScenario& it) {
             it.AddConsumer();
             it.AddProducer(1, 3);
           }),
      Case("parking: a consumer beside two producers of one message: one of them wakes",
           [](ParkingScenario& it) {
             it.AddConsumer();
             it.AddProducer(1, 1);
             it.AddProducer(2, 1);
           }),
      Case("parking: a consumer beside two requests for attention",
           [](ParkingScenario& it) {
             it.AddConsumer();
             it.AddRequester(2);
           }),
      Case("parking: a consumer beside a producer beside a request for attention",
           [](ParkingScenario& it) {
             it.AddConsumer();
             it.AddProducer(1, 2);
             it.AddRequester(1);
           }),
  };
}

}  // namespace nexus::test
