/** The pace at which agents move that belong to other nodes now: few at a time, with rest after each few. */
import { expect, test } from 'vitest';
import { PAUSE_MS_MAX, Rebalancing, REST, ROUND_AGENTS } from '../../../../dist/ts-src/cluster/moves/rebalancing.js';
import type { Registration } from '../../../../dist/ts-src/model/registration.js';
import { createManualClock } from '../../../../dist/ts-src/testing/manual-clock.js';

const HERE = { name: 'here', incarnation: 1 };
const THERE = { name: 'there', incarnation: 1 };

function registrationOf(index: number): Registration {
  return { id: `agent-${index}`, kind: 'cell', host: HERE, token: index + 1, life: index + 1, placement: 'ring', init: undefined };
}

/** Of one node, from which each move takes so long, in a cluster of so many nodes, to so many of which the agents go in turn. */
function world(moveMs: number, takers = 2, targets = 1) {
  const clock = createManualClock();
  const moves: { readonly id: string; readonly atMs: number }[] = [];
  let underway = 0;
  let underwayMax = 0;
  const rebalancing = new Rebalancing({
    clock,
    registry: {
      own: (id) => ({ ...registrationOf(0), id }),
      ownerOf: (id) => ({ ...THERE, name: `there-${Number(id.slice(id.indexOf('-') + 1)) % targets}` }),
    },
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    takers: () => takers,
    depth: () => 0,
    move: async (id) => {
      moves.push({ id, atMs: clock.nowMs() });
      underwayMax = Math.max(underwayMax, ++underway);
      await new Promise<void>((resolve) => clock.after(moveMs, resolve));
      underway--;
      return undefined;
    },
  });
  return { clock, rebalancing, moves, underwayMax: () => underwayMax };
}

/** How long it is from the begin of one round to that of the next, of rounds that take so long: the shortest, behind the first ones, in which it is not known yet where agents go. */
async function periodOf(moveMs: number, takers: number, targets: number): Promise<number> {
  const { clock, rebalancing, moves } = world(moveMs, takers, targets);
  rebalancing.misplaced(Array.from({ length: 24 * ROUND_AGENTS }, (_, index) => registrationOf(index)));
  for (let ms = 0; ms < 40_000; ms++) await clock.advance(1);
  expect(clock.pending).toEqual([]);
  expect(moves.length).toBe(24 * ROUND_AGENTS);
  const starts = [...new Set(moves.map(({ atMs }) => atMs))].slice(4);
  return Math.min(...starts.slice(1).map((atMs, index) => atMs - (starts[index] as number)));
}

test('agents that belong elsewhere move few at a time, in their order and each once, and three times as long as those have taken nothing moves', async () => {
  const { clock, rebalancing, moves, underwayMax } = world(30);
  rebalancing.misplaced(Array.from({ length: 3 * ROUND_AGENTS }, (_, index) => registrationOf(index)));
  // Told again of the same, as after two changes of the ring.
  rebalancing.misplaced([registrationOf(0)]);
  for (let ms = 0; ms < 1000; ms++) await clock.advance(1);
  expect(clock.pending).toEqual([]);
  expect(underwayMax()).toBe(ROUND_AGENTS);
  const starts = [...new Set(moves.map(({ atMs }) => atMs))];
  expect(moves.slice(0, 3 * ROUND_AGENTS).map(({ id }) => id)).toEqual(Array.from({ length: 3 * ROUND_AGENTS }, (_, index) => `agent-${index}`));
  for (const [index, atMs] of starts.slice(1).entries()) expect(atMs - (starts[index] as number)).toBeGreaterThanOrEqual(30 * (1 + REST));
});

test('the more nodes move agents to one, the longer each of them rests; a node that moves to many rests for its own sake', async () => {
  expect(await periodOf(10, 2, 1)).toBe(10 * (1 + REST));
  expect(await periodOf(10, 4, 1)).toBe(10 * (1 + 3 * REST));
  expect(await periodOf(10, 6, 2)).toBe(10 * (1 + 2 * REST));
  expect(await periodOf(10, 4, 3)).toBe(10 * (1 + REST));
  expect(await periodOf(10, 1000, 1)).toBe(10 + PAUSE_MS_MAX);
});

test('what a change of the ring says is taken apart when it is needed', async () => {
  const { clock, rebalancing, moves } = world(1);
  let read = 0;
  function* registrations(): Iterable<Registration> {
    for (; read < 1000; read++) yield registrationOf(read);
  }
  rebalancing.misplaced(registrations());
  expect(read).toBe(0);
  for (let ms = 0; ms < 10; ms++) await clock.advance(1);
  expect(moves.length).toBeGreaterThan(0);
  // The last of those that wait has been yielded, and no further one.
  expect(read).toBeLessThanOrEqual(moves.length);
  const begun = moves.length;
  rebalancing.close();
  for (let ms = 0; ms < 100; ms++) await clock.advance(1);
  expect(moves.length).toBe(begun);
});
