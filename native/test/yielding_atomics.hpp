// The operations of the hardware, with a yield before one of them now and then: for stress tests of the table, whose threads else run through many calls at a time.
#pragma once
#include <cstdint>
#include <functional>
#include <thread>

#include "nexus/hardware_atomics.hpp"

namespace nexus::test {

/** What the table does between two atomic accesses is a handful of instructions: a yield now and then lets the other threads into the gap, also on one core. */
struct YieldingAtomics : HardwareAtomics {
  static void Perhaps() {
    thread_local std::uint32_t state = 0x9e3779b9u ^ static_cast<std::uint32_t>(std::hash<std::thread::id>()(std::this_thread::get_id()));
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    if (state % 64 == 0) std::this_thread::yield();
  }
  static std::uint32_t LoadAcquire(const std::uint32_t* word) { Perhaps(); return HardwareAtomics::LoadAcquire(word); }
  static std::uint32_t LoadSeqCst(const std::uint32_t* word) { Perhaps(); return HardwareAtomics::LoadSeqCst(word); }
  static void StoreSeqCst(std::uint32_t* word, std::uint32_t value) { Perhaps(); HardwareAtomics::StoreSeqCst(word, value); }
  static std::uint32_t CompareExchange(std::uint32_t* word, std::uint32_t expected, std::uint32_t desired) {
    Perhaps();
    return HardwareAtomics::CompareExchange(word, expected, desired);
  }
};

}  // namespace nexus::test
