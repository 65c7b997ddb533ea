/**
 * What every routing table promises, for each engine alone and for each pair on one memory: one object of the first engine on thread 0, one of the second on
 * thread 1. The portable one is the oracle. Every call of the suite goes through both.
 */
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PortableRoutingTable } from '../../dist/bindings/portable/routing-table.js';
import { createSharedMemory, ringOffset } from '../../dist/bindings/shared-memory.js';
import * as L from '../../dist/layout/generated/layout.js';
import { INSERT_EXISTS, INSERT_FULL, type RoutingTable } from '../../dist/ts-src/ports/engine.js';
import { BUCKETS, CAPACITY, SEED, clean, colliding, hashOf, loaded, memory, open, pairs, recordWord } from './tables.js';

it('says why the native engine is not tested, if it is not', () => {
  if (loaded.errors !== undefined) process.stderr.write(`native engine not tested: ${loaded.errors.join('; ')}\n`);
});

describe.each(pairs)('routing table: %s and %s', (first, second) => {
  const missing = loaded.addon === undefined && [first, second].some((name) => name === 'native' || name === 'fastest');
  const test = it.skipIf(missing);
  const setUp = () => {
    const shared = memory();
    return { shared, a: open(first, shared, 0), b: open(second, shared, 1) };
  };
  const find = (table: RoutingTable, key: string) => {
    const slot = table.find(key);
    return slot === 0 ? undefined : { slot, generation: table.foundGeneration };
  };

  test('what one inserts both find, and neither inserts again', () => {
    const { a, b } = setUp();
    const slot = a.insert('order/1', 7, undefined, 3);
    expect(slot).toBeGreaterThan(0);
    const generation = a.generationOf(slot);
    expect(find(a, 'order/1')).toEqual({ slot, generation });
    expect(find(b, 'order/1')).toEqual({ slot, generation });
    expect(a.insert('order/1', 7, undefined, 0)).toBe(INSERT_EXISTS);
    expect(b.insert('order/1', 8, undefined, 0)).toBe(INSERT_EXISTS);
    for (const table of [a, b]) {
      expect([table.threadOf(slot, generation), table.kindOf(slot, generation), table.parentOf(slot, generation)]).toEqual([0, 7, 3]);
      expect([table.keyOf(slot, generation), table.payloadOf(slot, generation), table.find('order/2')]).toEqual(['order/1', undefined, 0]);
    }
  });

  test('a removed name is gone, its address stale, and its record comes back under a higher generation', () => {
    const { a, b } = setUp();
    const slot = a.insert('x', 1, undefined, 0);
    const generation = a.generationOf(slot);
    expect(b.remove(slot, generation)).toBe(false);
    expect(a.remove(slot, generation + 1)).toBe(false);
    expect(a.remove(slot, generation)).toBe(true);
    expect(a.remove(slot, generation)).toBe(false);
    for (const table of [a, b]) {
      expect([table.find('x'), table.threadOf(slot, generation), table.kindOf(slot, generation), table.parentOf(slot, generation)]).toEqual([0, -1, -1, 0]);
      expect([table.keyOf(slot, generation), table.payloadOf(slot, generation)]).toEqual([undefined, undefined]);
    }
    const again = a.insert('y', 1, undefined, 0);
    expect(again).toBe(slot);
    expect(a.generationOf(again)).toBe(generation + 1);
    expect(b.threadOf(slot, generation)).toBe(-1);
    expect(b.threadOf(slot, generation + 1)).toBe(0);
    expect(b.insert('x', 2, undefined, 0)).toBeGreaterThan(0);
  });

  test('slots outside the table are not live', () => {
    const { a } = setUp();
    for (const slot of [0, CAPACITY, CAPACITY * 4]) {
      expect([a.remove(slot, 1), a.kindOf(slot, 1), a.parentOf(slot, 1), a.keyOf(slot, 1), a.payloadOf(slot, 1)]).toEqual([false, -1, 0, undefined, undefined]);
    }
  });

  test('names of every length from 1 to 1,024 bytes, in any script', () => {
    const { a, b } = setUp();
    const lengths = [...Array.from({ length: 70 }, (_, index) => index + 1), 88, 89, 144, 145, 255, 256, 1021, 1022, 1023, 1024];
    const keys = [
      ...lengths.map((length) => `${length}${'k'.repeat(length)}`.slice(-length)),
      'ä',
      'Ω/ω',
      '日本語'.repeat(100),
      '🙂',
      `a${'é'.repeat(511)}`,
      'nul\0in',
      '\0',
      '\0\0',
    ];
    for (const [index, key] of keys.entries()) {
      const writer = index % 2 === 0 ? a : b;
      const reader = index % 2 === 0 ? b : a;
      const slot = writer.insert(key, index, undefined, 0);
      expect(slot, key).toBeGreaterThan(0);
      expect(reader.find(key), key).toBe(slot);
      expect(reader.keyOf(slot, reader.foundGeneration)).toBe(key);
      expect(writer.keyOf(slot, reader.foundGeneration)).toBe(key);
    }
  });

  test('a lone surrogate is the replacement character, in every engine', () => {
    const { a, b } = setUp();
    const slot = a.insert('a\ud800b', 1, undefined, 0);
    expect([b.find('a\ud800b'), b.find('a\ufffdb'), a.find('a\udc00b')]).toEqual([slot, slot, slot]);
    expect(b.insert('a\udfffb', 1, undefined, 0)).toBe(INSERT_EXISTS);
    expect([a.keyOf(slot, 1), b.keyOf(slot, 1)]).toEqual(['a\ufffdb', 'a\ufffdb']);
  });

  test('no name, a name of 1,025 bytes, a payload of 65,537 bytes: a TypeError with a code, and nothing changes', () => {
    const { a, b } = setUp();
    for (const table of [a, b]) {
      for (const key of ['', 'k'.repeat(1025), 'é'.repeat(513), '日'.repeat(342), 'k'.repeat(100_000)]) {
        expect(() => table.find(key)).toThrow(expect.objectContaining({ code: 'NEXUS_OPTION_INVALID' }));
        expect(() => table.insert(key, 1, undefined, 0)).toThrow(TypeError);
      }
      expect(() => table.insert('k', 1, new Uint8Array(65_537), 0)).toThrow(expect.objectContaining({ code: 'NEXUS_MESSAGE_TOO_LARGE' }));
      expect(table.statistics()).toMatchObject(clean);
    }
  });

  test('payloads up to 65,536 bytes, behind short and long names', () => {
    const { a, b } = setUp();
    for (const bytes of [0, 1, 3, 4, 24, 25, 32, 33, 80, 1000, 65_535, 65_536]) {
      for (const key of [`p${bytes}`, `p${bytes}/${'k'.repeat(500)}`]) {
        const payload = Uint8Array.from({ length: bytes }, (_, index) => (index * 31 + bytes) & 255);
        const [writer, reader] = bytes % 2 === 0 ? [a, b] : [b, a];
        const slot = writer.insert(key, 1, payload, 0);
        expect(slot).toBeGreaterThan(0);
        const generation = writer.generationOf(slot);
        for (const table of [reader, writer]) {
          const copy = table.payloadOf(slot, generation);
          expect(copy === undefined ? undefined : Buffer.compare(copy, payload)).toBe(bytes === 0 ? undefined : 0);
          expect(table.keyOf(slot, generation)).toBe(key);
        }
        expect(writer.remove(slot, generation)).toBe(true);
      }
    }
    expect(a.statistics()).toMatchObject(clean);
  });

  test('a full table says so, loses nothing, and takes names again after removals', () => {
    const { a, b } = setUp();
    const inserted: { table: RoutingTable; key: string; slot: number; generation: number }[] = [];
    let full = 0;
    for (let number = 0; full < 2; number++) {
      const table = full === 0 ? a : b;
      const slot = table.insert(`full/${number}`, 1, undefined, 0);
      if (slot === INSERT_FULL) full++;
      else inserted.push({ table, key: `full/${number}`, slot, generation: table.generationOf(slot) });
    }
    // Record 0 is never used.
    expect(inserted.length).toBe(CAPACITY - 1);
    expect(b.statistics()).toMatchObject({ live: CAPACITY - 1, claimed: CAPACITY, staleEntries: 0 });
    for (const each of inserted) expect(b.find(each.key)).toBe(each.slot);
    // Needs an extension that is not there: all or nothing.
    const last = inserted.pop() as (typeof inserted)[0];
    expect(last.table.remove(last.slot, last.generation)).toBe(true);
    expect(last.table.insert('k'.repeat(100), 1, undefined, 0)).toBe(INSERT_FULL);
    expect(last.table.insert('short', 1, undefined, 0)).toBe(last.slot);
    inserted.push({ ...last, key: 'short', generation: last.table.generationOf(last.slot) });
    for (const each of inserted) expect(each.table.remove(each.slot, each.generation)).toBe(true);
    expect(a.statistics()).toMatchObject(clean);
    // Wholly free groups go back but for a few, so one thread cannot keep them all.
    expect(b.insert('after', 1, undefined, 0)).toBeGreaterThan(0);
  });

  test('names of one bucket run over into the next ones, and the counters return to 0', () => {
    const { a, b } = setUp();
    const keys = colliding(50);
    const slots = keys.map((key, index) => (index % 2 === 0 ? a : b).insert(key, index, undefined, 0));
    expect(b.statistics()).toMatchObject({ live: 50, probeBucketsMax: 4 });
    expect(a.statistics().overflow).toBeGreaterThan(0);
    for (const [index, key] of keys.entries()) expect([a.find(key), b.find(key)]).toEqual([slots[index], slots[index]]);
    expect(a.find(colliding(51)[50] as string)).toBe(0);
    // From the front: entries beyond a bucket stay reachable when it has room again.
    for (const [index, key] of keys.entries()) {
      const owner = index % 2 === 0 ? a : b;
      expect(owner.remove(slots[index] as number, owner.generationOf(slots[index] as number))).toBe(true);
      expect(b.find(key)).toBe(0);
      for (const [later, other] of keys.entries()) if (later > index) expect(a.find(other)).toBe(slots[later]);
    }
    expect(a.statistics()).toMatchObject(clean);
  });

  test('a probe path that is full is a full table, and leaves no counts behind', () => {
    const { shared, a } = setUp();
    // 64 buckets from the home of 'c' on, filled with an entry of the unused record 0xfff, whose tag differs from every hash.
    const key = colliding(1)[0] as string;
    const other = ~hashOf(key) & ~(CAPACITY - 1);
    const at = (step: number, entry: number) => ((shared.bucketsOffset + ((5 + step) % BUCKETS) * L.BUCKET_BYTES) >> 2) + entry;
    for (let step = 0; step < 64; step++) for (let entry = 1; entry < 16; entry++) shared.words[at(step, entry)] = other | 0xfff;
    expect(a.insert(key, 1, undefined, 0)).toBe(INSERT_FULL);
    for (let step = 0; step < 64; step++) expect(shared.words[at(step, 0)]).toBe(0);
  });

  test('entries: of all, of one thread', () => {
    const { a, b } = setUp();
    for (let number = 0; number < 30; number++) (number % 3 === 0 ? a : b).insert(`e${number}`, number, undefined, 0);
    for (const table of [a, b]) {
      const all = [...table.entries()];
      expect(all.map((entry) => entry.kind).sort((x, y) => x - y)).toEqual(Array.from({ length: 30 }, (_, kind) => kind));
      for (const entry of all) expect([table.keyOf(entry.slot, entry.generation), entry.thread]).toEqual([`e${entry.kind}`, entry.kind % 3 === 0 ? 0 : 1]);
      expect([...table.entries(0)].length).toBe(10);
      expect([...table.entries(1)].every((entry) => entry.thread === 1)).toBe(true);
      expect([...table.entries(2)]).toEqual([]);
    }
  });

  test('behaves as a map does, whatever the calls', () => {
    const key = fc.oneof(
      fc.nat(20).map((number) => `k${number}`),
      fc.constantFrom(...colliding(40)),
      fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }),
      fc.string({ minLength: 200, maxLength: 300 }),
    );
    const call = fc.record({
      who: fc.boolean(),
      what: fc.constantFrom('insert', 'insert', 'find', 'remove'),
      key,
      payloadBytes: fc.constantFrom(0, 0, 5, 100),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 120 }), (calls) => {
        const { a, b } = setUp();
        const model = new Map<string, { slot: number; generation: number; owner: RoutingTable; payload: Uint8Array | undefined; kind: number }>();
        for (const { who, what, key, payloadBytes, pick } of calls) {
          const table = who ? a : b;
          if (what === 'insert') {
            const payload = payloadBytes === 0 ? undefined : new Uint8Array(payloadBytes).fill(pick & 255);
            const slot = table.insert(key, pick & 0xffff, payload, 0);
            expect(slot === INSERT_EXISTS).toBe(model.has(key));
            if (slot > 0) model.set(key, { slot, generation: table.generationOf(slot), owner: table, payload, kind: pick & 0xffff });
          } else if (what === 'find') {
            expect(find(table, key)).toEqual(model.has(key) ? { slot: model.get(key)?.slot, generation: model.get(key)?.generation } : undefined);
          } else if (model.size > 0) {
            const [name, entry] = [...model][pick % model.size] as [string, { slot: number; generation: number; owner: RoutingTable }];
            expect(entry.owner.remove(entry.slot, entry.generation)).toBe(true);
            model.delete(name);
          }
        }
        for (const [name, entry] of model) {
          for (const table of [a, b]) {
            expect(find(table, name)).toEqual({ slot: entry.slot, generation: entry.generation });
            expect([table.keyOf(entry.slot, entry.generation), table.kindOf(entry.slot, entry.generation)]).toEqual([name, entry.kind]);
            const payload = table.payloadOf(entry.slot, entry.generation);
            expect(payload === undefined ? undefined : [...payload]).toEqual(entry.payload === undefined ? undefined : [...entry.payload]);
          }
        }
        expect(a.statistics()).toMatchObject({ live: model.size, staleEntries: 0 });
        expect([...b.entries()].length).toBe(model.size);
      }),
      { numRuns: 60 },
    );
  });

  test('a successor inherits what a lost thread left, whole and half done', () => {
    const { shared, a, b } = setUp();
    const { words } = shared;
    const lost = open(first, shared, 2);
    for (let number = 0; number < 10; number++)
      lost.insert(`kept/${number}${number === 3 ? 'k'.repeat(300) : ''}`, number, new Uint8Array(number * 20).fill(number), 0);
    const insert = (key: string) => lost.insert(key, 99, undefined, 0);
    const [pending, cleared, noEntry, aborted] = [insert('pending'), insert('cleared'), insert('no entry'), insert('aborted')];
    const state = (record: number) => recordWord(shared, record, L.RECORD_WORD_STATE);
    // Died between publication and the end of the second probe; between FREE and the removal of the entry; before publication; before withdrawing.
    words[state(pending)] = (1 << 2) | L.RECORD_STATE_PENDING;
    words[state(cleared)] = (1 << 2) | L.RECORD_STATE_FREE;
    words[state(noEntry)] = (1 << 2) | L.RECORD_STATE_PENDING;
    words[state(aborted)] = (1 << 2) | L.RECORD_STATE_ABORTED;
    const entryOf = (record: number) => (shared.bucketsOffset >> 2) + (words[recordWord(shared, record, L.RECORD_WORD_ENTRY)] as number);
    words[entryOf(noEntry)] = 0;
    words[recordWord(shared, noEntry, L.RECORD_WORD_ENTRY)] = 0;
    // A record it had begun to write, with a chain of extensions, and bytes where an entry's position would be.
    const begun = lost.insert('begun', 1, new Uint8Array(200), 0);
    lost.remove(begun, 1);
    words[recordWord(shared, begun, L.RECORD_WORD_ENTRY)] = 0x7fffffff;
    // A group that it had just claimed.
    const groupsAt = shared.groupsOffset >> 2;
    const free = Array.from({ length: CAPACITY / L.GROUP_RECORDS }, (_, group) => group).find((group) => words[groupsAt + group] === 0) as number;
    words[groupsAt + free] = 3;

    // Others go on meanwhile: a pending record is helped or aborted by whoever wants its name.
    expect(a.find('pending')).toBe(0);
    expect(a.insert('no entry', 5, undefined, 0)).toBeGreaterThan(0);
    expect(b.insert('cleared', 5, undefined, 0)).toBeGreaterThan(0);
    expect(b.insert('aborted', 5, undefined, 0)).toBeGreaterThan(0);

    const successor = open(second, shared, 2);
    const inherited = successor.inherit().sort((x, y) => x.kind - y.kind);
    expect(inherited.map((entry) => [entry.kind, entry.thread])).toEqual(Array.from({ length: 10 }, (_, kind) => [kind, 2]));
    for (const { slot, generation, kind } of inherited) {
      expect(successor.keyOf(slot, generation)).toMatch(`kept/${kind}`);
      expect(successor.payloadOf(slot, generation)?.length ?? 0).toBe(kind * 20);
    }
    expect(successor.statistics()).toMatchObject({ live: 13, staleEntries: 0 });
    expect(successor.insert('pending', 1, undefined, 0)).toBeGreaterThan(0);
    // Nothing that lives is handed out again.
    const seen = new Set(inherited.map((entry) => entry.slot));
    for (let number = 0; number < 700; number++) {
      const slot = successor.insert(`new/${number}`, 1, undefined, 0);
      expect(seen.has(slot)).toBe(false);
      seen.add(slot);
    }
    for (const { slot, generation, kind } of inherited) {
      expect(successor.payloadOf(slot, generation)?.every((byte) => byte === kind) ?? true).toBe(true);
      expect(a.keyOf(slot, generation)).toMatch(`kept/${kind}`);
      expect(successor.remove(slot, generation)).toBe(true);
    }
    expect(open(first, memory(), 0).inherit()).toEqual([]);
  });

  test('a pending record of a thread that died is helped to its end by whoever wants the name', () => {
    const { shared, a, b } = setUp();
    const lost = open(first, shared, 2);
    const slot = lost.insert('half', 9, undefined, 0);
    shared.words[recordWord(shared, slot, L.RECORD_WORD_STATE)] = (1 << 2) | L.RECORD_STATE_PENDING;
    // It stands earlier on the probe path than any newcomer, so it wins.
    expect(b.insert('half', 1, undefined, 0)).toBe(INSERT_EXISTS);
    expect(a.find('half')).toBe(slot);
    expect(open(second, shared, 2).inherit()).toEqual([{ slot, generation: 1, thread: 2, kind: 9 }]);
  });

  test('a record whose generations are used up is retired, and its stale addresses stay stale', () => {
    const { shared, a, b } = setUp();
    const slot = a.insert('old', 1, undefined, 0);
    a.remove(slot, 1);
    shared.words[recordWord(shared, slot, L.RECORD_WORD_STATE)] = (L.GENERATION_MAX - 1) << 2;
    expect(a.insert('last', 1, undefined, 0)).toBe(slot);
    expect([a.generationOf(slot), b.find('last'), b.foundGeneration]).toEqual([L.GENERATION_MAX, slot, L.GENERATION_MAX]);
    expect(b.threadOf(slot, L.GENERATION_MAX)).toBe(0);
    expect(a.remove(slot, L.GENERATION_MAX)).toBe(true);
    for (let number = 0; number < 600; number++) expect(a.insert(`n${number}`, 1, undefined, 0)).not.toBe(slot);
    // Also not by a successor.
    const successor = open(second, shared, 0);
    successor.inherit();
    for (let number = 0; number < 600; number++) expect(successor.insert(`m${number}`, 1, undefined, 0)).not.toBe(slot);
  });

  test('threads that insert the same names at once: one wins each, all see the same', async () => {
    const threads = 4;
    const names = 2000;
    const rounds = 6;
    const shared = createSharedMemory({ threadCount: threads, recordCapacity: 2 ** 14, ringBytes: 2 ** 14 }, SEED);
    const barrierAt = (ringOffset(shared, threads - 1, threads - 1) + L.RING_HEADER_BYTES) >> 2;
    const data = { memory: shared.memory, threads, names, rounds, barrierAt };
    type Result = { wins: { mine: number[]; seen: Float64Array }[]; exists: number; wrong: string[] };
    const results = await Promise.all(
      Array.from({ length: threads }, (_, thread) => run<Result>('table-race.mjs', { ...data, thread, engine: thread % 2 === 0 ? first : second })),
    );
    expect(results.flatMap((result) => result.wrong)).toEqual([]);
    for (let round = 0; round < rounds; round++) {
      const winners = results.flatMap((result) => (result.wins[round] as { mine: number[] }).mine).sort((x, y) => x - y);
      expect(winners).toEqual(Array.from({ length: names }, (_, name) => name));
      for (const result of results) expect(result.wins[round]?.seen).toEqual(results[0]?.wins[round]?.seen);
    }
    expect(results.reduce((sum, result) => sum + result.exists, 0)).toBe((threads - 1) * names * rounds);
    expect(new PortableRoutingTable(shared, 0).statistics()).toMatchObject(clean);
  });

  test('threads that insert and remove a few names: none is ever live twice', async () => {
    const threads = 4;
    const shared = createSharedMemory({ threadCount: threads, recordCapacity: CAPACITY, ringBytes: 2 ** 14 }, SEED);
    const ownersAt = (ringOffset(shared, 0, 0) + L.RING_HEADER_BYTES) >> 2;
    const seed = Date.now() & 0xffff;
    const data = { memory: shared.memory, names: 4, ownersAt, milliseconds: 700, seed };
    type Counts = { inserted: number; existed: number; twice: number; wrongName: number; lostOwn: number; notRemoved: number };
    const results = await Promise.all(
      Array.from({ length: threads }, (_, thread) => run<Counts>('table-churn.mjs', { ...data, thread, engine: thread % 2 === 0 ? first : second })),
    );
    for (const result of results) expect(result, `seed ${seed}`).toMatchObject({ twice: 0, wrongName: 0, lostOwn: 0, notRemoved: 0 });
    expect(results.reduce((sum, result) => sum + result.existed, 0)).toBeGreaterThan(0);
    expect(new PortableRoutingTable(shared, 0).statistics()).toMatchObject(clean);
  });
});

async function run<Result>(fixture: string, workerData: unknown): Promise<Result> {
  const worker = new Worker(new URL(`../fixtures/${fixture}`, import.meta.url), { workerData });
  try {
    return await new Promise<Result>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)));
    });
  } finally {
    await worker.terminate();
  }
}
