/** The metrics of a node of a cluster: what of its snapshot they say, that their labels have an end, and that totals do not go back whoever leaves. */
import { expect, test } from 'vitest';
import { CLUSTER_METRICS, NODE_LABELS_MAX, OTHER } from '../../dist/ts-src/adapters/cluster-metrics.js';
import { seriesMax } from '../../dist/ts-src/adapters/metrics-catalogue.js';
import { ClusterReadings } from '../../dist/ts-src/adapters/cluster-readings.js';
import type { ClusterSnapshot } from '../../dist/ts-src/model/cluster-snapshot.js';
import { fencedCluster, healthyCluster, splitCluster } from '../cluster-snapshots.js';

function read(readings: ClusterReadings, snapshot: ClusterSnapshot | undefined): (name: string) => Record<string, number> {
  readings.read(snapshot);
  return (name) => Object.fromEntries(readings.samples(`nexus_cluster_${name}`).map(({ labels, value }) => [Object.values(labels).join(), value]));
}

test('a snapshot becomes samples, and none without a cluster', () => {
  const readings = new ClusterReadings();
  for (const { name } of CLUSTER_METRICS) expect(readings.samples(name)).toEqual([]);
  const of = read(readings, splitCluster(5, 2));
  expect(of('members')).toEqual({ reachable: 2, suspect: 1, unreachable: 2 });
  expect(of('standing')).toEqual({ joining: 0, member: 1, leaving: 0, left: 0, fenced: 0 });
  expect([of('view'), of('sides'), of('lease_seconds'), of('local_health')]).toEqual([{ '': 5 }, { '': 2 }, { '': 1.02 }, { '': 2 }]);
  expect(of('stalled_threads')).toEqual({ 'shop-1': 0, 'shop-2': 2, 'shop-3': 0, 'shop-4': 0, 'shop-5': 0 });
  expect(of('phi')).toEqual({ 'shop-2': 0.1, 'shop-3': 4.2, 'shop-4': 12.4, 'shop-5': 12.4 });
  expect(of('probe_loss_ratio')).toMatchObject({ 'shop-2': 0, 'shop-5': 1 });
  expect(of('round_trip_seconds')['shop-2']).toBeCloseTo(0.000_42);
  expect(of('waiting_bytes')).toMatchObject({ 'shop-2': 0, 'shop-5': 567_890 });
  expect(of('sent_bytes_total')).toMatchObject({ 'shop-2': 1_234_567, 'shop-3': 2_469_134 });
  expect(of('lost_messages_total')).toMatchObject({ 'shop-2': 0, 'shop-5': 17 });
  expect(of('refusals_total')).toEqual({ NEXUS_FRAME_INVALID: 3, NEXUS_HANDSHAKE_REFUSED: 12 });
  expect(of('ring_share_ratio')).toMatchObject({ 'shop-1': 0.2, 'shop-5': 0.2 });
  expect([of('partitions'), of('registrations')]).toEqual([
    { serving: 614, claiming: 205 },
    { owned: 12_345, copy: 12_222 },
  ]);
  expect([of('activations'), of('hand_offs_total'), of('superseded_total')]).toEqual([{ '': 12_300 }, { '': 512 }, { '': 2 }]);
  expect(of('lookups_total')).toEqual({ local: 90_000, cached: 40_000, owner: 1_234 });
  const fenced = read(readings, fencedCluster(5));
  expect([fenced('standing')['fenced'], fenced('lease_seconds'), read(readings, undefined)('view')]).toEqual([1, {}, {}]);
});

test('a thousand nodes have 64 labels and one for the others, in which the worst or the sum of them is', () => {
  const readings = new ClusterReadings();
  const large = splitCluster(1000, 500);
  const of = read(readings, { ...large, refusals: Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`CODE_${index}`, 1])) });
  for (const definition of CLUSTER_METRICS) {
    const { name, labels } = definition;
    const samples = readings.samples(name);
    expect(samples.length, name).toBeLessThanOrEqual(seriesMax(definition, 1));
    for (const sample of samples) expect(Object.keys(sample.labels).filter((label) => label !== 'le')).toEqual(labels.map((label) => label.name));
  }
  expect(Object.keys(of('phi'))).toHaveLength(NODE_LABELS_MAX);
  expect([of('phi')[OTHER], of('refusals_total')[OTHER], of('waiting_messages')[OTHER]]).toEqual([12.4, 136, 500 * 1234]);
});

