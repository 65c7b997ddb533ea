/** What a nexus takes of the processor while nothing happens, after there was something. */
import { assertDone } from '../../harness/measure.mjs';
import { openNexus } from '../open-nexus.mjs';
import { Tally, Tiny } from '../scale/tally.mjs';

export const AGENTS = 1000;
export const THREADS = 2;
export const IDLE_CASE = `${AGENTS.toLocaleString('en-US')} idle agents on ${THREADS} threads`;
/** Until the garbage of the start is collected and what was compiled in the background is done. */
const SETTLE_MS = 500;

export async function run(size, report) {
  const nexus = await openNexus(report, { agents: [new URL('../scale/tally.mjs', import.meta.url)], threads: THREADS });
  const tallies = await Promise.all(Array.from({ length: THREADS }, (_, index) => nexus.spawn(Tally, { thread: index + 1 })));
  const agents = await Promise.all(Array.from({ length: AGENTS }, () => nexus.spawn(Tiny)));
  for (const agent of agents) assertDone(agent.tell('take', 1) === 'accepted', 'a tell was refused');
  const totals = await Promise.all(tallies.map((tally) => tally.ask('totals')));
  assertDone(totals.reduce((handled, total) => handled + total.handled, 0) === AGENTS, 'not every agent has had its message');
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));

  const startMs = performance.now();
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, size.idleMs));
  const { user, system } = process.cpuUsage(before);
  const elapsedMs = performance.now() - startMs;
  report.value(IDLE_CASE, '% of a core', ((user + system) / 1000 / elapsedMs) * 100);
  await nexus.stop();
}
