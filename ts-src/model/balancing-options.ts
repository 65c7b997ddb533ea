/** Options of the loop that watches the threads of a nexus and acts on what it finds: their types, defaults and limits, and what checks them. */
import { optionError, valueText } from '../errors.js';
import { checkNames } from './nearest-name.js';

/** The option `balancing` of `createNexus`: the loop that measures threads and relieves them. */
export interface BalancingOptions {
  /** How often every thread measures itself, and the measures are looked at: 50 to 3,600,000. Default 5,000. */
  readonly periodMs?: number;
  /** Move agents off an overloaded thread. Default false: a move is not free, and agents then are not where they were spawned. */
  readonly migrate?: boolean;
  /** Let durable agents that were not used for a period leave memory when it is short. Default true. */
  readonly passivate?: boolean;
  /** Agents that are moved within a round, 1 to 1,024. Default 16. */
  readonly migrationsMax?: number;
  /** Agents that leave memory within a round, 1 to 1,000,000. Default 10,000. */
  readonly passivationsMax?: number;
  /** Share of the time in which the event loop of a thread does not wait, from which on it is overloaded: 0.3 to 1. Default 0.85. */
  readonly overload?: number;
  /** Share of a thread's heap limit, or of `memoryBytesMax`, from which on memory is short: 0.1 to 1. Default 0.8. */
  readonly memoryPressure?: number;
  /** What the process may use: at least 1,048,576. Default: the limit of the container, or the memory of the host. */
  readonly memoryBytesMax?: number;
}

export type BalancingLimits = Readonly<Required<BalancingOptions>>;
/** Undefined: whatever there is. */
export type ResolvedBalancing = Omit<BalancingLimits, 'memoryBytesMax'> & { readonly memoryBytesMax: number | undefined };

const NAMES = ['periodMs', 'migrate', 'passivate', 'migrationsMax', 'passivationsMax', 'overload', 'memoryPressure', 'memoryBytesMax'];

/**
 * @returns undefined where nothing is to be measured
 * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN
 */
export function resolveBalancing(given: BalancingOptions | false | undefined): ResolvedBalancing | undefined {
  if (given === false) return undefined;
  const options = given ?? {};
  checkNames('balancing', options, NAMES);
  return {
    periodMs: number('periodMs', options.periodMs, 5000, 50, 3_600_000),
    migrate: flag('migrate', options.migrate, false),
    passivate: flag('passivate', options.passivate, true),
    migrationsMax: whole('migrationsMax', options.migrationsMax, 16, 1, 1024),
    passivationsMax: whole('passivationsMax', options.passivationsMax, 10_000, 1, 1_000_000),
    overload: number('overload', options.overload, 0.85, 0.3, 1),
    memoryPressure: number('memoryPressure', options.memoryPressure, 0.8, 0.1, 1),
    memoryBytesMax: options.memoryBytesMax === undefined ? undefined : number('memoryBytesMax', options.memoryBytesMax, 0, 1_048_576, Number.MAX_SAFE_INTEGER),
  };
}

function flag(name: string, value: boolean | undefined, byDefault: boolean): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? byDefault;
  throw optionError(`balancing.${name}`, `is ${valueText(value)}; it must be true or false`);
}

function number(name: string, value: number | undefined, byDefault: number, min: number, max: number): number {
  if (value === undefined) return byDefault;
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw optionError(`balancing.${name}`, `is ${valueText(value)}; it must be from ${min} to ${max}`);
}

function whole(name: string, value: number | undefined, byDefault: number, min: number, max: number): number {
  if (value === undefined || Number.isInteger(value)) return number(name, value, byDefault, min, max);
  throw optionError(`balancing.${name}`, `is ${valueText(value)}; it must be a whole number from ${min} to ${max}`);
}
