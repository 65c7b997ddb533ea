// The handler of the signals that a process dies of (V8 out of memory ends in SIGABRT): it writes the flight record of every nexus that is armed, once a process, and then lets happen what would have happened
// without it: the handler before it is called, or the signal has its default effect, with the same exit status and core dump.
//
// What runs in the handler allocates nothing, takes no lock and calls only what POSIX allows there. Memory that it uses is made ready by `CrashArm`. A nexus that is disarmed while another thread is in the handler is not
// freed: slot and phase are sequentially consistent, so that either the handler does not see the slot, or `Disarm` sees the handler.
//
// SIGSEGV is also how V8 notices that WebAssembly has left its memory, which is no crash: V8 is asked first.
#include "crash_handler.hpp"

#include "arguments.hpp"

#ifdef _WIN32

namespace nexus::napi {

napi_value CrashArm(napi_env env, napi_callback_info info) { return MakeNumber(env, 0); }
napi_value CrashDisarm(napi_env env, napi_callback_info info) { return nullptr; }
napi_value CrashThread(napi_env env, napi_callback_info info) { return nullptr; }

}  // namespace nexus::napi

#else

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>

#include "nexus/flight_dump.hpp"

namespace nexus::napi {

namespace {

constexpr int kArmedMax = 32;
constexpr int kThreadsMax = 512;
constexpr std::size_t kStackBytes = 128 * 1024;
/** Another thread that crashes meanwhile waits so long for the dump of the first. */
constexpr int kWaitRounds = 500;
constexpr int kWaitMs = 10;

struct Fatal {
  int signal;
  const char* name;
};
constexpr Fatal kFatal[] = {{SIGABRT, "SIGABRT"}, {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGILL, "SIGILL"}, {SIGTRAP, "SIGTRAP"}, {SIGFPE, "SIGFPE"}};
constexpr int kFatalCount = sizeof kFatal / sizeof kFatal[0];

struct Armed {
  FlightDumpNeeds needs;
  char directory[1025] = {};
  std::size_t seen_bytes = 0;
  napi_env env = nullptr;
  napi_ref view = nullptr;
  std::uint32_t handle = 0;
};

struct KnownThread {
  std::atomic<std::uintptr_t> id{0};
  std::atomic<std::uint8_t*> base{nullptr};
  std::atomic<std::int32_t> thread{0};
};

enum Phase : int { kIdle, kDumping, kDone };

std::atomic<Armed*> armed[kArmedMax];
KnownThread known[kThreadsMax];
std::atomic<std::uint32_t> known_next{0};
std::atomic<int> phase{kIdle};
struct sigaction before[kFatalCount];

/** What follows is not touched by the handler. */
std::mutex mutex;
int armed_count = 0;
std::uint32_t next_handle = 1;

using TryWebAssembly = bool (*)(int, siginfo_t*, void*);
std::atomic<TryWebAssembly> try_web_assembly{nullptr};

std::uintptr_t ThisThread() { return reinterpret_cast<std::uintptr_t>(reinterpret_cast<void*>(pthread_self())); }

std::int32_t ThreadOf(const std::uint8_t* base) {
  const std::uintptr_t id = ThisThread();
  for (const KnownThread& each : known) {
    if (each.id.load() == id && each.base.load() == base) return each.thread.load();
  }
  return -1;
}

void Say(const char* text) {
  std::size_t length = 0;
  while (text[length] != 0) length++;
  // Nobody is left to tell that it could not be said.
  if (write(STDERR_FILENO, text, length) < 0) return;
}

void DumpAll(int index) {
  int expected = kIdle;
  if (!phase.compare_exchange_strong(expected, kDumping)) {
    for (int round = 0; phase.load() == kDumping && round < kWaitRounds; round++) poll(nullptr, 0, kWaitMs);
    return;
  }
  for (std::atomic<Armed*>& slot : armed) {
    Armed* each = slot.load();
    if (each == nullptr) continue;
    FlightDump dump(each->needs);
    const bool written = dump.Write(static_cast<std::uint32_t>(kFatal[index].signal), kFatal[index].name, ThreadOf(each->needs.shared.base));
    Say("nexus: ");
    Say(kFatal[index].name);
    Say(written ? ": a flight record was written to " : ": no flight record could be written to ");
    Say(written ? dump.Path() : each->directory);
    Say("\n");
  }
  phase.store(kDone);
}

/** True if the kernel found the fault: the instruction faults again when the handler returns. */
bool IsOfKernel(int signal, const siginfo_t* info) { return info != nullptr && info->si_code > 0 && signal != SIGABRT && signal != SIGTRAP; }

void CallBefore(int index, siginfo_t* info, void* context) {
  const struct sigaction& old = before[index];
  const int signal = kFatal[index].signal;
  if ((old.sa_flags & SA_SIGINFO) != 0 && old.sa_sigaction != nullptr) return old.sa_sigaction(signal, info, context);
  if (old.sa_handler == SIG_IGN && !IsOfKernel(signal, info)) return;
  if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) return old.sa_handler(signal);
  sigaction(signal, &old, nullptr);
  // Blocked until this handler returns; what the kernel found happens again then, and its core dump shows where.
  if (!IsOfKernel(signal, info)) raise(signal);
}

void OnSignal(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  int index = 0;
  while (index < kFatalCount - 1 && kFatal[index].signal != signal) index++;
  if (signal == SIGSEGV || signal == SIGBUS) {
    const TryWebAssembly try_first = try_web_assembly.load();
    if (try_first != nullptr && try_first(signal, info, context)) {
      errno = error;
      return;
    }
    if (try_first == nullptr && (before[index].sa_flags & SA_SIGINFO) != 0) {
      // Whether the handler before this one took it for a crash is seen from what it made of the signal.
      before[index].sa_sigaction(signal, info, context);
      struct sigaction now {};
      if (sigaction(signal, nullptr, &now) == 0 && now.sa_sigaction != OnSignal) DumpAll(index);
      errno = error;
      return;
    }
  }
  DumpAll(index);
  errno = error;
  CallBefore(index, info, context);
}

void Install() {
  try_web_assembly.store(reinterpret_cast<TryWebAssembly>(dlsym(RTLD_DEFAULT, "_ZN2v829TryHandleWebAssemblyTrapPosixEiP9siginfo_tPv")));
  struct sigaction action {};
  action.sa_sigaction = OnSignal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  for (int index = 0; index < kFatalCount; index++) {
    // One that somebody has put over ours and that calls it must not be what ours calls.
    struct sigaction now {};
    sigaction(kFatal[index].signal, nullptr, &now);
    if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == OnSignal) continue;
    before[index] = now;
    sigaction(kFatal[index].signal, &action, nullptr);
  }
}

