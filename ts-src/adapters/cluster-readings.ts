/**
 * The metrics of a node of a cluster as samples for Prometheus, from its snapshot. Nodes and codes come from outside: there are only so many labels, and what is beyond them is
 * added up. Totals never go back, whoever leaves. Used by `prometheus-readings.ts`; kept as long as the registry is.
 */
import { ASK_BOUNDS_NS, type ClusterSnapshot, type LinkSnapshot } from '../model/cluster-snapshot.js';
import type { RegistrySnapshot } from '../model/registry-snapshot.js';
import { FOUND, NODE_LABELS_MAX, OTHER, REACHABILITIES, REFUSAL_LABELS_MAX, STANDINGS } from './cluster-metrics.js';

interface ClusterSample {
  /** Of a part of a histogram. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** The parts of a histogram, as totals each. */
const ASKS = 'nexus_cluster_ask_duration_seconds';
const ASKS_SUM = `${ASKS}_sum`;
const ASKS_COUNT = `${ASKS}_count`;
const ASKS_BUCKETS = ASK_BOUNDS_NS.map((bound) => `${ASKS}_bucket ${bound / 1e9}`);

type Total = 'sentMessages' | 'sentBytes' | 'receivedMessages' | 'receivedBytes' | 'lostMessages';
const TOTALS: Readonly<Record<string, Total>> = {
  nexus_cluster_sent_messages_total: 'sentMessages',
  nexus_cluster_sent_bytes_total: 'sentBytes',
  nexus_cluster_received_messages_total: 'receivedMessages',
  nexus_cluster_received_bytes_total: 'receivedBytes',
  nexus_cluster_lost_messages_total: 'lostMessages',
};
/** How the values of several nodes become the one of `(other)`. */
const sum = (a: number, b: number): number => a + b;

export class ClusterReadings {
  readonly #nodes = new BoundedLabels(NODE_LABELS_MAX);
  readonly #codes = new BoundedLabels(REFUSAL_LABELS_MAX);
  readonly #totals = new LabelledTotals();
  #snapshot: ClusterSnapshot | undefined;

  /** Once a scrape, before the samples. */
  read(snapshot: ClusterSnapshot | undefined): void {
    this.#snapshot = snapshot;
    if (snapshot === undefined) return;
    this.#nodes.keep(snapshot.members.map(({ name }) => name));
    this.#codes.keep(Object.keys(snapshot.refusals ?? {}));
    const totals: [string, string, string, number][] = snapshot.links.flatMap((link) =>
      Object.entries(TOTALS).map(([metric, field]): [string, string, string, number] => [metric, link.node, this.#nodes.labelOf(link.node), link[field] ?? 0]),
    );
    for (const [code, count] of Object.entries(snapshot.refusals ?? {})) totals.push(['nexus_cluster_refusals_total', code, this.#codes.labelOf(code), count]);
    const incarnations = new Map(snapshot.members.map(({ name, incarnation }) => [name, incarnation]));
    for (const { node, asks } of snapshot.links) {
      const label = this.#nodes.labelOf(node);
      // Of each start by itself, so that the parts of the histogram go on together.
      const add = (metric: string, total: number): unknown => totals.push([metric, `${node}#${incarnations.get(node)}`, label, total]);
      add(ASKS_SUM, (asks?.totalMs ?? 0) / 1000);
      add(ASKS_COUNT, asks?.answered ?? 0);
      for (const [at, metric] of ASKS_BUCKETS.entries()) add(metric, asks?.counts[at] ?? 0);
    }
    this.#totals.read(totals);
  }

  /** None without a cluster. @throws Error for a name that is not in the catalogue: a mistake in this package */
  samples(name: string): ClusterSample[] {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return [];
    const one = (value: number): ClusterSample[] => [{ labels: {}, value }];
    const { members, links } = snapshot;
    switch (name) {
      case 'nexus_cluster_members':
        return REACHABILITIES.map((reachability) => ({
          labels: { reachability },
          value: members.filter((member) => member.reachability === reachability).length,
        }));
      case 'nexus_cluster_standing':
        return STANDINGS.map((standing) => ({ labels: { standing }, value: standing === snapshot.standing ? 1 : 0 }));
      case 'nexus_cluster_view':
        return one(snapshot.view);
      case 'nexus_cluster_sides':
        return one(Math.max(1, snapshot.partitions.length));
      case 'nexus_cluster_lease_seconds':
        return snapshot.leaseMs === undefined ? [] : one(Math.max(0, snapshot.leaseMs) / 1000);
      case 'nexus_cluster_local_health':
        return one(snapshot.localHealth);
      case 'nexus_cluster_stalled_threads':
        return this.#byNode(
          members,
          ({ stalledThreads }) => stalledThreads.length,
          sum,
          ({ name: node }) => node,
        );
      case 'nexus_cluster_phi':
        return this.#byNode(
          members,
          ({ phi }) => phi,
          Math.max,
          ({ name: node }) => node,
        );
      case 'nexus_cluster_round_trip_seconds':
        return this.#ofLinks(links, ({ roundTripMs }) => roundTripMs && roundTripMs.mean / 1000, Math.max);
      case 'nexus_cluster_probe_loss_ratio':
        return this.#ofLinks(links, ({ loss }) => loss, Math.max);
      case ASKS:
        return this.#asks();
      case 'nexus_cluster_waiting_messages':
        return this.#ofLinks(links, ({ waitingMessages }) => waitingMessages, sum);
      case 'nexus_cluster_waiting_bytes':
        return this.#ofLinks(links, ({ waitingBytes }) => waitingBytes, sum);
      case 'nexus_cluster_refusals_total':
        return this.#totals.samples(name, 'code');
      case 'nexus_cluster_ring_share_ratio':
      case 'nexus_cluster_partitions':
      case 'nexus_cluster_registrations':
      case 'nexus_cluster_activations':
      case 'nexus_cluster_lookups_total':
      case 'nexus_cluster_hand_offs_total':
      case 'nexus_cluster_superseded_total':
        return snapshot.registry === undefined ? [] : this.#ofRegistry(name, snapshot.registry);
      default:
        if (TOTALS[name] === undefined) throw new Error(`${name} is in the catalogue of metrics, but nothing reads it`);
        return this.#totals.samples(name, 'node');
    }
  }

  #asks(): ClusterSample[] {
    const bucket = `${ASKS}_bucket`;
    const counts = this.#totals.samples(ASKS_COUNT, 'node').map((sample) => ({ ...sample, metricName: ASKS_COUNT }));
    return [
      ...ASKS_BUCKETS.flatMap((metric, at) =>
        this.#totals
          .samples(metric, 'node')
          .map(({ labels, value }) => ({ metricName: bucket, labels: { ...labels, le: (ASK_BOUNDS_NS[at] as number) / 1e9 }, value })),
      ),
      ...counts.map(({ labels, value }) => ({ metricName: bucket, labels: { ...labels, le: '+Inf' }, value })),
      ...this.#totals.samples(ASKS_SUM, 'node').map((sample) => ({ ...sample, metricName: ASKS_SUM })),
      ...counts,
    ];
  }

  #ofRegistry(name: string, registry: RegistrySnapshot): ClusterSample[] {
    const one = (value: number): ClusterSample[] => [{ labels: {}, value }];
    switch (name) {
      case 'nexus_cluster_ring_share_ratio':
        return this.#byNode(
          Object.entries(registry.shares),
          ([, share]) => share,
          sum,
          ([node]) => node,
        );
      case 'nexus_cluster_partitions':
        return [
          { labels: { state: 'serving' }, value: registry.owned - registry.claiming },
          { labels: { state: 'claiming' }, value: registry.claiming },
        ];
      case 'nexus_cluster_registrations':
        return [
          { labels: { held: 'owned' }, value: registry.registered },
          { labels: { held: 'copy' }, value: registry.replicated },
        ];
      case 'nexus_cluster_activations':
        return one(registry.activations);
      case 'nexus_cluster_lookups_total':
        return FOUND.map((found) => ({ labels: { found }, value: registry.lookups[found] }));
      case 'nexus_cluster_hand_offs_total':
        return one(registry.handOffs);
      default:
        return one(registry.superseded);
    }
  }

