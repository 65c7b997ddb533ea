/** Nodes at addresses that are known from the start. Names stay names: the wire resolves them, and all nodes know a seed under the same one. */
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { addressText, type NodeAddress } from '../../model/node-identity.js';
import type { Discovery } from '../../ports/discovery.js';

export function staticDiscovery(seeds: readonly NodeAddress[]): Discovery {
  let soon: NodeJS.Immediate | undefined;
  return {
    description: seeds.length === 0 ? 'none' : `static: ${seeds.map(addressText).join(', ')}`,
    isStatic: true,
    start(_self, events) {
      soon = setImmediate(() => events.discovered(seeds));
    },
    close: () => clearImmediate(soon),
  };
}

/**
 * Under which of the seeds' hosts the others know this node, if it is one of them: it then says of itself what they say of it, whether that is a name or an address. Undefined if it is none of them, or
 * its name is not known.
 */
export async function ownSeedHost(
  seeds: readonly NodeAddress[],
  { host, port }: { readonly host: string; readonly port: number },
): Promise<string | undefined> {
  const candidates = seeds.filter((seed) => seed.port === port);
  if (candidates.some((seed) => seed.host === host)) return host;
  const own = new Set([host, ...Object.values(networkInterfaces()).flatMap((all) => (isUnspecified(host) ? (all ?? []).map(({ address }) => address) : []))]);
  for (const seed of candidates) {
    const addresses = await lookup(seed.host, { all: true }).catch(() => []);
    if (addresses.some(({ address }) => own.has(address))) return seed.host;
  }
  return undefined;
}

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
