/** Records that are given to other threads, for each engine alone and for each pair on one memory: who owns, who ends, and where the record comes back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as L from '../../dist/layout/generated/layout.js';
import { INSERT_FULL, type RoutingTable } from '../../dist/ts-src/ports/engine.js';
import { CAPACITY, colliding, loaded, memory, open, pairs, recordWord } from './tables.js';

const ENGINES_OF_THREAD = ['first', 'second', 'third'] as const;

describe.each(pairs)('records that move: %s and %s', (first, second) => {
  const missing = loaded.addon === undefined && [first, second].some((name) => name === 'native' || name === 'fastest');
  const test = it.skipIf(missing);
  const setUp = () => {
    const shared = memory();
    return { shared, a: open(first, shared, 0), b: open(second, shared, 1) };
  };
  const ownersOf = (table: RoutingTable, thread: number) => [...table.entries(thread)].map(({ slot }) => slot).sort((x, y) => x - y);

  test('a record that is given away is the other thread’s, under the same slot, generation, name and payload', () => {
    const { a, b } = setUp();
    const slot = a.insert('moves', 7, new Uint8Array([1, 2, 3]), 5);
    const generation = a.generationOf(slot);
    expect([b.rehome(slot, generation, 1), a.rehome(slot, generation + 1, 1), a.rehome(slot, generation, 3), a.rehome(0, 1, 1)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(a.rehome(slot, generation, 1)).toBe(true);
    for (const table of [a, b]) {
      expect([table.find('moves'), table.foundGeneration, table.foundKind]).toEqual([slot, generation, 7]);
      expect([table.threadOf(slot, generation), table.kindOf(slot, generation), table.parentOf(slot, generation)]).toEqual([1, 7, 5]);
      expect([...(table.payloadOf(slot, generation) ?? [])]).toEqual([1, 2, 3]);
      expect([ownersOf(table, 0), ownersOf(table, 1)]).toEqual([[], [slot]]);
    }
    expect([a.rehome(slot, generation, 0), a.remove(slot, generation)]).toEqual([false, false]);
    expect(b.remove(slot, generation)).toBe(true);
    expect(b.remove(slot, generation)).toBe(false);
    expect([a.find('moves'), b.threadOf(slot, generation)]).toEqual([0, -1]);
    expect(a.statistics()).toMatchObject({ live: 0, staleEntries: 0, overflow: 0 });
  });

  test('what other threads ended comes back to the group’s owner, extensions and all, and nothing is handed out twice', () => {
    const { a, b, shared } = setUp();
    const claimed = () => a.statistics().claimed;
    const payload = new Uint8Array(300).fill(9);
    for (let round = 0; round < 30; round++) {
      const slots = Array.from({ length: 60 }, (_, index) => a.insert(`${round}/${index}`, 1, payload, 0));
      expect(Math.min(...slots)).toBeGreaterThan(0);
      for (const slot of slots) expect(a.rehome(slot, a.generationOf(slot), 1)).toBe(true);
      for (const slot of slots) expect(b.remove(slot, a.generationOf(slot))).toBe(true);
    }
    // 30 rounds of 60 with 6 extensions each are more than the table has: they came back.
    expect(claimed()).toBeLessThan(CAPACITY);
    const live = new Set<number>();
    for (let number = 0; ; number++) {
      const slot = a.insert(`fill/${number}`, 1, undefined, 0);
      if (slot === INSERT_FULL) break;
      expect(live.has(slot)).toBe(false);
      live.add(slot);
    }
    const others = Array.from({ length: CAPACITY / L.GROUP_RECORDS }, (_, group) => shared.words[(shared.groupsOffset >> 2) + group]).filter(
      (tag) => tag !== 1,
    ).length;
    expect(live.size).toBe(CAPACITY - 1 - others * L.GROUP_RECORDS);
  });

  test('a record that comes home is ended there, once', () => {
    const { a, b } = setUp();
    for (let number = 0; number < 5; number++) a.insert(`stays/${number}`, 1, undefined, 0);
    const slot = a.insert('bounces', 1, undefined, 0);
    const generation = a.generationOf(slot);
    for (let bounce = 0; bounce < 5; bounce++) {
      expect(a.rehome(slot, generation, 1)).toBe(true);
      expect(b.rehome(slot, generation, 0)).toBe(true);
    }
    expect(a.remove(slot, generation)).toBe(true);
    const slots = Array.from({ length: 600 }, (_, number) => a.insert(`after/${number}`, 1, undefined, 0));
    expect(new Set(slots).size).toBe(600);
    for (const each of slots) expect(a.threadOf(each, a.generationOf(each))).toBe(0);
  });

  test('a successor inherits what its predecessor owned, wherever it is, and leaves what others own', () => {
    const { shared, a, b } = setUp();
    const lost = open(first, shared, 2);
    const own = lost.insert('own', 1, undefined, 0);
    const guest = a.insert('guest', 2, new Uint8Array(200), 0);
    const away = lost.insert('away', 3, new Uint8Array(200).fill(3), 0);
    const ended = lost.insert('ended', 4, undefined, 0);
    const halfEnded = a.insert('half ended', 5, undefined, 0);
    expect([a.rehome(guest, 1, 2), a.rehome(halfEnded, 1, 2), lost.rehome(away, 1, 1), lost.rehome(ended, 1, 1)]).toEqual([true, true, true, true]);
    expect(b.remove(ended, 1)).toBe(true);
    // It died between the two steps of its removal: the entry is gone, the record is live.
    shared.words[(shared.bucketsOffset >> 2) + (shared.words[recordWord(shared, halfEnded, L.RECORD_WORD_ENTRY)] as number)] = 0;
    const successor = open(second, shared, 2);
    const inherited = successor.inherit().sort((x, y) => x.kind - y.kind);
    expect(inherited).toEqual([
      { slot: own, generation: 1, thread: 2, kind: 1 },
      { slot: guest, generation: 1, thread: 2, kind: 2 },
    ]);
    expect(a.threadOf(halfEnded, 1)).toBe(-1);
    const taken = new Set([own, away]);
    for (let number = 0; number < 600; number++) {
      const slot = successor.insert(`new/${number}`, 1, undefined, 0);
      expect(taken.has(slot)).toBe(false);
      taken.add(slot);
    }
    expect([b.keyOf(away, 1), ...(b.payloadOf(away, 1) ?? [])]).toEqual(['away', ...new Array<number>(200).fill(3)]);
    expect([b.remove(away, 1), successor.remove(guest, 1), successor.remove(own, 1)]).toEqual([true, true, true]);
    // The group's owner gets back what the dead thread had not finished.
    const back = Array.from({ length: 300 }, (_, number) => a.insert(`back/${number}`, 1, undefined, 0));
    expect(back).toContain(halfEnded);
    expect(back).toContain(guest);
  });

  test('any sequence of inserts, moves and removals on three threads agrees with a map', () => {
    const names = colliding(12);
    const command = fc.record({
      thread: fc.nat(2),
      type: fc.constantFrom('insert', 'move', 'remove', 'inherit'),
      name: fc.nat(names.length - 1),
      to: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 150 }), (commands) => {
        const shared = memory();
        const engines = { first, second, third: first };
        const tables = ENGINES_OF_THREAD.map((which, thread) => open(engines[which], shared, thread));
        const model = new Map<string, { thread: number; slot: number; generation: number }>();
        for (const { thread, type, name, to } of commands) {
          const table = tables[thread] as RoutingTable;
          const key = names[name] as string;
          const known = model.get(key);
          if (type === 'insert') {
            const slot = table.insert(key, 1, name % 3 === 0 ? new Uint8Array(150) : undefined, 0);
            expect(slot > 0).toBe(known === undefined);
            for (const other of model.values()) expect(other.slot).not.toBe(slot);
            if (slot > 0) model.set(key, { thread, slot, generation: table.generationOf(slot) });
          } else if (type === 'inherit') {
            tables[thread] = open(engines[ENGINES_OF_THREAD[thread] as 'first'], shared, thread);
            const inherited = (tables[thread] as RoutingTable).inherit().map(({ slot }) => slot);
            expect(inherited.sort((x, y) => x - y)).toEqual(
              [...model.values()]
                .filter((each) => each.thread === thread)
                .map(({ slot }) => slot)
                .sort((x, y) => x - y),
            );
          } else if (known !== undefined) {
            const isOwner = known.thread === thread;
            expect(type === 'move' ? table.rehome(known.slot, known.generation, to) : table.remove(known.slot, known.generation)).toBe(isOwner);
            if (isOwner && type === 'move') known.thread = to;
            else if (isOwner) model.delete(key);
          }
        }
        for (const key of names) {
          const known = model.get(key);
          for (const table of tables) {
            expect(table.find(key)).toBe(known?.slot ?? 0);
            if (known !== undefined) expect(table.threadOf(known.slot, known.generation)).toBe(known.thread);
          }
        }
        expect((tables[0] as RoutingTable).statistics()).toMatchObject({ live: model.size, staleEntries: 0 });
      }),
      { numRuns: 60 },
    );
  });
});
