/** A node of the suite, as a process: starts its part of the agents, and says how many it has. It becomes a node when it is told to, so that the start of the process is over by then. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createNexus } from 'nexus-agents';
import { Cell, idOf } from './cell.mjs';

const TOGETHER = 1000;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: console.error };
const delay = monitorEventLoopDelay({ resolution: 5 });
let nexus;
let before = process.cpuUsage();

const commands = {
  async open({ node, seeds, timing, agentsMax }) {
    nexus = await createNexus({
      ...{ agents: [Cell], threads: 0, logger: silent, memory: { agentsMax } },
      cluster: { name: 'bench', node, listen: { port: 0, dataPort: 0 }, join: seeds, ...(timing === undefined ? {} : { timing }) },
    });
    await nexus.cluster.joined();
    delay.enable();
    return { address: `${nexus.cluster.address.host}:${nexus.cluster.address.port}` };
  },
  /** All whose number leaves this rest. */
  async fill({ agents, part, parts }) {
    for (let from = part; from < agents; from += parts * TOGETHER) {
      const some = [];
      for (let index = from; index < Math.min(agents, from + parts * TOGETHER); index += parts)
        some.push(nexus.getOrSpawn(Cell, idOf(index), { timeoutMs: 60_000 }));
      await Promise.all(some);
    }
    return {};
  },
  counted() {
    const { activations, claiming } = nexus.cluster.snapshot().registry;
    return { activations, claiming };
  },
  /** How late the event loop was since this was asked before, and what processor time the process has taken. */
  spent() {
    const lateMs = delay.max / 1e6;
    delay.reset();
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    return { lateMs, cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() };
  },
};

process.on('message', async ({ number, command, ...input }) => {
  try {
    process.send({ number, result: await commands[command](input) });
  } catch (error) {
    process.send({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
// The parent has gone.
process.on('disconnect', () => process.exit(1));
