// The functions of the addon about waiting and waking.
#pragma once
#include <node_api.h>

namespace nexus::napi {

/** attach(view: Uint8Array, thread: number, drain: () => boolean, spinMicroseconds: number): number */
napi_value Attach(napi_env env, napi_callback_info info);
/** detach(handle: number): void */
napi_value Detach(napi_env env, napi_callback_info info);
/** watchSockets(handle: number): void */
napi_value WatchSockets(napi_env env, napi_callback_info info);
/** setSpin(handle: number, microseconds: number): void */
napi_value SetSpin(napi_env env, napi_callback_info info);
/** wake(handle: number, thread: number): boolean. False if that thread is parked and nobody is registered who could wake it. */
napi_value Wake(napi_env env, napi_callback_info info);
napi_value Rouse(napi_env env, napi_callback_info info);

}  // namespace nexus::napi
