// Proves the checker of linearizability.hpp: histories made by hand that can be explained, and such that cannot, for each rule of the sequential table; then random ones,
// which are made by running calls one after the other and stretching them, and which stop being linearizable when one answer is changed.
#include "linearizability.hpp"

#include <cstdio>

#include "test_memory.hpp"

namespace {

using nexus::test::Operation;
using Kind = Operation::Kind;
using Result = Operation::Result;

Operation Call(Kind kind, std::uint64_t address, Result result, std::uint32_t invoked, std::uint32_t returned, std::uint32_t key = 0) {
  Operation operation{kind, key};
  operation.address = address;
  operation.result = result;
  operation.invoked = invoked;
  operation.returned = returned;
  return operation;
}
Operation Inserted(std::uint64_t address, std::uint32_t invoked, std::uint32_t returned, std::uint32_t key = 0) { return Call(Kind::kInsert, address, Result::kYes, invoked, returned, key); }
Operation Existed(std::uint32_t invoked, std::uint32_t returned) { return Call(Kind::kInsert, 0, Result::kNo, invoked, returned); }
Operation Found(std::uint64_t address, std::uint32_t invoked, std::uint32_t returned) { return Call(Kind::kFind, address, Result::kYes, invoked, returned); }
Operation Absent(std::uint32_t invoked, std::uint32_t returned, std::uint32_t key = 0) { return Call(Kind::kFind, 0, Result::kNo, invoked, returned, key); }
Operation Removed(std::uint64_t address, std::uint32_t invoked, std::uint32_t returned) { return Call(Kind::kRemove, address, Result::kYes, invoked, returned); }
Operation NotRemoved(std::uint64_t address, std::uint32_t invoked, std::uint32_t returned) { return Call(Kind::kRemove, address, Result::kNo, invoked, returned); }
Operation Read(std::uint64_t address, std::uint32_t invoked, std::uint32_t returned) { return Call(Kind::kRead, address, Result::kYes, invoked, returned); }
Operation Stale(std::uint64_t address, std::uint32_t invoked, std::uint32_t returned) { return Call(Kind::kRead, address, Result::kNo, invoked, returned); }
Operation DiedInInsert(std::uint32_t invoked) { return Call(Kind::kInsert, 0, Result::kPending, invoked, Operation::kNever); }
Operation DiedInRemove(std::uint64_t address, std::uint32_t invoked) { return Call(Kind::kRemove, address, Result::kPending, invoked, Operation::kNever); }

struct History {
  const char* name;
  bool linearizable;
  std::vector<Operation> operations;
};

const std::vector<History>& Histories() {
  static const std::vector<History> histories = {
      {"nothing happened", true, {}},
      {"insert, find, remove, find", true, {Inserted(1, 1, 2), Found(1, 3, 4), Removed(1, 5, 6), Absent(7, 8)}},
      {"a find during an insert finds it", true, {Inserted(1, 1, 10), Found(1, 2, 3)}},
      {"a find during an insert misses it", true, {Inserted(1, 1, 10), Absent(2, 3)}},
      {"found, then missed, during one insert", false, {Inserted(1, 1, 10), Found(1, 2, 3), Absent(4, 5)}},
      {"a find after an insert misses it", false, {Inserted(1, 1, 2), Absent(3, 4)}},
      {"a find after a removal finds it", false, {Inserted(1, 1, 2), Removed(1, 3, 4), Found(1, 5, 6)}},
      {"two inserts at once both succeed", false, {Inserted(1, 1, 10), Inserted(2, 2, 9)}},
      {"two inserts with a removal between them", true, {Inserted(1, 1, 4), Inserted(2, 2, 9), Removed(1, 5, 6)}},
      {"two inserts, and the removal comes after both", false, {Inserted(1, 1, 4), Inserted(2, 2, 5), Removed(1, 6, 7)}},
      {"an insert finds a name that nobody inserted", false, {Existed(1, 2)}},
      {"an insert finds a name that another inserts meanwhile", true, {Existed(1, 10), Inserted(1, 5, 9)}},
      {"both of two inserts find the other", false, {Existed(1, 10), Existed(5, 9)}},
      {"one address is returned twice", false, {Inserted(1, 1, 2), Removed(1, 3, 4), Inserted(1, 5, 6)}},
      {"a removal succeeds twice", false, {Inserted(1, 1, 2), Removed(1, 3, 10), Removed(1, 4, 9)}},
      {"a removal fails although the name is live", false, {Inserted(1, 1, 2), NotRemoved(1, 3, 4), Found(1, 5, 6)}},
      {"a reference is live after the removal", false, {Inserted(1, 1, 2), Removed(1, 3, 4), Read(1, 5, 6)}},
      {"a reference is stale, then live", false, {Inserted(1, 1, 2), Stale(1, 3, 4), Read(1, 5, 6)}},
      {"a reference is stale during the removal", true, {Inserted(1, 1, 2), Removed(1, 3, 8), Stale(1, 4, 5)}},
      {"an address of an earlier insert is found", false, {Inserted(1, 1, 2), Removed(1, 3, 4), Inserted(2, 5, 6), Found(1, 7, 8)}},
      {"a full table may be full at any time", true, {Inserted(1, 1, 2), Call(Kind::kInsert, 0, Result::kFull, 3, 4), Found(1, 5, 6)}},
      {"a dead insert has happened", true, {DiedInInsert(1), Found(7, 2, 3), Found(7, 4, 5)}},
      {"a dead insert has not happened", true, {DiedInInsert(1), Absent(2, 3), Inserted(1, 4, 5)}},
      {"a dead insert has happened late", true, {DiedInInsert(1), Absent(2, 3), Found(7, 4, 5), Existed(6, 7)}},
      {"a dead insert has happened and is gone", false, {DiedInInsert(1), Found(7, 2, 3), Absent(4, 5)}},
      {"a dead insert has two addresses", false, {DiedInInsert(1), Found(7, 2, 3), Found(8, 4, 5)}},
      {"a dead removal has happened", true, {Inserted(1, 1, 2), DiedInRemove(1, 3), Absent(4, 5)}},
      {"a dead removal has not happened", true, {Inserted(1, 1, 2), DiedInRemove(1, 3), Found(1, 4, 5)}},
      {"a dead removal has happened and is undone", false, {Inserted(1, 1, 2), DiedInRemove(1, 3), Absent(4, 5), Found(1, 6, 7)}},
      {"the other name is missed", true, {Inserted(1, 1, 2, 0), Absent(3, 4, 1)}},
      {"a mistake in the second name", false, {Inserted(1, 1, 2, 1), Absent(3, 4, 1)}},
  };
  return histories;
}

/** Calls of a sequential table, each stretched to both sides over some of its neighbours. */
std::vector<Operation> MakeStretched(nexus::test::Random& random, std::uint32_t calls) {
  std::vector<Operation> history;
  std::uint64_t live = 0, last = 0, next = 1;
  for (std::uint32_t call = 0; call < calls; call++) {
    const std::uint32_t moment = (call + 1) * 16;
    const std::uint32_t invoked = moment - random.Next() % 40 % moment, returned = moment + random.Next() % 40;
    switch (random.Next() % 4) {
      case 0:
        if (live != 0) {
          history.push_back(Existed(invoked, returned));
          break;
        }
        live = last = next++;
        history.push_back(Inserted(live, invoked, returned));
        break;
      case 1: history.push_back(live != 0 ? Found(live, invoked, returned) : Absent(invoked, returned)); break;
      case 2:
        if (last == 0) break;
        history.push_back(live == last ? Removed(last, invoked, returned) : NotRemoved(last, invoked, returned));
        live = 0;
        break;
      case 3:
        if (last != 0) history.push_back(live == last ? Read(last, invoked, returned) : Stale(last, invoked, returned));
        break;
    }
  }
  return history;
}

}  // namespace

