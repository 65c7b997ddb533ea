// Scenarios of the ring between processes (nexus/frame_ring.hpp): every frame arrives once, whole, in order, or was refused; and of a producer that is killed in the middle of one, nothing of that.
#include "nexus/frame_ring.hpp"

#include "catalogue.hpp"

namespace nexus::test {

namespace {

struct ModelledFrameAtomics : ModelledAtomics {
  static void CopyIn(std::uint32_t* to, const std::uint8_t* from, std::uint32_t bytes) {
    for (std::uint32_t at = 0; at < bytes; at += 4) {
      std::uint32_t word;
      std::memcpy(&word, from + at, 4);
      WritePlain(to + at / 4, word);
    }
  }
  static void CopyOut(std::uint8_t* to, const std::uint32_t* from, std::uint32_t bytes) {
    for (std::uint32_t at = 0; at < bytes; at += 4) {
      const std::uint32_t word = ReadPlain(from + at / 4);
      std::memcpy(to + at, &word, 4);
    }
  }
};

/** Thread 1 sends to thread 0 through a ring of 64 bytes, of which frames take 8 or 16. */
class FrameRingScenario : public Scenario {
 public:
  FrameRingScenario(Explorer& explorer, const SharedMemory& shared) : explorer_(explorer), ring_(shared.RingWords(1, 0)), size_(shared.ring_bytes) {}

  /** Sends frames of 8 bytes; if `mixed`, the first one is empty, so that records do not fill the ring evenly. */
  void AddProducer(bool mortal, std::uint32_t frames, bool mixed) {
    expected_ = frames;
    mixed_ = mixed;
    explorer_.AddThread(mortal, [this, frames] {
      FrameRingWriter<ModelledFrameAtomics> writer(ring_, size_);
      for (std::uint32_t frame = 1; frame <= frames; frame++) {
        const std::uint32_t words[2] = {frame, frame};
        const std::uint32_t length = LengthOf(frame);
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(words);
        RingOutcome outcome = writer.Offer(bytes, length);
        while (outcome == RingOutcome::kFull) {
          outcome = writer.RequestRoom(length);
          if (outcome == RingOutcome::kFull) {
            explorer_.Await([this] { return room_; });
            explorer_.SynchronizeWith(reader_);
          }
          room_ = false;
          if (outcome != RingOutcome::kBroken) outcome = writer.Offer(bytes, length);
        }
        if (outcome == RingOutcome::kBroken) explorer_.Fail("HEAD is where it cannot be");
        published_ = frame;
      }
    });
  }

  void AddConsumer() {
    explorer_.AddThread(false, [this] {
      reader_ = explorer_.Thread();
      FrameRingReader<ModelledFrameAtomics> reader(ring_, size_);
      while (last_ < expected_) {
        if (!reader.HasData()) {
          if (explorer_.HasEnded(kProducer)) {
            explorer_.SynchronizeWith(kProducer);
            if (!reader.HasData()) return;
          } else {
            explorer_.Await([this] { return published_ > last_ || explorer_.HasEnded(kProducer); });
          }
        }
        std::uint32_t words[2] = {0, 0};
        std::uint32_t length = 0;
        bool has_one = false;
        // One at a time: the last one that `take` gave a place to was copied when it returns.
        const RingOutcome outcome = reader.Read([&](std::uint32_t bytes) -> std::uint8_t* {
          if (has_one) return nullptr;
          has_one = true;
          length = bytes;
          return reinterpret_cast<std::uint8_t*>(words);
        });
        if (outcome == RingOutcome::kBroken) explorer_.Fail("what was published is no frame");
        if (has_one) Receive(words, length);
        if (reader.TakeRoomRequest()) room_ = true;
      }
    });
  }

  std::string Check() override {
    if (explorer_.IsDead(kProducer)) return last_ <= published_ + 1 && last_ >= published_ ? "" : "other frames have arrived than were published";
    return last_ == expected_ ? "" : "not every frame has arrived";
  }

 private:
  static constexpr std::uint32_t kProducer = 1;

  std::uint32_t LengthOf(std::uint32_t frame) const { return mixed_ && frame == 1 ? 0 : 8; }
  void Receive(const std::uint32_t* words, std::uint32_t length) {
    last_++;
    if (length != LengthOf(last_)) explorer_.Fail("a frame is lost, twice or of another length");
    if (length == 8 && (words[0] != last_ || words[1] != last_)) explorer_.Fail("a frame is torn, lost, twice or out of order");
  }

  Explorer& explorer_;
  std::uint32_t* ring_;
  std::uint32_t size_;
  std::uint32_t expected_ = 0, published_ = 0, last_ = 0, reader_ = 0;
  bool mixed_ = false, room_ = false;
};

ScenarioCase Case(const char* name, std::uint32_t deaths, void (*build)(FrameRingScenario&)) {
  return {name, deaths, [build](Explorer& explorer, const SharedMemory& shared) {
            auto* scenario = new FrameRingScenario(explorer, shared);
            build(*scenario);
            return scenario;
          }};
}

}  // namespace

std::vector<ScenarioCase> FrameRingCases() {
  return {
      Case("frames: three, one after the other", 0,
           [](FrameRingScenario& it) {
             it.AddConsumer();
             it.AddProducer(false, 3, false);
           }),
      Case("frames: more than fit: full, asked for room, room", 0,
           [](FrameRingScenario& it) {
             it.AddConsumer();
             it.AddProducer(false, 6, false);
           }),
      Case("frames: of two sizes, so that the rest of the ring is padded", 0,
           [](FrameRingScenario& it) {
             it.AddConsumer();
             it.AddProducer(false, 6, true);
           }),
      Case("frames: the producer is killed, and what it had published arrives whole", 1,
           [](FrameRingScenario& it) {
             it.AddConsumer();
             it.AddProducer(true, 6, true);
           }),
  };
}

}  // namespace nexus::test
