/** Entries of the catalogue: what watches a nexus. Read by `catalogue.ts` only. */
import type { ErrorCode } from '../errors.js';
import type { ErrorEntry } from './entry.js';

export const OBSERVING = {
  NEXUS_TRACING_UNAVAILABLE: {
    causes:
      '`createNexus` was given `tracing`, and the package `@opentelemetry/api` is not among the dependencies of the service, or fails while it loads (`error.cause`).',
    remedy: '`npm install @opentelemetry/api`, or leave `tracing` out.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_FLIGHT_OFF: {
    causes: 'A flight record was asked for, and the nexus was made with `flightRecorder: false`.',
    remedy: 'Make the nexus without `flightRecorder: false`.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_FLIGHT_UNWRITABLE: {
    causes: 'The directory does not exist, may not be written, or is on a full disk; `error.cause` is the error of the system.',
    remedy: 'Set `flightRecorder.directory`, or the path that `writeFlightRecord` is given, to one that can be written.',
    retryable: 'maybe',
    retry: 'When the cause is gone. What the threads did last is still in memory.',
    errorClass: 'NexusError',
  },
  NEXUS_FLIGHT_FOREIGN: {
    causes: 'The file, or what the address answered, does not begin as a flight record does.',
    remedy: 'Give `nexus flight` a file `nexus-flight-….nxf`, or the address of a gateway.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_FLIGHT_VERSION: {
    causes: 'The record was written by a newer version of Nexus; `data.version` is the version of its format.',
    remedy: 'Read it with that version.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_FLIGHT_CORRUPT: {
    causes: 'The disk was full, or whoever wrote the file was killed, so that it is cut off; or it was changed since. The message says where.',
    remedy: 'Use another record. What comes behind the damage cannot be read.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
} satisfies Partial<Record<ErrorCode, ErrorEntry>>;
