// A scenario over the routing table: threads that call it, a record of every call, and what must hold in the end. The calls of a history must be linearizable, a record
// that was read must be what was inserted, and after everything has been removed by its owners the table must be empty. Used by table.cc and deaths.cc.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "../explorer/explorer.hpp"
#include "../linearizability.hpp"
#include "nexus/routing_table.hpp"
#include "nexus/table_statistics.hpp"

namespace nexus::test {

/**
 * Names that scenarios use. Those before `kElsewhere` fall into one bucket; A and B differ only in what an entry does not hold of their hashes; the last one is too long
 * for one record.
 */
enum Name : std::uint32_t { kA, kB, kC, kElsewhere, kLong, kNames };

class TableScenario : public Scenario {
 public:
  using Table = RoutingTable<ModelledAtomics>;
  static constexpr std::uint32_t kTables = 3;
  static constexpr std::uint32_t kRecordCapacity = 1024;
  static constexpr std::uint32_t kNone = 0;

  TableScenario(Explorer& explorer, const SharedMemory& shared);

  // What happens before the threads start.
  /** Each of the tables owns a group of records, as after its first insert. */
  void WarmUp();
  /** Makes one table own a group. */
  void Warm(std::uint32_t table);
  /** Inserts names that no call asks for into the bucket of `kA`, with that table. Returns their addresses. */
  std::vector<std::uint64_t> Crowd(std::uint32_t table, std::uint32_t count);
  /** Uses up records of that table with one large payload. */
  std::uint64_t Occupy(std::uint32_t table, std::uint32_t records);

  void AddThread(std::function<void()> body) { explorer_.AddThread(false, std::move(body)); }
  void AddMortal(std::function<void()> body) { explorer_.AddThread(true, std::move(body)); }

  // Calls, recorded. Before the threads start and by them.
  /** Address of the record, or `kNone`. */
  std::uint64_t Insert(std::uint32_t table, Name name);
  std::uint64_t Find(std::uint32_t table, Name name);
  bool Remove(std::uint32_t table, Name name, std::uint64_t address);
  /** Copies name and payload of that address, and compares them. */
  bool Read(std::uint32_t table, Name name, std::uint64_t address);
  /** Removes one that `Crowd` made. */
  void RemoveUnrecorded(std::uint32_t table, std::uint64_t address);
  /** Gives the record to another table. */
  void Rehome(std::uint32_t table, std::uint64_t address, std::uint32_t to);
  /** Waits until that table owns the record, and has been told so by thread `from`. */
  void AwaitOwner(std::uint64_t address, std::uint32_t table, std::uint32_t from);
  /** Waits for the end of that thread. If it died, this thread takes over its table, as a successor does. */
  void Succeed(std::uint32_t thread, std::uint32_t table);

  /**
   * Only what one call returns is checked, with acquire and release in place of sequential consistency: a thread may then see late what another has done. For threads
   * that read what one other writes.
   */
  void WithAcquireAndRelease() {
    linearizable_ = false;
    explorer_.WeakenSeqCst();
  }
  /** An insert may not find the table full, unless the scenario is about that. */
  bool may_be_full = false;

  std::string Check() override;

 private:
  std::size_t Invoke(Operation::Kind kind, Name name, std::uint64_t address, const char* what);
  void Respond(std::size_t call, Operation::Result result, std::uint64_t address);
  std::string Audit();

  Explorer& explorer_;
  SharedMemory shared_;
  const std::vector<EncodedKey>& names_;
  Table* tables_[kTables];
  std::vector<Operation> history_;
  /** Payload of each call: of an insert what it wrote, of a read what it got. */
  std::vector<std::uint32_t> payloads_;
  std::uint32_t crowd_ = 0;
  bool somebody_died_ = false;
  bool linearizable_ = true;
};

}  // namespace nexus::test
