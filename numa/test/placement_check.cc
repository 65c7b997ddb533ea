// The placement calls as they are, without libnuma, with a libnuma that finds nothing, and under a kernel that refuses (a seccomp filter, as in a container).
// Each check prints `pass` or `FAIL` with its name; the status is 1 if one failed. Linux only.
// `placement_check refuse COMMAND...` runs a command under such a kernel instead.
#include "nexus/numa_placement.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstring>
#include <initializer_list>

using nexus::numa::MemoryPolicy;
using nexus::numa::NodeMask;
using nexus::numa::Provider;

namespace {

int failures = 0;

void Check(bool holds, const char* name) {
  std::printf("%s %s\n", holds ? "pass" : "FAIL", name);
  if (!holds) failures++;
}

void* FindNothing(const char*) { return nullptr; }

/** A library whose every call says no, as libnuma does on a kernel without memory policies. */
int Unavailable() { return -1; }
void* FindUnavailable(const char*) { return reinterpret_cast<void*>(&Unavailable); }

/** From now on the kernel answers these calls of this process with `error`. */
bool Refuse(const long* calls, std::size_t count, int error) {
  sock_filter filter[16];
  std::size_t length = 0;
  filter[length++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
  for (std::size_t at = 0; at < count; at++) {
    filter[length++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(calls[at]), 0, 1);
    filter[length++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error));
  }
  filter[length++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  sock_fprog program = {static_cast<unsigned short>(length), filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool RefuseAll() {
  const long calls[] = {SYS_mbind, SYS_get_mempolicy, SYS_move_pages, SYS_sched_setaffinity};
  return Refuse(calls, 4, EPERM);
}

/** Runs checks in a process of their own, which may spoil itself. */
void InChild(void (*checks)()) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    checks();
    std::fflush(stdout);
    _exit(failures == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) failures++;
}

constexpr std::size_t kBytes = 1 << 20;

char* Map() {
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
}

void CheckArguments() {
  Check(nexus::numa::PinThread(-1) == EINVAL, "a negative cpu is EINVAL");
  Check(nexus::numa::PinThread(nexus::numa::kCpusMax) == EINVAL, "a cpu beyond the limit is EINVAL");
  const MemoryPolicy policy(FindNothing);
  char* memory = Map();
  if (policy.Kind() == Provider::kNone) return;
  Check(policy.Prefer(memory, kBytes, -1) == EINVAL, "a negative node is EINVAL");
  Check(policy.Prefer(memory, kBytes, nexus::numa::kNodesMax) == EINVAL, "a node beyond the limit is EINVAL");
  Check(policy.Prefer(memory + 1, 4096, 0) == ERANGE, "a range without a whole page is ERANGE");
  Check(policy.Interleave(memory, kBytes, NodeMask()) == EINVAL, "interleaving over no node is EINVAL");
}

void CheckSystemCalls() {
  for (const auto find : {&FindNothing, &FindUnavailable}) {
    const MemoryPolicy policy(find);
    if (policy.Kind() == Provider::kNone) {
      Check(policy.Error() != 0, "a kernel without memory policies says why");
      continue;
    }
    Check(policy.Kind() == Provider::kSystemCalls, "without libnuma the system calls are used");
    char* memory = Map();
    Check(policy.Prefer(memory, kBytes, 0) == 0, "node 0 takes a range");
    memory[0] = 1;
    Check(policy.NodeOf(memory) == 0, "a touched page is on the preferred node");
    Check(policy.NodeOf(memory + kBytes / 2) <= 0, "asking about an untouched page does not fail in another way");
    munmap(memory, kBytes);
  }
}

void CheckPin() {
  const int cpu = nexus::numa::CurrentCpu();
  Check(cpu >= 0, "the current cpu is known");
  Check(nexus::numa::PinThread(cpu) == 0, "a thread is pinned to the cpu it runs on");
  Check(nexus::numa::CurrentCpu() == cpu, "a pinned thread stays");
}

void CheckRefused() {
  char* memory = Map();
  const MemoryPolicy before(FindNothing);
  if (!RefuseAll()) return std::printf("skip seccomp is not available\n"), void();
  const MemoryPolicy after(FindNothing);
  Check(after.Kind() == Provider::kNone && after.Error() == EPERM, "a kernel that refuses everything is provider none, with the reason");
  Check(after.Prefer(memory, kBytes, 0) == EPERM, "then binding answers that reason");
  Check(after.NodeOf(memory) == -EPERM, "then the node of memory is that reason");
  Check(nexus::numa::PinThread(0) == EPERM, "pinning answers the refusal");
  if (before.Kind() == Provider::kNone) return;
  Check(before.Prefer(memory, kBytes, 0) == EPERM, "a refusal that begins later is answered too");
  memory[0] = 1;
  Check(memory[0] == 1, "refused memory works as before");
}

void CheckMovePagesRefused() {
  const MemoryPolicy policy(FindNothing);
  char* memory = Map();
  memory[0] = 1;
  const long calls[] = {SYS_move_pages};
  if (policy.Kind() == Provider::kNone || !Refuse(calls, 1, EPERM)) return;
  Check(policy.NodeOf(memory) == 0, "where move_pages is refused, get_mempolicy tells the node");
}

}  // namespace

int main(int count, char** words) {
  if (count > 2 && std::strcmp(words[1], "refuse") == 0) {
    if (RefuseAll()) execvp(words[2], words + 2);
    std::perror("refuse");
    return 2;
  }
  CheckArguments();
  InChild(CheckSystemCalls);
  InChild(CheckPin);
  InChild(CheckRefused);
  InChild(CheckMovePagesRefused);
  return failures == 0 ? 0 : 1;
}
