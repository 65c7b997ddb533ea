/**
 * What one thread counts of the operations of one name, in shared memory: that thread alone writes, with plain stores, and any thread reads. A successor of a lost thread goes on with the
 * block of its predecessor, for what it knows is all in there. As with histograms (`histogram-shard.ts`), nothing that is read is torn, and counts never go back.
 */
import { meterOffset, type SharedMemory } from '../../../bindings/shared-memory.js';
import * as L from '../../../layout/generated/layout.js';
import { durationBucket } from '../../model/operation-statistics.js';

export class OperationMeter {
  readonly #doubles: Float64Array;
  readonly #at: number;

  constructor(shared: SharedMemory, thread: number, meter: number) {
    this.#doubles = shared.doubles;
    this.#at = meterOffset(shared, thread, meter) >> 3;
  }

  record(nanoseconds: number, hasFailed: boolean, isViolation: boolean): void {
    const doubles = this.#doubles;
    const at = this.#at;
    const bucketAt = at + L.OPERATION_DOUBLE_BUCKETS + durationBucket(nanoseconds);
    doubles[bucketAt] = (doubles[bucketAt] as number) + 1;
    // What is not a number, or runs backwards, takes no time.
    if (nanoseconds > 0) doubles[at + L.OPERATION_DOUBLE_SUM] = (doubles[at + L.OPERATION_DOUBLE_SUM] as number) + nanoseconds;
    const outcomeAt = at + (hasFailed ? L.OPERATION_DOUBLE_FAILURES : L.OPERATION_DOUBLE_SUCCESSES);
    doubles[outcomeAt] = (doubles[outcomeAt] as number) + 1;
    if (isViolation) doubles[at + L.OPERATION_DOUBLE_VIOLATIONS] = (doubles[at + L.OPERATION_DOUBLE_VIOLATIONS] as number) + 1;
  }
}
