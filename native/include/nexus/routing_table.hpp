// The routing table: names of agents to addresses, in shared memory, for any number of threads at once. Twin of bindings/portable/routing-table.ts, which is
// the oracle and whose head explains the algorithm in full; both run on one memory at the same time.
//
// Use: find a name from any thread; insert and remove records of one's own. Not for: iteration in any order, or looking a name up for every message.
// Guarantees: insert-if-absent, find and remove are linearizable; no call waits for another thread, whatever that was doing when it stopped.
// A live record may be given to another thread (Rehome) while its group stays where it was; its new owner ends it, the group's owner takes the record back.
// Design: open addressing in buckets of one cache line (15 entries and an overflow counter: F14's outbound overflow count); entries are hints, records are the
// truth; insert publishes PENDING and probes a second time (Purcell and Harris 2005).
// Cost: a find is one bucket, one record; an insert adds two swaps.
// Ordering: entries, counters and STATE are sequentially consistent. That is needed in `Publish` and `Settle`, where two inserts each store their entry and then
// load the other's (store buffering: with less, both may miss the other); elsewhere acquire would do, and costs the same on x64.
#pragma once
#include <cstdint>
#include <vector>

#include "record_store.hpp"

namespace nexus {

enum class InsertStatus { kInserted, kExists, kFull };

struct TableEntry {
  std::uint32_t slot;
  std::uint32_t generation;
  std::uint32_t thread;
  std::uint32_t kind;
};

template <class Atomics = HardwareAtomics>
class RoutingTable {
 public:
  RoutingTable(const SharedMemory& shared, std::uint32_t thread)
      : buckets_(shared.Words(shared.buckets_offset)),
        bucket_mask_(shared.bucket_count - 1),
        index_mask_(shared.record_capacity - 1),
        thread_(thread),
        thread_count_(shared.thread_count),
        records_(shared, thread) {}

  InsertStatus Insert(const EncodedKey& key, std::uint32_t kind, const std::uint8_t* payload, std::uint32_t payload_bytes, std::uint32_t parent, TableEntry* inserted) {
    if (!away_.empty()) CollectAway(kLooksPerInsert);
    for (std::uint32_t attempt = 0; attempt < kInsertAttemptsMax; attempt++) {
      TableEntry found;
      if (Find(key, &found)) return InsertStatus::kExists;
      std::uint32_t record = records_.Write(key, kind, payload, payload_bytes, parent);
      if (record == 0 && CollectAway(away_.size()) > 0) record = records_.Write(key, kind, payload, payload_bytes, parent);
      if (record == 0) return InsertStatus::kFull;
      // Read before others can see the record: one that was aborted already must not be taken for a pending one.
      const std::uint32_t pending = records_.State(record);
      const std::uint32_t entry_at = Publish(record, key.hash);
      if (entry_at == 0) {
        records_.SetState(record, layout::kRecordStateFree);
        records_.Recycle(record);
        return InsertStatus::kFull;
      }
      if (Settle(record, pending, entry_at, key) == layout::kRecordStateLive) {
        *inserted = {record, pending >> 2, thread_, kind};
        return InsertStatus::kInserted;
      }
      // Aborted in favour of another: look again, for that one may itself have been aborted or removed since.
      records_.SetState(record, layout::kRecordStateFree);
      Unlink(record);
      records_.Recycle(record);
    }
    return InsertStatus::kFull;
  }

  bool Find(const EncodedKey& key, TableEntry* found) const {
    std::uint32_t bucket = key.hash & bucket_mask_;
    for (std::uint32_t step = 0; step < kProbeBucketsMax; step++) {
      const std::uint32_t* words = buckets_ + std::size_t{bucket} * kBucketWords;
      for (std::uint32_t entry = layout::kBucketWordEntries; entry < kBucketWords; entry++) {
        const std::uint32_t word = Atomics::LoadSeqCst(words + entry);
        if (((word ^ key.hash) & ~index_mask_) != 0 || word == 0) continue;
        const std::uint32_t record = word & index_mask_;
        const std::uint32_t state = records_.State(record);
        if ((state & 3) != layout::kRecordStateLive) continue;
        if (!records_.HasKey(record, key)) continue;
        const std::uint32_t owner = records_.Byte(record, layout::kRecordWordOwner);
        if (records_.State(record) == state) {
          found->slot = record;
          found->generation = state >> 2;
          found->thread = owner >> 16;
          found->kind = owner & 0xffff;
          return true;
        }
      }
      if (Atomics::LoadSeqCst(words + layout::kBucketWordOverflow) == 0) return false;
      bucket = (bucket + 1) & bucket_mask_;
    }
    return false;
  }

