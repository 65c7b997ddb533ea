/** What the console uses of a nexus. */
import type { ClusterSnapshot } from '../model/cluster-snapshot.js';
import type { IdSnapshot } from '../model/id-snapshot.js';
import type { Nexus } from '../nexus.js';

export type ConsoleNexus = Pick<
  Nexus,
  'agents' | 'agentTree' | 'find' | 'follow' | 'inspect' | 'isStopping' | 'kinds' | 'locate' | 'pause' | 'resume' | 'snapshot' | 'supervisionTree'
> & {
  /** The flight record as bytes, where this nexus writes one. */
  flightRecord?(): Uint8Array;
  /** The cluster, where this nexus is a node of one. */
  readonly cluster?: { snapshot(): ClusterSnapshot; where?(id: string): IdSnapshot | undefined } | undefined;
  /** Empties the node and stops it. */
  drain?(): Promise<unknown>;
};
