/** The dashboard of a cluster: its nodes as each of them sees the others. One of `dashboards.mjs`. */
import { M, lines, max, q, quantile, rate, stat, sum } from './panels.mjs';

export const CLUSTER_DASHBOARD = {
  file: 'nexus-cluster.json',
  uid: 'nexus-cluster',
  title: 'Nexus: cluster',
  description: 'Nodes of a cluster, as each of them sees it: members, partitions, leases, links.',
  variables: [],
  rows: [
    {
      title: 'At a glance',
      panels: [
        stat('Members', 'short', 'Of the agreed view; where nodes disagree, the most.', `max(${sum(M('nexus_cluster_members'), 'instance')})`),
        stat(
          'Unreachable',
          'short',
          'Members that a node cannot reach; where nodes disagree, the most.',
          `max(${M('nexus_cluster_members', 'reachability="unreachable"')})`,
          [
            ['green', null],
            ['red', 1],
          ],
        ),
        stat('Sides', 'short', 'Groups of members that reach each other; more than one is a partition.', `max(${M('nexus_cluster_sides')})`, [
          ['green', null],
          ['red', 2],
        ]),
        stat('Nodes that are no members', 'short', 'They run no agents.', `count(${M('nexus_cluster_standing', 'standing="member"')} == 0) or vector(0)`, [
          ['green', null],
          ['red', 1],
        ]),
        stat('Shortest lease', 's', 'Until a node stops its agents if no voter answers any more.', `min(${M('nexus_cluster_lease_seconds')})`, [
          ['red', null],
          ['yellow', 1],
          ['green', 2],
        ]),
        stat('Blocked event loops', 'short', 'Threads of all nodes.', `max(${sum(M('nexus_cluster_stalled_threads'), 'instance')})`, [
          ['green', null],
          ['yellow', 1],
        ]),
      ],
    },
    {
      title: 'Membership',
      panels: [
        lines(
          'Members by reachability',
          'short',
          'As each node sees them.',
          q(sum(M('nexus_cluster_members'), 'instance', 'reachability'), '{{instance}} {{reachability}}'),
        ),
        lines('Agreed view', 'short', 'Its number. Nodes that stay behind have lost touch.', q(max(M('nexus_cluster_view'), 'instance'), '{{instance}}')),
        lines(
          'Standing',
          'short',
          'The one in which each node is.',
          q(`${max(M('nexus_cluster_standing'), 'instance', 'standing')} > 0`, '{{instance}} {{standing}}'),
        ),
        lines('Lease', 's', 'What is left of it.', q(`min by (instance) (${M('nexus_cluster_lease_seconds')})`, '{{instance}}')),
        lines(
          'Local health',
          'short',
          '0 is healthy, 8 the worst: a node that answers its own probes late.',
          q(max(M('nexus_cluster_local_health'), 'instance'), '{{instance}}'),
        ),
        lines('Sides by node', 'short', 'As each node sees them.', q(max(M('nexus_cluster_sides'), 'instance'), '{{instance}}')),
        lines(
          'Suspicion (phi)',
          'short',
          '-log10 of the probability that the node is alive and only late.',
          q(max(M('nexus_cluster_phi'), 'node'), '{{node}}'),
        ),
        lines('Blocked event loops by node', 'short', '', q(max(M('nexus_cluster_stalled_threads'), 'node'), '{{node}}')),
      ],
    },
    {
      title: 'Ids',
      panels: [
        lines('Shares of the ring', 'percentunit', 'Part of the ids that each member owns.', q(max(M('nexus_cluster_ring_share_ratio'), 'node'), '{{node}}')),
        lines(
          'Activations',
          'short',
          'Agents with ids of the cluster that each node runs.',
          q(max(M('nexus_cluster_activations'), 'instance'), '{{instance}}'),
        ),
        lines(
          'Partitions that wait',
          'short',
          'Nobody says who has their ids before all members have reported what they run.',
          q(max(M('nexus_cluster_partitions', 'state="claiming"'), 'instance'), '{{instance}}'),
        ),
        lines(
          'Registrations',
          'short',
          'Owned ids, and copies of those of others.',
          q(max(M('nexus_cluster_registrations'), 'instance', 'held'), '{{instance}} {{held}}'),
        ),
        lines('Lookups', 'ops', 'Who runs an id, by where the answer was found.', q(sum(rate('nexus_cluster_lookups_total'), 'found'), '{{found}}')),
        lines(
          'Hand-offs and superseded agents',
          'ops',
          'Partitions that came to a node; agents that ended because there was a later activation of them.',
          q(sum(rate('nexus_cluster_hand_offs_total'), 'instance'), '{{instance}} hand-offs'),
          q(sum(rate('nexus_cluster_superseded_total'), 'instance'), '{{instance}} superseded'),
        ),
      ],
    },
    {
      title: 'Links',
      panels: [
        lines(
          'Round trip',
          's',
          'Mean of the last probes that were answered.',
          q(max(M('nexus_cluster_round_trip_seconds'), 'instance', 'node'), '{{instance}} to {{node}}'),
        ),
        lines(
          'Asks of other nodes, 99th percentile',
          's',
          'Until the answer, as the node that asks sees it.',
          q(quantile(0.99, 'nexus_cluster_ask_duration_seconds', ['instance', 'node']), '{{instance}} of {{node}}'),
        ),
        lines(
          'Asks of other nodes',
          'ops',
          'Those that were answered.',
          q(sum(rate('nexus_cluster_ask_duration_seconds_count'), 'instance', 'node'), '{{instance}} of {{node}}'),
        ),
        lines('Probes lost', 'percentunit', 'Of the last 100.', q(max(M('nexus_cluster_probe_loss_ratio'), 'instance', 'node'), '{{instance}} to {{node}}')),
        lines('Bytes sent', 'Bps', 'By the transport.', q(sum(rate('nexus_cluster_sent_bytes_total'), 'instance', 'node'), '{{instance}} to {{node}}')),
        lines(
          'Bytes received',
          'Bps',
          'By the transport.',
          q(sum(rate('nexus_cluster_received_bytes_total'), 'instance', 'node'), '{{instance}} from {{node}}'),
        ),
        lines(
          'Messages between nodes',
          'ops',
          '',
          q(sum(rate('nexus_cluster_sent_messages_total'), 'instance'), '{{instance}} sent'),
          q(sum(rate('nexus_cluster_received_messages_total'), 'instance'), '{{instance}} received'),
        ),
        lines(
          'Waiting for room',
          'short',
          'Messages that the other node, or the network, does not take fast enough.',
          q(sum(M('nexus_cluster_waiting_messages'), 'instance', 'node'), '{{instance}} to {{node}}'),
        ),
        lines('Bytes that wait', 'bytes', '', q(sum(M('nexus_cluster_waiting_bytes'), 'instance', 'node'), '{{instance}} to {{node}}')),
        lines(
          'Lost and refused',
          'ops',
          'Lost with a connection; refused by its receiver, by code.',
          q(sum(rate('nexus_cluster_lost_messages_total'), 'instance'), '{{instance}} lost'),
          q(sum(rate('nexus_cluster_refusals_total'), 'instance', 'code'), '{{instance}} refused {{code}}'),
        ),
      ],
    },
  ],
};
