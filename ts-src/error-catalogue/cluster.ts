/** Entries of the catalogue: nodes of a cluster. Read by `catalogue.ts` only. */
import type { ErrorCode } from '../errors.js';
import type { ErrorEntry } from './entry.js';

export const CLUSTER = {
  NEXUS_OUTCOME_UNKNOWN: {
    causes: 'A process was killed, a machine or network failed, or a node was removed from the cluster, while an ask was with it.',
    remedy: 'Ask again what may be done twice; give what must not a key of its own by which the agent knows it, or ask the agent what it has done.',
    retryable: 'maybe',
    retry: 'With a pause, where the action is idempotent.',
    errorClass: 'NexusError',
  },
  NEXUS_NODE_UNREACHABLE: {
    causes: 'The node has left or was removed, cannot be connected at its address, or so much waits for it that no more is taken.',
    remedy: 'Look at `nexus nodes`. The message has not been sent: asking again is safe.',
    retryable: 'yes',
    retry: 'With a pause: an agent whose node is lost is started elsewhere within seconds.',
    errorClass: 'NexusError',
  },
  NEXUS_NODE_LOST: {
    causes:
      'The process or machine of the node has ended, it was cut off from the cluster for longer than its lease, or it has left while its agents had not moved.',
    remedy:
      'It is the cause of a NEXUS_LINK_FAILED: let supervision start the linked agent again, and have it look for the other one then. `nexus drain` moves agents before a node leaves.',
    retryable: 'maybe',
    retry: 'When the other agent was started elsewhere.',
    errorClass: 'NexusError',
  },
  NEXUS_REGISTRY_TIMEOUT: {
    causes:
      'The owner of the id on the ring is lost and not removed yet, it waits for reports of other members after a change of the members, or the network is slow.',
    remedy: 'Nothing: owners that are lost are replaced within seconds. `nexus where ID` says who owns an id and what it waits for.',
    retryable: 'yes',
    retry: 'With a pause.',
    errorClass: 'NexusError',
  },
  NEXUS_TOKEN_STALE: {
    causes: 'The node of the agent was cut off, paused or fenced, and the agent was started elsewhere meanwhile.',
    remedy: 'Nothing: the later activation goes on. What is refused was not stored.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
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
      'No seed answers (nothing runs there, or a firewall is between), the seeds are of a cluster of another name, not all of them are up when the cluster is to be founded, or an earlier start of this node has to be removed first.',
    remedy:
      'What is to be mended is in the message where it is known. Look at `nexus.cluster.snapshot()` and at the log of this node and of the seeds; give `joined` more time, or other seeds in `cluster.join`.',
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
  NEXUS_CLUSTER_MISMATCH: {
    causes: 'A seed, or an address of discovery, is of another cluster; or two clusters of one name were founded apart from each other.',
    remedy:
      'Give all nodes of a cluster the same `cluster.name`, and their seeds; if there are two of one name, stop the nodes of one of them and let them join the other.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_CLUSTER_SETTINGS: {
    causes: '`timing.leaseMs`, `timing.stopMarginMs` or `resolver` of the node differ from those of the members; the message says how.',
    remedy: 'Give all nodes the same. To change them, stop all nodes of the cluster first: who may run rests on them.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_NODE_DUPLICATE: {
    causes: 'The node was started again before the others have seen that it had ended; or two nodes have one name.',
    remedy: 'None in the first case: it joins by itself when the lease of the former has run out. In the second, give each a name of its own (`cluster.node`).',
    retryable: 'yes',
    retry: 'By itself, until the other one is gone.',
    errorClass: 'NexusError',
  },
  NEXUS_NODE_STALE: {
    causes: 'The clock of the machine is behind those of others, and the node keeps no state.',
    remedy: 'None: the node takes the incarnation that it is told, and joins with that.',
    retryable: 'yes',
    retry: 'By itself, at once.',
    errorClass: 'NexusError',
  },
  NEXUS_NODE_FORGED: {
    causes:
      'A node of this cluster, known by its connection (with mutual TLS: by its certificate), says things in the name of another one: it is not the program it should be, or a proxy mixes connections.',
    remedy: 'Find out what runs on the node that the log names, and revoke its certificate.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_NODE_AHEAD: {
    causes: 'The clock of the machine was centuries ahead when the node started, or the state it keeps is damaged.',
    remedy: 'Set the clock, delete the state file of the node, and start it again.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_NODE_REMOVED: {
    causes: 'A node that was removed while it was cut off, or did not run, is there again. It is told, and stops its agents if it has not yet.',
    remedy: 'Start it anew; `nexus run` ends with code 3 for whoever starts it again.',
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
  NEXUS_CONNECT_FAILED: {
    causes:
      'Nobody listens at the address, a firewall drops what is sent to it, its name does not resolve, or the other node was too busy to answer in time; the cause is the error of the system.',
    remedy: 'Nothing, if the other node was about to start or to end: it is tried again. Otherwise find out whether the port can be reached from this machine.',
    retryable: 'yes',
    retry: 'Nexus does, with a growing pause.',
    errorClass: 'NexusError',
  },
  NEXUS_CHANNEL_UNKNOWN: {
    causes: 'The two nodes run different versions of the program, or this one has not come so far in its start.',
    remedy: 'Look at what the two nodes run. The message was dropped; nothing else is affected.',
    retryable: 'maybe',
    retry: 'When the other node has started.',
    errorClass: 'NexusError',
  },
  NEXUS_UPGRADE_REFUSED: {
    causes:
      'A browser, a health check or a scanner of ports asked a node for something over HTTP; or a node was given the address of something else than a node, or of a proxy before one.',
    remedy: 'Give nodes the addresses of nodes, and probe health at the gateway; close the ports of the cluster to everybody else.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_CONNECTIONS_TOO_MANY: {
    causes:
      'Somebody opens connections and does not use them, the cluster has more connections than `connectionsMax`, or the process may not have as many open files.',
    remedy: 'Close the ports of the cluster to everybody else; raise the limit, and that of the system (`ulimit -n`), if all of them are nodes.',
    retryable: 'maybe',
    retry: 'When connections have ended.',
    errorClass: 'NexusError',
  },
  NEXUS_HANDSHAKE_TIMEOUT: {
    causes: 'Somebody opened a connection and said nothing, or so slowly that it did not come to an end; or a node or the network is overloaded.',
    remedy: 'Close the ports of the cluster to everybody else. A node is tried again by itself.',
    retryable: 'maybe',
    retry: 'Nexus does, with a growing pause.',
    errorClass: 'NexusError',
  },
  NEXUS_FRAME_STALLED: {
    causes: 'The other side writes a few bytes at a time to hold memory and a connection, or the network carries next to nothing.',
    remedy: 'Find out who is at the address in the message.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_TLS_FILES: {
    causes: 'A file is missing or is not PEM, the key is not that of the certificate, or the revocation list has expired or is of another authority.',
    remedy: 'Look at the files in the message with `openssl x509 -text`, `openssl crl -text`. While a node runs it goes on with what it had before.',
    retryable: 'maybe',
    retry: 'When the files are right; a running node looks at them every 10 seconds.',
    errorClass: 'NexusError',
  },
  NEXUS_TLS_EXPIRED: {
    causes: 'The certificate was not renewed in time, or the clock of one of the machines is wrong.',
    remedy: 'Give the node a new certificate: the files are read again without a restart. Look at the clocks.',
    retryable: 'maybe',
    retry: 'When the node has a new certificate.',
    errorClass: 'NexusError',
  },
  NEXUS_TLS_UNTRUSTED: {
    causes: 'The other node is of another cluster, has a certificate of another authority, or none.',
    remedy: 'Sign the certificates of all nodes with the authority in `tls.authorityFile`; while the authority changes, that file holds both.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_TLS_NAME: {
    causes: 'The certificate is that of another node, or of something else that the same authority has signed.',
    remedy: 'Give each node a certificate with its name as a DNS name, or all of them one with `tls.serverName`.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_TLS_REVOKED: {
    causes: 'The certificate is in the revocation list.',
    remedy: 'Give the node another one, if it is to be in the cluster.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
  NEXUS_TLS_FAILED: {
    causes:
      'One of the two uses TLS and the other does not, or they have no version of TLS (1.2 at least) or cipher in common; the cause is the error of the system.',
    remedy: 'Set `tls` for all nodes of the cluster, or for none.',
    retryable: 'no',
    errorClass: 'NexusError',
  },
} satisfies Partial<Record<ErrorCode, ErrorEntry>>;