int main(int argc, char** argv) {
  nexus::test::Random random{argc > 1 ? static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 10)) * 2654435761u | 1 : 1};
  nexus::test::Report report;
  nexus::test::LinearizabilityChecker checker;
  for (const History& history : Histories()) report.Check(history.name, (checker.Check(history.operations, 2) == -1) == history.linearizable);
  bool all_accepted = true, all_refused = true;
  for (std::uint32_t turn = 0; turn < 2000; turn++) {
    std::vector<Operation> history = MakeStretched(random, 2 + random.Next() % 60);
    all_accepted = all_accepted && checker.Check(history, 1) == -1;
    // A record that no insert has made.
    history.push_back(Found(1000000, 5, 2000));
    all_refused = all_refused && checker.Check(history, 1) == 0;
    history.pop_back();
    // After everything has returned, the opposite of what is there.
    bool live = false;
    for (const Operation& it : history) live = it.result == Result::kYes && it.kind == Kind::kInsert ? true : it.result == Result::kYes && it.kind == Kind::kRemove ? false : live;
    history.push_back(live ? Absent(5000, 5001) : Existed(5000, 5001));
    all_refused = all_refused && checker.Check(history, 1) == 0;
  }
  report.Check("random histories made from a sequential one are linearizable", all_accepted);
  report.Check("random histories with a wrong answer are not", all_refused);
  return report.failed == 0 ? 0 : 1;
}
