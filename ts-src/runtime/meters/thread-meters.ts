/** The meters that one thread writes to: finds or makes them by name, and keeps what it has found. Used by `operations.ts`, and by contexts for circuit breakers. */
import type { SharedMemory } from '../../../bindings/shared-memory.js';
import * as L from '../../../layout/generated/layout.js';
import { optionError } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import { isMeterable, type MeterableBreaker, METERED_BY } from '../../model/breaker-meter.js';
import { LineAllowance } from '../../model/line-allowance.js';
import { checkMeterName } from '../../model/observe-options.js';
import { OTHER_NAME } from '../../model/operation-statistics.js';
import { BreakerCounts } from './breaker-counts.js';
import { claimMeter, isFirstWithoutRoom, MeterType, namedMeters, otherMeter } from './meter-names.js';
import { OperationMeter } from './operation-meter.js';

/** Warnings about one operation, on one thread, in a second. */
const LINES_MAX = 10;

/** What a thread keeps about the operations of one name. */
export interface MeteredOperation {
  readonly meter: OperationMeter;
  readonly lines: LineAllowance;
}

export interface ThreadMetersNeeds {
  readonly shared: SharedMemory;
  readonly thread: number;
  readonly logger: Logger;
}

/** A breaker under a name, which several agents may have said. */
interface Registration {
  uses: number;
  end(): void;
}

export class ThreadMeters {
  readonly #needs: ThreadMetersNeeds;
  readonly #operations = new Map<string, MeteredOperation>();
  readonly #breakers = new Map<MeterableBreaker, Map<string, Registration>>();
  /** All names that found no room. */
  #others: MeteredOperation | undefined;

  constructor(needs: ThreadMetersNeeds) {
    this.#needs = needs;
    const { shared } = needs;
    for (const { type, meter } of namedMeters(shared)) if (type === MeterType.breaker) this.#countsOf(meter).begin();
    this.#countsOf(L.METER_OTHER_BREAKERS).begin();
  }

  /** @throws NexusTypeError NEXUS_OPTION_INVALID for the name */
  operation(name: string): MeteredOperation {
    return this.#operations.get(name) ?? this.#newOperation(name);
  }

  /**
   * Counts the calls of the breaker under the name, and its state, until the function it returns was called as often as this.
   * @throws NexusTypeError NEXUS_OPTION_INVALID
   */
  breaker(breaker: unknown, name: string): () => void {
    checkMeterName(name);
    if (!isMeterable(breaker))
      throw optionError('breaker', 'must be what circuitBreaker() returns; for other policies, observe() the call that goes through them');
    let names = this.#breakers.get(breaker);
    if (names === undefined) {
      names = new Map();
      this.#breakers.set(breaker, names);
    }
    let registration = names.get(name);
    if (registration === undefined) {
      registration = this.#register(breaker, name);
      names.set(name, registration);
    }
    registration.uses++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#release(breaker, name);
    };
  }

  /** Nothing is counted any more of what was registered. */
  close(): void {
    for (const names of this.#breakers.values()) for (const registration of names.values()) registration.end();
    this.#breakers.clear();
  }

  #newOperation(name: string): MeteredOperation {
    checkMeterName(name);
    // Once the list is full it does not change any more, and all its names are known here.
    if (this.#others !== undefined) return this.#others;
    const { shared } = this.#needs;
    const meter = claimMeter(shared, MeterType.operation, name);
    if (meter !== undefined) return this.#remember(name, meter);
    this.#sayNoRoom(MeterType.operation, name);
    for (const known of namedMeters(shared))
      if (known.type === MeterType.operation && !this.#operations.has(known.name)) this.#remember(known.name, known.meter);
    this.#others = this.#metered(L.METER_OTHER_OPERATIONS);
    return this.#others;
  }

  #remember(name: string, meter: number): MeteredOperation {
    const metered = this.#metered(meter);
    this.#operations.set(name, metered);
    return metered;
  }

  #metered(meter: number): MeteredOperation {
    return { meter: new OperationMeter(this.#needs.shared, this.#needs.thread, meter), lines: new LineAllowance(LINES_MAX) };
  }

  #register(breaker: MeterableBreaker, name: string): Registration {
    let meter = claimMeter(this.#needs.shared, MeterType.breaker, name);
    if (meter === undefined) {
      this.#sayNoRoom(MeterType.breaker, name);
      meter = otherMeter(MeterType.breaker);
    }
    const counts = this.#countsOf(meter);
    counts.entered(breaker.state.type);
    const detach = breaker[METERED_BY](counts);
    return {
      uses: 0,
      end() {
        detach();
        counts.left(breaker.state.type);
      },
    };
  }

  #release(breaker: MeterableBreaker, name: string): void {
    const names = this.#breakers.get(breaker);
    const registration = names?.get(name);
    if (names === undefined || registration === undefined || --registration.uses > 0) return;
    registration.end();
    names.delete(name);
    if (names.size === 0) this.#breakers.delete(breaker);
  }

  #countsOf(meter: number): BreakerCounts {
    return new BreakerCounts(this.#needs.shared, this.#needs.thread, meter);
  }

  #sayNoRoom(type: MeterType, name: string): void {
    const { shared, logger } = this.#needs;
    if (!isFirstWithoutRoom(shared, type)) return;
    const what = type === MeterType.operation ? 'operations' : 'circuit breakers';
    logger.warn(
      { name, namesMax: L.METERS_NAMED },
      `there are more than ${L.METERS_NAMED} names of operations and circuit breakers: further ${what} are counted as '${OTHER_NAME}'. Names must be few; ids belong into attributes`,
    );
  }
}
