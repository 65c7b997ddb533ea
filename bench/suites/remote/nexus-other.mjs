/** The other node: has the agents that are started on it. */
import { openNode } from './open-node.mjs';

const { seed, sameHost } = JSON.parse(process.argv[2]);
process.on('disconnect', () => process.exit());
await openNode('other', [seed], sameHost);
process.send({ port: 0 });
