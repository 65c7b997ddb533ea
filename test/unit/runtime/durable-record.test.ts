/** What of a durable agent is not on disk, as a function of what happens to it: the bound that write-behind keeps. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resolveDurable } from '../../../dist/ts-src/model/durable-options.js';
import { DurableRecord } from '../../../dist/ts-src/runtime/durable/durable-record.js';

type Step = { readonly type: 'handle' | 'begin' | 'succeed' | 'fail' } | { readonly type: 'pass'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constantFrom('handle' as const, 'begin' as const, 'succeed' as const, 'fail' as const) }),
  fc.record({ type: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 80 }) }),
);

test('changes that are not on disk were all made within the bound, whatever the disk does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const record = new DurableRecord('a', resolveDurable({ lossMaxMs: 100 }));
      let nowMs = 0;
      // Times of the changes that a crash would lose, as the plain model has them.
      let waiting: number[] = [];
      let writing: number[] | undefined;
      for (const each of steps) {
        if (each.type === 'pass') nowMs += each.ms;
        if (each.type === 'handle' && !record.mustHold(nowMs)) {
          record.changed(nowMs);
          waiting.push(nowMs);
        }
        if (each.type === 'begin' && writing === undefined && waiting.length > 0) {
          record.writeBegins();
          [writing, waiting] = [waiting, []];
        }
        if (each.type === 'succeed' && writing !== undefined) {
          record.writeSucceeded();
          writing = undefined;
        }
        if (each.type === 'fail' && writing !== undefined) {
          record.writeFailed();
          waiting = [...writing, ...waiting];
          writing = undefined;
        }
        const unsaved = [...(writing ?? []), ...waiting];
        expect(record.isUnsaved).toBe(unsaved.length > 0);
        expect(record.mustHold(nowMs)).toBe(unsaved.length > 0 && nowMs - (unsaved[0] as number) >= 100);
        if (unsaved.length > 0) expect((unsaved.at(-1) as number) - (unsaved[0] as number)).toBeLessThan(100);
      }
    }),
  );
});

test('events of a handler that has not completed are not among those to be saved', () => {
  const record = new DurableRecord('a', resolveDurable({ apply: () => undefined }));
  record.needsSnapshot = false;
  const event = new Uint8Array(1);
  record.events.push(event);
  record.sequence++;
  expect(record.isUnsaved).toBe(false);
  record.changed(5);
  expect([record.eventsCompleted, record.changedSinceMs]).toEqual([1, 5]);
  record.events.push(event);
  record.eventsWriting = record.eventsCompleted;
  record.writeBegins();
  record.writeSucceeded();
  expect([record.events.length, record.eventsCompleted, record.isUnsaved]).toEqual([1, 0, false]);
});
