/**
 * What agents add to the memory of a process: RSS (everything: heap, shared memory, native memory, and what the collector keeps in reserve) and the used
 * part of the V8 heap, both after a few full collections. A process that has done nothing else, because a collector gives little back.
 *
 * What the runtime takes before there are many agents (tables, pools, code) is a case of its own, so that it neither counts as a cost of an agent nor is
 * forgotten.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { settle } from '../../harness/measure.mjs';

/** Made before the first measurement, so that code, tables and pools are there. */
const REHEARSAL = 200;

const COLLECTIONS = 4;
const PAGE_BYTES = 4096;

/**
 * @param {{ memoryAgents: readonly number[] }} size
 * @param {number} agents
 * @param {() => Promise<{ create: (from: number, to: number) => unknown, count: () => number }>} start starts the runtime; then `create` makes the agents of
 * these numbers and leaves nothing else behind, and `count` says how many are alive
 */
export async function reportGrowth(size, report, agents, start) {
  const bare = await memory();
  const { create, count } = await start();
  await create(0, REHEARSAL);
  const before = await memory();
  // Once a round is enough.
  if (agents === size.memoryAgents[0]) report.value(`runtime with ${REHEARSAL} agents, resident`, 'bytes', Math.max(PAGE_BYTES, before.rss - bare.rss));
  await create(REHEARSAL, REHEARSAL + agents);
  const after = await memory();
  const alive = count();
  if (alive !== REHEARSAL + agents) throw new Error(`${alive} agents are alive, not ${REHEARSAL + agents}`);
  const title = `idle agent, ${agents.toLocaleString('en-US')} of them`;
  report.value(`${title}, resident`, 'bytes', (after.rss - before.rss) / agents);
  report.value(`${title}, V8 heap only`, 'bytes', (after.heap - before.heap) / agents);
}

async function memory() {
  for (let collection = 0; collection < COLLECTIONS; collection++) {
    settle();
    await sleep(10);
  }
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heap: heapUsed };
}
