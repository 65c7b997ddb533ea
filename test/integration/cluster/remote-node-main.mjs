/** A node as a process, for `remote-processes.test.ts`: joins, has an agent, and does nothing else. */
import { createNexus } from 'nexus-agents';
import { Held } from './remote-process-agents.mjs';

const { node, seed, sameHost } = JSON.parse(process.argv[2]);
process.on('disconnect', () => process.exit());
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const nexus = await createNexus({
  agents: [new URL('./remote-process-agents.mjs', import.meta.url)],
  threads: 1,
  logger: silent,
  cluster: { name: 'processes', node, join: [seed], listen: { port: 0, dataPort: 0 }, sameHost },
});
await nexus.cluster.joined();
for (const thread of [0, 1]) await nexus.spawn(Held, { id: `held-${thread}`, thread });
process.send('ready');
