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
  NEXUS_HANDSHAKE_REFUSED: {
    causes:
      'The nodes are of different clusters, one was removed from it or is not known yet, a certificate is for another name, a port is for another purpose, another node listens at the address, or the handshake took too long.',
    remedy: 'Follow the reason in the message: `docs/wire.md` has what each means and what to do.',
    retryable: 'maybe',
    retry: 'With reason `unknownNode`, `busy` or `timeout`.',
    errorClass: 'NexusError',
  },
  NEXUS_VERSION_UNSUPPORTED: {
    causes: 'One node runs a version of Nexus that is too old or too new for the other.',
    remedy: 'Upgrade the older one; between releases that do not speak to each other, by way of one that speaks to both.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_CONNECTION_LOST: {
    causes: 'The network or the other process failed, nothing was heard for too long, or the other node has ended the session.',
    remedy: 'Nothing: connections are made again. Messages that were on their way may or may not have arrived; ask again what needs an answer.',
    retryable: 'maybe',
    retry: 'With a pause; what must not be done twice needs a key of its own.',
    errorClass: 'NexusError',
  },
  NEXUS_SHAPE_UNKNOWN: {
    causes: 'Two nodes run different versions of a definition, or one has not registered the shape.',
    remedy: 'Run the same version of the definitions on both nodes. The message is lost, the connection goes on.',
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
