/** Options of the flight recorder: their types, defaults and limits, and what checks them. */
import { optionError } from '../errors.js';
import { checkNames } from './nearest-name.js';

/** Options of the flight recorder; `docs/flight-recorder.md`. */
export interface FlightRecorderOptions {
  /** Events of each thread that are kept: 64 to 1,048,576, rounded up to a power of two; 32 bytes each. Default 4,096. */
  readonly eventsPerThread?: number;
  /** Where flight records are written. It must exist by the time of the first. Default: the directory of the system for temporary files. */
  readonly directory?: string;
  /** Flight records that are kept in the directory, 1 to 1,000: the oldest are deleted, of whatever process they are. Default 16. */
  readonly filesMax?: number;
  /** Write one when the process gets this signal. Default: on none. */
  readonly signal?: FlightSignal;
  /** Write one when a thread is lost, an error of the calling thread is not caught, or (native engine) the process dies of a signal. Default true. */
  readonly onCrash?: boolean;
}

/** Signals that do not end the process once somebody listens to them. */
export const FLIGHT_SIGNALS = ['SIGUSR1', 'SIGUSR2', 'SIGHUP', 'SIGQUIT'] as const;
/** Signals of the process on which a flight record may be written. */
export type FlightSignal = (typeof FLIGHT_SIGNALS)[number];

export interface ResolvedFlightRecorder {
  readonly eventsPerThread: number;
  readonly directory: string | undefined;
  readonly filesMax: number;
  readonly signal: FlightSignal | undefined;
  readonly onCrash: boolean;
}

const NAMES = ['eventsPerThread', 'directory', 'filesMax', 'signal', 'onCrash'];

/**
 * @returns undefined where nothing is to be recorded
 * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN
 */
export function resolveFlightRecorder(given: FlightRecorderOptions | false | undefined): ResolvedFlightRecorder | undefined {
  if (given === false) return undefined;
  const options = given ?? {};
  checkNames('flightRecorder', options, NAMES);
  const { directory, signal, onCrash = true } = options;
  if (directory !== undefined && !(typeof directory === 'string' && directory.length > 0 && directory.length <= 1024 && !directory.includes('\0')))
    throw optionError('flightRecorder.directory', 'must be the path of a directory, of 1 to 1,024 characters');
  if (signal !== undefined && !FLIGHT_SIGNALS.includes(signal))
    throw optionError('flightRecorder.signal', `is '${String(signal)}'; it must be ${FLIGHT_SIGNALS.join(', ')}`);
  if (typeof onCrash !== 'boolean') throw optionError('flightRecorder.onCrash', `is ${String(onCrash)}; it must be true or false`);
  return {
    eventsPerThread: 2 ** Math.ceil(Math.log2(whole('eventsPerThread', options.eventsPerThread, 4096, 64, 1_048_576))),
    directory,
    filesMax: whole('filesMax', options.filesMax, 16, 1, 1000),
    signal,
    onCrash,
  };
}

function whole(name: string, value: number | undefined, byDefault: number, min: number, max: number): number {
  if (value === undefined) return byDefault;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw optionError(`flightRecorder.${name}`, `is ${String(value)}; it must be a whole number from ${min} to ${max}`);
}
