// The calls and the final audit of table_scenario.hpp.
#include "table_scenario.hpp"

#include <cstdlib>
#include <unordered_map>

namespace nexus::test {

namespace {

EncodedKey Encode(const SharedMemory& shared, const std::string& text) {
  EncodedKey key;
  if (!key.Set(text.data(), text.size(), shared.HeaderWord(layout::kHeaderWordSeed0), shared.HeaderWord(layout::kHeaderWordSeed1))) std::abort();
  return key;
}

/** The `number`-th key of a series whose bucket is `bucket`. */
EncodedKey InBucket(const SharedMemory& shared, const std::string& series, std::uint32_t bucket, std::uint32_t number) {
  for (std::uint32_t at = 0, found = 0;; at++) {
    const EncodedKey key = Encode(shared, series + std::to_string(at));
    if ((key.hash & (shared.bucket_count - 1)) == bucket && found++ == number) return key;
  }
}

constexpr std::uint32_t kBucket = 5;

/** Two keys of that bucket whose entries have the same tag: only their bytes tell them apart. */
void AddAlike(const SharedMemory& shared, std::vector<EncodedKey>* names) {
  const std::uint32_t tag = ~(shared.record_capacity - 1);
  std::unordered_map<std::uint32_t, EncodedKey> by_tag;
  for (std::uint32_t number = 0;; number++) {
    const EncodedKey key = Encode(shared, "n" + std::to_string(number));
    if ((key.hash & (shared.bucket_count - 1)) != kBucket) continue;
    const auto [other, is_new] = by_tag.emplace(key.hash & tag, key);
    if (is_new) continue;
    names->push_back(other->second);
    names->push_back(key);
    return;
  }
}

/** The same for every scenario, so they are made once, outside of the arena. */
const std::vector<EncodedKey>& Names(const SharedMemory& shared) {
  static std::vector<EncodedKey> names;
  OutsideArena outside;
  if (names.empty()) {
    AddAlike(shared, &names);
    names.push_back(InBucket(shared, "c", kBucket, 0));
    names.push_back(InBucket(shared, "e", kBucket + 6, 0));
    names.push_back(Encode(shared, "a name of more than thirty-two bytes, which goes on in an extension"));
  }
  return names;
}

}  // namespace

TableScenario::TableScenario(Explorer& explorer, const SharedMemory& shared) : explorer_(explorer), shared_(shared), names_(Names(shared)) {
  for (std::uint32_t table = 0; table < kTables; table++) tables_[table] = new Table(shared, table);
  history_.reserve(32);
  payloads_.reserve(32);
}

void TableScenario::WarmUp() {
  for (std::uint32_t table = 0; table < kTables; table++) Warm(table);
}

void TableScenario::Warm(std::uint32_t table) {
  TableEntry entry;
  if (tables_[table]->Insert(names_[kElsewhere], 0, nullptr, 0, 0, &entry) != InsertStatus::kInserted || !tables_[table]->Remove(entry.slot, entry.generation)) std::abort();
}

std::vector<std::uint64_t> TableScenario::Crowd(std::uint32_t table, std::uint32_t count) {
  std::vector<std::uint64_t> addresses;
  for (std::uint32_t number = 0; number < count; number++) {
    TableEntry entry;
    const EncodedKey key = InBucket(shared_, "crowd", kBucket, crowd_++);
    if (tables_[table]->Insert(key, 0, nullptr, 0, 0, &entry) != InsertStatus::kInserted) std::abort();
    addresses.push_back(Address(entry.slot, entry.generation));
  }
  return addresses;
}

std::uint64_t TableScenario::Occupy(std::uint32_t table, std::uint32_t records) {
  const std::uint32_t bytes = records < 2 ? 0 : 20 + (records - 2) * layout::kExtensionInlineBytes + 8;
  const std::vector<std::uint8_t> payload(bytes);
  TableEntry entry;
  const EncodedKey key = Encode(shared_, "occupy" + std::to_string(crowd_++));
  if (tables_[table]->Insert(key, 0, payload.data(), bytes, 0, &entry) != InsertStatus::kInserted) std::abort();
  return Address(entry.slot, entry.generation);
}

std::size_t TableScenario::Invoke(Operation::Kind kind, Name name, std::uint64_t address, const char* what) {
  Operation operation{kind, name};
  operation.address = address;
  operation.invoked = explorer_.Now();
  history_.push_back(operation);
  payloads_.push_back(0);
  if (explorer_.IsTracing()) explorer_.Note(std::string("calls ") + what + ", name " + std::to_string(name) + ", address " + std::to_string(address & 0xffffffff) + " generation " + std::to_string(address >> 32));
  return history_.size() - 1;
}

void TableScenario::Respond(std::size_t call, Operation::Result result, std::uint64_t address) {
  static const char* const kNames[] = {"", "yes", "no", "full"};
  history_[call].result = result;
  history_[call].address = address;
  history_[call].returned = explorer_.Now();
  if (explorer_.IsTracing()) {
    explorer_.Note(std::string("returns ") + kNames[static_cast<int>(result)] + ", address " + std::to_string(address & 0xffffffff) + " generation " + std::to_string(address >> 32));
  }
}

std::uint64_t TableScenario::Insert(std::uint32_t table, Name name) {
  const std::size_t call = Invoke(Operation::Kind::kInsert, name, kAbsent, "insert");
  const auto payload = static_cast<std::uint32_t>(call + 1);
  payloads_[call] = payload;
  TableEntry entry;
  switch (tables_[table]->Insert(names_[name], name, reinterpret_cast<const std::uint8_t*>(&payload), sizeof payload, 0, &entry)) {
    case InsertStatus::kInserted: Respond(call, Operation::Result::kYes, Address(entry.slot, entry.generation)); return history_[call].address;
    case InsertStatus::kExists: Respond(call, Operation::Result::kNo, kAbsent); return kNone;
    case InsertStatus::kFull: Respond(call, Operation::Result::kFull, kAbsent); return kNone;
  }
  return kNone;
}

std::uint64_t TableScenario::Find(std::uint32_t table, Name name) {
  const std::size_t call = Invoke(Operation::Kind::kFind, name, kAbsent, "find");
  TableEntry entry;
  const bool found = tables_[table]->Find(names_[name], &entry);
  Respond(call, found ? Operation::Result::kYes : Operation::Result::kNo, found ? Address(entry.slot, entry.generation) : kAbsent);
  return history_[call].address;
}

bool TableScenario::Remove(std::uint32_t table, Name name, std::uint64_t address) {
  if (address == kNone) return false;
  const std::size_t call = Invoke(Operation::Kind::kRemove, name, address, "remove");
  const bool removed = tables_[table]->Remove(static_cast<std::uint32_t>(address), static_cast<std::uint32_t>(address >> 32));
  Respond(call, removed ? Operation::Result::kYes : Operation::Result::kNo, address);
  return removed;
}

bool TableScenario::Read(std::uint32_t table, Name name, std::uint64_t address) {
  if (address == kNone) return false;
  const auto slot = static_cast<std::uint32_t>(address);
  const auto generation = static_cast<std::uint32_t>(address >> 32);
  const std::size_t call = Invoke(Operation::Kind::kRead, name, address, "read");
  std::uint32_t copy[layout::kKeyBytesMax / 4] = {};
  std::uint32_t length = 0;
  const auto reserve = [&](std::uint32_t count) {
    if (count > layout::kKeyBytesMax / 4) explorer_.Fail("a copy wants more room than any record of this scenario has");
    return copy;
  };
  const auto& records = tables_[table]->Records();
  const bool live = records.Copy(slot, generation, true, &length, reserve);
  if (live && length != 4) explorer_.Fail("a payload has another length than any that was inserted");
  payloads_[call] = copy[0];
  Respond(call, live ? Operation::Result::kYes : Operation::Result::kNo, address);
  if (!live || !records.Copy(slot, generation, false, &length, reserve)) return live;
  if (length != names_[name].byte_length || std::memcmp(copy, names_[name].words, length) != 0) explorer_.Fail("a reference leads to another name");
  return live;
}

void TableScenario::RemoveUnrecorded(std::uint32_t table, std::uint64_t address) {
  if (!tables_[table]->Remove(static_cast<std::uint32_t>(address), static_cast<std::uint32_t>(address >> 32))) explorer_.Fail("a live record was not removed");
}

void TableScenario::Rehome(std::uint32_t table, std::uint64_t address, std::uint32_t to) {
  if (!tables_[table]->Rehome(static_cast<std::uint32_t>(address), static_cast<std::uint32_t>(address >> 32), to)) explorer_.Fail("a live record was not given to another thread");
}

void TableScenario::AwaitOwner(std::uint64_t address, std::uint32_t table, std::uint32_t from) {
  const auto slot = static_cast<std::uint32_t>(address);
  explorer_.Await([this, slot, table] { return *(tables_[table]->Records().At(slot) + layout::kRecordWordOwner) >> 16 == table; });
  explorer_.SynchronizeWith(from);
}

void TableScenario::Succeed(std::uint32_t thread, std::uint32_t table) {
  explorer_.Await([this, thread] { return explorer_.HasEnded(thread); });
  explorer_.SynchronizeWith(thread);
  explorer_.Note("takes over from thread " + std::to_string(thread));
  std::vector<TableEntry> inherited;
  tables_[table] = new Table(shared_, table);
  tables_[table]->Inherit(&inherited);
}

std::string TableScenario::Check() {
  somebody_died_ = explorer_.HasAnyDied();
  for (std::uint32_t name = 0; name < kNames; name++) Find(kTables - 1, static_cast<Name>(name));
  LinearizabilityChecker checker;
  const int wrong = checker.Check(history_, kNames);
  if (wrong >= 0 && linearizable_) return "the calls about name " + std::to_string(wrong) + " are not linearizable";
  for (std::size_t call = 0; call < history_.size(); call++) {
    const Operation& it = history_[call];
    if (it.result == Operation::Result::kFull && !may_be_full) return "an insert found the table full";
    if (it.kind != Operation::Kind::kRead || it.result != Operation::Result::kYes) continue;
    for (std::size_t other = 0; other < history_.size(); other++) {
      const Operation& insert = history_[other];
      if (insert.kind == Operation::Kind::kInsert && insert.result == Operation::Result::kYes && insert.address == it.address && payloads_[other] != payloads_[call]) {
        return "a read returned the payload of another insert";
      }
    }
  }
  return Audit();
}

std::string TableScenario::Audit() {
  std::vector<TableEntry> entries;
  // What a thread that died left is taken over, once more where somebody has done so already: that changes nothing.
  for (std::uint32_t table = 0; table < kTables; table++) {
    if (!explorer_.IsDead(table)) continue;
    std::vector<TableEntry> inherited;
    tables_[table] = new Table(shared_, table);
    tables_[table]->Inherit(&inherited);
  }
  tables_[0]->Entries(-1, &entries);
  for (const TableEntry& entry : entries) {
    if (!tables_[entry.thread]->Remove(entry.slot, entry.generation)) return "a live record is not removed by its owner";
  }
  const TableStatistics statistics = TableCount<ModelledAtomics>(shared_).Run();
  if (statistics.live != 0) return "a record is live after all have been removed";
  if (statistics.stale_entries != 0) return "an entry is left behind";
  if (statistics.overflow != 0 && !somebody_died_) return "an overflow counter is not 0 when the table is empty";
  return "";
}

}  // namespace nexus::test