  /** Starts to fetch the bucket a find for this hash begins with. A hint for batches. */
  void PrefetchBucket(std::uint32_t hash) const { __builtin_prefetch(buckets_ + std::size_t{hash & bucket_mask_} * kBucketWords); }

  /** Starts to fetch the first record in the home bucket that may have this hash. */
  void PrefetchRecord(std::uint32_t hash) const {
    const std::uint32_t* words = buckets_ + std::size_t{hash & bucket_mask_} * kBucketWords;
    for (std::uint32_t entry = layout::kBucketWordEntries; entry < kBucketWords; entry++) {
      const std::uint32_t word = Atomics::LoadRelaxed(words + entry);
      if (((word ^ hash) & ~index_mask_) == 0 && word != 0) return __builtin_prefetch(records_.At(word & index_mask_));
    }
  }

  /** Starts to fetch a record: before `PrefetchEntry`. */
  void PrefetchRecordAt(std::uint32_t slot) const { __builtin_prefetch(records_.At(slot & index_mask_), 1); }

  /** Starts to fetch the bucket that the record's hash leads to. */
  void PrefetchEntry(std::uint32_t slot) const { PrefetchBucket(records_.Byte(slot & index_mask_, layout::kRecordWordHash)); }

  /** Removes a record of this thread. False if that generation of it is not live. */
  bool Remove(std::uint32_t slot, std::uint32_t generation) {
    if (slot == 0 || slot > index_mask_ || records_.Byte(slot, layout::kRecordWordOwner) >> 16 != thread_) return false;
    const std::uint32_t live = (generation << 2) | layout::kRecordStateLive;
    if (!records_.Allocator().Owns(slot / layout::kGroupRecords)) return RemoveGuest(slot, live);
    if (Atomics::CompareExchange(records_.StateWord(slot), live, (generation << 2) | layout::kRecordStateFree) != live) return false;
    Unlink(slot);
    if (!away_.empty()) ForgetAway(slot);
    records_.Recycle(slot);
    return true;
  }

  /** Gives a live record of this thread to another one: one store, and from then on this thread does not touch it. False if it is not this thread's. */
  bool Rehome(std::uint32_t slot, std::uint32_t generation, std::uint32_t thread) {
    if (slot == 0 || slot > index_mask_ || thread >= thread_count_) return false;
    const std::uint32_t owner = records_.Byte(slot, layout::kRecordWordOwner);
    if (owner >> 16 != thread_ || records_.State(slot) != ((generation << 2) | layout::kRecordStateLive)) return false;
    if (records_.Allocator().Owns(slot / layout::kGroupRecords)) NoteAway(slot);
    // Pairs with the load of the owner by whoever removes it next: what this thread did to the record comes before.
    Atomics::StoreSeqCst(records_.At(slot) + layout::kRecordWordOwner, (thread << 16) | (owner & 0xffff));
    return true;
  }

  std::uint32_t GenerationOf(std::uint32_t slot) const { return slot > index_mask_ ? 0 : records_.State(slot) >> 2; }

  /** One word of a live record, validated. */
  bool Word(std::uint32_t slot, std::uint32_t generation, std::uint32_t word, std::uint32_t* value) const {
    const std::uint32_t live = (generation << 2) | layout::kRecordStateLive;
    if (slot == 0 || slot > index_mask_ || records_.State(slot) != live) return false;
    *value = records_.Byte(slot, word);
    return records_.State(slot) == live;
  }

  const RecordStore<Atomics>& Records() const { return records_; }

