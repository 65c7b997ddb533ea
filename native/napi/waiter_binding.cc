#include "waiter_binding.hpp"

#include "arguments.hpp"
#include "waiter.hpp"
#include "waiter_registry.hpp"

namespace nexus::napi {

namespace {

Waiter* ReadWaiter(napi_env env, napi_value value) {
  std::uint32_t handle = 0;
  Environment* environment = Environment::Of(env);
  return environment != nullptr && ReadUint32(env, value, &handle) ? environment->WaiterOf(handle) : nullptr;
}

}  // namespace

napi_value Attach(napi_env env, napi_callback_info info) {
  napi_value values[4];
  SharedMemory shared;
  std::uint32_t thread = 0;
  double spin_microseconds = 0;
  if (!ReadArguments(env, info, values, 4)) return nullptr;
  if (!ReadSharedMemory(env, values[0], &shared)) return WrongArguments(env, "attach: not a Uint8Array over the memory of a nexus");
  if (!ReadUint32(env, values[1], &thread) || thread >= shared.thread_count) return WrongArguments(env, "attach: no such thread");
  if (!IsType(env, values[2], napi_function)) return WrongArguments(env, "attach: drain is not a function");
  if (!ReadDouble(env, values[3], &spin_microseconds)) return WrongArguments(env, "attach: spinMicroseconds is not a number");
  Environment* environment = Environment::Of(env);
  if (environment == nullptr) return nullptr;
  Waiter* waiter = Waiter::Start(env, environment, values[0], shared, thread, values[2], spin_microseconds);
  return MakeNumber(env, waiter == nullptr ? 0 : environment->Add(waiter));
}

napi_value Detach(napi_env env, napi_callback_info info) {
  napi_value values[1];
  if (!ReadArguments(env, info, values, 1)) return nullptr;
  if (Waiter* waiter = ReadWaiter(env, values[0])) waiter->Stop();
  return nullptr;
}

napi_value SetSpin(napi_env env, napi_callback_info info) {
  napi_value values[2];
  double microseconds = 0;
  if (!ReadArguments(env, info, values, 2)) return nullptr;
  Waiter* waiter = ReadWaiter(env, values[0]);
  if (waiter != nullptr && ReadDouble(env, values[1], &microseconds)) waiter->SetSpin(microseconds);
  return nullptr;
}

napi_value WatchSockets(napi_env env, napi_callback_info info) {
  napi_value values[1];
  if (!ReadArguments(env, info, values, 1)) return nullptr;
  if (Waiter* waiter = ReadWaiter(env, values[0])) waiter->WatchSockets();
  return nullptr;
}

napi_value Wake(napi_env env, napi_callback_info info) {
  napi_value values[2];
  std::uint32_t thread = 0;
  if (!ReadArguments(env, info, values, 2)) return nullptr;
  Waiter* waiter = ReadWaiter(env, values[0]);
  if (waiter == nullptr || !ReadUint32(env, values[1], &thread) || thread >= waiter->Shared().thread_count) return MakeBoolean(env, true);
  if (!Parking<>::ClaimWake(waiter->Shared(), thread)) return MakeBoolean(env, true);
  waiter->Shared().Count(waiter->Thread(), layout::kCounterWakes);
  waiter->ExpectReply();
  return MakeBoolean(env, WakeWaiter(waiter->Shared().base, thread));
}

napi_value Rouse(napi_env env, napi_callback_info info) {
  napi_value values[2];
  std::uint32_t thread = 0;
  if (!ReadArguments(env, info, values, 2)) return nullptr;
  Waiter* waiter = ReadWaiter(env, values[0]);
  if (waiter != nullptr && ReadUint32(env, values[1], &thread)) WakeWaiter(waiter->Shared().base, thread);
  return nullptr;
}

}  // namespace nexus::napi
