import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RingReader, RingWriter } from '../../../dist/bindings/portable/ring.js';
import { createSharedMemory, ringOffset, type SharedMemory } from '../../../dist/bindings/shared-memory.js';
import * as L from '../../../dist/layout/generated/layout.js';

const RING_BYTES = 16_384;
const shared = createSharedMemory({ threadCount: 2, recordCapacity: 4096, ringBytes: RING_BYTES }, [1, 2]);

/** A ring whose positions begin anywhere, also shortly before they wrap around at 2^32. */
function ringAt(memory: SharedMemory, position: number): { writer: RingWriter; reader: RingReader } {
  const word = ringOffset(memory, 0, 1) >> 2;
  memory.words[word + L.RING_WORD_TAIL] = position | 0;
  memory.words[word + L.RING_WORD_HEAD] = position | 0;
  memory.words[word + L.RING_WORD_BLOCKED] = 0;
  memory.words[word + L.RING_WORD_STAMP] = 0;
  return { writer: new RingWriter(memory, 0, 1), reader: new RingReader(memory, 0, 1) };
}

/** Writes a message of `bytes` whose every word is `name`. False if the ring is full. */
function write(writer: RingWriter, bytes: number, name: number): boolean {
  const at = writer.begin();
  if (at < 0) return false;
  shared.words.fill(name, at >> 2, (at + bytes) >> 2);
  shared.words[(at >> 2) + L.MESSAGE_WORD_BYTES] = bytes;
  shared.words[(at >> 2) + L.MESSAGE_WORD_TYPE] = L.MESSAGE_TYPE_TELL;
  writer.commit(bytes);
  return true;
}

function check(at: number, bytes: number, name: number): void {
  expect(shared.words[(at >> 2) + L.MESSAGE_WORD_BYTES]).toBe(bytes);
  const words = shared.words.subarray(at >> 2, (at + bytes) >> 2);
  for (let index = 2; index < words.length; index++) if (words[index] !== name) throw new Error(`word ${index} of message ${name} is ${words[index]}`);
}

type Step = { readonly type: 'write'; readonly bytes: number } | { readonly type: 'publish' } | { readonly type: 'read'; readonly messagesMax: number };

const size = fc
  .oneof(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 2, max: RING_BYTES / 4 / 8 }), fc.constant(RING_BYTES / 4 / 8))
  .map((words) => words * 8);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('write' as const), bytes: size }) },
  { weight: 2, arbitrary: fc.constant({ type: 'publish' as const }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('read' as const), messagesMax: fc.integer({ min: 1, max: 20 }) }) },
);
const position = fc.oneof(
  fc.constantFrom(0, -8, -4096, RING_BYTES - 8, 2 ** 31 - 8, 2 ** 31),
  fc.integer({ min: 0, max: 2 ** 29 - 1 }).map((eights) => eights * 8),
);

test('a ring gives back what an array would, whatever the sizes and wherever it begins', () => {
  fc.assert(
    fc.property(position, fc.array(step, { maxLength: 300, size: 'max' }), (begin, steps) => {
      const { writer, reader } = ringAt(shared, begin);
      const written: [bytes: number, name: number][] = [];
      let published = 0;
      let named = 0;
      for (const each of steps) {
        if (each.type === 'write') {
          const accepted = write(writer, each.bytes, named);
          // A ring that is empty for both sides is never full.
          if (!accepted) expect(written.length).toBeGreaterThan(0);
          // What waits takes at most the ring, and one padding.
          const used = written.reduce((sum, [bytes]) => sum + bytes, 0);
          if (used + 2 * writer.messageBytesMax <= RING_BYTES / 2) expect(accepted).toBe(true);
          if (accepted) written.push([each.bytes, named++]);
        } else if (each.type === 'publish') {
          writer.publish();
          published = written.length;
          expect(writer.unpublished).toBe(0);
        } else {
          let expected = Math.min(each.messagesMax, published);
          expect(reader.hasData).toBe(published > 0);
          const count = reader.read(each.messagesMax, (at) => {
            const [bytes, name] = written.shift() as [number, number];
            check(at, bytes, name);
            published--;
            expected--;
          });
          expect(expected).toBe(0);
          expect(count).toBeLessThanOrEqual(each.messagesMax);
        }
      }
      writer.publish();
      reader.read(Number.POSITIVE_INFINITY, (at) => {
        const [bytes, name] = written.shift() as [number, number];
        check(at, bytes, name);
      });
      expect(written).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('a full ring has room again as its reader goes on, for ever', () => {
  const { writer, reader } = ringAt(shared, -65_536);
  let [next, read] = [0, 0];
  for (let round = 0; round < 2000; round++) {
    while (write(writer, 16 + (next % 64) * 8, next)) next++;
    writer.publish();
    expect(writer.requestWake()).toBe(false);
    reader.read(1 + (round % 30), (at) => {
      check(at, 16 + (read % 64) * 8, read);
      read++;
    });
    expect(reader.takeWakeRequest()).toBe(true);
    expect(reader.takeWakeRequest()).toBe(false);
  }
  expect(read).toBeGreaterThan(10_000);
});

test('what was not published before its writer ended is not read, and its successor goes on behind what was', () => {
  const { writer, reader } = ringAt(shared, 0);
  write(writer, 16, 1);
  writer.publish();
  write(writer, 16, 2);
  const successor = new RingWriter(shared, 0, 1);
  write(successor, 24, 3);
  successor.publish();
  const seen: number[] = [];
  reader.read(10, (at) => seen.push(shared.words[(at >> 2) + L.MESSAGE_WORD_BYTES] as number));
  expect(seen).toEqual([16, 24]);
});

test('a reader whose handling throws does not meet the message again', () => {
  const { writer, reader } = ringAt(shared, 0);
  for (let name = 0; name < 3; name++) write(writer, 16, name);
  writer.publish();
  const seen: number[] = [];
  const receive = (at: number): void => {
    seen.push(at);
    if (seen.length === 2) throw new Error('handling');
  };
  expect(() => reader.read(10, receive)).toThrow('handling');
  expect(reader.read(10, receive)).toBe(1);
  expect(new Set(seen).size).toBe(3);
  expect(reader.hasData).toBe(false);
});

test('a stamp is taken once, when everything that was written before it has been read, and one at a time is under way', () => {
  const action = fc.constantFrom('write' as const, 'stamp' as const, 'publish' as const, 'read' as const);
  fc.assert(
    fc.property(position, fc.array(action, { maxLength: 200, size: 'max' }), (begin, actions) => {
      const { writer, reader } = ringAt(shared, begin);
      let [written, published, read, clock] = [0, 0, 0, 0];
      let stamp: { readonly behind: number; readonly timeMs: number } | undefined;
      for (const each of actions) {
        if (each === 'write') {
          if (write(writer, 2048, written)) written++;
        } else if (each === 'stamp') {
          writer.stamp(++clock + 0.5);
          stamp ??= { behind: written, timeMs: clock + 0.5 };
        } else if (each === 'publish') {
          writer.publish();
          published = written;
        } else {
          const count = reader.read(1, () => undefined);
          read += count;
          expect(read).toBeLessThanOrEqual(published);
        }
        const due = stamp !== undefined && read >= stamp.behind;
        expect(reader.takeStamp()).toBe(due ? stamp?.timeMs : -1);
        if (due) stamp = undefined;
      }
    }),
    { numRuns: 300 },
  );
});
