/** What one node knows of the ids of its cluster, and has done for them, as a value for whoever looks: part of the snapshot of the cluster. */
export interface RegistrySnapshot {
  /** Share of the ring that each member owns, by name: adds up to 1. Empty before there is a view. */
  readonly shares: Readonly<Record<string, number>>;
  /** Partitions that this node owns, and those of them that it cannot serve yet because it waits for reports of other members. */
  readonly owned: number;
  readonly claiming: number;
  /** Whose reports it waits for. */
  readonly waitingFor: readonly string[];
  /** Registrations in partitions of this node; copies of those of others; activations of this node. */
  readonly registered: number;
  readonly replicated: number;
  readonly activations: number;
  /** Registrations of other nodes' agents that were heard of, and are remembered. */
  readonly cached: number;
  /** Since the start: answered by this node's own knowledge, by what was heard of before, and by asking the owner. */
  readonly lookups: { readonly local: number; readonly cached: number; readonly owner: number };
  /** Partitions that came to this node, since the start. */
  readonly handOffs: number;
  /** Agents of this node that ended because there was a later activation of them, since the start. */
  readonly superseded: number;
}
