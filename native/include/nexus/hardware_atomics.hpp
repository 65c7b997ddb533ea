// How the lock-free core touches shared words. The table, the allocator and the parking protocol take this type as a template parameter, so that a test
// can put a scheduler in its place and drive interleavings from a seed.
//
// The words live in memory that JavaScript made, so they are not std::atomic objects; the compiler's __atomic built-ins work on any aligned word.
// Orders are part of the operation, never a fence: thread sanitizer does not know fences. JavaScript's Atomics are sequentially consistent and use the same
// instructions as the SeqCst operations here.
#pragma once
#include <cstdint>
#include <thread>

namespace nexus {

struct HardwareAtomics {
  static std::uint32_t LoadRelaxed(const std::uint32_t* word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }
  static std::uint32_t LoadAcquire(const std::uint32_t* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
  static std::uint32_t LoadSeqCst(const std::uint32_t* word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
  static void StoreRelease(std::uint32_t* word, std::uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
  static void StoreSeqCst(std::uint32_t* word, std::uint32_t value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }
  static void Add(std::uint32_t* word, std::uint32_t value) { __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST); }
  static void Subtract(std::uint32_t* word, std::uint32_t value) { __atomic_fetch_sub(word, value, __ATOMIC_SEQ_CST); }
  /** Returns what was there: the swap was made if that equals `expected`. */
  static std::uint32_t CompareExchange(std::uint32_t* word, std::uint32_t expected, std::uint32_t desired) {
    __atomic_compare_exchange_n(word, &expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return expected;
  }
};

/** Tells the core that this is a waiting loop, so that its sibling on the same silicon gets the execution units. */
inline void SpinPause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

/** Lets another thread of this core run, if one is ready to. */
inline void SpinYield() { std::this_thread::yield(); }

}  // namespace nexus
