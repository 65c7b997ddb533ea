/** The meters of all threads added up by name, read from shared memory: no thread is stopped or asked. Called by the nexus for whoever looks. */
import { meterOffset, type SharedMemory, threadWord } from '../../../bindings/shared-memory.js';
import * as L from '../../../layout/generated/layout.js';
import { BREAKER_OUTCOMES, BREAKER_STATES, type BreakerStatistics, OTHER_NAME, type OperationStatistics } from '../../model/operation-statistics.js';
import { OUTCOME_DOUBLES, STATE_DOUBLES } from './breaker-counts.js';
import { MeterType, namedMeters, otherMeter } from './meter-names.js';

/** In the order in which their names came up; `(other)`, if there is any, is last. At most 257. */
export function readOperations(shared: SharedMemory): OperationStatistics[] {
  return [...metersByName(shared, MeterType.operation)]
    .map(([name, meters]) => {
      const totals = totalsOf(shared, meters, L.OPERATION_DOUBLE_BUCKETS + L.METER_BUCKETS);
      return {
        name,
        successes: totals[L.OPERATION_DOUBLE_SUCCESSES] as number,
        failures: totals[L.OPERATION_DOUBLE_FAILURES] as number,
        violations: totals[L.OPERATION_DOUBLE_VIOLATIONS] as number,
        sumNs: totals[L.OPERATION_DOUBLE_SUM] as number,
        counts: [...totals.subarray(L.OPERATION_DOUBLE_BUCKETS)],
      };
    })
    .filter(({ name, counts }) => name !== OTHER_NAME || counts.some((count) => count > 0));
}

/** As `readOperations`. A thread that does not serve has no breakers, whatever its memory says. */
export function readBreakers(shared: SharedMemory): BreakerStatistics[] {
  return [...metersByName(shared, MeterType.breaker)]
    .map(([name, meters]) => {
      const all = totalsOf(shared, meters, L.BREAKER_DOUBLE_OPENED + 1);
      const serving = totalsOf(shared, meters, L.BREAKER_DOUBLE_IS_ISOLATED + 1, (thread) => isServing(shared, thread));
      return {
        name,
        calls: recordOf(BREAKER_OUTCOMES, (outcome) => all[OUTCOME_DOUBLES[outcome]] as number),
        opened: all[L.BREAKER_DOUBLE_OPENED] as number,
        states: recordOf(BREAKER_STATES, (state) => serving[STATE_DOUBLES[state]] as number),
      };
    })
    .filter(({ name, calls, states }) => name !== OTHER_NAME || [...Object.values(calls), ...Object.values(states)].some((count) => count > 0));
}

/** A name may have several meters: see `meter-names.ts`. */
function metersByName(shared: SharedMemory, type: MeterType): Map<string, number[]> {
  const meters = new Map<string, number[]>();
  for (const named of namedMeters(shared)) {
    if (named.type !== type) continue;
    const known = meters.get(named.name);
    if (known === undefined) meters.set(named.name, [named.meter]);
    else known.push(named.meter);
  }
  return meters.set(OTHER_NAME, [otherMeter(type)]);
}

function totalsOf(shared: SharedMemory, meters: readonly number[], length: number, isWanted: (thread: number) => boolean = () => true): Float64Array {
  const totals = new Float64Array(length);
  for (let thread = 0; thread < shared.threadCount; thread++) {
    if (!isWanted(thread)) continue;
    for (const meter of meters) {
      const at = meterOffset(shared, thread, meter) >> 3;
      for (let index = 0; index < length; index++) totals[index] = (totals[index] as number) + (shared.doubles[at + index] as number);
    }
  }
  return totals;
}

function isServing(shared: SharedMemory, thread: number): boolean {
  return Atomics.load(shared.words, threadWord(shared, thread) + L.THREAD_WORD_STATE) === L.THREAD_STATE_READY;
}

function recordOf<K extends string>(keys: readonly K[], value: (key: K) => number): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<K, number>;
}
