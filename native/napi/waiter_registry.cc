#include "waiter_registry.hpp"

#include <mutex>
#include <vector>

namespace nexus::napi {

namespace {

struct Place {
  const void* memory;
  std::uint32_t thread;
  uv_async_t* async;
};

struct Registry {
  std::mutex mutex;
  std::vector<Place> places;
};

// Never freed: another thread may still be in here while the process runs its exit handlers.
Registry& TheRegistry() {
  static Registry* registry = new Registry();
  return *registry;
}

}  // namespace

void RegisterWaiter(const void* memory, std::uint32_t thread, uv_async_t* async) {
  Registry& registry = TheRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  registry.places.push_back({memory, thread, async});
}

void UnregisterWaiter(const uv_async_t* async) {
  Registry& registry = TheRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  for (std::size_t at = 0; at < registry.places.size(); at++) {
    if (registry.places[at].async != async) continue;
    registry.places.erase(registry.places.begin() + static_cast<std::ptrdiff_t>(at));
    return;
  }
}

bool WakeWaiter(const void* memory, std::uint32_t thread) {
  Registry& registry = TheRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  for (std::size_t at = registry.places.size(); at-- > 0;) {
    const Place& place = registry.places[at];
    if (place.memory == memory && place.thread == thread) return uv_async_send(place.async) == 0;
  }
  return false;
}

}  // namespace nexus::napi
