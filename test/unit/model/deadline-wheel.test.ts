import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeadlineWheel, WheelEntry } from '../../../dist/ts-src/model/deadline-wheel.js';

class Named extends WheelEntry {
  constructor(readonly name: number) {
    super();
  }
}

type Step =
  | { readonly type: 'insert'; readonly inMs: number }
  | { readonly type: 'remove'; readonly index: number }
  | { readonly type: 'advance'; readonly byMs: number; readonly then: readonly number[] };

// Steps of less than a tick, of several turns of the wheel, and over its edges.
const delay = fc.oneof(fc.integer({ min: -20, max: 60 }), fc.integer({ min: 0, max: 20_000 }), fc.constantFrom(0, 8, 4088, 4096, 4104, 8192));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('insert' as const), inMs: delay }),
  fc.record({ type: fc.constant('remove' as const), index: fc.nat(60) }),
  fc.record({
    type: fc.constant('advance' as const),
    byMs: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 20_000 })),
    then: fc.array(delay, { maxLength: 2 }),
  }),
);

test('the wheel expires what a sorted list would, at most two ticks late and never early', () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 8, 10), fc.integer({ min: 0, max: 1_000_000 }), fc.array(step, { maxLength: 80, size: 'max' }), (tickMs, startMs, steps) => {
      let nowMs = startMs + 0.25;
      const wheel = new DeadlineWheel(tickMs, nowMs);
      const model = new Map<Named, number>();
      const latest = new Map<Named, number>();
      let named = 0;
      const insert = (inMs: number): void => {
        const entry = new Named(named++);
        wheel.insert(entry, nowMs + inMs);
        model.set(entry, nowMs + inMs);
        // One whose deadline has passed already has its time from now on.
        latest.set(entry, nowMs + Math.max(0, inMs));
      };
      for (const each of steps) {
        if (each.type === 'insert') insert(each.inMs);
        else if (each.type === 'remove') {
          const entry = [...model.keys()][each.index];
          if (entry === undefined) continue;
          wheel.remove(entry);
          // Twice is as good as once.
          wheel.remove(entry);
          model.delete(entry);
        } else {
          nowMs += each.byMs;
          const before = named;
          let isFirst = true;
          wheel.advance(nowMs, (expired) => {
            const deadline = model.get(expired as Named);
            expect(deadline).toBeDefined();
            expect(deadline).toBeLessThanOrEqual(nowMs);
            model.delete(expired as Named);
            if (isFirst) each.then.forEach(insert);
            isFirst = false;
          });
          // Those that came while it advanced have had no chance yet.
          for (const entry of model.keys()) if (entry.name < before) expect((latest.get(entry) as number) + 2 * tickMs).toBeGreaterThan(nowMs);
        }
        expect(wheel.size).toBe(model.size);
        const visited: WheelEntry[] = [];
        wheel.forEach((entry) => visited.push(entry));
        expect(new Set(visited)).toEqual(new Set(model.keys()));
      }
    }),
    { numRuns: 500 },
  );
});

test('an entry that an earlier one takes out while the wheel advances is not expired', () => {
  const wheel = new DeadlineWheel(8, 0);
  const [first, second] = [new Named(1), new Named(2)];
  wheel.insert(first, 10);
  wheel.insert(second, 10);
  const expired: WheelEntry[] = [];
  wheel.advance(100, (entry) => {
    expired.push(entry);
    wheel.remove(second);
  });
  expect(expired).toEqual([first]);
  expect(wheel.size).toBe(0);
});

test('all entries can be removed while they are visited', () => {
  const wheel = new DeadlineWheel(8, 0);
  for (let index = 0; index < 100; index++) wheel.insert(new Named(index), index * 100);
  let visited = 0;
  wheel.forEach((entry) => {
    visited++;
    wheel.remove(entry);
  });
  expect([visited, wheel.size]).toEqual([100, 0]);
});
