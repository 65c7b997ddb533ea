/**
 * A network on the loopback of one host, for where no network namespaces can be had: each node listens on an address of its own, and the others are told another one, on which a proxy listens. Faults are done to
 * streams, not to packets: what is lost comes late, and who dials over a cut link is connected, and hears nothing.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { LinkConditions } from '../../testing/simulation/link.js';
import { CommandFailure } from '../command-failure.js';
import { type ChaosNetwork, CONTROL_PORT, DATA_PORT, type NodePlace, streamConditions } from './network.js';
import { ProxyProcess } from './proxy/proxy-process.js';

const ATTEMPTS = 20;

export async function openProxiedNetwork(nodes: number): Promise<ChaosNetwork> {
  const second = await freeBlock();
  const real = (node: number): string => `127.${second}.${node >> 8}.${node & 255}`;
  const told = (node: number): string => `127.${second}.${128 + (node >> 8)}.${node & 255}`;
  const numbers = Array.from({ length: nodes }, (_, index) => index + 1);
  const proxy = await ProxyProcess.open(
    numbers.flatMap((to) => [CONTROL_PORT, DATA_PORT].map((port) => ({ host: told(to), port, target: { host: real(to), port }, to, from: undefined }))),
  );
  return {
    kind: 'proxy',
    place: (node): NodePlace => ({ listenHost: real(node), advertisedHost: told(node), directHost: real(node), command: [] }),
    set: (from, to, conditions: LinkConditions) => proxy.set({ from, to, conditions: streamConditions(conditions, false) }),
    close: async () => proxy.close(),
  };
}

/** A number n such that nobody listens on 127.n.0.1: another run on this host has another one. */
async function freeBlock(): Promise<number> {
  let failure: NodeJS.ErrnoException | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const second = randomInt(10, 250);
    failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      const server = createServer();
      server.once('error', resolve);
      server.listen(CONTROL_PORT, `127.${second}.0.1`, () => server.close(() => resolve(undefined)));
    });
    if (failure === undefined) return second;
    // Systems other than Linux have no addresses but 127.0.0.1 until somebody adds them.
    if (failure.code === 'EADDRNOTAVAIL') break;
  }
  throw new CommandFailure(`no addresses below 127.0.0.0/8 to listen on: ${failure?.message ?? 'all are in use'}`);
}
