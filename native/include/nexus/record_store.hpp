// The records of the routing table: their states, their bytes, and how the bytes are written by one thread and read by all. Not the index: that is
// routing_table.hpp, which is the only user.
//
// A record goes FREE -> PENDING -> LIVE -> FREE, with a generation that grows with every use, all in one word (STATE). Only the owner writes its bytes.
// A reader loads STATE, then the bytes, then STATE again, and believes the bytes if STATE has not changed (a sequence lock without fences, after Boehm,
// "Can seqlocks get along with programming language memory models?", 2012):
// - the bytes are stored with release order, after STATE became FREE, and loaded with acquire order. A reader that loads a byte word of a later use therefore
//   synchronizes with the thread that stored it, and its second load of STATE cannot return the earlier use any more;
// - the first load of STATE is an acquire and pairs with the store of PENDING (or the swap to LIVE, which carries it on): the bytes are at least as new.
#pragma once
#include <cstdint>
#include <cstring>

#include "encoded_key.hpp"
#include "record_allocator.hpp"

namespace nexus {

template <class Atomics = HardwareAtomics>
class RecordStore {
 public:
  static constexpr std::uint32_t kInlineWords = layout::kRecordInlineBytes / 4;
  static constexpr std::uint32_t kExtensionWords = layout::kExtensionInlineBytes / 4;
  /** Of the longest key with the largest payload. */
  static constexpr std::uint32_t kExtensionsMax = (layout::kKeyBytesMax + layout::kPayloadBytesMax) / layout::kExtensionInlineBytes + 1;

  RecordStore(const SharedMemory& shared, std::uint32_t thread)
      : records_(shared.Words(shared.records_offset)), index_mask_(shared.record_capacity - 1), thread_(thread), allocator_(shared, thread) {}

  RecordAllocator<Atomics>& Allocator() { return allocator_; }
  const RecordAllocator<Atomics>& Allocator() const { return allocator_; }
  std::uint32_t* At(std::uint32_t record) const { return records_ + std::size_t{record} * (layout::kRecordBytes / 4); }
  std::uint32_t* StateWord(std::uint32_t record) const { return At(record) + layout::kRecordWordState; }

  // STATE is sequentially consistent everywhere: the protocol of `Settle` compares it with other words, and on x64 the load costs nothing more.
  std::uint32_t State(std::uint32_t record) const { return Atomics::LoadSeqCst(StateWord(record)); }

  /** Only by the owner, when nobody else may change the word: it is FREE or ABORTED, or PENDING and not in the index. */
  void SetState(std::uint32_t record, std::uint32_t state) { Atomics::StoreSeqCst(StateWord(record), (State(record) & ~3u) | state); }

  /** One compare-and-swap from a state word that was read before; nothing happens if it has changed. Returns the state that use of the record ended in. */
  std::uint32_t ChangeState(std::uint32_t record, std::uint32_t from, std::uint32_t state) {
    const std::uint32_t seen = Atomics::CompareExchange(StateWord(record), from, (from & ~3u) | state);
    return seen == from ? state : StateOf(seen, from);
  }

  /** State in the word `now` of the use of a record whose state word was `before`: FREE if that use is over. */
  static std::uint32_t StateOf(std::uint32_t now, std::uint32_t before) { return (now >> 2) == (before >> 2) ? now & 3 : layout::kRecordStateFree; }

  /** A word of a record or extension, between two loads of STATE. */
  std::uint32_t Byte(std::uint32_t record, std::uint32_t word) const { return Atomics::LoadAcquire(At(record) + word); }

  /** Whether the bytes of the record are this key. Holds if the record's STATE is the same before and after. */
  bool HasKey(std::uint32_t record, const EncodedKey& key) const {
    if (Byte(record, layout::kRecordWordHash) != key.hash || Byte(record, layout::kRecordWordKeyBytes) != key.byte_length) return false;
    const std::uint32_t count = (key.byte_length + 3) / 4;
    Cursor cursor(*this, record);
    for (std::uint32_t index = 0; index < count; index++) {
      if (cursor.Next() != key.words[index]) return false;
    }
    return true;
  }

