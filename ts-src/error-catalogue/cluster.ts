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
  NEXUS_JOIN_TIMEOUT: {
    causes:
      'No seed answers (nothing runs there, or a firewall is between), the seeds are of a cluster of another name, fewer than half of them are up when the cluster is to be founded, or an earlier start of this node has to be removed first.',
    remedy: 'Look at `nexus.cluster.snapshot()` and at the log of this node and of the seeds; give `joined` more time, or other seeds in `cluster.join`.',
    retryable: 'yes',
    retry: 'The node goes on trying: call `joined` again.',
    errorClass: 'NexusError',
  },
  NEXUS_NODE_FENCED: {
    causes: 'The node had no answer of enough voters until its lease had run out, the others have removed it, its membership thread has ended, or it has left.',
    remedy: 'End the process and start it again: it joins as another incarnation. `nexus run` ends with the exit code 3 for that.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_NODE_STATE_UNUSABLE: {
    causes: 'The directory `cluster.stateDirectory` does not exist and cannot be made, or may not be read or written.',
    remedy: 'Give a directory that this process may write, or leave the option out: the wall clock then says which start is the later one.',
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
