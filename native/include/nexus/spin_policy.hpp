// Decides whether a thread that has nothing to do should look for work a little longer before it parks. Spinning wins the time of a wake-up (tens of
// microseconds) when the next message is near, and wastes a core when it is not, or when the sender needs that core. So it is paid from credit: a spin that
// found work earns two more, one in vain costs one, and without credit only every sixteenth chance is taken, to find out whether times have changed.
// Not shared: each thread has its own.
#pragma once
#include <cstdint>

namespace nexus {

class SpinPolicy {
 public:
  bool ShouldSpin() { return credit_ > 0 || (++refused_ & 15) == 0; }
  void Succeeded() { credit_ = credit_ + 2 > kCreditMax ? kCreditMax : credit_ + 2; }
  void Failed() {
    if (credit_ > 0) credit_--;
  }

 private:
  static constexpr std::int32_t kCreditMax = 16;
  std::int32_t credit_ = kCreditMax / 2;
  std::uint32_t refused_ = 0;
};

}  // namespace nexus
