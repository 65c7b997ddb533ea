// Reading arguments and making results at the edge between JavaScript and the core. Every status of Node-API is checked: while a worker is being terminated any
// call may fail, and then the function returns at once with nothing.
#pragma once
#include <node_api.h>

#include <cstddef>
#include <cstdint>

#include "nexus/shared_memory.hpp"

namespace nexus::napi {

inline bool Ok(napi_status status) { return status == napi_ok; }

/** Exactly `count` arguments; missing ones are `undefined`. */
bool ReadArguments(napi_env env, napi_callback_info info, napi_value* values, std::size_t count);
bool ReadUint32(napi_env env, napi_value value, std::uint32_t* result);
bool ReadInt32(napi_env env, napi_value value, std::int32_t* result);
bool ReadDouble(napi_env env, napi_value value, double* result);
bool IsType(napi_env env, napi_value value, napi_valuetype type);
/** Bytes of a Uint8Array, over whichever kind of buffer. They stay where they are while the array lives. */
bool ReadBytes(napi_env env, napi_value value, std::uint8_t** bytes, std::size_t* length);
/** A Uint8Array over a whole nexus memory. */
bool ReadSharedMemory(napi_env env, napi_value value, SharedMemory* shared);

/** Throws a TypeError: the caller is the binding in `bindings/native-engine.ts`, so this is a defect of ours, not of a user. */
napi_value WrongArguments(napi_env env, const char* message);

napi_value MakeNumber(napi_env env, double value);
napi_value MakeInt32(napi_env env, std::int32_t value);
napi_value MakeBoolean(napi_env env, bool value);
/** A Float64Array of `count` numbers, or null. `*numbers` is where they are to be written. */
napi_value MakeNumbers(napi_env env, std::size_t count, double** numbers);

}  // namespace nexus::napi