  /** All live agents of one thread, or of all if `thread` is negative: a snapshot that is exact where nothing changes meanwhile. */
  void Entries(int thread, std::vector<TableEntry>* entries) const {
    for (std::uint32_t at = 0; at < (bucket_mask_ + 1) * kBucketWords; at++) {
      if (at % kBucketWords == layout::kBucketWordOverflow) continue;
      const std::uint32_t record = Atomics::LoadSeqCst(buckets_ + at) & index_mask_;
      if (record == 0) continue;
      const std::uint32_t state = records_.State(record);
      if ((state & 3) != layout::kRecordStateLive) continue;
      const std::uint32_t owner = records_.Byte(record, layout::kRecordWordOwner);
      if (records_.Byte(record, layout::kRecordWordEntry) != at || records_.State(record) != state) continue;
      if (thread >= 0 && owner >> 16 != static_cast<std::uint32_t>(thread)) continue;
      entries->push_back({record, state >> 2, owner >> 16, owner & 0xffff});
    }
  }

  /** Takes over what a lost thread with this thread's index left, its live records in whatever groups they are. Before the first insert. */
  void Inherit(std::vector<TableEntry>* inherited) {
    RecordAllocator<Atomics>& allocator = records_.Allocator();
    std::vector<bool> in_use(index_mask_ + 1);
    for (std::uint32_t group = 0; group < allocator.GroupCount(); group++) {
      if (!allocator.Owns(group)) continue;
      for (std::uint32_t record = FirstOf(group); record < (group + 1) * layout::kGroupRecords; record++) {
        const std::uint32_t state = records_.State(record);
        if ((state & 3) == layout::kRecordStatePending) records_.ChangeState(record, state, layout::kRecordStateAborted);
        if ((records_.State(record) & 3) == layout::kRecordStateLive) continue;
        records_.SetState(record, layout::kRecordStateFree);
        ClearEntry(record);
      }
    }
    // Live ones of its groups, wherever their agents are. One that ends elsewhere at this moment counts as live: it is away.
    std::vector<std::uint32_t> own;
    for (std::uint32_t group = 0; group < allocator.GroupCount(); group++) {
      if (!allocator.IsClaimed(group)) continue;
      for (std::uint32_t record = FirstOf(group); record < (group + 1) * layout::kGroupRecords; record++) InheritRecord(record, allocator.Owns(group), inherited, &own);
    }
    // Now that all are FREE again: a predecessor in WebAssembly that died in this very call left marks on those in use.
    for (const std::uint32_t record : own) {
      in_use[record] = true;
      // Each once, or a list that a wild store has made a circle would never end.
      for (std::uint32_t extension = records_.Byte(record, layout::kRecordWordExtension); records_.IsExtension(extension) && !in_use[extension];) {
        in_use[extension] = true;
        extension = records_.Byte(extension, layout::kExtensionWordNext);
      }
    }
    allocator.Adopt(in_use);
  }

 private:
  static constexpr std::uint32_t kBucketWords = layout::kBucketBytes / 4;
  /** Buckets a probe may pass before the table counts as full. At its highest load, one half, a probe of 3 is rare. */
  static constexpr std::uint32_t kProbeBucketsMax = 64;
  /** Each attempt after the first needs another thread that aborted the one before and then lost or removed its own. An index that contradicts itself ends here, too. */
  static constexpr std::uint32_t kInsertAttemptsMax = 1000;
  /** Records that are away which are looked at for each insert. */
  static constexpr std::size_t kLooksPerInsert = 4;

  static std::uint32_t FirstOf(std::uint32_t group) { return group == 0 ? 1 : group * layout::kGroupRecords; }

  /** `own`: the live records of this thread's groups, which stay in use. */
  void InheritRecord(std::uint32_t record, bool is_own, std::vector<TableEntry>* inherited, std::vector<std::uint32_t>* own) {
    const std::uint32_t state = records_.State(record);
    if ((state & 3) != layout::kRecordStateLive) return;
    if (is_own) own->push_back(record);
    const std::uint32_t owner = records_.Byte(record, layout::kRecordWordOwner);
    if (owner >> 16 != thread_) {
      if (is_own) NoteAway(record);
      return;
    }
    // A record of another group that was used again meanwhile: its owner word may be the one before.
    if (records_.State(record) != state) return;
    // Its end was under way: of a guest the entry goes first.
    if (!is_own && !IsEntryOf(record, records_.Byte(record, layout::kRecordWordEntry))) records_.ChangeState(record, state, layout::kRecordStateFree);
    else inherited->push_back({record, state >> 2, thread_, owner & 0xffff});
  }

