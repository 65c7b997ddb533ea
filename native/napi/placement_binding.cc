#include "placement_binding.hpp"

#include <uv.h>

#include <cstring>

#include "arguments.hpp"
#include "nexus/numa_placement.hpp"

namespace nexus::napi {

namespace {

/** libnuma, opened once a process and never closed: another thread may be inside it. */
struct Library {
  uv_lib_t handle = {};
  bool is_open = false;
  char error[256] = {};

  Library() {
    is_open = uv_dlopen(numa::kLibrary, &handle) == 0;
    if (is_open) return;
    std::strncpy(error, uv_dlerror(&handle), sizeof(error) - 1);
    uv_dlclose(&handle);
  }
};

Library& TheLibrary() {
  static Library* library = new Library();
  return *library;
}

void* FindSymbol(const char* symbol) {
  Library& library = TheLibrary();
  void* address = nullptr;
  return library.is_open && uv_dlsym(&library.handle, symbol, &address) == 0 ? address : nullptr;
}

/** Made when first asked for: opening libnuma reads files. */
const numa::MemoryPolicy& Policy() {
  static const numa::MemoryPolicy* policy = new numa::MemoryPolicy(FindSymbol);
  return *policy;
}

/** A range of a Uint8Array from its arguments (view, offset, bytes). False if it is none. */
bool ReadRange(napi_env env, const napi_value* values, std::uint8_t** start, std::size_t* bytes) {
  std::uint8_t* view = nullptr;
  std::size_t length = 0;
  double offset = 0;
  double range = 0;
  if (!ReadBytes(env, values[0], &view, &length) || !ReadDouble(env, values[1], &offset) || !ReadDouble(env, values[2], &range)) return false;
  if (!(offset >= 0) || !(range >= 0) || offset + range > static_cast<double>(length)) return false;
  *start = view + static_cast<std::size_t>(offset);
  *bytes = static_cast<std::size_t>(range);
  return true;
}

bool SetNamed(napi_env env, napi_value object, const char* name, napi_value value) { return value != nullptr && Ok(napi_set_named_property(env, object, name, value)); }

napi_value MakeText(napi_env env, const char* text) {
  napi_value result = nullptr;
  return Ok(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result)) ? result : nullptr;
}

const char* NameOf(numa::Provider provider) {
  switch (provider) {
    case numa::Provider::kLibnuma:
      return "libnuma";
    case numa::Provider::kSystemCalls:
      return "system calls";
    case numa::Provider::kNone:
      break;
  }
  return "none";
}

}  // namespace

napi_value PinThread(napi_env env, napi_callback_info info) {
  napi_value values[1];
  std::int32_t cpu = 0;
  if (!ReadArguments(env, info, values, 1)) return nullptr;
  if (!ReadInt32(env, values[0], &cpu)) return WrongArguments(env, "pinThread: cpu is not a number");
  return MakeInt32(env, numa::PinThread(cpu));
}

napi_value CurrentCpu(napi_env env, napi_callback_info) { return MakeInt32(env, numa::CurrentCpu()); }

napi_value BindMemory(napi_env env, napi_callback_info info) {
  napi_value values[4];
  std::uint8_t* start = nullptr;
  std::size_t bytes = 0;
  std::int32_t node = 0;
  if (!ReadArguments(env, info, values, 4)) return nullptr;
  if (!ReadRange(env, values, &start, &bytes)) return WrongArguments(env, "bindMemory: not a range of a Uint8Array");
  if (!ReadInt32(env, values[3], &node)) return WrongArguments(env, "bindMemory: node is not a number");
  return MakeInt32(env, Policy().Prefer(start, bytes, node));
}

napi_value InterleaveMemory(napi_env env, napi_callback_info info) {
  napi_value values[4];
  std::uint8_t* start = nullptr;
  std::size_t bytes = 0;
  std::uint8_t* bits = nullptr;
  std::size_t bits_bytes = 0;
  if (!ReadArguments(env, info, values, 4)) return nullptr;
  if (!ReadRange(env, values, &start, &bytes)) return WrongArguments(env, "interleaveMemory: not a range of a Uint8Array");
  if (!ReadBytes(env, values[3], &bits, &bits_bytes) || bits_bytes > numa::kNodesMax / 8) return WrongArguments(env, "interleaveMemory: nodes are not a Uint8Array of bits");
  numa::NodeMask nodes;
  for (std::size_t bit = 0; bit < bits_bytes * 8; bit++) {
    if ((bits[bit / 8] >> (bit % 8) & 1) != 0) nodes.Add(static_cast<int>(bit));
  }
  return MakeInt32(env, Policy().Interleave(start, bytes, nodes));
}

napi_value MemoryNodeOf(napi_env env, napi_callback_info info) {
  napi_value values[2];
  std::uint8_t* view = nullptr;
  std::size_t length = 0;
  double offset = 0;
  if (!ReadArguments(env, info, values, 2)) return nullptr;
  if (!ReadBytes(env, values[0], &view, &length)) return WrongArguments(env, "memoryNodeOf: not a Uint8Array");
  if (!ReadDouble(env, values[1], &offset) || !(offset >= 0) || offset >= static_cast<double>(length)) return WrongArguments(env, "memoryNodeOf: not a place in this array");
  return MakeInt32(env, Policy().NodeOf(view + static_cast<std::size_t>(offset)));
}

napi_value NumaProvider(napi_env env, napi_callback_info) {
  const numa::MemoryPolicy& policy = Policy();
  napi_value result = nullptr;
  if (!Ok(napi_create_object(env, &result))) return nullptr;
  const bool is_library_tried = policy.Kind() != numa::Provider::kNone;
  if (!SetNamed(env, result, "provider", MakeText(env, NameOf(policy.Kind())))) return nullptr;
  if (!SetNamed(env, result, "errno", MakeInt32(env, policy.Error()))) return nullptr;
  if (!SetNamed(env, result, "libraryError", MakeText(env, is_library_tried ? TheLibrary().error : ""))) return nullptr;
  return result;
}

}  // namespace nexus::napi
