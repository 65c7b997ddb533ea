/**
 * What several processes have done to one object, as values: who called what, when, and what came back. Made by a workload, read from a log by `history-log.ts`, judged by `check-linearizable.ts`.
 * Nothing here knows what the object is: that is a model.
 */
import { optionError, valueText } from '../../errors.js';

/** Operations in one history. */
export const HISTORY_OPERATIONS_MAX = 1_000_000;

/** One call of one process. */
export interface HistoryOperation<Input = unknown, Output = unknown> {
  /** Who called. A process does one thing after the other; after an operation of unknown outcome it goes on under another name, or the operation is still open. */
  readonly process: string | number;
  readonly input: Input;
  /** What came back, of operations that are `ok`. */
  readonly output?: Output;
  /** When it was called. In any unit, of any clock that all processes share; equal times count as at once. */
  readonly invokedAt: number;
  /** When it returned: not before it was called. Needed for `ok`; for the others it says nothing. */
  readonly returnedAt?: number;
  /**
   * `ok`: it has happened, at some time between call and return. `failed`: it has certainly not happened. `unknown`: it has happened at some time after it was called, at whatever later time, or never:
   * a timeout, a connection that broke.
   */
  readonly outcome: 'ok' | 'failed' | 'unknown';
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, which names the operation by its place */
export function checkHistory(history: unknown): asserts history is readonly HistoryOperation[] {
  if (!Array.isArray(history)) throw optionError('history', `is ${valueText(history)}; it must be a list of operations`);
  if (history.length > HISTORY_OPERATIONS_MAX) throw optionError('history', `has ${history.length} operations; there may be ${HISTORY_OPERATIONS_MAX}`);
  history.forEach((operation: Partial<HistoryOperation> | null, index) => {
    const path = `history[${index}]`;
    if (typeof operation !== 'object' || operation === null) throw optionError(path, `is ${valueText(operation)}; it must be an operation`);
    const { process, invokedAt, returnedAt, outcome } = operation;
    if (typeof process !== 'string' && typeof process !== 'number')
      throw optionError(`${path}.process`, `is ${valueText(process)}; it must be a name or a number`);
    if (outcome !== 'ok' && outcome !== 'failed' && outcome !== 'unknown')
      throw optionError(`${path}.outcome`, `is ${valueText(outcome)}; it must be 'ok', 'failed' or 'unknown'`);
    if (typeof invokedAt !== 'number' || !Number.isFinite(invokedAt)) throw optionError(`${path}.invokedAt`, `is ${valueText(invokedAt)}; it must be a number`);
    if (outcome === 'ok' && !(typeof returnedAt === 'number' && returnedAt >= invokedAt && Number.isFinite(returnedAt)))
      throw optionError(`${path}.returnedAt`, `is ${valueText(returnedAt)}; it must be a number that is not less than invokedAt (${invokedAt})`);
  });
}

/** A value as text that is the same for equal values, whatever the order of their keys. It tells `undefined`, `null`, NaN and -0 apart from each other and from texts. */
export function canonicalText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (value instanceof Set) return `set(${[...value].map(canonicalText).sort().join(',')})`;
  if (value instanceof Map)
    return `map(${[...value]
      .map(([key, each]) => `${canonicalText(key)}:${canonicalText(each)}`)
      .sort()
      .join(',')})`;
  const fields = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}:${canonicalText(each)}`);
  return `{${fields.sort().join(',')}}`;
}