/** Where somebody has put a handler over ours, that stays, and may go on calling ours, which then only passes on. */
void Uninstall() {
  for (int index = 0; index < kFatalCount; index++) {
    struct sigaction now {};
    if (sigaction(kFatal[index].signal, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == OnSignal)
      sigaction(kFatal[index].signal, &before[index], nullptr);
  }
}

void Free(Armed* gone) {
  munmap(gone->needs.seen, gone->seen_bytes);
  std::free(const_cast<std::uint8_t*>(gone->needs.head));
  delete gone;
}

/** Takes it out of the reach of the handler. Null if it is gone already. */
Armed* TakeOut(std::uint32_t handle) {
  const std::lock_guard<std::mutex> lock(mutex);
  for (std::atomic<Armed*>& slot : armed) {
    Armed* each = slot.load();
    if (each == nullptr || each->handle != handle) continue;
    slot.store(nullptr);
    if (--armed_count == 0) Uninstall();
    return each;
  }
  return nullptr;
}

/** The environment ends without having disarmed: its memory is about to go. */
void AtEnd(void* data) {
  Armed* gone = TakeOut(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(data)));
  if (gone != nullptr && phase.load() != kDumping) Free(gone);
}

void* HookData(std::uint32_t handle) { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(handle)); }

/** Of one thread: a stack, until its environment ends. */
struct Stack {
  void* memory;
  std::uintptr_t thread;
};

void FreeStack(void* data) {
  Stack* stack = static_cast<Stack*>(data);
  for (KnownThread& each : known) {
    if (each.id.load() == stack->thread) each.id.store(0);
  }
  stack_t now{};
  if (sigaltstack(nullptr, &now) == 0 && now.ss_sp == stack->memory) {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }
  munmap(stack->memory, kStackBytes);
  delete stack;
}

