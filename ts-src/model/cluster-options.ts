/** The option `cluster` of `createNexus`, as users write it. Checked in `cluster/resolve-cluster-options.ts`. */

/** Which side of a partition goes on, and which stops its agents: `docs/cluster.md`. */
export type ResolverOptions =
  /** More than half of the voters, or half of them with the oldest one. */
  | { readonly strategy: 'keepMajority' }
  /** At least so many voters: two sides may both go on if that is half of them or less. */
  | { readonly strategy: 'staticQuorum'; readonly quorum: number }
  /** Those who reach the oldest member, unless that is alone. */
  | { readonly strategy: 'keepOldest' }
  /** Those who reach the node of this name. */
  | { readonly strategy: 'keepReferee'; readonly referee: string }
  /** Nobody, when anybody cannot be reached. */
  | { readonly strategy: 'downAll' };

/** Where the node listens. The membership thread and the transport have a port each. */
export interface ListenOptions {
  /** Default 127.0.0.1: this machine only. */
  readonly host?: string;
  /** Of the membership: what others join. 0 for any free one. Default 7400. */
  readonly port?: number;
  /** Of the transport. Default 0: any free one, which the others are told. */
  readonly dataPort?: number;
  /** What the others are told to connect to, if that is not `host`: needed for 0.0.0.0 and ::. */
  readonly advertise?: string;
}

/** How other nodes are found. One of them. */
export type JoinOptions =
  /** Addresses, each with its port. */
  | { readonly type: 'static'; readonly seeds: readonly string[] }
  /** All addresses of a name, asked for again and again: a headless service of Kubernetes. */
  | { readonly type: 'dns'; readonly name: string; readonly port?: number; readonly intervalMs?: number }
  | { readonly type: 'multicast'; readonly group?: string; readonly port?: number; readonly intervalMs?: number }
  /** NEXUS_JOIN, NEXUS_CLUSTER_DNS: as the manifest of a deployment sets them. */
  | { readonly type: 'environment' };

/** TLS of all connections between nodes: mutual. PEM texts; files are read again when they change. */
export interface ClusterTlsOptions {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Whom the certificates of all nodes are signed by. */
  readonly authorityFile: string;
  /** Revoked certificates. */
  readonly revocationListFile?: string;
  /** Name that the certificate of every node has. Default: the name of the node it belongs to. */
  readonly serverName?: string;
}

/** Times of the failure detector and of the lease. All nodes of a cluster need the same. */
export interface ClusterTimingOptions {
  /** One member is probed every so often. Default 1,000. */
  readonly probeIntervalMs?: number;
  /** Default 500. */
  readonly probeTimeoutMs?: number;
  /** How long a node goes on without an answer of the voters. Default 5,000. */
  readonly leaseMs?: number;
  /** How long stopping its agents may take when that has passed. Default 1,000. */
  readonly stopMarginMs?: number;
  /** A thread whose event loop is blocked for longer is reported. Default 500. */
  readonly stalledAfterMs?: number;
}

/** Makes a nexus a node of a cluster. */
export interface ClusterOptions {
  /** Of the cluster: nodes of another one are refused. Default `nexus`. */
  readonly name?: string;
  /** Of this node, unique in the cluster. Default: the name of the host with the port. */
  readonly node?: string;
  /**
   * How much this node takes of what is spread over the cluster, compared to the others: one with 2 has twice the agents of one with 1. 0: none, but what is started there by name. 0 to 1,000, at most three
   * decimals. Default 1.
   */
  readonly weight?: number;
  readonly listen?: ListenOptions;
  /** Seeds such as `['10.0.0.7:7400']`, or another way to find nodes. Default: none; the node founds a cluster. */
  readonly join?: readonly string[] | JoinOptions;
  readonly resolver?: ResolverOptions['strategy'] | ResolverOptions;
  readonly tls?: ClusterTlsOptions;
  /** Told to all nodes; at most 64 names, 2,048 characters together. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Where the node keeps its incarnation, and how far views have come, from one start to the next. Default: the directory `node` in that of its store (`storage: { path }`); without one nowhere. */
  readonly stateDirectory?: string;
  readonly timing?: ClusterTimingOptions;
  /** Whether messages to nodes on this machine that run as the same user go through shared memory, where both can. Default true. */
  readonly sameHost?: boolean;
  /** How many members behind its owner on the ring have copies of what is known of an id, and of the state of durable agents: what the loss of so many nodes at once does not lose. 0 to 4. Default 1. The same on all nodes. */
  readonly copies?: number;
  /** Whether agents of the ring move by themselves to the node that owns their id by now, at a pace that yields to load. Without it they stay where they are until they are moved, or their node drains. Default true. */
  readonly rebalance?: boolean;
}
