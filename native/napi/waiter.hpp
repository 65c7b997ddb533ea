// How one thread waits for its rings: hooks around the poll of its event loop. Just before the poll (prepare) it looks for work, spins a little if there was
// work lately or if it has just woken another thread, whose answer may be near, and drains what it finds. If there is nothing it parks; then it drains just
// after the poll (check). A thread that talks to other nodes over sockets looks at those too before it sleeps, if there was something on them lately. A parked thread is woken through its uv_async_t, which makes the poll return. Never two drains without a poll between them.
// All handles are unreferenced: waiting keeps no process alive. The handles live inside this object, which deletes itself when all of them are closed.
#pragma once
#include <node_api.h>
#include <uv.h>

#include <cstdint>

#include "environment.hpp"
#include "nexus/parking.hpp"
#include "nexus/spin_policy.hpp"

namespace nexus::napi {

class Waiter {
 public:
  /** Null if the environment is ending. `view` is kept alive until the waiter stops. */
  static Waiter* Start(napi_env env, Environment* environment, napi_value view, const SharedMemory& shared, std::uint32_t thread, napi_value drain, double spin_microseconds);
  /** Closes everything. Idempotent; from the waiter's own thread. After it the drain function is not called again. */
  void Stop();
  void SetSpin(double microseconds) { spin_nanoseconds_ = microseconds > 0 ? static_cast<std::uint64_t>(microseconds * 1000) : 0; }
  /** From now on it looks at the sockets of its event loop too before it sleeps. */
  void WatchSockets() { watches_sockets_ = true; }
  /** This thread has woken another one, which was parked. */
  void ExpectReply() { expects_reply_ = true; }
  /** A ring has data, or somebody asks for attention. From the waiter's own thread. */
  bool HasWork() const { return parking_.HasWork(); }
  const SharedMemory& Shared() const { return shared_; }
  std::uint32_t Thread() const { return thread_; }

 private:
  /** A reply from a thread that sleeps takes its wake-up, its work and the way back: longer than the next message of a thread that is awake. */
  static constexpr std::uint64_t kReplySpins = 4;
  /** A message on a socket goes through the kernel twice, there and back: as much longer. */
  static constexpr std::uint64_t kSocketSpins = 2;

  Waiter(napi_env env, Environment* environment, const SharedMemory& shared, std::uint32_t thread);
  bool Hold(napi_value view, napi_value drain);
  void Release();
  bool Open();
  void BeforePoll();
  void AfterPoll();
  void DrainBeforePoll();
  bool FindsWork(SpinPolicy* policy, std::uint64_t nanoseconds);
  void AwaitSockets();
  bool SocketsAreReady() const;
  std::uint64_t EventsServed() const;
  void Drain();
  void ReportFailure();
  void OnHandleClosed();

  napi_env env_;
  Environment* environment_;
  SharedMemory shared_;
  std::uint32_t thread_;
  Parking<> parking_;
  uv_loop_t* loop_ = nullptr;
  uv_prepare_t prepare_;
  uv_check_t check_;
  /** Runs while the next poll must not block. */
  uv_idle_t idle_;
  uv_async_t async_;
  int open_handles_ = 0;
  napi_ref view_ = nullptr;
  napi_ref drain_ = nullptr;
  napi_async_context context_ = nullptr;
  /** Tells Node that this environment may go on ending. */
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
  std::uint64_t spin_nanoseconds_ = 0;
  SpinPolicy message_spin_;
  SpinPolicy reply_spin_;
  SpinPolicy socket_spin_;
  bool watches_sockets_ = false;
  /** Of the event loop, at the last look. */
  std::uint64_t events_served_ = 0;
  /** The last drain left work behind. */
  bool again_ = false;
  /** There was work since the last time a spin was in vain. */
  bool hot_ = false;
  /** This turn of the event loop had its drain. */
  bool drained_ = false;
  /** Another thread was woken since the last look. */
  bool expects_reply_ = false;
  /** Without one the thread that was woken cannot run while this one spins. */
  const bool has_other_cores_ = uv_available_parallelism() > 1;
  bool parked_ = false;
  bool stopped_ = false;
};

}  // namespace nexus::napi
