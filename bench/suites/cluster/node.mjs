/** A node of the suite `cluster`, as a process: says what it sees of the others, and does what it is told. */
import { createNexus } from 'nexus-agents';

const { node, seeds, timing } = JSON.parse(process.argv[2]);
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const nexus = await createNexus({ agents: [], threads: 0, logger: silent, cluster: { name: 'bench', node, listen: { port: 0 }, join: seeds, timing } });
const { cluster } = nexus;
cluster.on('view', ({ members }) => process.send({ event: 'view', members: members.length }));
cluster.on('memberLeft', ({ name }) => process.send({ event: 'left', node: name }));
cluster.on('memberRemoved', ({ name }) => process.send({ event: 'removed', node: name }));
cluster.on('stalled', ({ node: { name }, threads }) => process.send({ event: threads.length > 0 ? 'stalled' : 'going on', node: name }));
cluster.on('reachability', ({ node: { name }, reachability }) => process.send({ event: reachability, node: name }));
process.on('message', ({ type, blockMs }) => {
  if (type === 'leave') void nexus.stop().then(() => process.exit(0));
  else if (type === 'block') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs);
});
// The parent has gone.
process.on('disconnect', () => process.exit(1));
await cluster.joined();
process.send({ event: 'joined', address: `${cluster.address.host}:${cluster.address.port}` });
