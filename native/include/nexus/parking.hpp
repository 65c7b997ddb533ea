// The protocol between a thread that is about to block and those that send to it.
//   consumer: PARKED = 1, then look at the rings and ATTENTION; block only if there is nothing
//   producer: store TAIL (or ATTENTION), then look at PARKED; if it is 1, swap it to 0 and wake the consumer
// All four are sequentially consistent, so that in every order at least one side sees the other's store. Of several producers the one whose swap succeeds wakes.
// ATTENTION is cleared before the work it asks for is done, so that a request that comes meanwhile is not lost; by a swap, because that acquires what the request
// it overwrites was made for. After a plain store the work could be looked for where it was not yet seen.
#pragma once
#include <cstdint>

#include "hardware_atomics.hpp"
#include "ring_view.hpp"

namespace nexus {

/** The consumer's side, owned by the thread it is about. */
template <class Atomics = HardwareAtomics>
class Parking {
 public:
  Parking(const SharedMemory& shared, std::uint32_t thread) : rings_(shared, thread), words_(shared.ThreadWords(thread)) {}

  bool HasWork() const { return Atomics::LoadSeqCst(words_ + layout::kThreadWordAttention) != 0 || rings_.HasData(); }

  /** Looks for work until there is some or `expired()` says that it is enough. */
  template <class Expired>
  bool SpinForWork(Expired expired) const {
    do {
      // Between two looks at the clock, which costs as much as many looks at the rings.
      for (int look = 0; look < 16; look++) {
        if (HasWork()) return true;
        SpinPause();
      }
      // The thread that is to bring the work may have been put on this very core, behind the one that waits for it.
      SpinYield();
    } while (!expired());
    return false;
  }

  /** True if the thread may block: it is parked, and whoever sends from now on will wake it. */
  bool TryPark() {
    Atomics::StoreSeqCst(words_ + layout::kThreadWordParked, 1);
    if (!HasWork()) return true;
    Unpark();
    return false;
  }

  void Unpark() { Atomics::StoreSeqCst(words_ + layout::kThreadWordParked, 0); }
  void ClearAttention() { Atomics::CompareExchange(words_ + layout::kThreadWordAttention, 1, 0); }

  /** The producer's side: whether the caller is the one who has to wake this thread. */
  static bool ClaimWake(const SharedMemory& shared, std::uint32_t thread) {
    std::uint32_t* parked = shared.ThreadWords(thread) + layout::kThreadWordParked;
    return Atomics::LoadSeqCst(parked) == 1 && Atomics::CompareExchange(parked, 1, 0) == 1;
  }

 private:
  RingView<Atomics> rings_;
  std::uint32_t* words_;
};

}  // namespace nexus
