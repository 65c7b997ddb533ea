/** The other node: has the agent, and says where it is. */
import { openNode } from './open-node.mjs';
import { Target } from './agents.mjs';
import { partsOf } from '../../../dist/ts-src/nexus.js';

const { seed, sameHost } = JSON.parse(process.argv[2]);
process.on('disconnect', () => process.exit());
const nexus = await openNode('other', [seed], sameHost);
const target = await nexus.spawn(Target);
process.send({ port: 0, target: partsOf(nexus).node.references.describe(target).remote });
