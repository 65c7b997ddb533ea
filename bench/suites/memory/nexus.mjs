/** Idle agents of nexus on the calling thread, with default options. */
import { Counter } from '../counter.mjs';
import { openNexus } from '../open-nexus.mjs';
import { reportGrowth } from './growth.mjs';

const TOGETHER = 1000;

export async function run(size, report, { agents }) {
  await reportGrowth(size, report, agents, async () => {
    const nexus = await openNexus(report, { agents: [Counter], threads: 0 });
    const create = async (from, to) => {
      for (let batch = from; batch < to; batch += TOGETHER) {
        const spawns = [];
        for (let index = batch; index < Math.min(to, batch + TOGETHER); index++) spawns.push(nexus.spawn(Counter, { id: `agent-${index}`, thread: 'local' }));
        await Promise.all(spawns);
      }
    };
    return { create, count: () => (nexus.find('agent-0') === undefined ? 0 : nexus.agentCount) };
  });
}
