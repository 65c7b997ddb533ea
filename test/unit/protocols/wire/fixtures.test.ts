/** The recorded frames of version 1: what other nodes of this version say, and will go on saying. */
import { expect, test } from 'vitest';
import { record, recorded } from '../../../fixtures/wire/record.mjs';

interface Recorded {
  readonly name: string;
  readonly from: string;
  readonly bytes: Uint8Array;
  readonly events: readonly string[];
  readonly compressed: boolean;
}

const frames: readonly Recorded[] = recorded();

test("today's sessions understand every recorded frame of version 1 as it was meant", () => {
  const understood: readonly Recorded[] = record((_: Uint8Array, index: number) => (frames[index] as Recorded).bytes);
  expect(understood.map(({ name, events }) => [name, events])).toEqual(frames.map(({ name, events }) => [name, events]));
  expect(frames.length).toBe(19);
});

test("today's sessions still make the recorded frames of version 1, byte for byte", () => {
  const made: readonly Recorded[] = record();
  // A library that compresses may find a better way; then it is enough that the frame means the same.
  const plain = ({ compressed }: Recorded): boolean => !compressed;
  const hex = ({ name, bytes }: Recorded): string => `${name} ${Buffer.from(bytes).toString('hex')}`;
  expect(made.filter(plain).map(hex)).toEqual(frames.filter(plain).map(hex));
  expect(made.map(({ events }) => events)).toEqual(frames.map(({ events }) => events));
});
