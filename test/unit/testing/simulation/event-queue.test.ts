/** The event queue of the simulation beside a dumb twin: a sorted list. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventQueue, ScheduledEvent } from '../../../../dist/ts-src/testing/simulation/event-queue.js';
import { SeededRandom } from '../../../../dist/ts-src/model/seeded-random.js';
import { VirtualTime } from '../../../../dist/ts-src/testing/simulation/virtual-time.js';

class Named extends ScheduledEvent {
  constructor(readonly name: number) {
    super();
  }

  override happen(): void {}
}

test('events come in order of their time, those of one time as they were scheduled, and none that was cancelled', () => {
  const operation = fc.oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant('insert' as const), dueMs: fc.integer({ min: 0, max: 20 }) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('cancel' as const), index: fc.nat(200) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('take' as const) }) },
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const queue = new EventQueue();
      const made: Named[] = [];
      const twin: { name: number; dueMs: number }[] = [];
      const takeBoth = (): void => {
        const first = twin.reduce<number>((least, { dueMs }, index) => (least < 0 || dueMs < (twin[least]?.dueMs as number) ? index : least), -1);
        const [expected] = first < 0 ? [] : twin.splice(first, 1);
        expect((queue.take() as Named | undefined)?.name).toBe(expected?.name);
      };
      for (const each of operations) {
        if (each.type === 'insert') {
          const event = new Named(made.length);
          made.push(event);
          queue.insert(event, each.dueMs);
          twin.push({ name: event.name, dueMs: each.dueMs });
        } else if (each.type === 'cancel') {
          const event = made[each.index];
          if (event === undefined) continue;
          queue.cancel(event);
          const index = twin.findIndex(({ name }) => name === event.name);
          if (index >= 0) twin.splice(index, 1);
        } else takeBoth();
        expect(queue.size).toBe(twin.length);
      }
      while (twin.length > 0) takeBoth();
      expect(queue.take()).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test('a large queue from which every other event is cancelled gives the rest in order', () => {
  const random = new SeededRandom(1, 'queue');
  const queue = new EventQueue();
  const events = Array.from({ length: 5000 }, (_, name) => new Named(name));
  for (const event of events) queue.insert(event, Math.floor(random.next() * 1e6));
  for (const event of events) if (random.next() < 0.5) queue.cancel(event);
  const times: number[] = [];
  for (let event = queue.take(); event !== undefined; event = queue.take()) times.push(event.dueMs);
  expect(times.length).toBeGreaterThan(2000);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test('time passes from one event to the next, in whole microseconds, and not beyond what was said', () => {
  const time = new VirtualTime();
  const happened: number[] = [];
  time.after(1 / 3, () => happened.push(time.nowMs));
  time.after(0.1 + 0.2, () => happened.push(time.nowMs));
  time.after(5, () => happened.push(time.nowMs));
  const cancel = time.after(0.2, () => happened.push(-1));
  time.after(Number.POSITIVE_INFINITY, () => happened.push(-2));
  cancel();
  while (time.next(4));
  expect(happened).toEqual([0.3, 0.334]);
  expect(time.next(Number.POSITIVE_INFINITY)).toBe(true);
  expect(time.next(Number.POSITIVE_INFINITY)).toBe(false);
  expect(time.nowMs).toBe(5);
});
