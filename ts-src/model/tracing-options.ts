/** Option `tracing` of `createNexus`: its type, defaults and limits, and the one place that checks it. */
import { optionError } from '../errors.js';
import { checkNames } from './nearest-name.js';

export interface TracingOptions {
  /** Chance of a message that nothing traced has caused to begin a trace, 0 to 1. Default 0: only what comes with a trace, or is sent in one, is traced. */
  readonly ratio?: number;
  /** Traces that one thread begins in a second by that chance, 0 to 1,000,000. Default 100. */
  readonly tracesPerSecondMax?: number;
}

export type ResolvedTracing = Required<TracingOptions>;

/** Undefined for no tracing. @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function resolveTracing(options: TracingOptions | undefined): ResolvedTracing | undefined {
  if (options === undefined) return undefined;
  checkNames('tracing', options, ['ratio', 'tracesPerSecondMax']);
  const { ratio = 0, tracesPerSecondMax = 100 } = options;
  if (!(typeof ratio === 'number' && ratio >= 0 && ratio <= 1)) throw optionError('tracing.ratio', `is ${String(ratio)}; it must be from 0 to 1`);
  if (!(Number.isInteger(tracesPerSecondMax) && tracesPerSecondMax >= 0 && tracesPerSecondMax <= 1_000_000))
    throw optionError('tracing.tracesPerSecondMax', `is ${String(tracesPerSecondMax)}; it must be a whole number from 0 to 1,000,000`);
  return { ratio, tracesPerSecondMax };
}