test('asks of each node are a histogram that goes on when the node starts again, with those of nodes beyond the labels together', () => {
  const readings = new ClusterReadings();
  const parts = (snapshot: ClusterSnapshot, node: string): Record<string, number> => {
    readings.read(snapshot);
    const samples = readings.samples('nexus_cluster_ask_duration_seconds').filter(({ labels }) => labels['node'] === node);
    return Object.fromEntries(
      samples.map(({ metricName, labels, value }) => [
        `${metricName?.slice('nexus_cluster_ask_duration_seconds_'.length)} ${labels['le'] ?? ''}`.trim(),
        value,
      ]),
    );
  };
  const whole = healthyCluster(80);
  const before = parts(whole, 'shop-02');
  expect(before).toMatchObject({ count: 1000, sum: 0.64, 'bucket +Inf': 1000, 'bucket 0.000016384': 0, 'bucket 0.001048576': 900, 'bucket 0.004194304': 990 });
  expect(Object.keys(before)).toHaveLength(15);
  const asks = { answered: 1200, totalMs: 100, counts: whole.links[0]?.asks?.counts.map((count) => count && 1200) ?? [], perSecond: 1 };
  const restarted: ClusterSnapshot = {
    ...whole,
    members: whole.members.map((member) => (member.name === 'shop-02' ? { ...member, incarnation: member.incarnation + 1000 } : member)),
    links: whole.links.map((link) => (link.node === 'shop-02' ? { ...link, asks } : link)),
  };
  expect(parts(restarted, 'shop-02')).toMatchObject({ count: 2200, sum: 0.74, 'bucket +Inf': 2200, 'bucket 0.001048576': 2100, 'bucket 0.004194304': 2190 });
  const beyond = whole.links.slice(NODE_LABELS_MAX - 1).reduce((sum, link) => sum + (link.asks?.answered ?? 0), 0);
  expect(parts(restarted, OTHER)['count']).toBe(beyond);
  // Before its first answer.
  const unasked = { ...healthyCluster(2), links: healthyCluster(2).links.map(({ asks: _, ...link }) => link) };
  expect(parts(unasked, 'shop-2')).toMatchObject({ count: 0, 'bucket +Inf': 0 });
});

test('totals never go back: not when a node starts again, and not when one of the others leaves', () => {
  const readings = new ClusterReadings();
  const whole = healthyCluster(80);
  const sent = (snapshot: ClusterSnapshot): Record<string, number> => read(readings, snapshot)('sent_messages_total');
  const before = sent(whole);
  const restarted = whole.links.map((link) => (link.node === 'shop-02' ? { ...link, sentMessages: 5 } : link));
  const after = sent({ ...whole, links: restarted });
  expect(after['shop-02']).toBe((before['shop-02'] as number) + 5);
  const without = (name: string): ClusterSnapshot => ({
    ...whole,
    members: whole.members.filter((member) => member.name !== name),
    links: restarted.filter(({ node }) => node !== name),
  });
  expect(sent(without('shop-80'))[OTHER]).toBe(after[OTHER]);
  // One that had a label of its own has left: it is another's, and what was counted for the others stays there.
  const last = sent(without('shop-03'));
  expect(last[OTHER]).toBeGreaterThanOrEqual(after[OTHER] as number);
  expect(Object.keys(last)).toHaveLength(NODE_LABELS_MAX);
  expect(last['shop-03']).toBeUndefined();
  // Nor when there are no others for a while.
  const few = sent(healthyCluster(50));
  expect(few[OTHER]).toBe(last[OTHER]);
  expect(sent(whole)[OTHER]).toBeGreaterThan(few[OTHER] as number);
});
