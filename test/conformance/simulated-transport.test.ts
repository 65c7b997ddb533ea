/** The transport over a simulated network passes the suite of all transports: on a good network, and on one that loses, doubles and holds back what it may. */
import { test } from 'vitest';
import { openTransport } from '../../dist/ts-src/cluster/transport/session-transport.js';
import { nodeKey } from '../../dist/ts-src/model/node-identity.js';
import { transportConformance } from '../../dist/ts-src/testing/conformance/transport-conformance.js';
import type { LinkConditions } from '../../dist/ts-src/testing/simulation/link.js';
import { SimulatedWorld } from '../../dist/ts-src/testing/simulation/world.js';
import { openProgram } from '../unit/testing/simulation/worlds.js';

const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

function simulated(seed: number, conditions: Partial<LinkConditions>): Parameters<typeof transportConformance>[1] {
  return async () => {
    const world = new SimulatedWorld({ seed });
    world.network.setAll(conditions);
    const nodes = Array.from({ length: 6 }, (_, index) => world.add(`m${index + 1}`, openProgram()));
    for (const node of nodes) node.start();
    await world.run();
    const until = async (condition: () => boolean): Promise<void> => {
      if (!(await world.until(condition, 600_000))) throw new Error(`not within ten minutes of the world: ${condition.toString()}`);
    };
    return {
      async open(self) {
        const { surroundings } = nodes.shift()?.program ?? {};
        if (surroundings === undefined) throw new Error('the world has no more nodes');
        const events: string[] = [];
        const { clock, random, wire, name } = surroundings;
        const transport = await openTransport(
          {
            ...{ cluster: 'conformance', logger, listen: { host: name, port: 0 }, self: () => self },
            events: {
              opened: (peer) => events.push(`opened ${nodeKey(peer)}`),
              closed: (peer, error) => events.push(`closed ${nodeKey(peer)}${error === undefined ? '' : ` ${(error as { code?: string }).code}`}`),
            },
          },
          { clock, random, wire, nonce: () => Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256)) },
        );
        return { transport, events };
      },
      until,
      breakConnections() {
        for (const { endpoints } of world.nodes) for (const connection of [...(endpoints?.connections ?? [])]) connection.wasReset();
      },
      async close() {
        world.close();
      },
    };
  };
}

for (const seed of [1, 2]) {
  transportConformance((name, run) => test(`seed ${seed}: ${name}`, run), simulated(seed, {}));
  transportConformance(
    (name, run) => test(`seed ${seed}, on a bad network: ${name}`, run),
    simulated(seed, { loss: 0.1, duplication: 0.3, reordering: 0.3, latency: { type: 'exponential', meanMs: 5 } }),
  );
}
