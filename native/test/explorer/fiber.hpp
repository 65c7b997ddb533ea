// A thread of the explorer: a stack of its own and a switch to it that costs a few nanoseconds. Not preemptive, and not for anything but tests: whoever runs decides
// who runs next. Written by hand for x86-64, where a switch is on the way of every second step of an exploration; elsewhere with ucontext, which enters the kernel.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace nexus::test {

constexpr std::size_t kFiberStackBytes = 256 * 1024;

#if defined(__x86_64__)

extern "C" void NexusSwitchFiber(void** save, void* restore);

class Fiber {
 public:
  /** Makes the next switch to this fiber call `entry`, which must never return. What the fiber was doing before is forgotten. */
  void Start(void (*entry)()) {
    if (stack_ == nullptr) stack_ = std::make_unique<char[]>(kFiberStackBytes);
    // `entry` is entered by a return: the stack pointer is then 8 above a multiple of 16, as after a call.
    auto** top = reinterpret_cast<void**>((reinterpret_cast<std::uintptr_t>(stack_.get()) + kFiberStackBytes - 64) & ~std::uintptr_t{15});
    top[0] = reinterpret_cast<void*>(entry);
    top[1] = nullptr;
    for (int saved = 1; saved <= 6; saved++) top[-saved] = nullptr;
    stack_pointer_ = top - 6;
  }
  static void Switch(Fiber& from, Fiber& to) { NexusSwitchFiber(&from.stack_pointer_, to.stack_pointer_); }

 private:
  std::unique_ptr<char[]> stack_;
  void* stack_pointer_ = nullptr;
};

#else

class Fiber {
 public:
  void Start(void (*entry)()) {
    if (stack_ == nullptr) stack_ = std::make_unique<char[]>(kFiberStackBytes);
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack_.get();
    context_.uc_stack.ss_size = kFiberStackBytes;
    context_.uc_link = nullptr;
    makecontext(&context_, entry, 0);
  }
  static void Switch(Fiber& from, Fiber& to) { swapcontext(&from.context_, &to.context_); }

 private:
  std::unique_ptr<char[]> stack_;
  ucontext_t context_;
};

#endif

}  // namespace nexus::test
