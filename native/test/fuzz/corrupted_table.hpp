// A routing table with forty names, whose memory is then changed as an input says, and every operation on it: what a writer that crashed, or went wild, can leave must
// never lead a reader or a successor out of bounds, into a crash or into an endless loop. test/fixtures/corrupted-table.mjs does the same with the engines of the package,
// on the same inputs: change both together.
//
// An input is a list of changes of 8 bytes: region, word, index (16 bits), value (32 bits), little endian.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../test_memory.hpp"
#include "nexus/routing_table.hpp"
#include "nexus/table_statistics.hpp"

namespace nexus::test {

class CorruptedTable {
 public:
  static constexpr std::uint32_t kRecordCapacity = 1024;
  static constexpr std::uint32_t kChangesMax = 64;

  CorruptedTable() : shared_(MakeMemory(3, kRecordCapacity, 1024)), first_(shared_, 0), second_(shared_, 1) {
    for (std::uint32_t number = 0; number < 12; number++) Add(first_, 0, "k" + std::to_string(number), number * 30);
    for (std::uint32_t number = 12; number < 20; number++) Add(second_, 1, "k" + std::to_string(number), number);
    Add(first_, 0, std::string(200, 'x'), 100);
    for (const std::string& name : Crowd()) Add(second_, 1, name, 0);
  }
  ~CorruptedTable() { FreeMemory(shared_); }
  CorruptedTable(const CorruptedTable&) = delete;
  CorruptedTable& operator=(const CorruptedTable&) = delete;

  void Apply(const std::uint8_t* input, std::size_t size) {
    for (std::size_t at = 0; at + 8 <= size && at < kChangesMax * 8; at += 8) {
      std::uint16_t index;
      std::uint32_t value;
      std::memcpy(&index, input + at + 2, 2);
      std::memcpy(&value, input + at + 4, 4);
      const std::uint32_t word = input[at + 1] % 16;
      switch (input[at] % 4) {
        case 0: Change(shared_.records_offset, (index % kRecordCapacity) * 16 + word, value); break;
        case 1: Change(shared_.buckets_offset, (index % shared_.bucket_count) * 16 + word, value); break;
        case 2: Change(shared_.groups_offset, index % (kRecordCapacity / layout::kGroupRecords), value % 5); break;
        case 3: Change(shared_.records_offset, addresses_[index % addresses_.size()].slot * 16 + word, value); break;
      }
    }
  }

  void Exercise() {
    Read(second_);
    Write(second_, "new3");
    for (const Name& name : addresses_) {
      if (name.thread == 1) second_.Remove(name.slot, name.generation);
    }
    Write(second_, "new1");
    RoutingTable<> successor(shared_, 0);
    std::vector<TableEntry> inherited;
    successor.Inherit(&inherited);
    Write(successor, "new0");
    for (const TableEntry& entry : inherited) successor.Remove(entry.slot, entry.generation);
    Write(successor, "new2");
    Read(successor);
  }

 private:
  struct Name {
    EncodedKey key;
    std::uint32_t thread, slot, generation;
  };

  EncodedKey Encode(const std::string& text) const {
    EncodedKey key;
    if (!key.Set(text.data(), text.size(), shared_.HeaderWord(layout::kHeaderWordSeed0), shared_.HeaderWord(layout::kHeaderWordSeed1))) std::abort();
    return key;
  }

  /** More names than a bucket has entries, all of bucket 5. */
  const std::vector<std::string>& Crowd() const {
    static std::vector<std::string> names;
    for (std::uint32_t number = 0; names.size() < 19; number++) {
      const std::string name = "c" + std::to_string(number);
      if ((Encode(name).hash & (shared_.bucket_count - 1)) == 5) names.push_back(name);
    }
    return names;
  }

  void Add(RoutingTable<>& table, std::uint32_t thread, const std::string& text, std::uint32_t payload_bytes) {
    const std::vector<std::uint8_t> payload(payload_bytes, 7);
    const EncodedKey key = Encode(text);
    TableEntry entry;
    if (table.Insert(key, 1, payload.data(), payload_bytes, 0, &entry) != InsertStatus::kInserted) std::abort();
    addresses_.push_back({key, thread, entry.slot, entry.generation});
  }

  void Change(std::uint32_t offset, std::uint32_t word, std::uint32_t value) { HardwareAtomics::StoreSeqCst(shared_.Words(offset) + word, value); }

  void Read(RoutingTable<>& table) {
    TableEntry found;
    for (const Name& name : addresses_) table.Find(name.key, &found);
    table.Find(Encode("absent"), &found);
    for (std::uint32_t slot = 0; slot <= kRecordCapacity; slot++) ReadRecord(table, slot);
    std::vector<TableEntry> entries;
    table.Entries(-1, &entries);
    TableCount<>(shared_).Run();
  }

  void ReadRecord(const RoutingTable<>& table, std::uint32_t slot) {
    const std::uint32_t generation = table.GenerationOf(slot);
    std::uint32_t value = 0, length = 0;
    table.Word(slot, generation, layout::kRecordWordOwner, &value);
    for (const bool payload : {false, true}) {
      std::size_t room = 0;
      const auto reserve = [&](std::uint32_t count) {
        room = std::size_t{count} * 4;
        if (room > layout::kPayloadBytesMax) Complain("a copy wants more room than the largest payload has");
        copy_.resize(count);
        return copy_.data();
      };
      if (table.Records().Copy(slot, generation, payload, &length, reserve) && length > room) Complain("a copy is longer than its room");
    }
  }

  void Write(RoutingTable<>& table, const std::string& text) {
    TableEntry entry;
    const std::vector<std::uint8_t> payload(700, 9);
    if (table.Insert(Encode(text), 2, payload.data(), 700, 0, &entry) == InsertStatus::kInserted) table.Remove(entry.slot, entry.generation);
    table.Insert(Encode("k13"), 2, nullptr, 0, 0, &entry);
    table.Insert(addresses_.back().key, 2, nullptr, 0, 0, &entry);
  }

  static void Complain(const char* what) {
    std::fprintf(stderr, "%s\n", what);
    std::abort();
  }

  SharedMemory shared_;
  RoutingTable<> first_;
  RoutingTable<> second_;
  std::vector<Name> addresses_;
  std::vector<std::uint32_t> copy_;
};

}  // namespace nexus::test
