/**
 * Calls of a routing table in which a thread is killed: what is there before, the call, and what must be there whatever happens. Names are deterministic, so that the
 * thread that dies and the ones that look at what it left agree without a word. Thread 0 owns what was there before, thread 2 dies, thread 3 died earlier.
 */
export const THREADS = 4;
export const CAPACITY = 2 ** 12;
export const SEED = [0x1234567, 0x7abcdef];
export const OTHER = 0;
export const SURVIVOR = 1;
export const VICTIM = 2;
export const RIVAL = 3;
export const KIND = 7;

/**
 * @param dist modules of the build: `halfSipHash` and the layout `L`.
 * @returns `prepare(open)` runs before the fault point, with `open(thread)` for tables of other threads and `victim` for the one that dies; `run(victim)` is the call;
 * `key` its name, `payload` its payload, `always` the names that are live before, after and meanwhile.
 */
export function scenarios({ halfSipHash, L }) {
  const hashed = Buffer.from(new ArrayBuffer(1028));
  const words = new Int32Array(hashed.buffer);
  const colliding = (count, prefix, tail = '') => {
    const keys = [];
    for (let number = 0; keys.length < count; number++) {
      const key = `${prefix}${number}${tail}`;
      if ((halfSipHash(words, hashed.write(key), SEED[0], SEED[1]) & (CAPACITY / 8 - 1)) === 5) keys.push(key);
    }
    return keys;
  };
  // More than a bucket holds, so that whatever is inserted after them goes beyond it.
  const crowd = colliding(17, 'crowd/');
  const [near] = colliding(1, 'near/');
  const [place] = colliding(1, 'place/');
  const long = colliding(1, 'long/', `/${'k'.repeat(280)}`)[0];
  const payload = Uint8Array.from({ length: 333 }, (_, index) => (index * 31) & 255);
  const numbered = (count) => Array.from({ length: count }, (_, number) => `victim/${number}`);
  const insertAll = (table, keys) => keys.map((key) => insert(table, key));
  const crowded = (open) => insertAll(open(OTHER), crowd);
  const makePending = (shared, slot) => {
    const at = ((shared.recordsOffset + slot * L.RECORD_BYTES) >> 2) + L.RECORD_WORD_STATE;
    shared.words[at] = (shared.words[at] & ~3) | L.RECORD_STATE_PENDING;
  };

  return {
    'the first insert of a thread': {
      key: 'first',
      always: crowd,
      prepare: ({ open }) => crowded(open),
      run: (victim) => victim.insert('first', KIND, undefined, 0),
    },
    'insert of a long name with a payload beyond its bucket': {
      key: long,
      payload,
      always: [...crowd, ...numbered(3)],
      prepare({ open, victim }) {
        crowded(open);
        insertAll(victim, numbered(3));
      },
      run: (victim) => victim.insert(long, KIND, payload, 0),
    },
    'insert against an earlier pending one of a dead thread': {
      key: near,
      always: [...crowd.slice(0, 3), 'victim/0'],
      prepare({ open, victim, shared }) {
        insertAll(open(OTHER), crowd.slice(0, 3));
        insert(victim, 'victim/0');
        makePending(shared, insert(open(RIVAL), near));
      },
      run: (victim) => victim.insert(near, KIND, undefined, 0),
    },
    'insert against a later pending one of a dead thread': {
      key: near,
      always: [...crowd.slice(0, 3), 'victim/0'],
      prepare({ open, victim, shared }) {
        const other = open(OTHER);
        const slot = insert(other, place);
        insertAll(other, crowd.slice(0, 3));
        insert(victim, 'victim/0');
        makePending(shared, insert(open(RIVAL), near));
        other.remove(slot, other.generationOf(slot));
      },
      run: (victim) => victim.insert(near, KIND, undefined, 0),
    },
    'remove of a long name beyond its bucket': {
      key: long,
      payload,
      isRemoval: true,
      always: [...crowd, ...numbered(3)],
      prepare({ open, victim }) {
        crowded(open);
        insertAll(victim, numbered(3));
        return victim.insert(long, KIND, payload, 0);
      },
      run: (victim, slot) => victim.remove(slot, victim.generationOf(slot)),
    },
    'remove that gives its group back': {
      key: 'last',
      isRemoval: true,
      always: crowd,
      prepare({ open, victim }) {
        crowded(open);
        // Two groups, of which a thread of so small a table keeps one.
        const slots = insertAll(victim, numbered(300));
        const last = insert(victim, 'last');
        for (const slot of slots) victim.remove(slot, victim.generationOf(slot));
        return last;
      },
      run: (victim, slot) => victim.remove(slot, victim.generationOf(slot)),
    },
    'removal of a record of another thread’s group': {
      key: long,
      payload,
      isRemoval: true,
      always: [...crowd, ...numbered(3)],
      prepare({ open, victim }) {
        crowded(open);
        insertAll(victim, numbered(3));
        // Its group belongs to the thread that died earlier, so that its successor has to find the record again.
        const home = open(RIVAL);
        const slot = home.insert(long, KIND, payload, 0);
        home.rehome(slot, home.generationOf(slot), VICTIM);
        return slot;
      },
      run: (victim, slot) => victim.remove(slot, victim.generationOf(slot)),
    },
    'inherit with a record of another thread’s group, and one that is away': {
      key: long,
      payload,
      isKept: true,
      always: [...crowd, ...numbered(3), 'away'],
      prepare({ open, victim, shared }) {
        crowded(open);
        insertAll(victim, numbered(3));
        for (const half of ['half/1', `half/2/${'h'.repeat(200)}`, 'half/3']) makePending(shared, insert(victim, half));
        const home = open(RIVAL);
        const slot = home.insert(long, KIND, payload, 0);
        home.rehome(slot, home.generationOf(slot), VICTIM);
        const away = insert(victim, 'away');
        victim.rehome(away, victim.generationOf(away), OTHER);
      },
      isSuccessor: true,
      run: (victim) => victim.inherit().length,
    },
    'inherit of what another death left': {
      key: long,
      payload,
      isKept: true,
      always: [...crowd, ...numbered(3)],
      prepare({ open, victim, shared }) {
        crowded(open);
        insertAll(victim, numbered(3));
        victim.insert(long, KIND, payload, 0);
        for (const key of ['half/1', `half/2/${'h'.repeat(200)}`]) makePending(shared, insert(victim, key));
        const at = ((shared.recordsOffset + insert(victim, 'half/3') * L.RECORD_BYTES) >> 2) + L.RECORD_WORD_STATE;
        shared.words[at] = (shared.words[at] & ~3) | L.RECORD_STATE_FREE;
      },
      isSuccessor: true,
      run: (victim) => victim.inherit().length,
    },
  };
}

function insert(table, key) {
  const slot = table.insert(key, KIND, undefined, 0);
  if (slot <= 0) throw new Error(`'${key}' could not be prepared: ${slot}`);
  return slot;
}
