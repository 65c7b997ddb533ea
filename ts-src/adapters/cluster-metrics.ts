/** The metrics of a node of a cluster, a part of the catalogue (`metrics-catalogue.ts`). There are none of them without a cluster. They are read in `cluster-readings.ts`. */
import { ASK_BOUNDS_NS } from '../model/cluster-snapshot.js';
import type { LabelDefinition, MetricDefinition, MetricUnit } from './metrics-catalogue.js';

/** Nodes that have time series of their own; those beyond share `(other)`. */
export const NODE_LABELS_MAX = 64;
/** Codes of refusals, likewise. */
export const REFUSAL_LABELS_MAX = 64;
export const OTHER = '(other)';

export const STANDINGS = ['joining', 'member', 'leaving', 'left', 'fenced'] as const;
export const REACHABILITIES = ['reachable', 'suspect', 'unreachable'] as const;

export const PARTITION_STATES = ['serving', 'claiming'] as const;
export const HELD = ['owned', 'copy'] as const;
export const FOUND = ['local', 'cached', 'owner'] as const;

const oneOf = (name: string, values: readonly string[]): LabelDefinition => ({
  name,
  what: values.map((value) => `\`${value}\``).join(', '),
  valuesMax: values.length,
});
const NODE: LabelDefinition = { name: 'node', what: `name of a member; \`${OTHER}\` for those beyond ${NODE_LABELS_MAX}`, valuesMax: NODE_LABELS_MAX + 1 };
const CODE: LabelDefinition = { name: 'code', what: `an error code; \`${OTHER}\` for those beyond ${REFUSAL_LABELS_MAX}`, valuesMax: REFUSAL_LABELS_MAX + 1 };

export const CLUSTER_METRICS: readonly MetricDefinition[] = [
  gauge('members', 'none', 'Members of the agreed view, as the failure detector of this node sees them.', oneOf('reachability', REACHABILITIES)),
  gauge('standing', 'none', '1 for the standing of this node, 0 for the others: only a `member` runs agents.', oneOf('standing', STANDINGS)),
  gauge('view', 'none', 'Number of the agreed view; 0 before the first.'),
  gauge('sides', 'none', 'Groups of members that reach each other: more than one is a partition.'),
  gauge('lease_seconds', 'seconds', 'Until this node stops its agents, if no voter answers any more. Absent when it is no member.'),
  gauge('local_health', 'none', 'How late this node answers itself, by its own probes: 0 is healthy, 8 the worst.'),
  gauge('stalled_threads', 'none', 'Threads of the node whose event loops are blocked; of `(other)` all together.', NODE),
  gauge('phi', 'none', 'Suspicion of the node: -log10 of the probability that it is alive and only late; of `(other)` the largest.', NODE),
  gauge('round_trip_seconds', 'seconds', 'Mean of the last probes of the node that were answered; of `(other)` the largest.', NODE),
  gauge('probe_loss_ratio', 'ratio', 'Share of the last 100 probes of the node that were not answered in time; of `(other)` the largest.', NODE),
  counter('sent_messages', 'none', 'Messages that the transport has sent to the node.', NODE),
  counter('sent_bytes', 'bytes', 'Bytes that the transport has sent to the node.', NODE),
  counter('received_messages', 'none', 'Messages that the transport has received of the node.', NODE),
  counter('received_bytes', 'bytes', 'Bytes that the transport has received of the node.', NODE),
  counter('lost_messages', 'none', 'Messages to the node that were accepted, and lost with their connection.', NODE),
  {
    ...gauge(
      'ask_duration_seconds',
      'seconds',
      'Asks of agents of the node that were answered, from when the calling thread had them until their answers. Every one is timed.',
      NODE,
    ),
    type: 'histogram',
    buckets: ASK_BOUNDS_NS.map((bound) => bound / 1e9),
  },
  gauge('waiting_messages', 'none', 'Messages to the node that wait for room.', NODE),
  gauge('waiting_bytes', 'bytes', 'Bytes of them.', NODE),
  gauge('ring_share_ratio', 'ratio', 'Share of the ids that the member owns by the ring; of `(other)` all together.', NODE),
  gauge(
    'partitions',
    'none',
    'Partitions of the ring that this node owns, by whether it serves them or waits for reports of other members.',
    oneOf('state', PARTITION_STATES),
  ),
  gauge('registrations', 'none', 'Ids that this node knows: in its own partitions, and in copies of those of others.', oneOf('held', HELD)),
  gauge('activations', 'none', 'Agents with ids of the cluster that this node runs.'),
  counter('lookups', 'none', 'Times that somebody on this node asked who runs an id, by where the answer was found.', oneOf('found', FOUND)),
  counter('hand_offs', 'none', 'Partitions that came to this node from another one.'),
  counter('superseded', 'none', 'Agents of this node that ended because another node had a later activation of them.'),
  counter('refusals', 'none', 'What others sent and this node refused: no messages, of another cluster, of a node that was removed.', CODE),
];

function gauge(name: string, unit: MetricUnit, help: string, ...labels: readonly LabelDefinition[]): MetricDefinition {
  return { name: `nexus_cluster_${name}`, type: 'gauge', unit, labels, help, source: { from: 'cluster' } };
}

function counter(name: string, unit: MetricUnit, help: string, ...labels: readonly LabelDefinition[]): MetricDefinition {
  return { name: `nexus_cluster_${name}_total`, type: 'counter', unit, labels, help, source: { from: 'cluster' } };
}
