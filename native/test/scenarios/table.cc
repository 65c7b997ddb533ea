// Scenarios of the routing table in which nobody dies.
#include "catalogue.hpp"
#include "table_scenario.hpp"

namespace nexus::test {

namespace {

ScenarioCase Case(const char* name, void (*build)(TableScenario&)) {
  return {name, 0, [build](Explorer& explorer, const SharedMemory& shared) {
            auto* scenario = new TableScenario(explorer, shared);
            build(*scenario);
            return scenario;
          }};
}

}  // namespace

std::vector<ScenarioCase> TableCases() {
  return {
      Case("table: two inserts of one name",
           [](TableScenario& it) {
             it.WarmUp();
             it.AddThread([&it] { it.Insert(0, kA); });
             it.AddThread([&it] { it.Insert(1, kA); });
           }),
      Case("table: three inserts of one name",
           [](TableScenario& it) {
             it.WarmUp();
             for (std::uint32_t table = 0; table < 3; table++) it.AddThread([&it, table] { it.Insert(table, kA); });
           }),
      Case("table: two inserts of one name while a place in front of both becomes free",
           [](TableScenario& it) {
             it.WarmUp();
             const std::uint64_t first = it.Crowd(2, 1)[0];
             it.AddThread([&it] { it.Insert(0, kA); });
             it.AddThread([&it] { it.Insert(1, kA); });
             it.AddThread([&it, first] { it.RemoveUnrecorded(2, first); });
           }),
      Case("table: insert and remove, twice each, of one name",
           [](TableScenario& it) {
             it.WarmUp();
             for (std::uint32_t table = 0; table < 2; table++) {
               it.AddThread([&it, table] {
                 for (int turn = 0; turn < 2; turn++) it.Remove(table, kA, it.Insert(table, kA));
               });
             }
           }),
      Case("table: insert beside find, find",
           [](TableScenario& it) {
             it.WarmUp();
             it.AddThread([&it] { it.Insert(0, kA); });
             it.AddThread([&it] {
               it.Read(1, kA, it.Find(1, kA));
               it.Find(1, kA);
             });
           }),
      Case("table: remove beside find, find, insert",
           [](TableScenario& it) {
             it.WarmUp();
             const std::uint64_t address = it.Insert(0, kA);
             it.AddThread([&it, address] {
               it.Remove(0, kA, address);
               it.Remove(0, kA, address);
             });
             it.AddThread([&it] {
               it.Find(1, kA);
               it.Find(1, kA);
               it.Insert(1, kA);
             });
           }),
      Case("table: a stale reference beside remove, insert again",
           [](TableScenario& it) {
             it.WarmUp();
             const std::uint64_t address = it.Insert(0, kA);
             it.AddThread([&it, address] {
               it.Remove(0, kA, address);
               it.Insert(0, kA);
             });
             it.AddThread([&it, address] {
               it.Read(1, kA, address);
               it.Read(1, kA, address);
             });
           }),
      Case("table: a stale reference beside remove, insert of another name into the record",
           [](TableScenario& it) {
             it.WarmUp();
             const std::uint64_t address = it.Insert(0, kA);
             it.AddThread([&it, address] {
               it.Remove(0, kA, address);
               it.Remove(0, kElsewhere, it.Insert(0, kElsewhere));
               it.Insert(0, kB);
             });
             it.AddThread([&it, address] {
               it.Read(1, kA, address);
               it.Find(1, kA);
             });
           }),
      Case("table: a long name in an extension beside remove, insert again",
           [](TableScenario& it) {
             it.WarmUp();
             const std::uint64_t address = it.Insert(0, kLong);
             it.AddThread([&it, address] {
               it.Remove(0, kLong, address);
               it.Insert(0, kLong);
             });
             it.AddThread([&it, address] {
               it.Read(1, kLong, address);
               it.Find(1, kLong);
             });
           }),
      Case("table: remove, insert again beside insert, of one name",
           [](TableScenario& it) {
             it.WarmUp();
             const std::uint64_t address = it.Insert(0, kA);
             it.AddThread([&it, address] {
               it.Remove(0, kA, address);
               it.Insert(0, kA);
             });
             it.AddThread([&it] { it.Insert(1, kA); });
           }),
      Case("table: a name whose entry looks like that of another beside remove, insert of the other",
           [](TableScenario& it) {
             it.WarmUp();
             const std::uint64_t address = it.Insert(0, kA);
             it.AddThread([&it, address] {
               it.Remove(0, kA, address);
               it.Insert(0, kB);
             });
             it.AddThread([&it] {
               it.Find(1, kB);
               it.Find(1, kA);
             });
           }),
      Case("table: with acquire and release only, a stale reference beside remove, insert of other names",
           [](TableScenario& it) {
             it.WarmUp();
             it.WithAcquireAndRelease();
             const std::uint64_t address = it.Insert(0, kA);
             it.AddThread([&it, address] {
               it.Remove(0, kA, address);
               it.Remove(0, kElsewhere, it.Insert(0, kElsewhere));
               it.Insert(0, kB);
             });
             it.AddThread([&it, address] {
               it.Read(1, kA, address);
               it.Read(1, kB, it.Find(1, kB));
             });
           }),
      Case("table: with acquire and release only, a long name beside remove, insert of others",
           [](TableScenario& it) {
             it.WarmUp();
             it.WithAcquireAndRelease();
             const std::uint64_t address = it.Insert(0, kLong);
             it.AddThread([&it, address] {
               it.Remove(0, kLong, address);
               it.Insert(0, kLong);
             });
             it.AddThread([&it, address] {
               it.Read(1, kLong, address);
               it.Read(1, kLong, it.Find(1, kLong));
             });
           }),
      Case("table: two names of one bucket, inserted and found from both sides",
           [](TableScenario& it) {
             it.WarmUp();
             it.AddThread([&it] {
               it.Insert(0, kA);
               it.Find(0, kB);
             });
             it.AddThread([&it] {
               it.Insert(1, kB);
               it.Find(1, kA);
             });
           }),
      Case("table: two inserts beyond a full bucket whose entries go",
           [](TableScenario& it) {
             it.WarmUp();
             const std::vector<std::uint64_t> crowd = it.Crowd(2, layout::kBucketEntries);
             it.AddThread([&it] { it.Insert(0, kA); });
             it.AddThread([&it] { it.Insert(1, kA); });
             it.AddThread([&it, last = crowd.back()] { it.RemoveUnrecorded(2, last); });
           }),
      Case("table: a name beyond its full bucket is found while another leaves",
           [](TableScenario& it) {
             it.WarmUp();
             it.Crowd(2, layout::kBucketEntries);
             const std::uint64_t going = it.Insert(0, kA);
             it.Insert(1, kB);
             it.AddThread([&it, going] {
               it.Remove(0, kA, going);
               it.Insert(0, kC);
             });
             it.AddThread([&it] {
               it.Find(1, kB);
               it.Find(1, kA);
               it.Find(1, kB);
             });
           }),
      Case("table: an insert beyond a full bucket beside find, find",
           [](TableScenario& it) {
             it.WarmUp();
             it.Crowd(2, layout::kBucketEntries);
             it.AddThread([&it] { it.Remove(0, kA, it.Insert(0, kA)); });
             it.AddThread([&it] {
               it.Read(1, kA, it.Find(1, kA));
               it.Find(1, kA);
             });
           }),
      Case("table: the only name beyond a full bucket leaves beside find, read",
           [](TableScenario& it) {
             it.WarmUp();
             it.Crowd(2, layout::kBucketEntries);
             const std::uint64_t address = it.Insert(0, kA);
             it.AddThread([&it, address] { it.Remove(0, kA, address); });
             it.AddThread([&it, address] {
               it.Find(1, kA);
               it.Read(1, kA, address);
             });
           }),
      Case("table: two threads want the last group of records",
           [](TableScenario& it) {
             it.Warm(2);
             for (int group = 0; group < 3; group++) it.Occupy(2, 255);
             it.may_be_full = true;
             it.AddThread([&it] { it.Find(0, it.Insert(0, kA) == TableScenario::kNone ? kB : kA); });
             it.AddThread([&it] { it.Find(1, it.Insert(1, kB) == TableScenario::kNone ? kA : kB); });
           }),
      Case("table: one record is left: insert, remove, insert beside find, read",
           [](TableScenario& it) {
             it.Warm(0);
             it.Warm(1);
             it.Occupy(2, 256);
             it.Occupy(2, 256);
             it.Occupy(0, 254);
             it.may_be_full = true;
             it.AddThread([&it] {
               it.Remove(0, kA, it.Insert(0, kA));
               it.Insert(0, kB);
               it.Insert(0, kC);
             });
             it.AddThread([&it] {
               it.Read(1, kA, it.Find(1, kA));
               it.Find(1, kB);
             });
           }),
      Case("table: a group is given back and claimed by another beside a stale reference",
           [](TableScenario& it) {
             it.Warm(2);
             const std::uint64_t large = it.Occupy(0, 255 + 1);
             const std::uint64_t address = it.Insert(0, kA);
             it.Occupy(2, 250);
             it.Occupy(2, 256);
             it.RemoveUnrecorded(0, large);
             it.may_be_full = true;
             it.AddThread([&it, address] { it.Remove(0, kA, address); });
             it.AddThread([&it] { it.Insert(1, kB); });
             it.AddThread([&it, address] { it.Read(2, kA, address); });
           }),
      Case("table: a record that was given away is removed by its new owner beside inserts into its group, find, insert of its name",
           [](TableScenario& it) {
             it.WarmUp();
             const std::uint64_t address = it.Insert(0, kLong);
             it.Rehome(0, address, 1);
             it.AddThread([&it, address] { it.Remove(1, kLong, address); });
             it.AddThread([&it] {
               it.Insert(0, kB);
               it.Insert(0, kC);
             });
             it.AddThread([&it] {
               it.Find(2, kLong);
               it.Insert(2, kLong);
             });
           }),
      Case("table: a record is given away, removed by its new owner and used again by its old one beside find",
           [](TableScenario& it) {
             it.WarmUp();
             const std::uint64_t address = it.Insert(0, kA);
             it.AddThread([&it, address] {
               it.Rehome(0, address, 1);
               it.Insert(0, kB);
               it.Insert(0, kC);
             });
             it.AddThread([&it, address] {
               it.AwaitOwner(address, 1, 0);
               it.Remove(1, kA, address);
               it.Insert(1, kA);
             });
             it.AddThread([&it] { it.Find(2, kA); });
           }),
  };
}

}  // namespace nexus::test
