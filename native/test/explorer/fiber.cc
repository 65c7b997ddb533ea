// The switch of fiber.hpp between two stacks.
#include "fiber.hpp"

#if defined(__x86_64__)
// What the calling convention lets a function keep: six registers and the stack pointer.
asm(R"(
.text
.globl NexusSwitchFiber
.type NexusSwitchFiber,@function
NexusSwitchFiber:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size NexusSwitchFiber,.-NexusSwitchFiber
)");
#endif
