/** What a cluster does about what goes wrong, as its nodes count it: read from their metrics once a second, as differences. Pure: texts in, names and counts out. */

/** Metrics that are summed over all threads and labels of a node, and what they are called in a report. Those that a version does not have are not there. */
export const ADAPTATIONS: Readonly<Record<string, string>> = {
  nexus_agents_restarted_total: 'agents restarted',
  nexus_breaker_opened_total: 'circuits opened',
  nexus_cluster_refusals_total: 'peers and frames refused',
  nexus_cluster_lost_messages_total: 'messages lost with connections',
  nexus_durable_write_failures_total: 'writes failed',
  nexus_durable_held_total: 'agents held for the store',
  nexus_dead_letters_total: 'dead letters',
  nexus_cluster_hand_offs_total: 'hand-offs',
  nexus_cluster_superseded_total: 'activations superseded',
};

/** Sums of these metrics in a text of Prometheus. */
export function readCounters(text: string): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^(nexus_[a-z_]+)(?:\{.*\})? ([0-9.e+-]+)$/.exec(line) ?? [];
    const label = name === undefined ? undefined : ADAPTATIONS[name];
    if (label !== undefined) sums.set(label, (sums.get(label) ?? 0) + Number(value));
  }
  return sums;
}

/** What has been counted since; a node that was started again counts from zero. */
export function increases(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...now].flatMap(([label, value]) => {
    const last = before.get(label) ?? 0;
    const grown = value >= last ? value - last : value;
    return grown > 0 ? [[label, grown] as const] : [];
  });
}
