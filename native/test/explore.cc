// Runs the scenarios under the explorer and prints one line for each. With --only NAME one of them (or those whose names start so), with --schedule S one schedule of it, traced.
// EXPLORE_SECONDS: time for each scenario. SEED: of the random schedules, which run after all those up to the bound.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "explorer/explorer.hpp"
#include "scenarios/catalogue.hpp"
#include "scenarios/word_names.hpp"

namespace {

using nexus::test::Exploration;
using nexus::test::Explorer;
using nexus::test::Scenario;
using nexus::test::ScenarioCase;

constexpr std::uint32_t kThreads = 3;
constexpr std::uint32_t kRecordCapacity = 1024;
constexpr std::uint32_t kRingBytes = 64;
/** Few, so that the audit after each schedule is short. */
constexpr std::uint32_t kBuckets = 16;

Exploration Run(const ScenarioCase& scenario, nexus::test::Bounds bounds, const char* schedule) {
  const nexus::SharedMemory shared = nexus::test::MakeMemory(kThreads, kRecordCapacity, kRingBytes, kBuckets);
  const std::uint32_t words = shared.HeaderWord(nexus::layout::kHeaderWordMemoryBytes) / 4;
  Explorer explorer(shared.Words(0), words, [&shared](std::uint32_t word) { return nexus::test::WordName(shared, word); });
  const auto make = [&](Explorer& it) { return scenario.make(it, shared); };
  bounds.deaths_max = scenario.deaths_max;
  Exploration result = schedule == nullptr ? explorer.Explore(make, bounds) : explorer.Replay(make, schedule);
  nexus::test::FreeMemory(shared);
  return result;
}

void Print(const ScenarioCase& scenario, const Exploration& result) {
  std::printf("# %llu schedules with %s%d preemptions, %llu random ones, at most %llu steps, %.0f a second\n", static_cast<unsigned long long>(result.schedules),
              result.bound_complete == 3 ? "all up to " : "some beyond all up to ", result.bound_complete, static_cast<unsigned long long>(result.random_schedules),
              static_cast<unsigned long long>(result.steps_longest), static_cast<double>(result.executions) / (result.seconds > 0 ? result.seconds : 1));
  std::printf("%s %s\n", result.failed ? "FAIL" : "pass", scenario.name);
  if (!result.failed) return;
  std::printf("# %s\n", result.message.c_str());
  for (const std::string& line : result.trace) std::printf("#   %s\n", line.c_str());
  std::printf("# replay: --only '%s' --schedule %s\n", scenario.name, result.schedule.c_str());
}

double Seconds(const char* name, double otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atof(text);
}

}  // namespace

int main(int argc, char** argv) {
  const char* only = "";
  const char* schedule = nullptr;
  for (int at = 1; at + 1 < argc; at += 2) {
    if (std::strcmp(argv[at], "--only") == 0) only = argv[at + 1];
    if (std::strcmp(argv[at], "--schedule") == 0) schedule = argv[at + 1];
  }
  nexus::test::Bounds bounds;
  bounds.seconds = Seconds("EXPLORE_SECONDS", 3);
  bounds.seed = static_cast<std::uint32_t>(Seconds("SEED", 1));
  int failed = 0;
  std::uint32_t ran = 0;
  unsigned long long executions = 0;
  for (const auto& list : {nexus::test::TableCases(), nexus::test::DeathCases(), nexus::test::ParkingCases(), nexus::test::RingCases(), nexus::test::FrameRingCases()}) {
    for (const ScenarioCase& scenario : list) {
      if (std::strncmp(scenario.name, only, std::strlen(only)) != 0) continue;
      const Exploration result = Run(scenario, bounds, schedule);
      Print(scenario, result);
      executions += result.executions;
      ran++;
      if (result.failed) failed++;
      std::fflush(stdout);
    }
  }
  std::printf("# %u scenarios, %llu schedules in all\n", ran, executions);
  return ran == 0 || failed > 0 ? 1 : 0;
}
