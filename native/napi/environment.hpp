// What one JavaScript environment (the calling thread or a worker) has open: its waiters, its links to other processes and its tables, by handle. A handle is a number that is never used
// again, so that a call after detach or close finds nothing and does nothing. Used by its own thread only; freed after the last async clean-up hook is done.
#pragma once
#include <node_api.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace nexus::napi {

class LinkHub;
class Waiter;
struct Table;

class Environment {
 public:
  Environment();
  ~Environment();
  /** Makes the object for an environment that loads the addon. */
  static bool Create(napi_env env);
  /** Null only while the environment ends. */
  static Environment* Of(napi_env env);

  /** Waiters delete themselves when their handles are closed; see `Forget`. */
  std::uint32_t Add(Waiter* waiter);
  Waiter* WaiterOf(std::uint32_t handle) const { return handle < waiters_.size() ? waiters_[handle] : nullptr; }
  void Forget(const Waiter* waiter);

  /** Hubs delete themselves, as waiters do. */
  std::uint32_t Add(LinkHub* hub);
  LinkHub* HubOf(std::uint32_t handle) const { return handle < hubs_.size() ? hubs_[handle] : nullptr; }
  void Forget(const LinkHub* hub);

  /** For whoever looks for work of its own and is not to keep the other kind waiting. */
  bool WaitersHaveWork() const;
  bool LinksHaveWork() const;

  std::uint32_t Add(std::unique_ptr<Table> table);
  Table* TableOf(std::uint32_t handle) const { return handle < tables_.size() ? tables_[handle].get() : nullptr; }
  void CloseTable(std::uint32_t handle);

 private:
  std::vector<Waiter*> waiters_;
  std::vector<LinkHub*> hubs_;
  std::vector<std::unique_ptr<Table>> tables_;
};

}  // namespace nexus::napi
