/**
 * Nodes at all the addresses of a name, asked for again and again: a headless service of Kubernetes, or any name with several addresses. A name that begins with an underscore is asked for its SRV records,
 * which say the ports too.
 */
import { lookup, resolveSrv } from 'node:dns/promises';
import { addressText, type NodeAddress } from '../../model/node-identity.js';
import type { Discovery, DiscoveryEvents } from '../../ports/discovery.js';

/** While nobody else is known it is asked more often: others start at the same time. */
const EAGER_MS = 250;
const ADDRESSES_MAX = 1024;

export interface DnsDiscoveryOptions {
  readonly name: string;
  /** Where the nodes listen, if the records do not say it. */
  readonly port: number;
  readonly intervalMs: number;
  /** Default: the resolver of the system, which knows the hosts file too. */
  resolve?(name: string, port: number): Promise<readonly NodeAddress[]>;
}

export function dnsDiscovery({ name, port, intervalMs, resolve = resolveName }: DnsDiscoveryOptions): Discovery {
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let lastText: string | undefined;
  let lastFailure: string | undefined;

  const ask = async (self: NodeAddress, events: DiscoveryEvents): Promise<void> => {
    let hasOthers = false;
    try {
      const found = await resolve(name, port);
      if (isClosed) return;
      const addresses = found.slice(0, ADDRESSES_MAX).sort((a, b) => (addressText(a) < addressText(b) ? -1 : 1));
      hasOthers = addresses.some((address) => addressText(address) !== addressText(self));
      lastFailure = undefined;
      const text = addresses.map(addressText).join(' ');
      if (text !== lastText) {
        lastText = text;
        events.discovered(addresses);
      }
    } catch (error) {
      if (isClosed) return;
      // The same one again and again is said once.
      const { code = '' } = error as { readonly code?: string };
      if (code !== lastFailure) events.failed(error as Error);
      lastFailure = code;
    }
    timer = setTimeout(() => void ask(self, events), hasOthers ? intervalMs : Math.min(EAGER_MS, intervalMs));
  };

  return {
    description: `dns: ${name}`,
    isStatic: false,
    start: (self, events) => void ask(self, events),
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

async function resolveName(name: string, port: number): Promise<readonly NodeAddress[]> {
  if (name.startsWith('_')) return (await resolveSrv(name)).map((record) => ({ host: record.name, port: record.port }));
  return (await lookup(name, { all: true })).map(({ address }) => ({ host: address, port }));
}
