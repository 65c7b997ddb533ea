// Lists of names: the same as one call for each, with the memory of a batch fetched at once.
#include <cstring>

#include "arguments.hpp"
#include "table_binding.hpp"

namespace nexus::napi {

namespace {

/** Numbers of each name in the results: `FOUND_NUMBERS` and `INSERTED_NUMBERS` of ts-src/ports/engine.ts. */
constexpr std::size_t kFoundNumbers = 3;
constexpr std::size_t kInsertedNumbers = 2;

/** Arguments that the lists of names share, and the part of the list that is a batch now. */
struct Batch {
  Table* table = nullptr;
  napi_value keys = nullptr;
  std::uint32_t count = 0;
  std::uint8_t* results = nullptr;

  /** Results are a Uint8Array over as many 32-bit numbers as the names need. False if an exception was thrown. */
  bool Open(napi_env env, napi_value handle, napi_value list, napi_value into, std::size_t numbers) {
    std::size_t bytes = 0;
    table = ReadTable(env, handle);
    keys = list;
    if (table == nullptr) return false;
    if (!Ok(napi_get_array_length(env, keys, &count)) || !ReadBytes(env, into, &results, &bytes) || bytes < std::size_t{count} * numbers * 4) {
      WrongArguments(env, "not an array of names and room for their results");
      return false;
    }
    return true;
  }

  /** Encodes up to `kBatchKeys` names from `start` on and starts to fetch their buckets. Returns how many; 0 if one of them is not a name, and an exception was thrown. */
  std::uint32_t Read(napi_env env, std::uint32_t start) {
    const std::uint32_t here = count - start < kBatchKeys ? count - start : kBatchKeys;
    // Handles of a batch are dropped together, or a long list would fill the handle stack.
    napi_handle_scope scope;
    if (!Ok(napi_open_handle_scope(env, &scope))) return 0;
    bool valid = true;
    for (std::uint32_t index = 0; index < here && valid; index++) {
      napi_value key = nullptr;
      valid = Ok(napi_get_element(env, keys, start + index, &key)) && ReadKey(env, key, table->shared, &table->keys[index]);
      if (valid) table->routing.PrefetchBucket(table->keys[index].hash);
    }
    if (!Ok(napi_close_handle_scope(env, scope))) return 0;
    if (!valid) WrongArguments(env, "not a name of 1 to 1,024 bytes of UTF-8");
    return valid ? here : 0;
  }

  template <std::size_t numbers>
  void Answer(std::uint32_t index, const std::int32_t (&values)[numbers]) {
    std::memcpy(results + std::size_t{index} * sizeof values, values, sizeof values);
  }
};

}  // namespace

/** tableFindMany(handle, keys: string[], results: Uint8Array): slot (0 if absent), generation and kind of each. The caller has checked the names. */
napi_value TableFindMany(napi_env env, napi_callback_info info) {
  napi_value values[3];
  Batch batch;
  if (!ReadArguments(env, info, values, 3) || !batch.Open(env, values[0], values[1], values[2], kFoundNumbers)) return nullptr;
  for (std::uint32_t start = 0; start < batch.count;) {
    const std::uint32_t here = batch.Read(env, start);
    if (here == 0) return nullptr;
    const RoutingTable<>& routing = batch.table->routing;
    for (std::uint32_t index = 0; index < here; index++) routing.PrefetchRecord(batch.table->keys[index].hash);
    for (std::uint32_t index = 0; index < here; index++) {
      TableEntry found{0, 0, 0, 0};
      routing.Find(batch.table->keys[index], &found);
      batch.Answer<kFoundNumbers>(start + index, {static_cast<std::int32_t>(found.slot), static_cast<std::int32_t>(found.generation), static_cast<std::int32_t>(found.kind)});
    }
    start += here;
  }
  return nullptr;
}

/** tableInsertMany(handle, keys: string[], kind: number, parent: number, results: Uint8Array): slot (or a status) and generation of each, without payloads. */
napi_value TableInsertMany(napi_env env, napi_callback_info info) {
  napi_value values[5];
  std::uint32_t kind = 0;
  std::uint32_t parent = 0;
  Batch batch;
  if (!ReadArguments(env, info, values, 5) || !batch.Open(env, values[0], values[1], values[4], kInsertedNumbers)) return nullptr;
  if (!ReadUint32(env, values[2], &kind) || kind > 0xffff || !ReadUint32(env, values[3], &parent)) return WrongArguments(env, "tableInsertMany: kind or parent is not an index");
  for (std::uint32_t start = 0; start < batch.count;) {
    const std::uint32_t here = batch.Read(env, start);
    if (here == 0) return nullptr;
    for (std::uint32_t index = 0; index < here; index++) {
      TableEntry inserted{0, 0, 0, 0};
      const InsertStatus status = batch.table->routing.Insert(batch.table->keys[index], kind, nullptr, 0, parent, &inserted);
      const std::int32_t refused = static_cast<std::int32_t>(status == InsertStatus::kExists ? TableStatus::kExists : TableStatus::kFull);
      const bool done = status == InsertStatus::kInserted;
      batch.Answer<kInsertedNumbers>(start + index, {done ? static_cast<std::int32_t>(inserted.slot) : refused, done ? static_cast<std::int32_t>(inserted.generation) : 0});
    }
    start += here;
  }
  return nullptr;
}

/** tableRemoveMany(handle, addresses: Uint8Array over pairs of 32-bit words slot and generation): number of those removed */
napi_value TableRemoveMany(napi_env env, napi_callback_info info) {
  napi_value values[2];
  std::uint8_t* bytes = nullptr;
  std::size_t length = 0;
  std::int32_t removed = 0;
  if (!ReadArguments(env, info, values, 2)) return nullptr;
  Table* table = ReadTable(env, values[0]);
  if (table == nullptr) return MakeInt32(env, 0);
  if (!ReadBytes(env, values[1], &bytes, &length)) return WrongArguments(env, "tableRemoveMany: not a Uint8Array");
  const std::size_t count = length / 8;
  std::uint32_t addresses[kBatchKeys][2];
  for (std::size_t start = 0; start < count; start += kBatchKeys) {
    const std::size_t here = count - start < kBatchKeys ? count - start : kBatchKeys;
    std::memcpy(addresses, bytes + start * 8, here * 8);
    for (std::size_t index = 0; index < here; index++) table->routing.PrefetchRecordAt(addresses[index][0]);
    for (std::size_t index = 0; index < here; index++) table->routing.PrefetchEntry(addresses[index][0]);
    for (std::size_t index = 0; index < here; index++) {
      if (table->routing.Remove(addresses[index][0], addresses[index][1])) removed++;
    }
  }
  return MakeInt32(env, removed);
}

}  // namespace nexus::napi
