/** The other node: has the agents that are started on it. */
import { openNode } from './open-node.mjs';

const { seed } = JSON.parse(process.argv[2]);
process.on('disconnect', () => process.exit());
await openNode('other', [seed]);
process.send({ port: 0 });
