/** A simulated world: one order of everything for each seed, and time that passes only when it is told to. */
import { setImmediate as visit } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ProgramSurroundings } from '../../../../dist/ts-src/testing/simulation/program.js';
import { Trace } from '../../../../dist/ts-src/testing/simulation/trace.js';
import { SimulatedWorld } from '../../../../dist/ts-src/testing/simulation/world.js';
import { codeOf, failureOf } from '../../../start-nexus.js';
import { openProgram, openWorld } from './worlds.js';

/** Everybody talks to somebody, on a bad network, and does it with promises or without. */
function chatter(
  seed: number,
  { hasPromises, awaits = false, loss = 0.1 }: { readonly hasPromises: boolean; readonly awaits?: boolean; readonly loss?: number },
) {
  const trace = new Trace({ entriesMax: 100_000 });
  const world = new SimulatedWorld({ seed, trace });
  const program = openProgram(async (surroundings: ProgramSurroundings) => {
    const { random, clock, openDatagrams } = surroundings;
    const heard: number[] = [];
    const socket = await openDatagrams(7400, {
      received(from, bytes) {
        heard.push(bytes[0] as number);
        if ((bytes[0] as number) > 0) socket.send(from, Uint8Array.of((bytes[0] as number) - 1, heard.length & 255));
      },
      refused: () => undefined,
    });
    const talk = (): void => socket.send({ host: `n${1 + Math.floor(random() * 4)}`, port: 7400 }, Uint8Array.of(3, Math.floor(random() * 256)));
    const tick = async (): Promise<void> => {
      talk();
      if (awaits) {
        for (let turn = 0; turn < 5; turn++) await undefined;
        await visit();
        talk();
      }
      clock.after(50 + random() * 100, tick);
    };
    void tick();
  }, hasPromises);
  for (let number = 1; number <= 4; number++) world.add(`n${number}`, program).start();
  world.network.setAll({ loss, duplication: 0.2, reordering: 0.2, latency: { type: 'exponential', meanMs: 20 } });
  return { world, trace };
}

async function suffered(seed: number, options: Parameters<typeof chatter>[1]): Promise<string> {
  const { world, trace } = chatter(seed, options);
  await world.advance(3000);
  world.network.partition([['n1', 'n2'].map((name) => world.node(name).number), [3]]);
  world.node('n4').pause();
  world.node('n1').drift(0.01);
  world.node('n2').slow({ type: 'uniform', fromMs: 0, toMs: 50 });
  await world.advance(3000);
  world.node('n1').restart();
  world.node('n4').resume();
  await world.advance(3000);
  expect(trace.count).toBeGreaterThan(1000);
  return trace.hash;
}

test('the same seed gives the same trace to the last byte, with programs that await too, and another seed another one', async () => {
  for (const options of [{ hasPromises: false }, { hasPromises: true, awaits: true }]) {
    const first = await suffered(1, options);
    expect(await suffered(1, options)).toBe(first);
    expect(await suffered(2, options)).not.toBe(first);
  }
});

test('a program without promises runs in the same order whether or not the world waits for some', async () => {
  expect(await suffered(3, { hasPromises: false })).toBe(await suffered(3, { hasPromises: true }));
});

test('how the time is cut into pieces changes nothing', async () => {
  const hashes: string[] = [];
  for (const pieces of [1, 7, 600]) {
    const { world, trace } = chatter(5, { hasPromises: true, awaits: true });
    for (let piece = 0; piece < pieces; piece++) await world.advance(6000 / pieces);
    hashes.push(trace.hash);
  }
  expect(new Set(hashes).size).toBe(1);
});

test('time stands still until it is moved, and not beyond what was said', async () => {
  const open = await openWorld(1);
  const fired: number[] = [];
  for (const delayMs of [0, 1, 5, 10]) open.at(1).clock.after(delayMs, () => fired.push(open.world.nowMs));
  await open.world.run();
  expect([fired, open.world.nowMs]).toEqual([[0], 0]);
  await open.world.advance(5);
  expect(fired).toEqual([0, 1, 5]);
  expect(await open.world.until(() => fired.length === 4, 100)).toBe(true);
  expect(open.world.nowMs).toBe(10);
  expect(await open.world.until(() => false, 100)).toBe(false);
  expect(open.world.nowMs).toBe(110);
  const { clock } = open.at(1);
  expect(await open.world.settle(new Promise((resolve) => clock.after(1000, () => resolve('late'))))).toBe('late');
  expect(open.world.nowMs).toBe(1110);
});

test('a promise that does not settle, a moment that does not end and a clock that is moved twice are errors', async () => {
  const open = await openWorld(1, 77);
  const never = await failureOf(open.world.settle(new Promise(() => undefined), 1000));
  expect([never?.code, never?.message]).toEqual(['NEXUS_NEVER_QUIET', expect.stringContaining('NEXUS_TEST_SEED=77')]);
  const moving = open.world.advance(10);
  expect(await codeOf(open.world.advance(10))).toBe('NEXUS_NEVER_QUIET');
  await moving;
  expect(await codeOf(open.world.advance(-1))).toBe('NEXUS_OPTION_INVALID');
  const { clock } = open.at(1);
  const again = (): void => void clock.after(0, again);
  again();
  expect(await codeOf(open.world.advance(10))).toBe('NEXUS_NEVER_QUIET');
});

test('a storm that moves the time on by little is an error too', async () => {
  const open = await openWorld(1, 78);
  const { clock } = open.at(1);
  const again = (): void => void clock.after(0.001, () => [again(), again()]);
  again();
  expect(await codeOf(open.world.advance(1000))).toBe('NEXUS_NEVER_QUIET');
});

test('what a program throws rejects whoever moves the time, with the seed', async () => {
  const open = await openWorld(2, 78);
  open.at(2).clock.after(10, () => {
    throw new RangeError('the account is empty');
  });
  const failure = await failureOf(open.world.advance(20));
  expect(failure?.message).toContain('the account is empty');
  expect(failure?.message).toContain('NEXUS_TEST_SEED=78');
  // The others go on.
  await open.world.advance(10);
  const world = new SimulatedWorld({ seed: 79 });
  world
    .add(
      'n1',
      openProgram(() => Promise.reject(new Error('no port'))),
    )
    .start();
  expect((await failureOf(world.run()))?.message).toContain('node n1 failed: no port');
});

test.each([true, false])('who looks at a world is told of each step of a node, at its time, when it is over; with promises %s', async (hasPromises) => {
  const { world, nodes, at } = await openWorld(
    2,
    1,
    openProgram(() => undefined, hasPromises),
  );
  const seen: string[] = [];
  world.stepped = (node) => seen.push(`${node.name} at ${world.nowMs}`);
  let isDone = false;
  at(1).clock.after(5, () => seen.push('a step of n1'));
  at(2).clock.after(7.5, async () => {
    await Promise.resolve();
    isDone = true;
  });
  world.time.after(6, () => seen.push('no step'));
  await world.advance(10);
  expect(seen).toEqual(['a step of n1', 'n1 at 5', 'no step', 'n2 at 7.5']);
  expect(isDone).toBe(true);
  expect(nodes).toHaveLength(2);
});

test('names of nodes are checked', async () => {
  const world = new SimulatedWorld({ seed: 1 });
  world.add('n1', openProgram());
  expect(await codeOf(() => void world.add('n1', openProgram()))).toBe('NEXUS_OPTION_INVALID');
  expect(await codeOf(() => void world.add('no name', openProgram()))).toBe('NEXUS_OPTION_INVALID');
});
