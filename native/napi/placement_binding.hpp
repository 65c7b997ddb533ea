// Where threads run and where memory is: `nexus/numa_placement.hpp` as functions of JavaScript. A refusal of the kernel is a result, its errno, never an
// exception: the caller collects refusals and goes on. Types in `bindings/native-addon.ts`.
#pragma once
#include <node_api.h>

namespace nexus::napi {

/** pinThread(cpu): 0 or errno. */
napi_value PinThread(napi_env env, napi_callback_info info);
/** currentCpu(): cpu or -errno. */
napi_value CurrentCpu(napi_env env, napi_callback_info info);
/** bindMemory(view, offset, bytes, node): 0 or errno. */
napi_value BindMemory(napi_env env, napi_callback_info info);
/** interleaveMemory(view, offset, bytes, nodes: Uint8Array of bits): 0 or errno. */
napi_value InterleaveMemory(napi_env env, napi_callback_info info);
/** memoryNodeOf(view, offset): node or -errno. */
napi_value MemoryNodeOf(napi_env env, napi_callback_info info);
/** numaProvider(): { provider, errno, libraryError }. */
napi_value NumaProvider(napi_env env, napi_callback_info info);

}  // namespace nexus::napi
