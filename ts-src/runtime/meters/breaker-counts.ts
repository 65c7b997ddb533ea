/**
 * What one thread counts of the circuit breakers of one name, in shared memory: their calls by outcome as totals, and how many of them are in each state. Written by that thread alone. The
 * breakers of a lost thread are lost with it: its successor keeps the totals and begins with no breaker in any state.
 */
import { meterOffset, type SharedMemory } from '../../../bindings/shared-memory.js';
import * as L from '../../../layout/generated/layout.js';
import type { BreakerMeter } from '../../model/breaker-meter.js';
import type { BreakerOutcome, BreakerStateName } from '../../model/operation-statistics.js';

export const OUTCOME_DOUBLES: Readonly<Record<BreakerOutcome, number>> = {
  success: L.BREAKER_DOUBLE_SUCCESS,
  failure: L.BREAKER_DOUBLE_FAILURE,
  ignored: L.BREAKER_DOUBLE_IGNORED,
  refused: L.BREAKER_DOUBLE_REFUSED,
};

export const STATE_DOUBLES: Readonly<Record<BreakerStateName, number>> = {
  closed: L.BREAKER_DOUBLE_IS_CLOSED,
  open: L.BREAKER_DOUBLE_IS_OPEN,
  halfOpen: L.BREAKER_DOUBLE_IS_HALF_OPEN,
  isolated: L.BREAKER_DOUBLE_IS_ISOLATED,
};

export class BreakerCounts implements BreakerMeter {
  readonly #doubles: Float64Array;
  readonly #at: number;

  constructor(shared: SharedMemory, thread: number, meter: number) {
    this.#doubles = shared.doubles;
    this.#at = meterOffset(shared, thread, meter) >> 3;
  }

  counted(outcome: BreakerOutcome): void {
    this.#add(OUTCOME_DOUBLES[outcome], 1);
  }

  changed(from: BreakerStateName, to: BreakerStateName): void {
    this.left(from);
    this.entered(to);
    if (to === 'open') this.#add(L.BREAKER_DOUBLE_OPENED, 1);
  }

  entered(state: BreakerStateName): void {
    this.#add(STATE_DOUBLES[state], 1);
  }

  left(state: BreakerStateName): void {
    this.#add(STATE_DOUBLES[state], -1);
  }

  /** No breaker is in any state. */
  begin(): void {
    // Memory that nobody has touched stays so.
    for (const double of Object.values(STATE_DOUBLES)) if (this.#doubles[this.#at + double] !== 0) this.#doubles[this.#at + double] = 0;
  }

  #add(double: number, by: number): void {
    this.#doubles[this.#at + double] = (this.#doubles[this.#at + double] as number) + by;
  }
}