  #ofLinks(links: readonly LinkSnapshot[], value: (link: LinkSnapshot) => number | undefined, both: (a: number, b: number) => number): ClusterSample[] {
    return this.#byNode(links, value, both, ({ node }) => node);
  }

  /** What has no value has no sample. */
  #byNode<T>(all: readonly T[], value: (each: T) => number | undefined, both: (a: number, b: number) => number, nodeOf: (each: T) => string): ClusterSample[] {
    const values = new Map<string, number>();
    for (const each of all) {
      const measured = value(each);
      if (measured === undefined) continue;
      const label = this.#nodes.labelOf(nodeOf(each));
      const before = values.get(label);
      values.set(label, before === undefined ? measured : both(before, measured));
    }
    return [...values].map(([node, measured]) => ({ labels: { node }, value: measured }));
  }
}

/** Who has a label of its own keeps it for as long as it is there; its place is another's then. */
class BoundedLabels {
  readonly #max: number;
  readonly #own = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  keep(names: readonly string[]): void {
    const there = new Set(names);
    for (const name of this.#own) if (!there.has(name)) this.#own.delete(name);
    for (const name of names) if (this.#own.size < this.#max) this.#own.add(name);
  }

  labelOf(name: string): string {
    return this.#own.has(name) ? name : OTHER;
  }
}

/** Totals of labels, from those of what has the labels: each that counts anew, after a restart, adds what it has counted since. */
class LabelledTotals {
  /** By metric and name. Only of what is there. */
  #seen = new Map<string, number>();
  /** By metric, then label. Those that nobody has any more are gone. */
  readonly #totals = new Map<string, Map<string, number>>();

  read(all: readonly (readonly [metric: string, name: string, label: string, total: number])[]): void {
    const seen = new Map<string, number>();
    const labels = new Map<string, Set<string>>();
    for (const [metric, name, label, total] of all) {
      const key = `${metric} ${name}`;
      const before = this.#seen.get(key) ?? 0;
      seen.set(key, total);
      const totals = this.#totals.get(metric) ?? new Map<string, number>();
      this.#totals.set(metric, totals);
      totals.set(label, (totals.get(label) ?? 0) + (total < before ? total : total - before));
      labels.set(metric, (labels.get(metric) ?? new Set()).add(label));
    }
    this.#seen = seen;
    // That of the others stays: it would begin anew with every one of them that comes.
    for (const [metric, totals] of this.#totals)
      for (const label of totals.keys()) if (label !== OTHER && labels.get(metric)?.has(label) !== true) totals.delete(label);
  }

  samples(metric: string, name: string): ClusterSample[] {
    return [...(this.#totals.get(metric) ?? [])].map(([label, value]) => ({ labels: { [name]: label }, value }));
  }
}
