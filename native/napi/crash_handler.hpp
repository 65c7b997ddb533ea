// Writes the flight record of every nexus of this process when it is about to die of a signal. See crash_handler.cc.
#pragma once
#include <node_api.h>

namespace nexus::napi {

/** crashArm(view, head, directory, clockMs): handle, or 0 where there is no such handler. */
napi_value CrashArm(napi_env env, napi_callback_info info);
napi_value CrashDisarm(napi_env env, napi_callback_info info);
/** crashThread(view, thread): the calling thread is this one of that nexus, and gets a stack for handlers of signals. */
napi_value CrashThread(napi_env env, napi_callback_info info);

}  // namespace nexus::napi
