// Where everything that a scenario allocates goes while one is explored: a block that is put back to what it was before each schedule. So a scenario's objects need
// not know how to start again, and a thread that is left in the middle of a call leaks nothing. Used by explorer.hpp; arena.cc replaces operator new with it.
#pragma once
#include <cstddef>

namespace nexus::test {

struct Arena {
  /** While true, operator new takes from the arena. Operator delete knows what came from there, and does nothing with it. */
  static bool on;
  /** Forgets everything. */
  static void Clear();
  /** What is allocated now is what `Restore` puts back. */
  static void Snapshot();
  static void Restore();
};

/** The arena, on until the end of a block. */
class InArena {
 public:
  InArena() : before_(Arena::on) { Arena::on = true; }
  ~InArena() { Arena::on = before_; }
  InArena(const InArena&) = delete;
  InArena& operator=(const InArena&) = delete;

 private:
  bool before_;
};

/** The ordinary heap until the end of a block: for what outlives a schedule. */
class OutsideArena {
 public:
  OutsideArena() : before_(Arena::on) { Arena::on = false; }
  ~OutsideArena() { Arena::on = before_; }
  OutsideArena(const OutsideArena&) = delete;
  OutsideArena& operator=(const OutsideArena&) = delete;

 private:
  bool before_;
};

}  // namespace nexus::test
