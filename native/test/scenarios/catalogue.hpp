// What explore.cc runs: named scenarios, each with its memory and its bounds. The lists are in the files named after their subject.
#pragma once
#include <functional>
#include <vector>

#include "../explorer/explorer.hpp"
#include "nexus/shared_memory.hpp"

namespace nexus::test {

struct ScenarioCase {
  /** What must hold, or what happens: unique, and what `--only` takes. */
  const char* name;
  std::uint32_t deaths_max;
  std::function<Scenario*(Explorer&, const SharedMemory&)> make;
};

std::vector<ScenarioCase> TableCases();
std::vector<ScenarioCase> DeathCases();
std::vector<ScenarioCase> ParkingCases();
std::vector<ScenarioCase> RingCases();
std::vector<ScenarioCase> FrameRingCases();

}  // namespace nexus::test
