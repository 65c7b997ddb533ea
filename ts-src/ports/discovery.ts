/** Where other nodes of the cluster may be: a static list, DNS, multicast, the environment. */
import type { NodeAddress } from '../model/node-identity.js';

export interface DiscoveryEvents {
  /** All that are known now, perhaps with this node's own; called again whenever they change, and never from within `start`. */
  discovered(addresses: readonly NodeAddress[]): void;
  /** It goes on trying. */
  failed(error: Error): void;
}

export interface Discovery {
  /** Such as `static: a:7400, b:7400` or `dns: nexus.default.svc`. */
  readonly description: string;
  /** Whether the list is the same on all nodes, whoever asks: then a majority of it may found a cluster together. */
  readonly isStatic: boolean;
  start(self: NodeAddress, events: DiscoveryEvents): void;
  close(): void;
}
