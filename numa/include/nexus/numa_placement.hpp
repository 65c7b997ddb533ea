// Ties a thread to a processor and memory to a NUMA node, and tells where both are.
//
// When to use: once at the start of a thread, and once for a range of memory before anything in it is touched: a policy says where a page will be made, it does
// not move one that exists. When not: on a path that matters; every function is a system call.
//
// Guarantees: nothing throws, prints or ends the process. Every refusal comes back as the errno of the kernel (containers answer EPERM, sandboxes ENOSYS), and
// leaves everything as it was. Where there is no such interface the answer is ENOSYS. All functions may be called from any thread.
//
// Design: libnuma where it can be opened, because distributions keep it right for their kernels; else the same system calls directly. Of libnuma we take its
// wrappers of the system calls, not numa_tonode_memory: that one returns nothing, prints on standard error when it is refused, and is strict (a full node
// ends the process) unless a switch is set that belongs to the whole process and so to other users of libnuma in it.
// The policy is "preferred": a full node means memory from elsewhere, not a crash.
//
// How libraries are opened is the caller's business: plain dlopen, linked on a new glibc, would demand that glibc wherever the binary is used.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace nexus::numa {

/** The library that is used where it is there. */
inline constexpr const char* kLibrary = "libnuma.so.1";

/** Address of `symbol` in `kLibrary`, which stays open; null if there is no such library or symbol. */
using FindSymbol = void* (*)(const char* symbol);

enum class Provider : int { kNone = 0, kSystemCalls = 1, kLibnuma = 2 };

/** A cpu number beyond this is EINVAL; Linux is built for at most 8,192. */
inline constexpr int kCpusMax = 8192;
/** The most nodes Linux is built for. */
inline constexpr int kNodesMax = 1024;

/** A set of nodes as the kernel takes it. */
struct NodeMask {
  static constexpr std::size_t kBits = 8 * sizeof(unsigned long);
  unsigned long words[kNodesMax / kBits] = {};

  bool Add(int node) {
    if (node < 0 || node >= kNodesMax) return false;
    words[static_cast<std::size_t>(node) / kBits] |= 1UL << (static_cast<std::size_t>(node) % kBits);
    return true;
  }
};

#if defined(__linux__)

namespace detail {

// From <linux/mempolicy.h>, which not every machine that builds this has.
inline constexpr int kPreferred = 1;
inline constexpr int kInterleave = 3;
inline constexpr unsigned long kPolicyNode = 1UL << 0;
inline constexpr unsigned long kPolicyAddress = 1UL << 1;

inline long SystemMbind(void* start, unsigned long bytes, int mode, const unsigned long* nodes, unsigned long node_bits, unsigned flags) {
  return syscall(SYS_mbind, start, bytes, mode, nodes, node_bits, flags);
}
inline long SystemGetMempolicy(int* mode, unsigned long* nodes, unsigned long node_bits, void* address, unsigned flags) {
  return syscall(SYS_get_mempolicy, mode, nodes, node_bits, address, static_cast<unsigned long>(flags));
}
inline long SystemMovePages(int process, unsigned long count, void** pages, const int* nodes, int* status, int flags) {
  return syscall(SYS_move_pages, process, count, pages, nodes, status, flags);
}

inline int ErrorOf(long result) { return result == 0 ? 0 : errno; }

}  // namespace detail

/** The calls that place memory, from libnuma or the kernel. */
class MemoryPolicy {
 public:
  /** Asks the kernel whether there are memory policies, and libnuma whether it is there. */
  explicit MemoryPolicy(FindSymbol find) {
    int mode = 0;
    error_ = detail::ErrorOf(detail::SystemGetMempolicy(&mode, nullptr, 0, nullptr, 0));
    if (error_ != 0) return;
    provider_ = Provider::kSystemCalls;
    const auto available = reinterpret_cast<int (*)()>(find("numa_available"));
    const auto mbind = reinterpret_cast<Mbind>(find("mbind"));
    const auto get_mempolicy = reinterpret_cast<GetMempolicy>(find("get_mempolicy"));
    const auto move_pages = reinterpret_cast<MovePages>(find("move_pages"));
    if (available == nullptr || mbind == nullptr || get_mempolicy == nullptr || move_pages == nullptr || available() < 0) return;
    provider_ = Provider::kLibnuma;
    mbind_ = mbind;
    get_mempolicy_ = get_mempolicy;
    move_pages_ = move_pages;
  }

