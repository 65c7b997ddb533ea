#include "waiter.hpp"

#if defined(__linux__)
#include <poll.h>
#endif

#include "arguments.hpp"
#include "waiter_registry.hpp"

namespace nexus::napi {

Waiter::Waiter(napi_env env, Environment* environment, const SharedMemory& shared, std::uint32_t thread)
    : env_(env), environment_(environment), shared_(shared), thread_(thread), parking_(shared, thread) {}

Waiter* Waiter::Start(napi_env env, Environment* environment, napi_value view, const SharedMemory& shared, std::uint32_t thread, napi_value drain, double spin_microseconds) {
  auto* waiter = new Waiter(env, environment, shared, thread);
  waiter->SetSpin(spin_microseconds);
  if (!waiter->Hold(view, drain) || !waiter->Open()) {
    waiter->Release();
    delete waiter;
    return nullptr;
  }
  // From here on there are handles to close, and only their callbacks may delete the object.
  const auto hook = [](napi_async_cleanup_hook_handle, void* data) { static_cast<Waiter*>(data)->Stop(); };
  if (!Ok(napi_add_async_cleanup_hook(env, hook, waiter, &waiter->cleanup_))) {
    waiter->Stop();
    return nullptr;
  }
  // A predecessor may have died parked.
  waiter->parking_.Unpark();
  RegisterWaiter(shared.base, thread, &waiter->async_);
  return waiter;
}

bool Waiter::Hold(napi_value view, napi_value drain) {
  napi_value name = nullptr;
  return Ok(napi_get_uv_event_loop(env_, &loop_)) && Ok(napi_create_reference(env_, view, 1, &view_)) && Ok(napi_create_reference(env_, drain, 1, &drain_)) &&
         Ok(napi_create_string_utf8(env_, "NexusDrain", NAPI_AUTO_LENGTH, &name)) && Ok(napi_async_init(env_, nullptr, name, &context_));
}

void Waiter::Release() {
  // Statuses do not matter here: what cannot be deleted goes with the environment.
  if (context_ != nullptr) napi_async_destroy(env_, context_);
  if (drain_ != nullptr) napi_delete_reference(env_, drain_);
  if (view_ != nullptr) napi_delete_reference(env_, view_);
  context_ = nullptr;
  drain_ = nullptr;
  view_ = nullptr;
}

bool Waiter::Open() {
  // The only one that can fail, so it comes first. Nothing is done in its callback: that the poll returned is all it is for.
  if (uv_async_init(loop_, &async_, [](uv_async_t*) {}) != 0) return false;
  uv_prepare_init(loop_, &prepare_);
  uv_check_init(loop_, &check_);
  uv_idle_init(loop_, &idle_);
  async_.data = prepare_.data = check_.data = idle_.data = this;
  open_handles_ = 4;
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { static_cast<Waiter*>(handle->data)->BeforePoll(); });
  uv_check_start(&check_, [](uv_check_t* handle) { static_cast<Waiter*>(handle->data)->AfterPoll(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&async_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&check_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&idle_));
  return true;
}

void Waiter::Stop() {
  if (stopped_) return;
  stopped_ = true;
  // First: from here on no other thread can reach the async handle.
  UnregisterWaiter(&async_);
  parking_.Unpark();
  environment_->Forget(this);
  Release();
  const auto closed = [](uv_handle_t* handle) { static_cast<Waiter*>(handle->data)->OnHandleClosed(); };
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&check_), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&async_), closed);
}

void Waiter::OnHandleClosed() {
  if (--open_handles_ > 0) return;
  // Either cancels the hook or, if the environment is ending and waits for it, completes it.
  if (cleanup_ != nullptr) napi_remove_async_cleanup_hook(cleanup_);
  delete this;
}

void Waiter::BeforePoll() {
  drained_ = false;
  uv_idle_stop(&idle_);
  if (again_ || parking_.HasWork()) return DrainBeforePoll();
  // The poll will return at once, and the look afterwards is enough.
  if (uv_backend_timeout(loop_) == 0) return;
  const bool expects_reply = expects_reply_ && has_other_cores_;
  expects_reply_ = false;
  if (expects_reply && FindsWork(&reply_spin_, spin_nanoseconds_ * kReplySpins)) return DrainBeforePoll();
  if (hot_ && FindsWork(&message_spin_, spin_nanoseconds_)) return DrainBeforePoll();
  hot_ = false;
  // What it finds is for the poll, which returns at once then; until that the thread is parked as before any other.
  if (watches_sockets_) AwaitSockets();
  if (!parking_.TryPark()) return DrainBeforePoll();
  parked_ = true;
  shared_.Count(thread_, layout::kCounterParks);
}

