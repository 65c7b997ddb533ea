#include "arguments.hpp"

namespace nexus::napi {

bool ReadArguments(napi_env env, napi_callback_info info, napi_value* values, std::size_t count) {
  return Ok(napi_get_cb_info(env, info, &count, values, nullptr, nullptr));
}

bool ReadUint32(napi_env env, napi_value value, std::uint32_t* result) { return Ok(napi_get_value_uint32(env, value, result)); }
bool ReadInt32(napi_env env, napi_value value, std::int32_t* result) { return Ok(napi_get_value_int32(env, value, result)); }
bool ReadDouble(napi_env env, napi_value value, double* result) { return Ok(napi_get_value_double(env, value, result)); }

bool IsType(napi_env env, napi_value value, napi_valuetype type) {
  napi_valuetype actual;
  return Ok(napi_typeof(env, value, &actual)) && actual == type;
}

bool ReadBytes(napi_env env, napi_value value, std::uint8_t** bytes, std::size_t* length) {
  napi_typedarray_type type;
  void* data = nullptr;
  if (!Ok(napi_get_typedarray_info(env, value, &type, length, &data, nullptr, nullptr)) || type != napi_uint8_array) return false;
  *bytes = static_cast<std::uint8_t*>(data);
  return true;
}

bool ReadSharedMemory(napi_env env, napi_value value, SharedMemory* shared) {
  std::uint8_t* bytes = nullptr;
  std::size_t length = 0;
  return ReadBytes(env, value, &bytes, &length) && shared->Open(bytes, length);
}

napi_value WrongArguments(napi_env env, const char* message) {
  napi_throw_type_error(env, "NEXUS_OPTION_INVALID", message);
  return nullptr;
}

napi_value MakeNumber(napi_env env, double value) {
  napi_value result = nullptr;
  return Ok(napi_create_double(env, value, &result)) ? result : nullptr;
}

napi_value MakeInt32(napi_env env, std::int32_t value) {
  napi_value result = nullptr;
  return Ok(napi_create_int32(env, value, &result)) ? result : nullptr;
}

napi_value MakeBoolean(napi_env env, bool value) {
  napi_value result = nullptr;
  return Ok(napi_get_boolean(env, value, &result)) ? result : nullptr;
}

napi_value MakeNumbers(napi_env env, std::size_t count, double** numbers) {
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  if (!Ok(napi_create_arraybuffer(env, count * sizeof(double), &data, &buffer))) return nullptr;
  if (!Ok(napi_create_typedarray(env, napi_float64_array, count, buffer, 0, &array))) return nullptr;
  *numbers = static_cast<double*>(data);
  return array;
}

}  // namespace nexus::napi