  /** Puts the entry of a pending record into the first free place on its probe path. Returns its position, or 0 if there is none. */
  std::uint32_t Publish(std::uint32_t record, std::uint32_t hash) {
    const std::uint32_t word = (hash & ~index_mask_) | record;
    const std::uint32_t home = hash & bucket_mask_;
    for (std::uint32_t step = 0; step < kProbeBucketsMax; step++) {
      const std::uint32_t base = ((home + step) & bucket_mask_) * kBucketWords;
      for (std::uint32_t entry = layout::kBucketWordEntries; entry < kBucketWords; entry++) {
        if (Atomics::LoadSeqCst(buckets_ + base + entry) != 0) continue;
        // The position first: if this thread dies right after the swap, its successor finds the entry by it.
        Atomics::StoreRelease(records_.At(record) + layout::kRecordWordEntry, base + entry);
        if (Atomics::CompareExchange(buckets_ + base + entry, 0, word) == 0) return base + entry;
      }
      // Before the entry goes beyond this bucket, so that no probe that starts after the entry is there stops short of it.
      Atomics::Add(buckets_ + base + layout::kBucketWordOverflow, 1);
    }
    Atomics::StoreRelease(records_.At(record) + layout::kRecordWordEntry, 0);
    LowerOverflow(home, (home + kProbeBucketsMax) & bucket_mask_);
    return 0;
  }

  /**
   * Brings a published PENDING record with this key to its end: LIVE, or ABORTED because of another. Called by its owner and, to help, by anyone.
   * `pending` is its state word, `entry_at` the position of its entry. Returns the state it ended in (FREE if it was recycled meanwhile).
   */
  std::uint32_t Settle(std::uint32_t record, std::uint32_t pending, std::uint32_t entry_at, const EncodedKey& key) {
    const std::uint32_t now = records_.State(record);
    if (now != pending) return RecordStore<Atomics>::StateOf(now, pending);
    std::uint32_t bucket = key.hash & bucket_mask_;
    for (std::uint32_t step = 0; step < kProbeBucketsMax; step++) {
      const std::uint32_t base = bucket * kBucketWords;
      for (std::uint32_t entry = layout::kBucketWordEntries; entry < kBucketWords; entry++) {
        const std::uint32_t word = Atomics::LoadSeqCst(buckets_ + base + entry);
        if (((word ^ key.hash) & ~index_mask_) != 0 || word == 0) continue;
        const std::uint32_t other = word & index_mask_;
        if (other != record && Wins(other, word, base + entry, entry_at, key)) return records_.ChangeState(record, pending, layout::kRecordStateAborted);
      }
      if (Atomics::LoadSeqCst(buckets_ + base + layout::kBucketWordOverflow) == 0) break;
      bucket = (bucket + 1) & bucket_mask_;
    }
    return records_.ChangeState(record, pending, layout::kRecordStateLive);
  }

  /**
   * Whether `other`, met at `other_at` during the second probe for a pending record at `entry_at`, has this key and is LIVE, at the latest when this returns.
   * If it is PENDING too, the earlier position of the two is the one that may become LIVE.
   */
  bool Wins(std::uint32_t other, std::uint32_t word, std::uint32_t other_at, std::uint32_t entry_at, const EncodedKey& key) {
    const std::uint32_t state = records_.State(other);
    const bool pending = (state & 3) == layout::kRecordStatePending;
    if (!pending && (state & 3) != layout::kRecordStateLive) return false;
    if (!records_.HasKey(other, key)) return false;
    // Published under this generation? An entry is cleared before its record is used again, so entry and state, each read again, belong together.
    // An unpublished one must not be helped: it will make its second probe after ours, and see us.
    if (pending && Atomics::LoadSeqCst(buckets_ + other_at) != word) return false;
    if (records_.State(other) >> 2 != state >> 2) return false;
    if (!pending) return true;
    const bool earlier = Distance(key.hash, other_at) < Distance(key.hash, entry_at);
    return (earlier ? Settle(other, state, other_at, key) : records_.ChangeState(other, state, layout::kRecordStateAborted)) == layout::kRecordStateLive;
  }

  std::uint32_t Distance(std::uint32_t hash, std::uint32_t entry_at) const {
    return ((entry_at / kBucketWords - (hash & bucket_mask_)) & bucket_mask_) * kBucketWords + entry_at % kBucketWords;
  }

