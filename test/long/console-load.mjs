/**
 * A nexus with many agents and many messages a second, and its console, for test/long/console-load.test.ts, which starts it as a process of its own and asks it for the CPU time
 * of its calling thread (where console and snapshots run; the load is on the worker) and of the whole process. `node test/long/console-load.mjs AGENTS MESSAGES_PER_SECOND`
 */
import { readFileSync } from 'node:fs';
import { createNexus } from '../../dist/ts-src/index.js';
import { startGateway } from '../../dist/ts-src/gateway/index.js';
import { Driver, KINDS } from '../fixtures/console-herd.mjs';

const BATCH = 5000;
const CLOCK_TICKS = 100;
const [agents, perSecond] = process.argv.slice(2).map(Number);

const nexus = await createNexus({
  agents: [new URL('../fixtures/console-herd.mjs', import.meta.url)],
  threads: 1,
  memory: { agentsMax: Math.max(2 * agents, 65_536) },
});
for (let from = 0; from < agents; from += BATCH) {
  const kind = (index) => KINDS[index % KINDS.length];
  await Promise.all(
    Array.from({ length: Math.min(BATCH, agents - from) }, (_, index) =>
      nexus.spawn(kind(from + index), { id: `${kind(from + index).kind}-${Math.floor((from + index) / KINDS.length)}`, thread: 1 }),
    ),
  );
}
const far = await nexus.spawn(KINDS[0], { id: 'far-0', thread: 0 });
const driver = await nexus.spawn(Driver, { id: 'driver', thread: 1, init: { perSecond } });
await driver.ask('start', { near: KINDS.map(({ kind }) => kind), far: ['far'] });
const gateway = await startGateway(nexus, { port: 0 });
process.send({ url: gateway.url, agents: nexus.agentCount });

process.on('message', async (message) => {
  if (message === 'stop') {
    await gateway.stop({ deadlineMs: 1000 });
    await nexus.stop({ deadlineMs: 1000 });
    process.exit(0);
  }
  const { user, system } = process.cpuUsage();
  const handled = nexus.threads().reduce((sum, { counters }) => sum + counters.handled, 0);
  process.send({ atMs: performance.now(), callingCpuMs: callingCpuMs(), cpuMs: (user + system) / 1000, handled, far: far.id });
});

/** User and system time of the main thread, which is the calling one, as Linux counts it. */
function callingCpuMs() {
  const text = readFileSync(`/proc/self/task/${process.pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS;
}
