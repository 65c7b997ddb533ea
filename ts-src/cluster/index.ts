/** The entry `nexus-agents/cluster`: what a program that is a node of a cluster may use beside `createNexus({ cluster })`. */
export type { ClusterOptions, ClusterTimingOptions, ClusterTlsOptions, JoinOptions, ListenOptions, ResolverOptions } from '../model/cluster-options.js';
export type { IdSnapshot } from '../model/id-snapshot.js';
export type { RegistrySnapshot } from '../model/registry-snapshot.js';
export type { ClusterSnapshot, LinkAsks, LinkSnapshot, MemberSnapshot, MemberStatus, NodeStanding, Reachability } from '../model/cluster-snapshot.js';
export type { NodeAddress, NodeIdentity } from '../model/node-identity.js';
export type { Cluster } from './cluster.js';
export type { ClusterEvents } from './cluster-events.js';
