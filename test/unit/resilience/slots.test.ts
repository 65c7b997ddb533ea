import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Slots, Waiter } from '../../../dist/ts-src/resilience/machines/slots.js';

class Caller extends Waiter {
  readonly name: number;
  constructor(name: number) {
    super();
    this.name = name;
  }
}

test('slots and queue do what two arrays do: never above their limits, first come, first served', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 5 }),
      fc.array(
        fc.oneof(
          fc.constant({ do: 'come' as const }),
          fc.constant({ do: 'end' as const }),
          fc.record({ do: fc.constant('leave' as const), which: fc.nat(30) }),
        ),
        {
          maxLength: 150,
          size: 'max',
        },
      ),
      (concurrencyMax, queueMax, events) => {
        const slots = new Slots<Caller>({ concurrencyMax, queueMax });
        const callers: Caller[] = [];
        let running: number[] = [];
        let queue: number[] = [];
        for (const event of events) {
          if (event.do === 'come') {
            const caller = new Caller(callers.length);
            callers.push(caller);
            const took = slots.take();
            expect(took).toBe(running.length < concurrencyMax);
            if (took) running.push(caller.name);
            else {
              const waits = slots.enqueue(caller);
              expect(waits).toBe(queue.length < queueMax);
              if (waits) queue.push(caller.name);
            }
          } else if (event.do === 'end') {
            if (running.length === 0) continue;
            running = running.slice(1);
            const next = slots.release();
            expect(next?.name).toBe(queue[0]);
            if (next !== undefined) running.push(next.name);
            queue = queue.slice(1);
          } else {
            const caller = callers[event.which % Math.max(1, callers.length)];
            if (caller === undefined) continue;
            expect(slots.leave(caller)).toBe(queue.includes(caller.name));
            queue = queue.filter((name) => name !== caller.name);
          }
          expect([slots.running, slots.queued]).toEqual([running.length, queue.length]);
          expect(slots.running).toBeLessThanOrEqual(concurrencyMax);
          expect(slots.queued).toBeLessThanOrEqual(queueMax);
          // Nobody waits while there is room.
          expect(slots.queued === 0 || slots.running === concurrencyMax).toBe(true);
        }
      },
    ),
  );
});