  /** Allocates and fills a record, ending in PENDING under a new generation. 0 if there is no room. */
  std::uint32_t Write(const EncodedKey& key, std::uint32_t kind, const std::uint8_t* payload, std::uint32_t payload_bytes, std::uint32_t parent) {
    const std::uint32_t record = allocator_.Allocate();
    if (record == 0) return 0;
    std::uint32_t* words = At(record);
    Put(words + layout::kRecordWordHash, key.hash);
    Put(words + layout::kRecordWordOwner, (thread_ << 16) | kind);
    Put(words + layout::kRecordWordKeyBytes, key.byte_length);
    Put(words + layout::kRecordWordPayloadBytes, payload_bytes);
    Put(words + layout::kRecordWordExtension, 0);
    Put(words + layout::kRecordWordEntry, 0);
    Put(words + layout::kRecordWordParent, parent);
    const std::uint32_t key_count = (key.byte_length + 3) / 4;
    const std::uint32_t count = key_count + (payload_bytes + 3) / 4;
    std::uint32_t* link = words + layout::kRecordWordExtension;
    std::uint32_t* to = words + layout::kRecordWordInline;
    std::uint32_t room = kInlineWords;
    for (std::uint32_t index = 0; index < count; index++, room--) {
      if (room == 0) {
        const std::uint32_t extension = allocator_.Allocate();
        if (extension == 0) {
          Recycle(record);
          return 0;
        }
        Put(At(extension) + layout::kExtensionWordNext, 0);
        Put(link, extension);
        link = At(extension) + layout::kExtensionWordNext;
        to = At(extension) + layout::kExtensionWordInline;
        room = kExtensionWords;
      }
      Put(to++, index < key_count ? key.words[index] : PayloadWord(payload, payload_bytes, index - key_count));
    }
    // Pairs with the first load of STATE by any reader: whoever sees PENDING sees the bytes.
    Atomics::StoreSeqCst(StateWord(record), (((State(record) >> 2) + 1) << 2) | layout::kRecordStatePending);
    return record;
  }

  /** Gives the record and its extensions back to the allocator. */
  void Recycle(std::uint32_t record) {
    std::uint32_t extension = Byte(record, layout::kRecordWordExtension);
    // A link that no writer makes ends the list: what is behind it is lost, until the group is inherited.
    for (std::uint32_t left = kExtensionsMax; left > 0 && IsExtension(extension); left--) {
      // Before the release: the allocator may give the whole group to another thread, which may write to it at once.
      const std::uint32_t next = Byte(extension, layout::kExtensionWordNext);
      allocator_.Release(extension);
      extension = next;
    }
    if ((State(record) >> 2) >= layout::kGenerationMax) allocator_.Retire(record);
    else allocator_.Release(record);
  }

  /** Whether this may be an extension in a list of this thread: one of its records, never LIVE by itself. 0, which ends a list, is not. */
  bool IsExtension(std::uint32_t record) const {
    return record - 1 < index_mask_ && (State(record) & 3) == layout::kRecordStateFree && allocator_.Owns(record / layout::kGroupRecords);
  }

  /** Bytes of key or payload of a live record, or false if that generation is not live. `Reserve(n)` returns room for n words. */
  template <class Reserve>
  bool Copy(std::uint32_t slot, std::uint32_t generation, bool payload, std::uint32_t* byte_length, Reserve reserve) const {
    const std::uint32_t live = (generation << 2) | layout::kRecordStateLive;
    if (slot == 0 || slot > index_mask_ || State(slot) != live) return false;
    const std::uint32_t key_bytes = Byte(slot, layout::kRecordWordKeyBytes);
    const std::uint32_t payload_bytes = Byte(slot, layout::kRecordWordPayloadBytes);
    // Lengths of a record that is being written again may not belong together: validate before they size anything. No writer makes longer ones.
    if (State(slot) != live || key_bytes > layout::kKeyBytesMax || payload_bytes > layout::kPayloadBytesMax) return false;
    const std::uint32_t first = payload ? (key_bytes + 3) / 4 : 0;
    const std::uint32_t length = payload ? payload_bytes : key_bytes;
    const std::uint32_t end = first + (length + 3) / 4;
    std::uint32_t* copy = reserve(end - first);
    Cursor cursor(*this, slot);
    for (std::uint32_t index = 0; index < end; index++) {
      const std::uint32_t word = cursor.Next();
      if (index >= first) copy[index - first] = word;
    }
    *byte_length = length;
    return State(slot) == live;
  }

 private:
  /** Walks the words of a record through its extensions. Links are masked, because a record that is being written again may hold anything there. */
  class Cursor {
   public:
    Cursor(const RecordStore& store, std::uint32_t record) : store_(store), at_(record) {}
    std::uint32_t Next() {
      if (room_ == 0) {
        at_ = store_.Byte(at_, link_) & store_.index_mask_;
        link_ = layout::kExtensionWordNext;
        word_ = layout::kExtensionWordInline;
        room_ = kExtensionWords;
      }
      room_--;
      return store_.Byte(at_, word_++);
    }

   private:
    const RecordStore& store_;
    std::uint32_t at_;
    std::uint32_t link_ = layout::kRecordWordExtension;
    std::uint32_t word_ = layout::kRecordWordInline;
    std::uint32_t room_ = kInlineWords;
  };

  static void Put(std::uint32_t* word, std::uint32_t value) { Atomics::StoreRelease(word, value); }

  static std::uint32_t PayloadWord(const std::uint8_t* payload, std::uint32_t payload_bytes, std::uint32_t index) {
    std::uint32_t word = 0;
    const std::uint32_t left = payload_bytes - index * 4;
    std::memcpy(&word, payload + std::size_t{index} * 4, left < 4 ? left : 4);
    return word;
  }

  std::uint32_t* records_;
  std::uint32_t index_mask_;
  std::uint32_t thread_;
  RecordAllocator<Atomics> allocator_;
};

}  // namespace nexus
