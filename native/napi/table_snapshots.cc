// Reading single records and the whole table: what a record says about an agent, and the lists and counts made of all of them.
#include <vector>

#include "arguments.hpp"
#include "nexus/table_statistics.hpp"
#include "table_binding.hpp"

namespace nexus::napi {

namespace {

/** Arguments (handle, slot, generation) of the functions about one agent. */
struct Address {
  Table* table = nullptr;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
};

bool ReadAddress(napi_env env, napi_callback_info info, Address* address) {
  napi_value values[3];
  if (!ReadArguments(env, info, values, 3)) return false;
  address->table = ReadTable(env, values[0]);
  return address->table != nullptr && ReadUint32(env, values[1], &address->slot) && ReadUint32(env, values[2], &address->generation);
}

/** One word of a live record, or `otherwise`. */
std::uint32_t WordOf(napi_env env, napi_callback_info info, std::uint32_t word, bool* live) {
  Address address;
  std::uint32_t value = 0;
  *live = ReadAddress(env, info, &address) && address.table->routing.Word(address.slot, address.generation, word, &value);
  return value;
}

/** Key or payload in `words`, which grows to its size. */
bool CopyOf(const Address& address, bool payload, std::vector<std::uint32_t>* words, std::uint32_t* byte_length) {
  const auto reserve = [words](std::uint32_t count) {
    words->resize(count);
    return words->data();
  };
  return address.table->routing.Records().Copy(address.slot, address.generation, payload, byte_length, reserve);
}

/** Four numbers for each entry: slot, generation, thread, kind. */
napi_value MakeEntries(napi_env env, const std::vector<TableEntry>& entries) {
  double* numbers = nullptr;
  napi_value result = MakeNumbers(env, entries.size() * 4, &numbers);
  if (result == nullptr) return nullptr;
  for (const TableEntry& entry : entries) {
    *numbers++ = entry.slot;
    *numbers++ = entry.generation;
    *numbers++ = entry.thread;
    *numbers++ = entry.kind;
  }
  return result;
}

}  // namespace

napi_value TableGenerationOf(napi_env env, napi_callback_info info) {
  napi_value values[2];
  std::uint32_t slot = 0;
  if (!ReadArguments(env, info, values, 2)) return nullptr;
  Table* table = ReadTable(env, values[0]);
  return MakeNumber(env, table != nullptr && ReadUint32(env, values[1], &slot) ? table->routing.GenerationOf(slot) : 0);
}

napi_value TableThreadOf(napi_env env, napi_callback_info info) {
  bool live = false;
  const std::uint32_t owner = WordOf(env, info, layout::kRecordWordOwner, &live);
  return MakeInt32(env, live ? static_cast<std::int32_t>(owner >> 16) : -1);
}

napi_value TableKindOf(napi_env env, napi_callback_info info) {
  bool live = false;
  const std::uint32_t owner = WordOf(env, info, layout::kRecordWordOwner, &live);
  return MakeInt32(env, live ? static_cast<std::int32_t>(owner & 0xffff) : -1);
}

napi_value TableParentOf(napi_env env, napi_callback_info info) {
  bool live = false;
  return MakeNumber(env, WordOf(env, info, layout::kRecordWordParent, &live));
}

napi_value TableKeyOf(napi_env env, napi_callback_info info) {
  Address address;
  std::vector<std::uint32_t> words;
  std::uint32_t byte_length = 0;
  napi_value result = nullptr;
  if (!ReadAddress(env, info, &address) || !CopyOf(address, false, &words, &byte_length)) return nullptr;
  return Ok(napi_create_string_utf8(env, reinterpret_cast<const char*>(words.data()), byte_length, &result)) ? result : nullptr;
}

napi_value TablePayloadOf(napi_env env, napi_callback_info info) {
  Address address;
  std::vector<std::uint32_t> words;
  std::uint32_t byte_length = 0;
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value result = nullptr;
  if (!ReadAddress(env, info, &address) || !CopyOf(address, true, &words, &byte_length) || byte_length == 0) return nullptr;
  if (!Ok(napi_create_arraybuffer(env, byte_length, &data, &buffer))) return nullptr;
  std::memcpy(data, words.data(), byte_length);
  return Ok(napi_create_typedarray(env, napi_uint8_array, byte_length, buffer, 0, &result)) ? result : nullptr;
}

/** tableEntries(handle, thread or -1 for all): Float64Array */
napi_value TableEntries(napi_env env, napi_callback_info info) {
  napi_value values[2];
  std::int32_t thread = -1;
  std::vector<TableEntry> entries;
  if (!ReadArguments(env, info, values, 2)) return nullptr;
  Table* table = ReadTable(env, values[0]);
  if (table != nullptr && ReadInt32(env, values[1], &thread)) table->routing.Entries(thread, &entries);
  return MakeEntries(env, entries);
}

napi_value TableInherit(napi_env env, napi_callback_info info) {
  napi_value values[1];
  std::vector<TableEntry> inherited;
  if (!ReadArguments(env, info, values, 1)) return nullptr;
  if (Table* table = ReadTable(env, values[0])) table->routing.Inherit(&inherited);
  return MakeEntries(env, inherited);
}

/** tableStatistics(handle): Float64Array of the fields in the order below, then the counts of probe lengths */
napi_value TableStatistics(napi_env env, napi_callback_info info) {
  napi_value values[1];
  double* numbers = nullptr;
  if (!ReadArguments(env, info, values, 1)) return nullptr;
  Table* table = ReadTable(env, values[0]);
  napi_value result = MakeNumbers(env, 11 + layout::kProbeCounts, &numbers);
  if (result == nullptr || table == nullptr) return result;
  const nexus::TableStatistics counts = TableCount<>(table->shared).Run();
  for (const double number : {static_cast<double>(counts.live), static_cast<double>(counts.extensions), static_cast<double>(counts.claimed),
                              static_cast<double>(counts.reused), static_cast<double>(counts.reclaimed), static_cast<double>(counts.retired),
                              static_cast<double>(counts.stale_entries), static_cast<double>(counts.overflow), static_cast<double>(counts.overflowing_buckets),
                              static_cast<double>(counts.probe_buckets_max), static_cast<double>(counts.searched_buckets)}) {
    *numbers++ = number;
  }
  for (const std::uint32_t count : counts.probe_buckets) *numbers++ = count;
  return result;
}

}  // namespace nexus::napi
