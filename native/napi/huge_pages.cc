#include "huge_pages.hpp"

#include "arguments.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace nexus::napi {

namespace {

constexpr std::uintptr_t kHugePageBytes = 2 * 1024 * 1024;

bool Advise(std::uintptr_t start, std::uintptr_t end) {
  start = (start + kHugePageBytes - 1) & ~(kHugePageBytes - 1);
  end &= ~(kHugePageBytes - 1);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  return start < end && madvise(reinterpret_cast<void*>(start), end - start, MADV_HUGEPAGE) == 0;
#else
  return false;
#endif
}

}  // namespace

napi_value AdviseHugePages(napi_env env, napi_callback_info info) {
  napi_value values[3];
  std::uint8_t* bytes = nullptr;
  std::size_t length = 0;
  double offset = 0;
  double range = 0;
  if (!ReadArguments(env, info, values, 3)) return nullptr;
  if (!ReadBytes(env, values[0], &bytes, &length)) return WrongArguments(env, "adviseHugePages: not a Uint8Array");
  if (!ReadDouble(env, values[1], &offset) || !ReadDouble(env, values[2], &range) || !(offset >= 0) || !(range >= 0) || offset + range > static_cast<double>(length)) {
    return WrongArguments(env, "adviseHugePages: not a range of this array");
  }
  const auto start = reinterpret_cast<std::uintptr_t>(bytes) + static_cast<std::uintptr_t>(offset);
  return MakeBoolean(env, Advise(start, start + static_cast<std::uintptr_t>(range)));
}

}  // namespace nexus::napi