  /**
   * Removes a record of another thread's group, whose agent moved here. The entry goes first and FREE comes last: from then on the record is the group's owner's, who
   * must not find this thread still at it. What dies in between leaves a live record without an entry, which Inherit sets FREE.
   */
  bool RemoveGuest(std::uint32_t slot, std::uint32_t live) {
    if (records_.State(slot) != live) return false;
    Unlink(slot);
    return records_.ChangeState(slot, live, layout::kRecordStateFree) == layout::kRecordStateFree;
  }

  void NoteAway(std::uint32_t slot) {
    if (is_away_.empty()) is_away_.resize(std::size_t{index_mask_} + 1);
    is_away_[slot] = true;
    away_.push_back(slot);
  }

  void ForgetAway(std::uint32_t slot) { is_away_[slot] = false; }

  /** Looks at some of the records that are away, and takes back those whose agents have ended. Returns how many. */
  std::size_t CollectAway(std::size_t looks) {
    std::size_t collected = 0;
    for (std::size_t left = looks < away_.size() ? looks : away_.size(); left > 0; left--) {
      if (away_at_ >= away_.size()) away_at_ = 0;
      const std::uint32_t slot = away_[away_at_];
      // Pairs with the swap that made it FREE: what its last owner did to the record and its entry comes before.
      const bool is_free = (records_.State(slot) & 3) == layout::kRecordStateFree;
      if (is_away_[slot] && !is_free && records_.Byte(slot, layout::kRecordWordOwner) >> 16 != thread_) {
        away_at_++;
        continue;
      }
      away_[away_at_] = away_.back();
      away_.pop_back();
      if (is_away_[slot] && is_free) {
        collected++;
        records_.Recycle(slot);
      }
      is_away_[slot] = false;
    }
    return collected;
  }

  /** Frees the index entry of a record that is no longer live, then corrects the counters on its path (after: they may be too high, never too low). */
  void Unlink(std::uint32_t record) {
    const std::uint32_t home = records_.Byte(record, layout::kRecordWordHash) & bucket_mask_;
    const std::uint32_t entry_at = records_.Byte(record, layout::kRecordWordEntry);
    if (!IsEntryOf(record, entry_at)) return;
    Atomics::StoreSeqCst(buckets_ + entry_at, 0);
    Atomics::StoreRelease(records_.At(record) + layout::kRecordWordEntry, 0);
    LowerOverflow(home, entry_at / kBucketWords);
  }

  void LowerOverflow(std::uint32_t home, std::uint32_t last) {
    for (std::uint32_t bucket = home; bucket != last; bucket = (bucket + 1) & bucket_mask_) {
      Atomics::Subtract(buckets_ + std::size_t{bucket} * kBucketWords + layout::kBucketWordOverflow, 1);
    }
  }

  /** Whether there is an entry of the record at that position: not, if something else than this table wrote the position or the entry. */
  bool IsEntryOf(std::uint32_t record, std::uint32_t entry_at) const {
    if (entry_at >= (bucket_mask_ + 1) * kBucketWords || entry_at % kBucketWords == layout::kBucketWordOverflow) return false;
    return (Atomics::LoadSeqCst(buckets_ + entry_at) & index_mask_) == record;
  }

  /** Clears the entry that a lost thread left for a record that is not live. Its overflow counts stay: too high is harmless. */
  void ClearEntry(std::uint32_t record) {
    const std::uint32_t entry_at = records_.Byte(record, layout::kRecordWordEntry);
    if (!IsEntryOf(record, entry_at)) return;
    const std::uint32_t word = Atomics::LoadSeqCst(buckets_ + entry_at);
    if ((word & index_mask_) == record) Atomics::CompareExchange(buckets_ + entry_at, word, 0);
  }

  std::uint32_t* buckets_;
  std::uint32_t bucket_mask_;
  std::uint32_t index_mask_;
  std::uint32_t thread_;
  std::uint32_t thread_count_;
  /** Records of this thread's groups that other threads own: those of them whose bit is set. Some may be in it twice; the bit is taken once. */
  std::vector<std::uint32_t> away_;
  std::vector<bool> is_away_;
  std::size_t away_at_ = 0;
  RecordStore<Atomics> records_;
};

}  // namespace nexus
