import { createNexus, type Nexus } from 'nexus-agents';
import { afterEach, expect, test } from 'vitest';
import { Counter } from '../fixtures/counter.mjs';

const module = new URL('../fixtures/counter.mjs', import.meta.url);
let nexus: Nexus | undefined;

afterEach(async () => {
  await nexus?.stop({ deadlineMs: 5000 });
  nexus = undefined;
});

test('an agent on a worker answers an ask', async () => {
  nexus = await createNexus({ agents: [module], threads: 1 });
  const ref = await nexus.spawn(Counter, { id: 'c1', init: { start: 2 } });
  expect(ref.tell('add', 3)).toBe('accepted');
  expect(await ref.ask('read')).toBe(5);
});

test('getOrSpawn refuses an id among its options: it has one already', async () => {
  nexus = await createNexus({ agents: [module], threads: 0 });
  // @ts-expect-error the id is an argument of its own
  const attempt = nexus.getOrSpawn(Counter, 'c1', { id: 'c2' });
  await expect(attempt).rejects.toMatchObject({ code: 'NEXUS_OPTION_UNKNOWN' });
  expect(nexus.find('c1')).toBeUndefined();
});
