import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ActionEntry, undeclared } from '../../../dist/ts-src/runtime/kind.js';
import { Mailbox } from '../../../dist/ts-src/runtime/mailbox.js';

const ACTIONS: readonly ActionEntry[] = [0, 1].map((index) => undeclared(`action${index}`, index, () => undefined));

test('a mailbox holds messages as an array does, however many come and go', () => {
  // Runs of pushes and shifts, so that it grows while its oldest message is anywhere.
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -60, max: 80 }), { maxLength: 30, size: 'max' }), (runs) => {
      const box = new Mailbox();
      const model: [ActionEntry, number, object | undefined][] = [];
      let named = 0;
      for (const run of runs) {
        for (let count = 0; count < run; count++) {
          const action = ACTIONS[named % 2] as ActionEntry;
          const reply = named % 3 === 0 ? { deadlineMs: 0, sender: undefined, trace: undefined, reply: () => undefined, fail: () => undefined } : undefined;
          box.push(action, named, reply, undefined);
          model.push([action, named, reply]);
          named++;
        }
        for (let count = 0; count < -run && model.length > 0; count++) {
          box.shift();
          expect([box.action, box.input, box.reply]).toEqual(model.shift());
          expect(box.sender).toBeUndefined();
        }
        expect(box.size).toBe(model.length);
        expect(box.room).toBeGreaterThanOrEqual(model.length);
      }
      while (box.size > 0) {
        box.shift();
        expect(box.input).toBe(model.shift()?.[1]);
      }
      expect(model).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('a mailbox keeps nothing alive that was taken out', async () => {
  const box = new Mailbox();
  box.push(ACTIONS[0] as ActionEntry, { large: true }, undefined, undefined);
  box.shift();
  expect(box.input).toEqual({ large: true });
  box.release();
  expect([box.action, box.input, box.reply, box.sender]).toEqual([undefined, undefined, undefined, undefined]);
});

test('a message can be taken out from behind others, which keep their order', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 100 }), fc.nat(20), fc.array(fc.nat(1000), { maxLength: 40 }), (before, shifts, places) => {
      const box = new Mailbox();
      const model: number[] = [];
      // So that the oldest message is anywhere in the ring.
      for (const [value] of before.entries()) box.push(ACTIONS[value % 2] as ActionEntry, value, undefined, undefined);
      for (const [value] of before.entries()) model.push(value);
      for (let count = 0; count < shifts && model.length > 0; count++, model.shift()) box.shift();
      for (let value = 200; value < 210; value++) {
        box.push(ACTIONS[value % 2] as ActionEntry, value, undefined, undefined);
        model.push(value);
      }
      for (const place of places) {
        if (model.length === 0) break;
        const index = place % model.length;
        expect(box.actionAt(index)).toBe(ACTIONS[(model[index] as number) % 2]);
        box.takeOut(index);
        expect([box.input, box.size]).toEqual([model.splice(index, 1)[0], model.length]);
      }
      while (model.length > 0) {
        box.shift();
        expect(box.input).toBe(model.shift());
      }
    }),
  );
});
