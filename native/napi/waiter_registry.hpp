// Who waits where: for each thread of each shared memory in this process, the libuv handle that wakes its event loop. The one piece of native state that
// threads share outside the shared memory, because a libuv handle is a pointer. A mutex guards it: it is taken once per wake of a parked thread, which costs a
// system call anyway. An entry is removed before its handle is closed, so a handle found under the mutex is open.
#pragma once
#include <uv.h>

#include <cstdint>

namespace nexus::napi {

/** The newest entry for a place wins: a thread that takes the index of a lost one may come before that one's handles are closed. */
void RegisterWaiter(const void* memory, std::uint32_t thread, uv_async_t* async);
void UnregisterWaiter(const uv_async_t* async);
/** False if nobody is registered there. */
bool WakeWaiter(const void* memory, std::uint32_t thread);

}  // namespace nexus::napi
