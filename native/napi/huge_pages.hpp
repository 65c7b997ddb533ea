// adviseHugePages(view: Uint8Array, offset: number, bytes: number): boolean. Asks the kernel to back a range of the memory with pages of 2 MiB, so that random
// look-ups among a million names do not miss the address cache each time. The range is rounded inward; before its first use the advice costs nothing.
// False where there is no such advice.
#pragma once
#include <node_api.h>

namespace nexus::napi {

napi_value AdviseHugePages(napi_env env, napi_callback_info info);

}  // namespace nexus::napi