bool Waiter::FindsWork(SpinPolicy* policy, std::uint64_t nanoseconds) {
  if (nanoseconds == 0 || !policy->ShouldSpin()) return false;
  const std::uint64_t deadline = uv_hrtime() + nanoseconds;
  // Frames of other processes are not to wait for those of threads.
  const bool found = parking_.SpinForWork([this, deadline] { return uv_hrtime() >= deadline || environment_->LinksHaveWork(); });
  if (found) {
    policy->Succeeded();
  } else {
    policy->Failed();
  }
  return found;
}

/** If the poll before this one found something, the next may be near: the answer to what has just been sent, or the next question. */
void Waiter::AwaitSockets() {
  const std::uint64_t events_served = EventsServed();
  const bool hot = events_served != events_served_;
  events_served_ = events_served;
  if (!hot || !has_other_cores_ || spin_nanoseconds_ == 0 || !socket_spin_.ShouldSpin()) return;
  const std::uint64_t deadline = uv_hrtime() + spin_nanoseconds_ * kSocketSpins;
  do {
    // Before the first look: nothing comes at once, and the one that is to answer may have been put on this very core.
    SpinYield();
    if (SocketsAreReady()) return socket_spin_.Succeeded();
    // Neither threads nor processes are to wait for sockets.
    if (parking_.HasWork() || environment_->LinksHaveWork()) return;
  } while (uv_hrtime() < deadline);
  socket_spin_.Failed();
}

bool Waiter::SocketsAreReady() const {
#if defined(__linux__)
  // The event loop's own set of descriptors is one that can be polled.
  pollfd loop{uv_backend_fd(loop_), POLLIN, 0};
  return poll(&loop, 1, 0) > 0;
#else
  return false;
#endif
}

std::uint64_t Waiter::EventsServed() const {
#if defined(__linux__)
  uv_metrics_t metrics;
  return uv_metrics_info(loop_, &metrics) == 0 ? metrics.events : 0;
#else
  return 0;
#endif
}

void Waiter::DrainBeforePoll() {
  // The poll that follows serves timers and sockets without blocking, while the other threads work on what the drain sends them.
  uv_idle_start(&idle_, [](uv_idle_t*) {});
  drained_ = true;
  Drain();
}

void Waiter::AfterPoll() {
  if (parked_) {
    parked_ = false;
    parking_.Unpark();
  }
  // One drain in each turn of the event loop.
  if (!drained_ && (again_ || parking_.HasWork())) Drain();
}

void Waiter::Drain() {
  hot_ = true;
  again_ = false;
  // Before the drain: a request that comes while it runs is for the next one.
  parking_.ClearAttention();
  napi_handle_scope scope;
  if (!Ok(napi_open_handle_scope(env_, &scope))) return;
  napi_value drain = nullptr;
  napi_value global = nullptr;
  napi_value result = nullptr;
  if (Ok(napi_get_reference_value(env_, drain_, &drain)) && drain != nullptr && Ok(napi_get_global(env_, &global))) {
    // Runs process.nextTick callbacks and microtasks when the function returns, as for any callback from the event loop. The function may call Stop.
    if (Ok(napi_make_callback(env_, context_, global, drain, 0, nullptr, &result))) {
      bool again = false;
      if (Ok(napi_get_value_bool(env_, result, &again))) again_ = again;
    } else {
      ReportFailure();
    }
  }
  napi_close_handle_scope(env_, scope);
}

/** The drain function threw: that is an uncaught exception of this thread. If the thread is being terminated there is nothing to report. */
void Waiter::ReportFailure() {
  bool pending = false;
  napi_value error = nullptr;
  if (!Ok(napi_is_exception_pending(env_, &pending)) || !pending) return;
  if (!Ok(napi_get_and_clear_last_exception(env_, &error))) return;
  napi_fatal_exception(env_, error);
}

}  // namespace nexus::napi
