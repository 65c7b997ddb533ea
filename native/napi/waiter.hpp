// How one thread waits for its rings: hooks around the poll of its event loop. Just before the poll (prepare) it looks for work, spins a little if there was
// work lately, and parks; just after (check) it drains. A parked thread is woken through its uv_async_t, which makes the poll return.
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
  const SharedMemory& Shared() const { return shared_; }
  std::uint32_t Thread() const { return thread_; }

 private:
  Waiter(napi_env env, Environment* environment, const SharedMemory& shared, std::uint32_t thread);
  bool Hold(napi_value view, napi_value drain);
  void Release();
  bool Open();
  void BeforePoll();
  void AfterPoll();
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
  SpinPolicy spin_policy_;
  /** The last drain left work behind. */
  bool again_ = false;
  /** There was work since the last time a spin was in vain. */
  bool hot_ = false;
  bool parked_ = false;
  bool stopped_ = false;
};

}  // namespace nexus::napi
