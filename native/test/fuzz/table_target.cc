// The fuzz target of the routing table: for libFuzzer, or for plain_driver.cc.
#include "corrupted_table.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  nexus::test::CorruptedTable table;
  table.Apply(input, size);
  table.Exercise();
  return 0;
}
