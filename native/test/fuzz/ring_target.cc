// The fuzz target of the ring's reader: any bytes in a ring, any TAIL. Whatever they say, a message lies inside the ring, and reading ends.
// An input is HEAD (16 bits), TAIL - HEAD (16 bits), then the bytes of the ring.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../ring.hpp"
#include "../test_memory.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  constexpr std::uint32_t kRingBytes = 512;
  if (size < 4) return 0;
  const nexus::SharedMemory shared = nexus::test::MakeMemory(2, 256, kRingBytes);
  std::uint32_t* ring = shared.RingWords(1, 0);
  std::uint16_t head, length;
  std::memcpy(&head, input, 2);
  std::memcpy(&length, input + 2, 2);
  ring[nexus::layout::kRingWordHead] = head & ~7u;
  ring[nexus::layout::kRingWordTail] = (head & ~7u) + length;
  auto* data = reinterpret_cast<std::uint8_t*>(ring) + nexus::layout::kRingHeaderBytes;
  std::memcpy(data, input + 4, size - 4 < kRingBytes ? size - 4 : kRingBytes);
  nexus::test::RingReader<> reader(shared, 1, 0);
  std::uint32_t received = 0;
  while (reader.HasData()) {
    const int count = reader.Read(3, [&](const std::uint32_t* message) {
      const auto at = static_cast<std::size_t>(reinterpret_cast<const std::uint8_t*>(message) - data);
      if (at + message[nexus::layout::kMessageWordBytes] > kRingBytes) {
        std::fprintf(stderr, "a message ends behind the ring\n");
        std::abort();
      }
      received++;
    });
    if (count > 3 || received > 65536 / 8) std::abort();
  }
  nexus::test::FreeMemory(shared);
  return 0;
}
