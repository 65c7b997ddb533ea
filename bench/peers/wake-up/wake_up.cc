// Bare wake-ups between two threads, as floors for an ask that finds both of its threads asleep: a futex, an eventfd in an epoll, a uv_async_t between two
// libuv loops, and the same with a JavaScript function at both ends. A round trip is timed from before the first wake to after the second; before each one
// both threads sleep for the gap, the asker in the kernel's timer and not in a busy loop, as in the case it is compared to.
// Not a part of nexus: compiled by build.mjs into a temporary directory, loaded by the modules of this folder only. Linux only.
#include <linux/futex.h>
#include <node_api.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include <atomic>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

/** 2, 3, 4, 5 ms, over and over: as `parkedRoundTrip` in harness/measure.mjs. */
int GapMs(int index) { return 2 + ((index % 4) + 4) % 4; }

/** The two in front warm up. */
constexpr int kWarm = 2;

using Samples = std::vector<double>;

/** The calling thread, on any core if it is negative. */
void RunOn(int core) {
  if (core < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) abort();
}

void Record(Samples* samples, int index, std::uint64_t from) {
  if (index >= kWarm) samples->push_back(static_cast<double>(uv_hrtime() - from));
}

void FutexWait(std::atomic<std::uint32_t>* word, std::uint32_t value) {
  while (word->load() == value) syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void FutexWake(std::atomic<std::uint32_t>* word) {
  word->fetch_add(1);
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

Samples Futex(int count, int core_of_other) {
  Samples samples;
  std::atomic<std::uint32_t> question{0};
  std::atomic<std::uint32_t> answer{0};
  const int rounds = count + kWarm;
  std::thread other([&] {
    RunOn(core_of_other);
    for (int index = 0; index < rounds; index++) {
      FutexWait(&question, static_cast<std::uint32_t>(index));
      FutexWake(&answer);
    }
  });
  for (int index = 0; index < rounds; index++) {
    usleep(static_cast<useconds_t>(GapMs(index) * 1000));
    const std::uint64_t from = uv_hrtime();
    FutexWake(&question);
    FutexWait(&answer, static_cast<std::uint32_t>(index));
    Record(&samples, index, from);
  }
  other.join();
  return samples;
}

/** An eventfd in an epoll of its own, edge by edge. */
struct Bell {
  int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  int poll = epoll_create1(EPOLL_CLOEXEC);

  Bell() {
    epoll_event interest{};
    interest.events = EPOLLIN;
    if (event < 0 || poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, event, &interest) != 0) abort();
  }
  ~Bell() {
    close(event);
    close(poll);
  }
  void Ring() {
    const std::uint64_t one = 1;
    if (write(event, &one, sizeof one) != sizeof one) abort();
  }
  /** False if it was not rung within the time. */
  bool Wait(int timeout_ms) {
    epoll_event ready[16];
    if (epoll_wait(poll, ready, 16, timeout_ms) <= 0) return false;
    std::uint64_t rung = 0;
    return read(event, &rung, sizeof rung) == sizeof rung;
  }
};

Samples Eventfd(int count, int core_of_other) {
  Samples samples;
  Bell question;
  Bell answer;
  const int rounds = count + kWarm;
  std::thread other([&] {
    RunOn(core_of_other);
    for (int index = 0; index < rounds; index++) {
      while (!question.Wait(-1)) continue;
      answer.Ring();
    }
  });
  for (int index = 0; index < rounds; index++) {
    if (answer.Wait(GapMs(index))) abort();
    const std::uint64_t from = uv_hrtime();
    question.Ring();
    while (!answer.Wait(-1)) continue;
    Record(&samples, index, from);
  }
  other.join();
  return samples;
}

/** Two libuv loops on threads of their own, without JavaScript. */
struct Loops {
  uv_loop_t asker;
  uv_loop_t other;
  uv_async_t answer;
  uv_async_t question;
  uv_timer_t timer;
  Samples samples;
  int rounds = 0;
  int index = 0;
  std::uint64_t from = 0;
};

void AskLater(Loops* loops) {
  const auto ask = [](uv_timer_t* timer) {
    Loops* loops = static_cast<Loops*>(timer->data);
    loops->from = uv_hrtime();
    uv_async_send(&loops->question);
  };
  uv_timer_start(&loops->timer, ask, static_cast<std::uint64_t>(GapMs(loops->index)), 0);
}

void CloseHandle(void* handle) { uv_close(static_cast<uv_handle_t*>(handle), nullptr); }

Samples UvAsync(int count, int core_of_other) {
  Loops loops;
  loops.rounds = count + kWarm;
  uv_loop_init(&loops.asker);
  uv_loop_init(&loops.other);
  loops.answer.data = loops.question.data = loops.timer.data = &loops;
  uv_timer_init(&loops.asker, &loops.timer);
  uv_async_init(&loops.other, &loops.question, [](uv_async_t* async) {
    Loops* loops = static_cast<Loops*>(async->data);
    const bool last = loops->index + 1 >= loops->rounds;
    if (last) CloseHandle(async);
    uv_async_send(&loops->answer);
  });
  uv_async_init(&loops.asker, &loops.answer, [](uv_async_t* async) {
    Loops* loops = static_cast<Loops*>(async->data);
    Record(&loops->samples, loops->index, loops->from);
    loops->index++;
    if (loops->index < loops->rounds) return AskLater(loops);
    CloseHandle(async);
    CloseHandle(&loops->timer);
  });
  std::thread other([&] {
    RunOn(core_of_other);
    uv_run(&loops.other, UV_RUN_DEFAULT);
  });
  AskLater(&loops);
  uv_run(&loops.asker, UV_RUN_DEFAULT);
  other.join();
  uv_loop_close(&loops.asker);
  uv_loop_close(&loops.other);
  return loops.samples;
}

/** (count: number, coreOfOther: number) => number[], in nanoseconds. */
template <Samples (*Measure)(int, int)>
napi_value Measured(napi_env env, napi_callback_info info) {
  std::size_t given = 2;
  napi_value values[2];
  std::int32_t count = 0;
  std::int32_t core = -1;
  napi_get_cb_info(env, info, &given, values, nullptr, nullptr);
  if (napi_get_value_int32(env, values[0], &count) != napi_ok || count < 1) return nullptr;
  if (napi_get_value_int32(env, values[1], &core) != napi_ok) return nullptr;
  const Samples samples = Measure(count, core);
  napi_value result = nullptr;
  napi_create_array_with_length(env, samples.size(), &result);
  for (std::size_t at = 0; at < samples.size(); at++) {
    napi_value value = nullptr;
    napi_create_double(env, samples[at], &value);
    napi_set_element(env, result, static_cast<std::uint32_t>(at), value);
  }
  return result;
}

/** One end of the round trip with JavaScript: the function to call on the loop it was made on. */
struct End {
  uv_async_t async;
  napi_env env;
  napi_ref callback;
  napi_async_context context;
};

/** 0: the asker, 1: the other. Made before anybody rings it. */
End* ends[2];

void CallBack(uv_async_t* async) {
  End* end = static_cast<End*>(async->data);
  napi_handle_scope scope;
  napi_value callback = nullptr;
  napi_value global = nullptr;
  napi_open_handle_scope(end->env, &scope);
  napi_get_reference_value(end->env, end->callback, &callback);
  napi_get_global(end->env, &global);
  napi_make_callback(end->env, end->context, global, callback, 0, nullptr, nullptr);
  napi_close_handle_scope(end->env, scope);
}

std::int32_t WhichEnd(napi_env env, napi_callback_info info, napi_value* values, std::size_t given) {
  std::int32_t which = -1;
  napi_get_cb_info(env, info, &given, values, nullptr, nullptr);
  napi_get_value_int32(env, values[0], &which);
  return which == 0 || which == 1 ? which : -1;
}

napi_value OpenEnd(napi_env env, napi_callback_info info) {
  napi_value values[2];
  const std::int32_t which = WhichEnd(env, info, values, 2);
  if (which < 0) return nullptr;
  End* end = new End();
  uv_loop_t* loop = nullptr;
  napi_value name = nullptr;
  end->env = env;
  napi_get_uv_event_loop(env, &loop);
  napi_create_reference(env, values[1], 1, &end->callback);
  napi_create_string_utf8(env, "WakeUp", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, nullptr, name, &end->context);
  uv_async_init(loop, &end->async, CallBack);
  end->async.data = end;
  ends[which] = end;
  return nullptr;
}

napi_value RingEnd(napi_env env, napi_callback_info info) {
  napi_value values[1];
  const std::int32_t which = WhichEnd(env, info, values, 1);
  if (which >= 0) uv_async_send(&ends[which]->async);
  return nullptr;
}

/** From the thread that opened it. Nobody may ring it any more. */
napi_value CloseEnd(napi_env env, napi_callback_info info) {
  napi_value values[1];
  const std::int32_t which = WhichEnd(env, info, values, 1);
  if (which < 0) return nullptr;
  End* end = ends[which];
  napi_delete_reference(env, end->callback);
  napi_async_destroy(env, end->context);
  uv_close(reinterpret_cast<uv_handle_t*>(&end->async), [](uv_handle_t* handle) { delete static_cast<End*>(handle->data); });
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  const auto add = [&](const char* name, napi_callback function) {
    napi_value value = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
    napi_set_named_property(env, exports, name, value);
  };
  add("futex", Measured<Futex>);
  add("eventfd", Measured<Eventfd>);
  add("uvAsync", Measured<UvAsync>);
  add("openEnd", OpenEnd);
  add("ringEnd", RingEnd);
  add("closeEnd", CloseEnd);
  return exports;
}
