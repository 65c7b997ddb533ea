#include "environment.hpp"

#include "arguments.hpp"
#include "link_hub.hpp"
#include "table_binding.hpp"
#include "waiter.hpp"

namespace nexus::napi {

// Handle 0 belongs to nobody: a number that was never set is no handle.
Environment::Environment() : waiters_(1, nullptr), hubs_(1, nullptr), tables_(1) {}
Environment::~Environment() = default;

bool Environment::Create(napi_env env) {
  auto* environment = new Environment();
  const auto free = [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); };
  if (Ok(napi_set_instance_data(env, environment, free, nullptr))) return true;
  delete environment;
  return false;
}

Environment* Environment::Of(napi_env env) {
  void* data = nullptr;
  return Ok(napi_get_instance_data(env, &data)) ? static_cast<Environment*>(data) : nullptr;
}

std::uint32_t Environment::Add(Waiter* waiter) {
  waiters_.push_back(waiter);
  return static_cast<std::uint32_t>(waiters_.size() - 1);
}

void Environment::Forget(const Waiter* waiter) {
  for (Waiter*& each : waiters_) {
    if (each == waiter) each = nullptr;
  }
}

std::uint32_t Environment::Add(LinkHub* hub) {
  hubs_.push_back(hub);
  return static_cast<std::uint32_t>(hubs_.size() - 1);
}

void Environment::Forget(const LinkHub* hub) {
  for (LinkHub*& each : hubs_) {
    if (each == hub) each = nullptr;
  }
}

bool Environment::WaitersHaveWork() const {
  for (const Waiter* each : waiters_) {
    if (each != nullptr && each->HasWork()) return true;
  }
  return false;
}

bool Environment::LinksHaveWork() const {
#if defined(__linux__)
  for (const LinkHub* each : hubs_) {
    if (each != nullptr && each->HasWork()) return true;
  }
#endif
  return false;
}

std::uint32_t Environment::Add(std::unique_ptr<Table> table) {
  tables_.push_back(std::move(table));
  return static_cast<std::uint32_t>(tables_.size() - 1);
}

void Environment::CloseTable(std::uint32_t handle) { tables_[handle].reset(); }

}  // namespace nexus::napi
