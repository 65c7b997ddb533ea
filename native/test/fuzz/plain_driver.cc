// Runs a fuzz target without libFuzzer: every file of a corpus, then inputs made from them by a seed, which is always the same for the same number. The input that runs is
// kept in a file, so that one that crashes or hangs can be run alone: plain_driver FILE.
// argv: seed, seconds, file of the current input, then files of the corpus.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../test_memory.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;
constexpr std::size_t kInputBytesMax = 512;

Input ReadInput(const char* path) {
  Input input(kInputBytesMax);
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return {};
  input.resize(std::fread(input.data(), 1, kInputBytesMax, file));
  std::fclose(file);
  return input;
}

void Keep(const char* path, const Input& input) {
  std::FILE* file = std::fopen(path, "wb");
  if (file == nullptr) return;
  std::fwrite(input.data(), 1, input.size(), file);
  std::fclose(file);
}

/** Numbers at which a check may be wrong by one, and links of records. */
std::uint32_t Interesting(nexus::test::Random& random) {
  static constexpr std::uint32_t kValues[] = {0, 1, 2, 3, 4, 7, 8, 15, 16, 255, 256, 1023, 1024, 1025, 2048, 65535, 65536, 65537, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};
  const std::uint32_t kind = random.Next() % 4;
  if (kind == 0) return random.Next();
  if (kind == 1) return random.Next() % 1024;
  if (kind == 2) return (1u << 2) | (random.Next() % 4);
  return kValues[random.Next() % (sizeof kValues / sizeof kValues[0])];
}

Input Mutate(const std::vector<Input>& corpus, nexus::test::Random& random) {
  Input input = corpus.empty() || random.Next() % 4 == 0 ? Input() : corpus[random.Next() % corpus.size()];
  for (std::uint32_t change = 1 + random.Next() % 6; change > 0; change--) {
    const std::uint32_t value = Interesting(random);
    if (input.size() < 8 || (random.Next() % 2 == 0 && input.size() + 8 <= kInputBytesMax)) {
      const std::uint32_t head = random.Next();
      const auto* head_bytes = reinterpret_cast<const std::uint8_t*>(&head);
      const auto* value_bytes = reinterpret_cast<const std::uint8_t*>(&value);
      input.insert(input.end(), head_bytes, head_bytes + 4);
      input.insert(input.end(), value_bytes, value_bytes + 4);
    } else {
      std::memcpy(input.data() + random.Next() % (input.size() / 4) * 4, &value, 4);
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) {
    const Input input = ReadInput(argv[1]);
    return LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  if (argc < 4) return 2;
  nexus::test::Random random{static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 10)) * 2654435761u | 1};
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(std::atof(argv[2]));
  std::vector<Input> corpus;
  for (int at = 4; at < argc; at++) corpus.push_back(ReadInput(argv[at]));
  unsigned long long runs = 0;
  for (const Input& input : corpus) {
    Keep(argv[3], input);
    LLVMFuzzerTestOneInput(input.data(), input.size());
    runs++;
  }
  while (std::chrono::steady_clock::now() < end) {
    const Input input = Mutate(corpus, random);
    Keep(argv[3], input);
    LLVMFuzzerTestOneInput(input.data(), input.size());
    runs++;
  }
  std::printf("# %llu inputs, %zu of them from the corpus\n", runs, corpus.size());
  return 0;
}
