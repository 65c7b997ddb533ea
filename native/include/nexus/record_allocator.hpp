// Hands out records of the routing table to one thread. Records come in groups of 256; a group is claimed for a thread by one compare-and-swap on its owner
// word and then belongs to that thread alone, so that allocating and freeing need no atomics, and a thread that dies leaves nothing half taken: whoever takes
// its index finds its groups by their owner words. A group that is wholly free goes back when the thread has enough of them.
// Owned by one thread; not shared. Twin of bindings/portable/record-allocator.ts.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "hardware_atomics.hpp"
#include "shared_memory.hpp"

namespace nexus {

template <class Atomics = HardwareAtomics>
class RecordAllocator {
 public:
  RecordAllocator(const SharedMemory& shared, std::uint32_t thread)
      : owners_(shared.Words(shared.groups_offset)),
        records_(shared.Words(shared.records_offset)),
        group_count_(shared.record_capacity / layout::kGroupRecords),
        idle_max_(IdleMax(group_count_, shared.thread_count)),
        tag_(thread + 1),
        // Threads start their search at different places, so that they seldom meet.
        hint_(static_cast<std::uint32_t>(std::uint64_t{group_count_} * thread / shared.thread_count)),
        groups_(group_count_) {}

  /** Index of a record of this thread, or 0 if the table has none left. */
  std::uint32_t Allocate() {
    Group* group = available_.empty() ? Claim() : available_.back();
    if (group == nullptr) return 0;
    if (group->idle) {
      group->idle = false;
      idle_--;
    }
    const std::uint32_t index = group->first + group->free[--group->free_count];
    if (group->free_count == 0) {
      group->listed = false;
      available_.pop_back();
    }
    return index;
  }

  /** Gives back a record that `Allocate` returned (or that was inherited). Does nothing with one that cannot be: of another group, or of one that is wholly free. */
  void Release(std::uint32_t index) {
    Group* group = groups_[index / layout::kGroupRecords].get();
    if (group == nullptr || group->free_count >= group->usable) return;
    group->free[group->free_count++] = static_cast<std::uint8_t>(index % layout::kGroupRecords);
    if (!group->listed) {
      group->listed = true;
      available_.push_back(group);
    }
    if (group->free_count == group->usable) NoteIdle(group);
  }

  /** Never hands out this record again: its generations are used up. */
  void Retire(std::uint32_t index) {
    Group* group = groups_[index / layout::kGroupRecords].get();
    if (group == nullptr || group->free_count >= group->usable) return;
    group->usable--;
    if (group->free_count == group->usable && group->usable > 0) NoteIdle(group);
  }

  /** Whether the owner word gives this group to this thread. */
  bool Owns(std::uint32_t number) const { return Atomics::LoadSeqCst(owners_ + number) == tag_; }
  /** Whether any thread has it. */
  bool IsClaimed(std::uint32_t number) const { return Atomics::LoadSeqCst(owners_ + number) != 0; }
  std::uint32_t GroupCount() const { return group_count_; }

  /** Adopts the groups that the owner words give to this thread. `in_use` tells for each record whether it is taken. */
  void Adopt(const std::vector<bool>& in_use) {
    for (std::uint32_t number = 0; number < group_count_; number++) {
      if (Owns(number) && groups_[number] == nullptr) AddGroup(number, &in_use);
    }
  }

 private:
  /** Wholly free groups a thread keeps for itself: at most this many, and all threads together at most a quarter of the table, or a small table would starve. */
  static constexpr std::uint32_t kIdleGroupsMax = 16;
  static constexpr std::uint32_t kIdleShare = 4;

  static std::uint32_t IdleMax(std::uint32_t group_count, std::uint32_t thread_count) {
    const std::uint32_t share = group_count / (kIdleShare * thread_count);
    return share < 1 ? 1 : share < kIdleGroupsMax ? share : kIdleGroupsMax;
  }

  struct Group {
    std::uint32_t first = 0;
    /** Records that can be used: 256 less record 0 and the retired ones. */
    std::uint32_t usable = 0;
    std::uint32_t free_count = 0;
    /** In `available_`. */
    bool listed = false;
    /** Wholly free, and counted in `idle_`. */
    bool idle = false;
    /** Free records, as offsets from `first`; a stack. */
    std::uint8_t free[layout::kGroupRecords];
  };

  Group* Claim() {
    for (std::uint32_t step = 0; step < group_count_; step++) {
      const std::uint32_t number = (hint_ + step) % group_count_;
      // A load first: where most groups are taken, a swap for each would bounce the line of owner words between cores.
      if (Atomics::LoadSeqCst(owners_ + number) != 0) continue;
      // Pairs with the store in GiveBack: what its last owner did to the records comes before what this thread does.
      if (Atomics::CompareExchange(owners_ + number, 0, tag_) != 0) continue;
      hint_ = (number + 1) % group_count_;
      Group* group = AddGroup(number, nullptr);
      if (group->usable > 0) return group;
    }
    return nullptr;
  }

  Group* AddGroup(std::uint32_t number, const std::vector<bool>* in_use) {
    auto added = std::make_unique<Group>();
    Group* group = added.get();
    group->first = number * layout::kGroupRecords;
    for (std::uint32_t offset = layout::kGroupRecords; offset-- > 0;) {
      const std::uint32_t index = group->first + offset;
      if (index == 0 || IsRetired(index)) continue;
      group->usable++;
      if (in_use == nullptr || !(*in_use)[index]) group->free[group->free_count++] = static_cast<std::uint8_t>(offset);
    }
    groups_[number] = std::move(added);
    if (group->free_count > 0) {
      group->listed = true;
      available_.push_back(group);
    }
    if (group->free_count == group->usable && group->usable > 0) {
      group->idle = true;
      idle_++;
    }
    return group;
  }

  bool IsRetired(std::uint32_t index) const {
    const std::uint32_t state = Atomics::LoadSeqCst(records_ + index * (layout::kRecordBytes / 4) + layout::kRecordWordState);
    return (state >> 2) >= layout::kGenerationMax && (state & 3) == layout::kRecordStateFree;
  }

  void NoteIdle(Group* group) {
    group->idle = true;
    if (++idle_ > idle_max_) GiveBack(group);
  }

  void GiveBack(Group* group) {
    for (std::size_t at = available_.size(); at-- > 0;) {
      if (available_[at] != group) continue;
      available_.erase(available_.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    }
    idle_--;
    const std::uint32_t number = group->first / layout::kGroupRecords;
    groups_[number].reset();
    // Last: from here on the group may belong to another thread.
    Atomics::StoreSeqCst(owners_ + number, 0);
  }

  std::uint32_t* owners_;
  std::uint32_t* records_;
  std::uint32_t group_count_;
  std::uint32_t idle_max_;
  std::uint32_t tag_;
  std::uint32_t hint_;
  std::uint32_t idle_ = 0;
  std::vector<std::unique_ptr<Group>> groups_;
  /** Groups with free records; the last one is allocated from. */
  std::vector<Group*> available_;
};

}  // namespace nexus
