// The functions of the addon about the routing table. Results that JavaScript turns into errors are negative numbers.
#pragma once
#include <node_api.h>

#include "nexus/routing_table.hpp"

namespace nexus::napi {

/** Results that are not a slot; the first two are those of `RoutingTable.insert` in ts-src/ports/engine.ts. */
enum class TableStatus : std::int32_t { kExists = -1, kFull = -2, kKeyInvalid = -3, kPayloadTooLarge = -4 };

/** Names of one batch: as many as there are cache misses in flight. */
inline constexpr std::size_t kBatchKeys = 16;

/** One open table of one thread. Owns nothing in the shared memory; the view is kept alive by the binding's own reference to it. */
struct Table {
  Table(const SharedMemory& shared, std::uint32_t thread) : shared(shared), routing(shared, thread) {}
  SharedMemory shared;
  RoutingTable<> routing;
  napi_ref view = nullptr;
  napi_ref result = nullptr;
  /** First element of `result`, where a find leaves generation and kind. */
  std::uint8_t* found = nullptr;
  EncodedKey keys[kBatchKeys];
};

/** The open table with this handle, or null. */
Table* ReadTable(napi_env env, napi_value value);

/** False if the value is no string, or one of 0 or too many bytes. Node writes U+FFFD for a lone surrogate, as TextEncoder does. */
bool ReadKey(napi_env env, napi_value value, const SharedMemory& shared, EncodedKey* key);

napi_value TableOpen(napi_env env, napi_callback_info info);
napi_value TableClose(napi_env env, napi_callback_info info);
napi_value TableFind(napi_env env, napi_callback_info info);
napi_value TableInsert(napi_env env, napi_callback_info info);
napi_value TableRemove(napi_env env, napi_callback_info info);
napi_value TableRehome(napi_env env, napi_callback_info info);

// table_batches.cc
napi_value TableFindMany(napi_env env, napi_callback_info info);
napi_value TableInsertMany(napi_env env, napi_callback_info info);
napi_value TableRemoveMany(napi_env env, napi_callback_info info);

// table_snapshots.cc
napi_value TableGenerationOf(napi_env env, napi_callback_info info);
napi_value TableThreadOf(napi_env env, napi_callback_info info);
napi_value TableKindOf(napi_env env, napi_callback_info info);
napi_value TableParentOf(napi_env env, napi_callback_info info);
napi_value TableKeyOf(napi_env env, napi_callback_info info);
napi_value TablePayloadOf(napi_env env, napi_callback_info info);
napi_value TableEntries(napi_env env, napi_callback_info info);
napi_value TableInherit(napi_env env, napi_callback_info info);
napi_value TableStatistics(napi_env env, napi_callback_info info);

}  // namespace nexus::napi
