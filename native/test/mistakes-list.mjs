/**
 * The mistakes that mistakes.mjs seeds: what is replaced in which file, which source is compiled with it, and the scenario of the explorer that must fail.
 * docs/verification.md has the same list.
 */
const TABLE = 'include/nexus/routing_table.hpp';
const STORE = 'include/nexus/record_store.hpp';
const ALLOCATOR = 'include/nexus/record_allocator.hpp';
const PARKING = 'include/nexus/parking.hpp';
const RING = 'test/ring.hpp';
const FRAMES = 'include/nexus/frame_ring.hpp';

const inTable = (name, caughtBy, ...changes) => ({ name, caughtBy, changes, source: 'scenarios/table_scenario.cc' });
const inParking = (name, caughtBy, ...changes) => ({ name, caughtBy, changes, source: 'scenarios/parking.cc' });
const inFrames = (name, caughtBy, ...changes) => ({ name, caughtBy, changes, source: 'scenarios/frame_ring.cc' });
const inRing = (name, caughtBy, ...changes) => ({ name, caughtBy, changes, source: 'scenarios/ring.cc' });

export const mistakes = [
  inTable(
    'a record is published before it is complete',
    'table: two inserts of one name',
    { file: STORE, from: '    Put(words + layout::kRecordWordHash, key.hash);\n', to: '' },
    {
      file: TABLE,
      from: '        *inserted = {record, pending >> 2, thread_, kind};\n',
      to: '        Atomics::StoreRelease(records_.At(record) + layout::kRecordWordHash, key.hash);\n        *inserted = {record, pending >> 2, thread_, kind};\n',
    },
  ),
  inTable('bytes of a record are stored relaxed', 'table: with acquire and release only, a stale reference beside remove, insert of other names', {
    file: STORE,
    from: 'static void Put(std::uint32_t* word, std::uint32_t value) { Atomics::StoreRelease(word, value); }',
    to: 'static void Put(std::uint32_t* word, std::uint32_t value) { Atomics::StoreRelaxed(word, value); }',
  }),
  inTable('bytes of a record are loaded relaxed', 'table: with acquire and release only, a stale reference beside remove, insert of other names', {
    file: STORE,
    from: 'return Atomics::LoadAcquire(At(record) + word);',
    to: 'return Atomics::LoadRelaxed(At(record) + word);',
  }),
  inTable('a guest is free before its entry is gone', 'table: a record is given away, removed by its new owner and used again by its old one beside find', {
    file: TABLE,
    from: '    Unlink(slot);\n    return records_.ChangeState(slot, live, layout::kRecordStateFree) == layout::kRecordStateFree;',
    to: '    if (records_.ChangeState(slot, live, layout::kRecordStateFree) != layout::kRecordStateFree) return false;\n    Unlink(slot);\n    return true;',
  }),
  inTable('a copy is not validated', 'table: a stale reference beside remove, insert of another name into the record', {
    file: STORE,
    from: '    *byte_length = length;\n    return State(slot) == live;',
    to: '    *byte_length = length;\n    return true;',
  }),
  inTable('a name that was found is not validated', 'table: a name whose entry looks like that of another beside remove, insert of the other', {
    file: TABLE,
    from: 'if (records_.State(record) == state) {\n          found->slot',
    to: 'if (true) {\n          found->slot',
  }),
  inTable('the generation is not raised', 'table: a stale reference beside remove, insert again', {
    file: STORE,
    from: '(((State(record) >> 2) + 1) << 2)',
    to: '((State(record) >> 2) << 2)',
  }),
  inTable('an insert does not look again after it has published', 'table: two inserts of one name', {
    file: TABLE,
    from: '    if (now != pending) return RecordStore<Atomics>::StateOf(now, pending);\n',
    to: '    if (now != pending) return RecordStore<Atomics>::StateOf(now, pending);\n    if (key.hash != 0) return records_.ChangeState(record, pending, layout::kRecordStateLive);\n',
  }),
  inTable('the entry is published with release order only', 'table: two inserts of one name', {
    file: TABLE,
    from: 'if (Atomics::CompareExchange(buckets_ + base + entry, 0, word) == 0) return base + entry;',
    to: 'Atomics::StoreRelease(buckets_ + base + entry, word);\n        return base + entry;',
  }),
  inTable('a pending record is helped that is not published', 'table: remove, insert again beside insert, of one name', {
    file: TABLE,
    from: '    if (pending && Atomics::LoadSeqCst(buckets_ + other_at) != word) return false;\n',
    to: '',
  }),
  inTable('of two pending records both win', 'table: two inserts of one name', {
    file: TABLE,
    from: 'if (!pending) return true;',
    to: 'if (pending) return false;\n    return true;',
  }),
  inTable('an overflow counter is lowered twice', 'table: a name beyond its full bucket is found while another leaves', {
    file: TABLE,
    from: 'Atomics::Subtract(buckets_ + std::size_t{bucket} * kBucketWords + layout::kBucketWordOverflow, 1);',
    to: 'Atomics::Subtract(buckets_ + std::size_t{bucket} * kBucketWords + layout::kBucketWordOverflow, 2);',
  }),
  inTable('overflow counters are lowered while the name is still live', 'table: the only name beyond a full bucket leaves beside find, read', {
    file: TABLE,
    from: '    if (Atomics::CompareExchange(records_.StateWord(slot), live, (generation << 2) | layout::kRecordStateFree) != live) return false;\n',
    to: `    LowerOverflow(records_.Byte(slot, layout::kRecordWordHash) & bucket_mask_, records_.Byte(slot, layout::kRecordWordEntry) / kBucketWords);
    if (Atomics::CompareExchange(records_.StateWord(slot), live, (generation << 2) | layout::kRecordStateFree) != live) return false;\n`,
  }),
  inTable(
    'overflow counters are raised only after the name is live',
    'table: two inserts beyond a full bucket whose entries go',
    {
      file: TABLE,
      from: 'if (Atomics::CompareExchange(buckets_ + base + entry, 0, word) == 0) return base + entry;',
      to: `if (Atomics::CompareExchange(buckets_ + base + entry, 0, word) != 0) continue;
        LowerOverflow(home, (home + step) & bucket_mask_);
        return base + entry;`,
    },
    {
      file: TABLE,
      from: '        *inserted = {record, pending >> 2, thread_, kind};\n',
      to: `        for (std::uint32_t at = key.hash & bucket_mask_; at != entry_at / kBucketWords; at = (at + 1) & bucket_mask_) {
          Atomics::Add(buckets_ + at * kBucketWords + layout::kBucketWordOverflow, 1);
        }
        *inserted = {record, pending >> 2, thread_, kind};\n`,
    },
  ),
  inTable(
    'the position of an entry is noted only after it is published',
    'death: in an insert; a successor inherits and inserts beside insert of the same name',
    {
      file: TABLE,
      from: `        Atomics::StoreRelease(records_.At(record) + layout::kRecordWordEntry, base + entry);
        if (Atomics::CompareExchange(buckets_ + base + entry, 0, word) == 0) return base + entry;`,
      to: `        if (Atomics::CompareExchange(buckets_ + base + entry, 0, word) != 0) continue;
        Atomics::StoreRelease(records_.At(record) + layout::kRecordWordEntry, base + entry);
        return base + entry;`,
    },
  ),
  inTable(
    'a successor does not abort what its predecessor left pending',
    'death: in an insert; a successor inherits and inserts beside insert of the same name',
    {
      file: TABLE,
      from: '        if ((state & 3) == layout::kRecordStatePending) records_.ChangeState(record, state, layout::kRecordStateAborted);\n',
      to: '',
    },
  ),
  inTable('a group is claimed by a store', 'table: two threads want the last group of records', {
    file: ALLOCATOR,
    from: 'if (Atomics::CompareExchange(owners_ + number, 0, tag_) != 0) continue;',
    to: 'Atomics::StoreSeqCst(owners_ + number, tag_);',
  }),
  inParking('no second look before parking', 'parking: a consumer beside a producer of one message', {
    file: PARKING,
    from: '    if (!HasWork()) return true;\n',
    to: '    if (HasWork() || true) return true;\n',
  }),
  inParking('PARKED is stored with release order only', 'parking: a consumer beside a producer of one message', {
    file: PARKING,
    from: 'Atomics::StoreSeqCst(words_ + layout::kThreadWordParked, 1);',
    to: 'Atomics::StoreRelease(words_ + layout::kThreadWordParked, 1);',
  }),
  inParking('PARKED is not swapped: two producers wake', 'parking: a consumer beside two producers of one message: one of them wakes', {
    file: PARKING,
    from: 'return Atomics::LoadSeqCst(parked) == 1 && Atomics::CompareExchange(parked, 1, 0) == 1;',
    to: 'if (Atomics::LoadSeqCst(parked) != 1) return false;\n    Atomics::StoreSeqCst(parked, 0);\n    return true;',
  }),
  inParking('ATTENTION is cleared by a store, which learns nothing of the request it overwrites', 'parking: a consumer beside two requests for attention', {
    file: PARKING,
    from: 'Atomics::CompareExchange(words_ + layout::kThreadWordAttention, 1, 0);',
    to: 'Atomics::StoreSeqCst(words_ + layout::kThreadWordAttention, 0);',
  }),
  inRing('TAIL is published relaxed', 'ring: three messages, each published', {
    file: RING,
    from: 'Atomics::StoreSeqCst(ring_ + layout::kRingWordTail, tail_);',
    to: 'Atomics::StoreRelaxed(ring_ + layout::kRingWordTail, tail_);',
  }),
  inRing('TAIL is read relaxed', 'ring: three messages, each published', {
    file: RING,
    from: 'const std::uint32_t tail = Atomics::LoadSeqCst(ring_ + layout::kRingWordTail);',
    to: 'const std::uint32_t tail = Atomics::LoadRelaxed(ring_ + layout::kRingWordTail);',
  }),
  inRing('TAIL is stored before the message is written', 'ring: three messages, each published', {
    file: RING,
    from: '    const std::uint32_t rest = size_ - position;\n',
    to: '    const std::uint32_t rest = size_ - position;\n    Atomics::StoreSeqCst(ring_ + layout::kRingWordTail, tail_ + 16);\n',
  }),
  inRing('HEAD is stored before the messages are read', 'ring: more messages than fit: full, wake request, room', {
    file: RING,
    from: '    int count = 0;\n',
    to: '    int count = 0;\n    Atomics::StoreSeqCst(ring_ + layout::kRingWordHead, tail);\n',
  }),
  inRing('no second look at HEAD after BLOCKED is set', 'ring: more messages than fit: full, wake request, room', {
    file: RING,
    from: '    head_ = Atomics::LoadSeqCst(ring_ + layout::kRingWordHead);\n    return Begin() != nullptr;',
    to: '    return false;',
  }),
  inFrames('a frame is published before it is there', 'frames: the producer is killed, and what it had published arrives whole', {
    file: FRAMES,
    from: '    std::uint32_t* to = data_ + position / 4;\n',
    to: '    std::uint32_t* to = data_ + position / 4;\n    Atomics::StoreSeqCst(ring_ + layout::kRingWordTail, tail_ + record);\n',
  }),
  inFrames('TAIL of frames is published relaxed', 'frames: three, one after the other', {
    file: FRAMES,
    from: 'Atomics::StoreSeqCst(ring_ + layout::kRingWordTail, tail_);',
    to: 'Atomics::StoreRelaxed(ring_ + layout::kRingWordTail, tail_);',
  }),
  inFrames('the place of a frame is given back before it is copied out', 'frames: more than fit: full, asked for room, room', {
    file: FRAMES,
    from: '      Atomics::CopyOut(to, record + kFrameHeaderBytes / 4, length);\n',
    to: '      Atomics::StoreSeqCst(ring_ + layout::kRingWordHead, head_ + bytes);\n      Atomics::CopyOut(to, record + kFrameHeaderBytes / 4, length);\n',
  }),
  inFrames('no second look at HEAD after room was asked for', 'frames: more than fit: full, asked for room, room', {
    file: FRAMES,
    from: '    Atomics::StoreSeqCst(ring_ + layout::kRingWordBlocked, 1);\n    return MakeRoom(rest >= record ? record : rest + record);',
    to: '    Atomics::StoreSeqCst(ring_ + layout::kRingWordBlocked, 1);\n    return rest == record ? RingOutcome::kFull : RingOutcome::kFull;',
  }),
  inFrames('the rest of the ring is not counted when it is padded', 'frames: of two sizes, so that the rest of the ring is padded', {
    file: FRAMES,
    from: 'const RingOutcome room = MakeRoom(rest >= record ? record : rest + record);',
    to: 'const RingOutcome room = MakeRoom(record);',
  }),
];
