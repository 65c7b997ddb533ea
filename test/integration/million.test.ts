/** Very many agents in one process. */
import type { AgentRef } from 'nexus-agents';
import { expect, test } from 'vitest';
import { Member } from '../fixtures/crowd.mjs';
import { fixture, startNexus } from '../start-nexus.js';

const AGENTS = 1_000_000;
const BATCH = 5000;

test('a million agents on two threads are each sent one message, and all are counted', { timeout: 180_000 }, async () => {
  const nexus = await startNexus({ agents: [fixture('crowd.mjs')], threads: 1 });
  const counters = await Promise.all([0, 1].map((thread) => nexus.spawn(Member, { id: `counter${thread}`, thread })));
  const counted = async (): Promise<number> =>
    (await Promise.all(counters.map((counter) => counter.ask('counted') as Promise<number>))).reduce((sum, count) => sum + count, 0);
  const before = await counted();
  for (let from = 0; from < AGENTS; from += BATCH) {
    const batch = await Promise.all(Array.from({ length: BATCH }, (_, index) => nexus.spawn(Member, { id: `member-${from + index}`, thread: index % 2 })));
    for (const member of batch) expect(member.tell('count')).toBe('accepted');
  }
  expect(await counted()).toBe(before + AGENTS);
  expect(nexus.threads().map(({ agents }) => agents)).toEqual([AGENTS / 2 + 1, AGENTS / 2 + 1]);
  expect(nexus.tableStatistics()).toMatchObject({ live: AGENTS + 2, staleEntries: 0 });
  // Each is found by its name, and answers.
  for (let index = 0; index < AGENTS; index += 9973) {
    const member = nexus.find(`member-${index}`) as AgentRef<typeof Member>;
    expect(await member.ask('echo', index)).toBe(index);
  }
});
