#include "table_binding.hpp"

#include <cstring>

#include "arguments.hpp"
#include "environment.hpp"

namespace nexus::napi {

namespace {

napi_value Status(napi_env env, TableStatus status) { return MakeInt32(env, static_cast<std::int32_t>(status)); }

}  // namespace

bool ReadKey(napi_env env, napi_value value, const SharedMemory& shared, EncodedKey* key) {
  std::size_t length = 0;
  // What does not fit is cut off between two characters, which leaves more than the limit in any case: the room is 16 bytes larger.
  if (!Ok(napi_get_value_string_utf8(env, value, key->Bytes(), EncodedKey::kRoom, &length))) return false;
  return key->Seal(length, shared.HeaderWord(layout::kHeaderWordSeed0), shared.HeaderWord(layout::kHeaderWordSeed1));
}

Table* ReadTable(napi_env env, napi_value value) {
  std::uint32_t handle = 0;
  Environment* environment = Environment::Of(env);
  return environment != nullptr && ReadUint32(env, value, &handle) ? environment->TableOf(handle) : nullptr;
}

/** tableOpen(view: Uint8Array, thread: number, result: Uint8Array of 8 bytes): number */
napi_value TableOpen(napi_env env, napi_callback_info info) {
  napi_value values[3];
  SharedMemory shared;
  std::uint32_t thread = 0;
  std::uint8_t* result = nullptr;
  std::size_t result_bytes = 0;
  if (!ReadArguments(env, info, values, 3)) return nullptr;
  if (!ReadSharedMemory(env, values[0], &shared)) return WrongArguments(env, "tableOpen: not a Uint8Array over the memory of a nexus");
  if (!ReadUint32(env, values[1], &thread) || thread >= shared.thread_count) return WrongArguments(env, "tableOpen: no such thread");
  if (!ReadBytes(env, values[2], &result, &result_bytes) || result_bytes < 8) return WrongArguments(env, "tableOpen: result is not a Uint8Array of 8 bytes");
  Environment* environment = Environment::Of(env);
  if (environment == nullptr) return nullptr;
  auto table = std::make_unique<Table>(shared, thread);
  table->found = result;
  if (!Ok(napi_create_reference(env, values[0], 1, &table->view))) return nullptr;
  if (!Ok(napi_create_reference(env, values[2], 1, &table->result))) return nullptr;
  return MakeNumber(env, environment->Add(std::move(table)));
}

napi_value TableClose(napi_env env, napi_callback_info info) {
  napi_value values[1];
  std::uint32_t handle = 0;
  if (!ReadArguments(env, info, values, 1) || !ReadUint32(env, values[0], &handle)) return nullptr;
  Environment* environment = Environment::Of(env);
  Table* table = environment == nullptr ? nullptr : environment->TableOf(handle);
  if (table == nullptr) return nullptr;
  napi_delete_reference(env, table->view);
  napi_delete_reference(env, table->result);
  environment->CloseTable(handle);
  return nullptr;
}

/** tableFind(handle, key: string): slot or 0; generation and kind are in the result buffer. */
napi_value TableFind(napi_env env, napi_callback_info info) {
  napi_value values[2];
  if (!ReadArguments(env, info, values, 2)) return nullptr;
  Table* table = ReadTable(env, values[0]);
  if (table == nullptr) return MakeInt32(env, 0);
  if (!ReadKey(env, values[1], table->shared, &table->keys[0])) return Status(env, TableStatus::kKeyInvalid);
  TableEntry found;
  if (!table->routing.Find(table->keys[0], &found)) return MakeInt32(env, 0);
  std::memcpy(table->found, &found.generation, 4);
  std::memcpy(table->found + 4, &found.kind, 4);
  return MakeInt32(env, static_cast<std::int32_t>(found.slot));
}

/** tableInsert(handle, key: string, kind: number, payload: Uint8Array | undefined, parent: number): slot or a status */
napi_value TableInsert(napi_env env, napi_callback_info info) {
  napi_value values[5];
  std::uint32_t kind = 0;
  std::uint32_t parent = 0;
  std::uint8_t* payload = nullptr;
  std::size_t payload_bytes = 0;
  if (!ReadArguments(env, info, values, 5)) return nullptr;
  Table* table = ReadTable(env, values[0]);
  if (table == nullptr) return Status(env, TableStatus::kFull);
  if (!ReadKey(env, values[1], table->shared, &table->keys[0])) return Status(env, TableStatus::kKeyInvalid);
  if (!ReadUint32(env, values[2], &kind) || kind > 0xffff || !ReadUint32(env, values[4], &parent)) return WrongArguments(env, "tableInsert: kind or parent is not an index");
  if (!IsType(env, values[3], napi_undefined) && !ReadBytes(env, values[3], &payload, &payload_bytes)) return WrongArguments(env, "tableInsert: payload is not a Uint8Array");
  if (payload_bytes > layout::kPayloadBytesMax) return Status(env, TableStatus::kPayloadTooLarge);
  TableEntry inserted;
  switch (table->routing.Insert(table->keys[0], kind, payload, static_cast<std::uint32_t>(payload_bytes), parent, &inserted)) {
    case InsertStatus::kInserted: return MakeInt32(env, static_cast<std::int32_t>(inserted.slot));
    case InsertStatus::kExists: return Status(env, TableStatus::kExists);
    case InsertStatus::kFull: return Status(env, TableStatus::kFull);
  }
  return nullptr;
}

/** tableRemove(handle, slot, generation): boolean */
napi_value TableRemove(napi_env env, napi_callback_info info) {
  napi_value values[3];
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  if (!ReadArguments(env, info, values, 3)) return nullptr;
  Table* table = ReadTable(env, values[0]);
  const bool removed = table != nullptr && ReadUint32(env, values[1], &slot) && ReadUint32(env, values[2], &generation) && table->routing.Remove(slot, generation);
  return MakeBoolean(env, removed);
}

/** tableRehome(handle, slot, generation, thread): boolean */
napi_value TableRehome(napi_env env, napi_callback_info info) {
  napi_value values[4];
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  std::uint32_t thread = 0;
  if (!ReadArguments(env, info, values, 4)) return nullptr;
  Table* table = ReadTable(env, values[0]);
  const bool given = table != nullptr && ReadUint32(env, values[1], &slot) && ReadUint32(env, values[2], &generation) && ReadUint32(env, values[3], &thread) &&
                     table->routing.Rehome(slot, generation, thread);
  return MakeBoolean(env, given);
}

}  // namespace nexus::napi
