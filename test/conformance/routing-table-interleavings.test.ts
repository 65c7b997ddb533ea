/** Interleavings of two threads in the portable table that random tests hardly ever meet, and the end of a native one. */
import { describe, expect, it } from 'vitest';
import type { NativeAddon } from '../../dist/bindings/native-addon.js';
import { NativeRoutingTable } from '../../dist/bindings/native-engine.js';
import { PortableRoutingTable } from '../../dist/bindings/portable/routing-table.js';
import * as L from '../../dist/layout/generated/layout.js';
import { INSERT_EXISTS, type RoutingTable } from '../../dist/ts-src/ports/engine.js';
import { clean, colliding, loaded, memory, recordWord } from './tables.js';

/**
 * Steps of other threads in the middle of a call of the portable table: Atomics is replaced for the length of one call. The C++ table has the same steps and is
 * driven by native/test/routing_table_stress.cc.
 */
describe('routing table: interleavings of the portable one', () => {
  function during<T>(replaced: Partial<Pick<typeof Atomics, 'load' | 'compareExchange'>>, call: () => T): T {
    const before = { load: Atomics.load, compareExchange: Atomics.compareExchange };
    Object.assign(Atomics, replaced);
    try {
      return call();
    } finally {
      Object.assign(Atomics, before);
    }
  }
  const { load, compareExchange } = Atomics;
  const live = (table: RoutingTable, key: string) => [...table.entries()].filter((entry) => table.keyOf(entry.slot, entry.generation) === key).length;

  it('a pending record that is not published yet is not helped: its own second probe is still to come', () => {
    const shared = memory();
    const { words } = shared;
    const a = new PortableRoutingTable(shared, 0);
    const b = new PortableRoutingTable(shared, 1);
    const record = a.insert('name', 1, undefined, 0);
    const stateAt = recordWord(shared, record, L.RECORD_WORD_STATE);
    const entryAt = (shared.bucketsOffset >> 2) + (words[recordWord(shared, record, L.RECORD_WORD_ENTRY)] as number);
    // Its owner is removing it: FREE already, the entry still there.
    words[stateAt] = (1 << 2) | L.RECORD_STATE_FREE;
    let looks = 0;
    const slot = during(
      {
        load: ((array: Int32Array, index: number) => {
          // The first look is the first probe of b; at the second one b has read the entry, and the owner has used the record again for the same name.
          if (index === stateAt && ++looks === 2) {
            words[entryAt] = 0;
            words[stateAt] = (2 << 2) | L.RECORD_STATE_PENDING;
          }
          return load(array, index);
        }) as typeof load,
      },
      () => b.insert('name', 2, undefined, 0),
    );
    expect(looks).toBeGreaterThan(1);
    expect(slot).toBeGreaterThan(0);
    expect(words[stateAt]).toBe((2 << 2) | L.RECORD_STATE_PENDING);
    expect(live(b, 'name')).toBe(1);
  });

  it('an insert that was aborted before it looked at itself does not come back to life', () => {
    const shared = memory();
    const [a, b, c] = [0, 1, 2].map((thread) => new PortableRoutingTable(shared, thread)) as [PortableRoutingTable, PortableRoutingTable, PortableRoutingTable];
    const [neighbour, name] = colliding(2) as [string, string];
    const place = b.insert(neighbour, 1, undefined, 0);
    const bucketsAt = shared.bucketsOffset >> 2;
    const recordsAt = shared.recordsOffset >> 2;
    let published = false;
    const slot = during(
      {
        compareExchange: ((array: Int32Array, index: number, from: number, to: number) => {
          // The last step of a: meanwhile a third thread wants the name.
          if (index >= recordsAt && (to & 3) === L.RECORD_STATE_LIVE) during({ load, compareExchange }, () => c.insert(name, 3, undefined, 0));
          const seen = compareExchange(array, index, from, to);
          if (index >= bucketsAt && index < recordsAt && !published) {
            published = true;
            // Right after a is published, b takes an earlier place, aborts a, wins, and removes the name again.
            during({ load, compareExchange }, () => {
              b.remove(place, b.generationOf(place));
              const winner = b.insert(name, 2, undefined, 0);
              expect(winner).toBeGreaterThan(0);
              b.remove(winner, b.generationOf(winner));
            });
          }
          return seen;
        }) as typeof compareExchange,
      },
      () => a.insert(name, 1, undefined, 0),
    );
    expect(slot > 0 || slot === INSERT_EXISTS).toBe(true);
    expect(live(a, name)).toBe(1);
  });
});

it.skipIf(loaded.addon === undefined)('a native table that is closed finds nothing, and takes nothing', () => {
  const shared = memory();
  const native = new NativeRoutingTable(loaded.addon as NativeAddon, shared, 0);
  const slot = native.insert('name', 1, undefined, 0);
  expect(native.findMany(['name'])).toEqual(Int32Array.of(slot, 1, 1));
  native.close();
  expect([
    native.find('name'),
    native.findMany(['name'])[0],
    native.insertMany(['other'], 1, undefined, 0)[0],
    native.removeMany(Int32Array.of(slot, 1)),
  ]).toEqual([0, 0, 0, 0]);
  expect(new PortableRoutingTable(shared, 1).statistics()).toMatchObject({ ...clean, live: 1, probeBucketsMax: 1 });
});
