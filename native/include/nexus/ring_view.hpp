// Whether the rings to one thread have data. Only the two positions are looked at: what is in a ring is TypeScript's business (bindings/portable/ring.ts).
#pragma once
#include <cstdint>

#include "hardware_atomics.hpp"
#include "shared_memory.hpp"

namespace nexus {

template <class Atomics = HardwareAtomics>
class RingView {
 public:
  RingView(const SharedMemory& shared, std::uint32_t thread) : shared_(shared), thread_(thread) {}

  /**
   * TAIL is written by the producer and loaded sequentially consistent: this runs right after PARKED was stored, and the producer loads PARKED after it stored
   * TAIL, so at least one of the two sees the other. HEAD is written by this thread only.
   */
  bool HasData() const {
    for (std::uint32_t from = 0; from < shared_.thread_count; from++) {
      if (from == thread_) continue;
      const std::uint32_t* ring = shared_.RingWords(from, thread_);
      if (Atomics::LoadSeqCst(ring + layout::kRingWordTail) != Atomics::LoadRelaxed(ring + layout::kRingWordHead)) return true;
    }
    return false;
  }

 private:
  SharedMemory shared_;
  std::uint32_t thread_;
};

}  // namespace nexus