void GiveStack(napi_env env) {
  stack_t now{};
  if (sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;
  void* memory = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  stack_t given{};
  given.ss_sp = memory;
  given.ss_size = kStackBytes;
  Stack* stack = new Stack{memory, ThisThread()};
  if (sigaltstack(&given, nullptr) == 0 && Ok(napi_add_env_cleanup_hook(env, FreeStack, stack))) return;
  FreeStack(stack);
}

}  // namespace

napi_value CrashArm(napi_env env, napi_callback_info info) {
  napi_value values[4];
  std::uint8_t* head = nullptr;
  std::size_t head_bytes = 0;
  std::size_t directory_bytes = 0;
  double clock_ms = 0;
  Armed* added = new Armed();
  if (!ReadArguments(env, info, values, 4) || !ReadSharedMemory(env, values[0], &added->needs.shared) || !ReadBytes(env, values[1], &head, &head_bytes) ||
      !Ok(napi_get_value_string_utf8(env, values[2], added->directory, sizeof added->directory, &directory_bytes)) || !ReadDouble(env, values[3], &clock_ms)) {
    delete added;
    return WrongArguments(env, "crashArm: wrong arguments");
  }
  FlightDumpNeeds& needs = added->needs;
  added->seen_bytes = needs.shared.record_capacity / 8;
  void* seen = mmap(nullptr, added->seen_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::uint8_t* copy = static_cast<std::uint8_t*>(std::malloc(head_bytes));
  if (seen == MAP_FAILED || copy == nullptr || directory_bytes + 1 >= sizeof added->directory) {
    if (seen != MAP_FAILED) munmap(seen, added->seen_bytes);
    std::free(copy);
    delete added;
    return MakeNumber(env, 0);
  }
  std::memcpy(copy, head, head_bytes);
  needs.head = copy;
  needs.head_bytes = static_cast<std::uint32_t>(head_bytes);
  needs.directory = added->directory;
  needs.pid = static_cast<std::uint32_t>(getpid());
  needs.clock_offset_ms = clock_ms - FlightDump::MonotonicMs();
  needs.seen = static_cast<std::uint8_t*>(seen);
  added->env = env;
  std::uint32_t handle = 0;
  if (Ok(napi_create_reference(env, values[0], 1, &added->view))) {
    const std::lock_guard<std::mutex> lock(mutex);
    for (std::atomic<Armed*>& slot : armed) {
      if (slot.load() != nullptr) continue;
      handle = added->handle = next_handle++;
      int done = kDone;
      phase.compare_exchange_strong(done, kIdle);
      slot.store(added);
      if (armed_count++ == 0) Install();
      break;
    }
  }
  if (handle == 0) {
    if (added->view != nullptr) napi_delete_reference(env, added->view);
    Free(added);
    return MakeNumber(env, 0);
  }
  napi_add_env_cleanup_hook(env, AtEnd, HookData(handle));
  return MakeNumber(env, handle);
}

napi_value CrashDisarm(napi_env env, napi_callback_info info) {
  napi_value values[1];
  std::uint32_t handle = 0;
  if (!ReadArguments(env, info, values, 1) || !ReadUint32(env, values[0], &handle)) return nullptr;
  Armed* gone = TakeOut(handle);
  if (gone == nullptr) return nullptr;
  napi_remove_env_cleanup_hook(env, AtEnd, HookData(handle));
  // What the handler of another thread reads at this moment stays.
  if (phase.load() == kDumping) return nullptr;
  napi_delete_reference(env, gone->view);
  Free(gone);
  return nullptr;
}

napi_value CrashThread(napi_env env, napi_callback_info info) {
  napi_value values[2];
  SharedMemory shared;
  std::uint32_t thread = 0;
  if (!ReadArguments(env, info, values, 2) || !ReadSharedMemory(env, values[0], &shared) || !ReadUint32(env, values[1], &thread)) return nullptr;
  KnownThread& entry = known[known_next.fetch_add(1) % kThreadsMax];
  entry.id.store(0);
  entry.base.store(shared.base);
  entry.thread.store(static_cast<std::int32_t>(thread));
  entry.id.store(ThisThread());
  GiveStack(env);
  return nullptr;
}

}  // namespace nexus::napi

#endif
