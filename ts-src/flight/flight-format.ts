/**
 * How a flight record is laid out as bytes: written by `runtime/flight-capture.ts` and, when the process dies of a signal, by `native/include/nexus/flight_dump.hpp`, which is its twin; read
 * by `read-flight-record.ts`. Everything is little-endian and starts at a multiple of 8:
 *
 *   header (64 bytes) | head: JSON, what does not change while the nexus runs | note: text | threads: 32 bytes and the ring of events, as it is in memory, each |
 *   names of agents: slot, generation, bytes | FLIGHT_NAME_ENDED, name, padded to 4 bytes; the last has slot 0 | mark of the end (8 bytes)
 */

/** Raised when a reader of the version before would misread it. */
export const FLIGHT_VERSION = 1;
export const FLIGHT_MAGIC = 'NXFLIGHT';
export const FLIGHT_END = 'NXFLTEND';
export const FLIGHT_FILE_BYTES_MAX = 512 * 1024 * 1024;
export const FLIGHT_NOTE_BYTES_MAX = 8192;
export const FLIGHT_HEAD_BYTES_MAX = 16 * 1024 * 1024;

export const FLIGHT_HEADER_BYTES = 64;
export const FLIGHT_HEADER = {
  magic: 0,
  version: 8,
  eventBytes: 12,
  /** Doubles: the clock of the events at the moment of the dump, and the same moment in milliseconds since 1970. */
  clockMs: 16,
  epochMs: 24,
  /** Index in FLIGHT_REASONS. */
  reason: 32,
  /** Number of the signal, 0 for none. */
  signal: 36,
  /** Thread it is about, or -1. */
  thread: 40,
  threadCount: 44,
  eventsPerThread: 48,
  headBytes: 52,
  noteBytes: 56,
} as const;

export const FLIGHT_THREAD_BYTES = 32;
/** `written` is looked at before and after the events were copied. */
export const FLIGHT_THREAD = { thread: 0, incarnation: 4, state: 8, writtenBefore: 12, writtenAfter: 16 } as const;

export const FLIGHT_NAME_BYTES = 12;
export const FLIGHT_NAME = { slot: 0, generation: 4, bytes: 8 } as const;
/** Bit beside the length of a name: the agent has ended. */
export const FLIGHT_NAME_ENDED = 0x10000;
/** The name of an agent that has ended is known while its record has not been used again, and not longer than this. */
export const FLIGHT_ENDED_NAME_BYTES_MAX = 32;

/** Why it was written. By their number: add at the end. */
export const FLIGHT_REASONS = ['command', 'signal', 'threadLost', 'uncaughtException', 'fatalSignal'] as const;
export type FlightReason = (typeof FLIGHT_REASONS)[number];

/** What does not change while a nexus runs. */
export interface FlightHead {
  readonly pid: number;
  /** Versions. */
  readonly nexus: string;
  readonly node: string;
  readonly platform: string;
  readonly engine: string;
  readonly host: string;
  /** In the order of their numbers; an action with the number of their count is `onTerminated`. */
  readonly kinds: readonly { readonly kind: string; readonly actions: readonly string[] }[];
}

export function padded(bytes: number): number {
  return (bytes + 7) & ~7;
}
