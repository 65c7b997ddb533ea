// Scenarios of a ring (../ring.hpp, the twin of bindings/portable/ring.ts): every message arrives once, whole, in order, or was refused.
#include "../ring.hpp"

#include "catalogue.hpp"

namespace nexus::test {

namespace {

/** Thread 1 sends to thread 0 through a ring of 64 bytes: messages of 16 bytes, of which four fit. */
class RingScenario : public Scenario {
 public:
  static constexpr std::uint32_t kMessageBytes = 16;

  RingScenario(Explorer& explorer, const SharedMemory& shared) : explorer_(explorer), shared_(shared) {}

  /** Before the threads start: positions as after this many messages. */
  void StartAt(std::uint32_t bytes) {
    ModelledAtomics::StoreSeqCst(shared_.RingWords(1, 0) + layout::kRingWordTail, bytes);
    ModelledAtomics::StoreSeqCst(shared_.RingWords(1, 0) + layout::kRingWordHead, bytes);
  }

  /**
   * Sends `messages` of these bytes, published every `batch`. One that finds the ring full publishes what it has, asks to be woken and waits.
   */
  void AddProducer(std::uint32_t messages, std::uint32_t bytes, std::uint32_t batch) {
    expected_ = messages;
    bytes_ = bytes;
    explorer_.AddThread(false, [this, messages, bytes, batch] {
      RingWriter<ModelledAtomics> writer(shared_, 1, 0);
      for (std::uint32_t message = 1; message <= messages; message++) {
        std::uint32_t* to = writer.Begin();
        while (to == nullptr) {
          writer.Publish();
          tail_published_ = message - 1;
          if (!writer.RequestWake()) {
            explorer_.Await([this] { return room_; });
            explorer_.SynchronizeWith(reader_);
          }
          room_ = false;
          to = writer.Begin();
        }
        ModelledAtomics::WritePlain(to + layout::kMessageWordBytes, bytes);
        ModelledAtomics::WritePlain(to + layout::kMessageWordType, layout::kMessageTypeTell);
        for (std::uint32_t word = layout::kMessageWordSlot; word < bytes / 4; word++) ModelledAtomics::WritePlain(to + word, message);
        writer.Commit(bytes);
        if (message % batch != 0 && message != messages) continue;
        writer.Publish();
        tail_published_ = message;
      }
    });
  }

  /** Reads until everything has arrived. If it dies, the next of these goes on where HEAD is. */
  void AddConsumer(bool mortal, std::uint32_t messages_max) {
    const std::uint32_t me = consumers_++;
    const auto body = [this, messages_max, me] {
      if (me > 0) explorer_.Await([this, me] { return explorer_.HasEnded(first_consumer_ + me - 1); });
      reader_ = explorer_.Thread();
      RingReader<ModelledAtomics> reader(shared_, 1, 0);
      std::uint32_t previous = 0;
      while (last_ < expected_) {
        // The event loop: it runs again when there is data.
        if (!reader.HasData()) explorer_.Await([this] { return tail_published_ > last_; });
        const int count = reader.Read(static_cast<int>(messages_max), [&](const std::uint32_t* message) { Receive(message, &previous); });
        if (count < 0) explorer_.Fail("what was published is no message");
        if (reader.TakeWakeRequest()) room_ = true;
      }
    };
    if (me == 0) first_consumer_ = threads_;
    explorer_.AddThread(mortal, body);
    threads_++;
  }
  void CountThread() { threads_++; }

  std::string Check() override { return last_ == expected_ ? "" : "not every message has arrived"; }

 private:
  void Receive(const std::uint32_t* message, std::uint32_t* previous) {
    const std::uint32_t number = ModelledAtomics::ReadPlain(message + layout::kMessageWordSlot);
    for (std::uint32_t word = layout::kMessageWordSlot; word < bytes_ / 4; word++) {
      if (ModelledAtomics::ReadPlain(message + word) != number) explorer_.Fail("a message is torn");
    }
    // A successor may meet again what its predecessor had not got out of the ring for good; it never meets less.
    const bool first_of_successor = *previous == 0 && reader_ != first_consumer_;
    if (first_of_successor ? number > last_ + 1 : number != last_ + 1 && number != *previous + 1) explorer_.Fail("a message is lost, twice or out of order");
    *previous = number;
    if (number > last_) last_ = number;
  }

  Explorer& explorer_;
  SharedMemory shared_;
  std::uint32_t expected_ = 0, bytes_ = 0, last_ = 0, tail_published_ = 0, reader_ = 0, consumers_ = 0, first_consumer_ = 0, threads_ = 0;
  bool room_ = false;
};

ScenarioCase Case(const char* name, std::uint32_t deaths, void (*build)(RingScenario&)) {
  return {name, deaths, [build](Explorer& explorer, const SharedMemory& shared) {
            auto* scenario = new RingScenario(explorer, shared);
            build(*scenario);
            return scenario;
          }};
}

}  // namespace

std::vector<ScenarioCase> RingCases() {
  return {
      Case("ring: three messages, each published", 0,
           [](RingScenario& it) {
             it.AddConsumer(false, 8);
             it.AddProducer(3, 16, 1);
           }),
      Case("ring: four messages published in batches of two", 0,
           [](RingScenario& it) {
             it.AddConsumer(false, 1);
             it.AddProducer(4, 16, 2);
           }),
      Case("ring: more messages than fit: full, wake request, room", 0,
           [](RingScenario& it) {
             it.AddConsumer(false, 2);
             it.AddProducer(7, 16, 1);
           }),
      Case("ring: the rest of the ring is too short for a message and is padded", 0,
           [](RingScenario& it) {
             it.StartAt(32 + 24);
             it.AddConsumer(false, 8);
             it.AddProducer(4, 16, 2);
           }),
      Case("ring: positions pass 2^32", 0,
           [](RingScenario& it) {
             it.StartAt(0u - 24);
             it.AddConsumer(false, 8);
             it.AddProducer(5, 16, 1);
           }),
      Case("ring: the consumer dies, a successor reads on from HEAD", 1,
           [](RingScenario& it) {
             it.AddConsumer(true, 2);
             it.AddConsumer(false, 2);
             it.AddProducer(4, 16, 1);
           }),
  };
}

}  // namespace nexus::test