  Provider Kind() const { return provider_; }
  /** Why `Kind` is `kNone`. */
  int Error() const { return error_; }

  /** Pages of the range come from `node` while it has any. 0 or errno; ERANGE if no whole page is inside. */
  int Prefer(void* start, std::size_t bytes, int node) const {
    NodeMask nodes;
    return nodes.Add(node) ? Bind(start, bytes, detail::kPreferred, nodes) : EINVAL;
  }

  /** Pages of the range come from the nodes in turn. 0 or errno; ERANGE if no whole page is inside. */
  int Interleave(void* start, std::size_t bytes, const NodeMask& nodes) const { return Bind(start, bytes, detail::kInterleave, nodes); }

  /** Node of the page at this address, or -errno: -ENOENT if nobody has touched it yet. Does not touch it itself, where the kernel lets us ask so. */
  int NodeOf(void* address) const {
    if (provider_ == Provider::kNone) return -error_;
    int node = 0;
    if (move_pages_(0, 1, &address, nullptr, &node, 0) == 0) return node;
    if (errno != EPERM && errno != ENOSYS) return -errno;
    const auto flags = static_cast<unsigned>(detail::kPolicyNode | detail::kPolicyAddress);
    return get_mempolicy_(&node, nullptr, 0, address, flags) == 0 ? node : -errno;
  }

 private:
  using Mbind = decltype(&detail::SystemMbind);
  using GetMempolicy = decltype(&detail::SystemGetMempolicy);
  using MovePages = decltype(&detail::SystemMovePages);

  int Bind(void* start, std::size_t bytes, int mode, const NodeMask& nodes) const {
    if (provider_ == Provider::kNone) return error_;
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto address = reinterpret_cast<std::uintptr_t>(start);
    // Inward: what shares a page with a neighbour stays as it is.
    const std::uintptr_t first = (address + page - 1) & ~(page - 1);
    const std::uintptr_t end = (address + bytes) & ~(page - 1);
    if (first >= end) return ERANGE;
    // The kernel reads one bit less than it is told.
    return detail::ErrorOf(mbind_(reinterpret_cast<void*>(first), end - first, mode, nodes.words, kNodesMax + 1, 0));
  }

  Provider provider_ = Provider::kNone;
  int error_ = ENOSYS;
  Mbind mbind_ = &detail::SystemMbind;
  GetMempolicy get_mempolicy_ = &detail::SystemGetMempolicy;
  MovePages move_pages_ = &detail::SystemMovePages;
};

/** Ties the calling thread to one cpu. 0 or errno. Threads it starts afterwards inherit that; others are not affected. */
inline int PinThread(int cpu) {
  if (cpu < 0 || cpu >= kCpusMax) return EINVAL;
  constexpr std::size_t kBits = 8 * sizeof(unsigned long);
  unsigned long cpus[kCpusMax / kBits] = {};
  cpus[static_cast<std::size_t>(cpu) / kBits] = 1UL << (static_cast<std::size_t>(cpu) % kBits);
  return detail::ErrorOf(syscall(SYS_sched_setaffinity, 0, sizeof(cpus), cpus));
}

/** The cpu the calling thread runs on, or -errno. Without a pin it may be another one by the time this returns. */
inline int CurrentCpu() {
  unsigned cpu = 0;
  return syscall(SYS_getcpu, &cpu, nullptr, nullptr) == 0 ? static_cast<int>(cpu) : -errno;
}

#else

class MemoryPolicy {
 public:
  explicit MemoryPolicy(FindSymbol) {}
  Provider Kind() const { return Provider::kNone; }
  int Error() const { return ENOSYS; }
  int Prefer(void*, std::size_t, int) const { return ENOSYS; }
  int Interleave(void*, std::size_t, const NodeMask&) const { return ENOSYS; }
  int NodeOf(void*) const { return -ENOSYS; }
};

inline int PinThread(int) { return ENOSYS; }
inline int CurrentCpu() { return -ENOSYS; }

#endif

}  // namespace nexus::numa
