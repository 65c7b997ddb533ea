/** A node of the suite: a nexus in a cluster of two on the loopback interface, whose agents run on the calling thread. */
import { createNexus } from 'nexus-agents';
import { Target } from './agents.mjs';

const silent = { debug: () => undefined, info: () => undefined, warn: console.error, error: console.error };

/** @param {boolean} sameHost whether the nodes may talk through shared memory */
export async function openNode(node, seeds, sameHost) {
  const nexus = await createNexus({
    agents: [Target],
    threads: 0,
    logger: silent,
    cluster: { name: 'bench', node, listen: { port: 0, dataPort: 0 }, join: seeds, sameHost },
  });
  await nexus.cluster.joined();
  return nexus;
}
