// The arena of arena.hpp, and the operators new and delete of the explorer's program.
#include "arena.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace nexus::test {

namespace {
constexpr std::size_t kArenaBytes = 1 << 22;
alignas(64) unsigned char block[kArenaBytes];
unsigned char snapshot[kArenaBytes];
std::size_t used = 0;
std::size_t snapshot_bytes = 0;

bool IsInside(const void* pointer) {
  const auto at = reinterpret_cast<std::uintptr_t>(pointer);
  const auto start = reinterpret_cast<std::uintptr_t>(block);
  return at >= start && at < start + kArenaBytes;
}

void* Take(std::size_t bytes) {
  const std::size_t at = (used + 15) & ~std::size_t{15};
  if (at + bytes > kArenaBytes) {
    std::fprintf(stderr, "a scenario allocates more than %zu bytes\n", kArenaBytes);
    std::abort();
  }
  used = at + bytes;
  return block + at;
}
}  // namespace

bool Arena::on = false;
void Arena::Clear() { used = snapshot_bytes = 0; }
void Arena::Snapshot() {
  snapshot_bytes = used;
  std::memcpy(snapshot, block, used);
}
void Arena::Restore() {
  used = snapshot_bytes;
  std::memcpy(block, snapshot, used);
}

namespace {
void* Allocate(std::size_t bytes) {
  void* pointer = Arena::on ? Take(bytes) : std::malloc(bytes == 0 ? 1 : bytes);
  if (pointer == nullptr) std::abort();
  return pointer;
}
void Free(void* pointer) {
  if (!IsInside(pointer)) std::free(pointer);
}
}  // namespace

}  // namespace nexus::test

void* operator new(std::size_t bytes) { return nexus::test::Allocate(bytes); }
void* operator new[](std::size_t bytes) { return nexus::test::Allocate(bytes); }
void operator delete(void* pointer) noexcept { nexus::test::Free(pointer); }
void operator delete[](void* pointer) noexcept { nexus::test::Free(pointer); }
void operator delete(void* pointer, std::size_t) noexcept { nexus::test::Free(pointer); }
void operator delete[](void* pointer, std::size_t) noexcept { nexus::test::Free(pointer); }
