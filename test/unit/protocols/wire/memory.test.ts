/** Memory of large messages that is used again: nobody is to find another message in it. */
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { ReassemblyBudget } from '../../../../dist/ts-src/protocols/wire/reassembly-budget.js';
import { framesOf, openPair, settle } from './pair.js';

const filled = (bytes: number, seed: number): Uint8Array => new Uint8Array(bytes).map((_, index) => (index * seed) >> 3);

/** Comparing them byte by byte in a test takes seconds. */
const digest = (value: unknown): string => {
  const { bytes } = value as { readonly bytes: Uint8Array | string };
  return `${bytes.length}:${crc32(bytes)}`;
};

test('large messages of all sizes, one after the other and many at once, keep what is in them', () => {
  const { a, b } = openPair();
  const sizes = [1_000_000, 300_000, 70_000, 3_000_000, 65_500, 65_536, 1_500_000, 400_000, 5_000_000, 80_000];
  const values = sizes.map((size, index) => ({ bytes: index % 3 === 2 ? `${index}`.repeat(size) : filled(size, index + 3) }));
  const digests = values.map(digest);
  for (const value of values) {
    a.session.send('bulk', 1, value);
    settle(a, b);
  }
  for (const value of values) a.session.send('bulk', 1, value);
  for (const value of values) a.session.send('normal', 1, value);
  settle(a, b);
  const arrived = (lane: string) => b.messages.filter((message) => message.lane === lane).map(({ value }) => digest(value));
  expect(arrived('bulk')).toEqual([...digests, ...digests]);
  expect(arrived('normal')).toEqual(digests);
  expect(b.budget.takenBytes).toBe(0);
});

test('what is still to be sent, and frames that wait in the network, do not change when the memory of their message is used again', () => {
  const { a, b } = openPair();
  const value = { bytes: filled(900_000, 3) };
  // The first ones find out how much memory such messages take, and use up what is too small.
  for (let count = 0; count < 8; count++) {
    a.session.send('control', 1, value);
    settle(a, b);
  }
  a.session.send('bulk', 1, value);
  // Half of it is still to be sent when others are encoded.
  const frames = Array.from({ length: 7 }, () => a.session.nextFrame(0) as Uint8Array);
  for (let count = 0; count < 4; count++) {
    a.session.send('control', 1, { bytes: filled(900_000, 5 + count) });
    frames.push(...framesOf(a));
  }
  for (const frame of frames) b.session.received(frame, 0);
  expect(b.messages.filter(({ lane }) => lane === 'bulk').map((message) => digest(message.value))).toEqual([digest(value)]);
  expect(b.messages.length).toBe(13);
});

test('a budget gives out no memory twice, keeps that of one message of at most 4 MiB, and counts what is asked for', () => {
  const budget = new ReassemblyBudget(10_000_000);
  const first = budget.take(1_000_000) as Uint8Array;
  const second = budget.take(1_000_000) as Uint8Array;
  expect(first.buffer).not.toBe(second.buffer);
  expect(budget.takenBytes).toBe(2_000_000);
  budget.give(first);
  const third = budget.take(400_000) as Uint8Array;
  expect([third.buffer, third.length, budget.takenBytes]).toEqual([first.buffer, 400_000, 1_400_000]);
  const fourth = budget.take(400_000) as Uint8Array;
  expect(new Set([second.buffer, third.buffer, fourth.buffer]).size).toBe(3);
  for (const memory of [second, third, fourth]) budget.give(memory);
  expect(budget.takenBytes).toBe(0);
  const large = budget.take(5_000_000) as Uint8Array;
  expect(budget.take(5_000_001)).toBeUndefined();
  budget.give(large);
  expect((budget.take(5_000_000) as Uint8Array).buffer).not.toBe(large.buffer);
});
