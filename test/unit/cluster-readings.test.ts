/** The metrics of a node of a cluster: what of its snapshot they say, that their labels have an end, and that totals do not go back whoever leaves. */
import { expect, test } from 'vitest';
import { CLUSTER_METRICS, NODE_LABELS_MAX, OTHER } from '../../dist/ts-src/adapters/cluster-metrics.js';
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
  for (const { name, labels } of CLUSTER_METRICS) {
    const samples = readings.samples(name);
    expect(samples.length, name).toBeLessThanOrEqual(labels.reduce((count, { valuesMax }) => count * valuesMax, 1));
    for (const sample of samples) expect(Object.keys(sample.labels)).toEqual(labels.map((label) => label.name));
  }
  expect(Object.keys(of('phi'))).toHaveLength(NODE_LABELS_MAX);
  expect([of('phi')[OTHER], of('refusals_total')[OTHER], of('waiting_messages')[OTHER]]).toEqual([12.4, 136, 500 * 1234]);
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
