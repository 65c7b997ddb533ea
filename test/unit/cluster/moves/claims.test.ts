/** Ids that are wanted for another agent than the one that has them on this node, or may come to have them. */
import { expect, test } from 'vitest';
import type { NexusError } from '../../../../dist/ts-src/errors.js';
import { claimOf, turn, world } from './placing-world.js';

test('who wants an id for another agent than the one that may start with it as yet waits until that is here, or does not come, or there is no time any more', async () => {
  const { placing, registry, table, clock } = world();
  const passing = async (count: number): Promise<void> => {
    for (let look = 0; look < count; look++) {
      await turn();
      clock.advance(50);
    }
  };
  const first = new Uint8Array([1]);
  const second = new Uint8Array([2]);
  const settled: string[] = [];
  const claims: Promise<unknown>[] = [];
  for (const id of ['comes', 'does not', 'late']) {
    await placing.claim({ ...claimOf(id), init: first });
    // As the one that was given up, or that starts on another thread.
    await placing.claim({ ...claimOf(id), init: Uint8Array.from(first) });
    for (const [name, other] of [
      ['init', { ...claimOf(id), init: second }],
      ['kind', { ...claimOf(id), kind: 'other', init: first }],
      ['placement', { ...claimOf(id), placement: 'ring' as const, init: first }],
    ] as const)
      claims.push(
        placing.claim(other).then(
          () => settled.push(`${id}, ${name}`),
          (error: NexusError) => settled.push(`${id}, ${name}: ${error.code}`),
        ),
      );
  }
  await passing(5);
  expect(settled).toEqual([]);
  // The table says then that it is taken.
  table.set('comes', true);
  await passing(2);
  expect(settled.splice(0).sort()).toEqual(['comes, init', 'comes, kind', 'comes, placement']);
  expect(registry.own('comes')?.init).toBe(first);
  // The next one has an id of its own, and those behind it wait for that.
  for (let each = 0; each < 2; each++) placing.settled('does not');
  await passing(2);
  expect(settled.splice(0)).toEqual(['does not, init']);
  expect(registry.own('does not')?.init).toBe(second);
  placing.settled('does not');
  await passing(2);
  expect([settled.splice(0), registry.own('does not')?.kind]).toEqual([['does not, kind'], 'other']);
  placing.settled('does not');
  await passing(30);
  await Promise.all(claims);
  expect(settled.sort()).toEqual(['does not, placement', ...['init', 'kind', 'placement'].map((name) => `late, ${name}: NEXUS_ID_DUPLICATE`)]);
});

test('an id that an agent of the node only has is asked for in vain, and not taken', async () => {
  const { placing, registry, ofNode } = world();
  ofNode.add('x');
  await expect(placing.claim(claimOf('x'))).rejects.toMatchObject({ code: 'NEXUS_ID_DUPLICATE' });
  expect(registry.calls).toEqual([]);
  // One that begins after it was taken.
  await placing.claim(claimOf('y'));
  ofNode.add('y');
  placing.settled('y');
  expect(registry.calls).toEqual(['register y', 'release y']);
});
