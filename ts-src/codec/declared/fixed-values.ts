/**
 * What each type of fixed size accepts, what it becomes, and where it is: for the interpreter, which reads this, and for the explanation of a mismatch. The
 * generated code says the same in line.
 */
import type { FixedType } from './message-layout.js';
import type { MemoryViews } from './memory-views.js';
import { timeOf } from './text.js';

/** Accepts -0 as 0. */
const isWhole = (value: unknown, from: number, to: number): boolean => Number.isInteger(value) && (value as number) >= from && (value as number) <= to;

export const ACCEPTS: Readonly<Record<FixedType, (value: unknown) => boolean>> = {
  uint8: (value) => isWhole(value, 0, 0xff),
  int8: (value) => isWhole(value, -0x80, 0x7f),
  uint16: (value) => isWhole(value, 0, 0xffff),
  int16: (value) => isWhole(value, -0x8000, 0x7fff),
  uint32: (value) => isWhole(value, 0, 0xffff_ffff),
  int32: (value) => isWhole(value, -0x8000_0000, 0x7fff_ffff),
  safeInteger: (value) => Number.isSafeInteger(value),
  float32: (value) => typeof value === 'number' && (Number.isFinite(Math.fround(value)) || !Number.isFinite(value)),
  float64: (value) => typeof value === 'number',
  bigint64: (value) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  biguint64: (value) => typeof value === 'bigint' && BigInt.asUintN(64, value) === value,
  boolean: (value) => typeof value === 'boolean',
  date: (value) => timeOf(value) !== undefined,
};

/** Writes a value that is accepted. */
export function writeFixed(views: MemoryViews, type: FixedType, value: unknown, at: number): void {
  const { bytes, halves, words, longs, floats, doubles } = views;
  switch (type) {
    case 'uint8':
    case 'int8':
      bytes[at] = value as number;
      break;
    case 'boolean':
      bytes[at] = Number(value);
      break;
    case 'uint16':
    case 'int16':
      halves[at / 2] = value as number;
      break;
    case 'uint32':
    case 'int32':
      words[at / 4] = value as number;
      break;
    case 'float32':
      floats[at / 4] = value as number;
      break;
    case 'bigint64':
    case 'biguint64':
      longs[at / 8] = value as bigint;
      break;
    case 'safeInteger':
      doubles[at / 8] = (value as number) + 0;
      break;
    case 'float64':
      doubles[at / 8] = value as number;
      break;
    case 'date':
      doubles[at / 8] = timeOf(value) as number;
      break;
  }
}

/** undefined when the bytes are not of the type. */
export function readFixed(views: MemoryViews, type: FixedType, at: number): unknown {
  const { bytes, halves, words, longs, floats, doubles } = views;
  switch (type) {
    case 'uint8':
      return bytes[at];
    case 'int8':
      return ((bytes[at] as number) << 24) >> 24;
    case 'boolean':
      return (bytes[at] as number) > 1 ? undefined : bytes[at] === 1;
    case 'uint16':
      return (halves[at / 2] as number) & 0xffff;
    case 'int16':
      return halves[at / 2];
    case 'uint32':
      return (words[at / 4] as number) >>> 0;
    case 'int32':
      return words[at / 4];
    case 'float32':
      return floats[at / 4];
    case 'bigint64':
      return longs[at / 8];
    case 'biguint64':
      return BigInt.asUintN(64, longs[at / 8] as bigint);
    case 'safeInteger':
      return Number.isSafeInteger(doubles[at / 8]) ? doubles[at / 8] : undefined;
    case 'float64':
      return doubles[at / 8];
    case 'date':
      return new Date(doubles[at / 8] as number);
  }
}
