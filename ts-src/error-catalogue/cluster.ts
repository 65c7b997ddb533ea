/** Entries of the catalogue: nodes of a cluster. Read by `catalogue.ts` only. */
import type { ErrorCode } from '../errors.js';
import type { ErrorEntry } from './entry.js';

export const CLUSTER = {
  NEXUS_FRAME_INVALID: {
    causes: 'Something else than a node of Nexus talks to the port of one, bytes were damaged on the way, or a node is broken.',
    remedy: 'Where it happens again and again: find out who listens or calls at the address in the message.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_LISTEN_FAILED: {
    causes: 'The port is taken, is below 1,024 and not allowed, or the host is not an address of this machine; the cause is the error of the system.',
    remedy: 'Give another port (0 for any free one) or another host.',
    retryable: 'maybe',
    retry: 'When the port is free.',
    errorClass: 'NexusError',
  },
} satisfies Partial<Record<ErrorCode, ErrorEntry>>;
