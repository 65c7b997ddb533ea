// Scenarios in which a thread dies at any of its steps: nobody may wait for it, and what the table says must be explained by its last call having happened or not.
#include "catalogue.hpp"
#include "table_scenario.hpp"

namespace nexus::test {

namespace {

ScenarioCase Case(const char* name, void (*build)(TableScenario&)) {
  return {name, 1, [build](Explorer& explorer, const SharedMemory& shared) {
            auto* scenario = new TableScenario(explorer, shared);
            scenario->WarmUp();
            build(*scenario);
            return scenario;
          }};
}

}  // namespace

std::vector<ScenarioCase> DeathCases() {
  return {
      Case("death: in an insert beside insert of the same name, find",
           [](TableScenario& it) {
             it.AddMortal([&it] { it.Insert(0, kA); });
             it.AddThread([&it] {
               it.Insert(1, kA);
               it.Find(1, kA);
             });
           }),
      Case("death: in an insert beside two inserts of the same name",
           [](TableScenario& it) {
             it.AddMortal([&it] { it.Insert(0, kA); });
             it.AddThread([&it] { it.Insert(1, kA); });
             it.AddThread([&it] { it.Insert(2, kA); });
           }),
      Case("death: in a removal beside insert of the same name, find",
           [](TableScenario& it) {
             const std::uint64_t address = it.Insert(0, kA);
             it.AddMortal([&it, address] { it.Remove(0, kA, address); });
             it.AddThread([&it, address] {
               it.Insert(1, kA);
               it.Read(1, kA, address);
               it.Find(1, kA);
             });
           }),
      Case("death: in a removal beyond a full bucket beside find of a neighbour",
           [](TableScenario& it) {
             it.Crowd(2, layout::kBucketEntries);
             const std::uint64_t address = it.Insert(0, kA);
             it.Insert(1, kB);
             it.AddMortal([&it, address] { it.Remove(0, kA, address); });
             it.AddThread([&it] {
               it.Find(1, kB);
               it.Insert(1, kA);
               it.Find(1, kB);
             });
           }),
      Case("death: in an insert; a successor inherits and inserts beside insert of the same name",
           [](TableScenario& it) {
             it.AddMortal([&it] { it.Insert(0, kA); });
             it.AddThread([&it] {
               it.Succeed(0, 0);
               it.Insert(0, kA);
             });
             it.AddThread([&it] {
               it.Insert(1, kA);
               it.Find(1, kA);
             });
           }),
      Case("death: in a removal; a successor inherits and inserts beside a stale reference",
           [](TableScenario& it) {
             const std::uint64_t address = it.Insert(0, kA);
             it.AddMortal([&it, address] { it.Remove(0, kA, address); });
             it.AddThread([&it] {
               it.Succeed(0, 0);
               it.Insert(0, kB);
             });
             it.AddThread([&it, address] {
               it.Read(1, kA, address);
               it.Find(1, kA);
             });
           }),
      Case("death: in the insert of a long name; a successor inherits beside find, find",
           [](TableScenario& it) {
             it.AddMortal([&it] { it.Insert(0, kLong); });
             it.AddThread([&it] {
               it.Succeed(0, 0);
               it.Insert(0, kElsewhere);
             });
             it.AddThread([&it] {
               it.Find(1, kLong);
               it.Find(1, kLong);
             });
           }),
      Case("death: of two threads, either in an insert of one name beside insert",
           [](TableScenario& it) {
             it.AddMortal([&it] { it.Insert(0, kA); });
             it.AddMortal([&it] { it.Insert(1, kA); });
             it.AddThread([&it] { it.Insert(2, kA); });
           }),
      Case("death: in the removal of a record that had moved here beside inserts into its group, insert of its name",
           [](TableScenario& it) {
             const std::uint64_t address = it.Insert(0, kA);
             it.Rehome(0, address, 1);
             it.AddMortal([&it, address] { it.Remove(1, kA, address); });
             it.AddThread([&it] {
               it.Insert(0, kB);
               it.Insert(0, kC);
             });
             it.AddThread([&it] {
               it.Insert(2, kA);
               it.Find(2, kA);
             });
           }),
      Case("death: of the owner of a group; a successor inherits and inserts beside the removal of a record that had moved",
           [](TableScenario& it) {
             const std::uint64_t address = it.Insert(0, kA);
             it.Rehome(0, address, 1);
             it.AddMortal([&it] { it.Insert(0, kB); });
             it.AddThread([&it, address] { it.Remove(1, kA, address); });
             it.AddThread([&it] {
               it.Succeed(0, 0);
               it.Insert(0, kC);
               it.Insert(0, kA);
             });
           }),
      Case("death: while a record is given away; a successor inherits, and the new owner removes what is its own",
           [](TableScenario& it) {
             const std::uint64_t address = it.Insert(0, kA);
             it.AddMortal([&it, address] { it.Rehome(0, address, 1); });
             it.AddThread([&it] {
               it.Succeed(0, 0);
               it.Insert(0, kB);
             });
             it.AddThread([&it] { it.Find(2, kA); });
           }),
  };
}

}  // namespace nexus::test
