/** Names of agents on a worker thread, looked up by the calling thread in the shared table. */
import { throughput } from '../../harness/measure.mjs';
import { Counter } from '../counter.mjs';
import { openNexus } from '../open-nexus.mjs';
import { hotNames, nameOf, namesInRandomOrder, titles } from './names.mjs';
import { lookupNs } from './passes.mjs';

const TOGETHER = 2000;

export async function run(size, report) {
  const agents = size.lookupAgents;
  const title = titles(agents);
  const nexus = await openNexus(report, { agents: [new URL('../counter.mjs', import.meta.url)], threads: 1 });
  for (let from = 0; from < agents; from += TOGETHER) {
    await Promise.all(Array.from({ length: Math.min(TOGETHER, agents - from) }, (_, index) => nexus.spawn(Counter, { id: nameOf(from + index), thread: 1 })));
  }
  const order = namesInRandomOrder(agents);
  const find = (name) => nexus.find(name);
  report.value(title.random, 'ns', await lookupNs(size, order, find));
  report.value(title.hot, 'ns', await lookupNs(size, hotNames(order), find));

  let next = 0;
  const perSecond = await throughput(size, async (n) => {
    for (let index = 0; index < n; index++) {
      const ref = await nexus.getOrSpawn(Counter, order[next]);
      if (ref.kind !== 'bench-counter') throw new Error('not the agent');
      next = next + 1 === order.length ? 0 : next + 1;
    }
  });
  report.value(title.getOrSpawn, 'ns', 1e9 / perSecond);
  if (nexus.agentCount !== agents) throw new Error(`${nexus.agentCount} agents are alive: getOrSpawn made new ones`);
}
