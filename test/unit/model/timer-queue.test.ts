import fc from 'fast-check';
import { expect, test } from 'vitest';
import { QueuedTimer, TimerQueue } from '../../../dist/ts-src/model/timer-queue.js';

type Step =
  | { readonly type: 'insert'; readonly dueMs: number }
  | { readonly type: 'remove'; readonly index: number }
  | { readonly type: 'take'; readonly nowMs: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('insert' as const), dueMs: fc.integer({ min: 0, max: 50 }) }),
  fc.record({ type: fc.constant('remove' as const), index: fc.nat(40) }),
  fc.record({ type: fc.constant('take' as const), nowMs: fc.integer({ min: 0, max: 50 }) }),
);

test('the queue hands out timers as a sorted list does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new TimerQueue<QueuedTimer>();
      const model: QueuedTimer[] = [];
      for (const each of steps) {
        if (each.type === 'insert') {
          const timer = new QueuedTimer();
          queue.insert(timer, each.dueMs);
          model.push(timer);
        } else if (each.type === 'remove') {
          const [timer] = model.splice(each.index % Math.max(1, model.length), 1);
          if (timer !== undefined) queue.remove(timer);
        } else {
          const taken = queue.takeDue(each.nowMs);
          const first = Math.min(...model.map((timer) => timer.dueMs));
          if (first > each.nowMs) expect(taken).toBeUndefined();
          else {
            expect(taken?.dueMs).toBe(first);
            model.splice(model.indexOf(taken as QueuedTimer), 1);
          }
        }
        expect(queue.size).toBe(model.length);
        if (model.length > 0) expect(queue.first?.dueMs).toBe(Math.min(...model.map((timer) => timer.dueMs)));
      }
      const rest: number[] = [];
      for (let timer = queue.takeDue(1000); timer !== undefined; timer = queue.takeDue(1000)) rest.push(timer.dueMs);
      expect(rest).toEqual(model.map((timer) => timer.dueMs).sort((a, b) => a - b));
    }),
  );
});

test('removing a timer twice does nothing', () => {
  const queue = new TimerQueue<QueuedTimer>();
  const timer = new QueuedTimer();
  const other = new QueuedTimer();
  queue.insert(timer, 1);
  queue.insert(other, 2);
  queue.remove(timer);
  queue.remove(timer);
  expect(queue.first).toBe(other);
});
