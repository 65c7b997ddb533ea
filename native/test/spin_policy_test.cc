// How much a thread spins: the bound on what is wasted when nothing comes, and that it spins again when something does.
#include <cstdint>

#include "nexus/spin_policy.hpp"
#include "test_memory.hpp"

namespace {

/** Of `chances`, all in vain: how many were taken. */
int SpinsInVain(nexus::SpinPolicy* policy, int chances) {
  int spins = 0;
  for (int chance = 0; chance < chances; chance++) {
    if (!policy->ShouldSpin()) continue;
    spins++;
    policy->Failed();
  }
  return spins;
}

}  // namespace

int main() {
  nexus::test::Report report;
  nexus::SpinPolicy policy;
  SpinsInVain(&policy, 100);
  report.Check("without success every sixteenth chance is taken", SpinsInVain(&policy, 1600) == 100);
  int refused = 0;
  while (!policy.ShouldSpin()) refused++;
  report.Check("a thread without credit tries again within sixteen chances", refused < 16);
  policy.Succeeded();
  report.Check("a success earns two spins", SpinsInVain(&policy, 2) == 2);
  for (int success = 0; success < 1000; success++) policy.Succeeded();
  const int spins = SpinsInVain(&policy, 1600);
  report.Check("a thousand successes earn no more than sixteen spins in vain", spins <= 16 + 100);
  return report.failed == 0 ? 0 : 1;
}
