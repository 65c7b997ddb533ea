/** The discovery that the options of a node ask for, over the machine. Used by the entry of the membership thread. */
import { dnsDiscovery } from '../adapters/discovery/dns-discovery.js';
import { multicastDiscovery } from '../adapters/discovery/multicast-discovery.js';
import { ownSeedHost, staticDiscovery } from '../adapters/discovery/static-discovery.js';
import type { Discovery } from '../ports/discovery.js';
import type { ResolvedCluster } from './resolve-cluster-options.js';

export function nodeDiscovery({ name, join, listen }: ResolvedCluster): Discovery {
  switch (join.type) {
    case 'none':
      return staticDiscovery([]);
    case 'static':
      return staticDiscovery(join.seeds);
    case 'dns':
      return dnsDiscovery(join);
    case 'multicast':
      return multicastDiscovery({ ...join, cluster: name, host: listen.host });
  }
}

/** The host that the others are told: as the seeds say it, if this node is one of them, so that all of them mean the same. */
export async function advertisedHost({ join, listen }: ResolvedCluster): Promise<string> {
  if (listen.advertise !== undefined) return listen.advertise;
  return (join.type === 'static' ? await ownSeedHost(join.seeds, listen) : undefined) ?? listen.host;
}
