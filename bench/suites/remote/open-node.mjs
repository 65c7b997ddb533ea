/** A node of the suite: a nexus in a cluster of two on the loopback interface, whose agents run on the calling thread. */
import { createNexus } from 'nexus-agents';
import { Named, Target } from './agents.mjs';

const silent = { debug: () => undefined, info: () => undefined, warn: console.error, error: console.error };

/** No copies of directories: the one of this node would answer what the other one is asked for. @param {boolean} sameHost whether the nodes may talk through shared memory */
export async function openNode(node, seeds, sameHost) {
  const nexus = await createNexus({
    agents: [Target, Named],
    threads: 0,
    logger: silent,
    cluster: { name: 'bench', node, listen: { port: 0, dataPort: 0 }, join: seeds, sameHost, copies: 0 },
  });
  await nexus.cluster.joined();
  return nexus;
}
