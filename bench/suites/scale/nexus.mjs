/** Many agents on two worker threads, from one calling thread. */
import { setImmediate as turn } from 'node:timers/promises';
import { assertDone } from '../../harness/measure.mjs';
import { openNexus } from '../open-nexus.mjs';
import { Tally, Tiny } from './tally.mjs';

const THREADS = [1, 2];
const TOGETHER = 2000;

export async function run(size, report) {
  const agents = size.scaleAgents;
  const nexus = await openNexus(report, { agents: [new URL('./tally.mjs', import.meta.url)], threads: THREADS.length });
  const tallies = await Promise.all(THREADS.map((thread) => nexus.spawn(Tally, { thread })));
  const rssBefore = process.memoryUsage.rss();

  const startMs = performance.now();
  const refs = [];
  for (let from = 0; from < agents; from += TOGETHER) {
    refs.push(
      ...(await Promise.all(Array.from({ length: Math.min(TOGETHER, agents - from) }, (_, index) => nexus.spawn(Tiny, { id: `tiny-${from + index}` })))),
    );
  }
  const spawnedMs = performance.now();
  for (let index = 0; index < agents; index++) {
    for (let outcome = refs[index].tell('take', index); outcome !== 'accepted'; outcome = refs[index].tell('take', index)) {
      if (outcome !== 'full') throw new Error(`tell was ${outcome}`);
      await turn();
    }
  }
  const totals = await settled(tallies, agents);
  const endMs = performance.now();

  assertDone(totals.handled === agents, `${totals.handled} of ${agents} agents have had their message`);
  assertDone(totals.sum === (agents * (agents - 1)) / 2, 'the messages that arrived are not those that were sent');
  const perThread = nexus.threads().map((thread) => thread.agents);
  assertDone(perThread[0] === 0 && perThread[1] + perThread[2] === agents + THREADS.length, `agents by thread: ${perThread.join(', ')}`);
  assertDone(Math.abs(perThread[1] - perThread[2]) <= agents / 10, `agents by thread: ${perThread.join(', ')}`);

  const title = `${agents.toLocaleString('en-US')} agents on 2 threads`;
  report.value(`${title}, spawned and sent one message each`, 's', (endMs - startMs) / 1000);
  report.value(`${title}, spawned`, 'agents/s', (agents / (spawnedMs - startMs)) * 1000);
  report.value(`${title}, one message each`, 'messages/s', (agents / (endMs - spawnedMs)) * 1000);
  report.value(`${title}, resident with a reference to each`, 'bytes', (process.memoryUsage.rss() - rssBefore) / agents);
}

/** The tallies answer behind what was sent to their threads, but agents have turns: asked again until all is counted, or for a minute. */
async function settled(tallies, expected) {
  const untilMs = performance.now() + 60_000;
  for (;;) {
    const totals = await Promise.all(tallies.map((tally) => tally.ask('totals', undefined, { timeoutMs: 60_000 })));
    const handled = totals.reduce((count, total) => count + total.handled, 0);
    const sum = totals.reduce((count, total) => count + total.sum, 0);
    if (handled >= expected || performance.now() > untilMs) return { handled, sum };
  }
}
