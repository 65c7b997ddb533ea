/** Clusters of bare failure detectors over datagrams that are lost, late and come twice. Every failure prints its seed. */
import { expect, test } from 'vitest';
import { identityAt, indexOf, swimCluster } from '../../../../bench/suites/membership/swim-cluster.mjs';
import type { Swim } from '../../../../dist/ts-src/protocols/swim/swim.js';
import type { SwimEffect } from '../../../../dist/ts-src/protocols/swim/swim-steps.js';

type World = ReturnType<typeof swimCluster>;

const machineOf = (world: World, index: number): Swim => (world.nodes[index] as unknown as { machine: Swim }).machine;
const seeds = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);

/** How long until every other node finds this one unreachable. */
function timeUntilKnown(world: World, dead: number, limitMs: number): number {
  const known = new Set<number>();
  const others = world.nodes.length - 1;
  world.happened = (index: number, effect: SwimEffect) => {
    if (effect.type === 'reachability' && effect.state === 'unreachable' && indexOf(effect.node) === dead) known.add(index);
  };
  const fromMs = world.nowMs;
  (world.nodes[dead] as { isUp: boolean }).isUp = false;
  return world.runWhile(() => known.size < others, fromMs + limitMs) ? world.nowMs - fromMs : Number.POSITIVE_INFINITY;
}

test.each([
  { what: 'killed', refuses: true, withinMs: 5000 },
  { what: 'silent', refuses: false, withinMs: 10_000 },
])('a $what node of 5 is known to all others within $withinMs ms', ({ refuses, withinMs }) => {
  const timesMs = seeds(100).map((seed) => {
    const world = swimCluster({ seed, nodes: 5, loss: 0.01 });
    world.runUntil(20_000 + seed * 37);
    Object.assign(world.nodes[2] as object, { refuses });
    return { seed, ms: timeUntilKnown(world, 2, 60_000) };
  });
  expect(timesMs.filter(({ ms }) => ms > withinMs)).toEqual([]);
  expect(timesMs.map(({ ms }) => ms).sort((a, b) => a - b)[50]).toBeLessThan(withinMs / 1.5);
});

test('while nodes are well nobody is found unreachable, with a third of the datagrams lost and half of them coming twice', () => {
  for (const seed of seeds(10)) {
    const world = swimCluster({ seed, nodes: 7, loss: 0.3, duplication: 0.5 });
    const found: string[] = [];
    world.happened = (index: number, effect: SwimEffect, nowMs: number) => {
      if (effect.type === 'reachability' && effect.state === 'unreachable') found.push(`seed ${seed}: n${index} of ${effect.node.name} at ${nowMs}`);
    };
    world.runUntil(120_000);
    expect(found).toEqual([]);
  }
});

test('what a member says of itself reaches everybody, also those that were cut off meanwhile, and the two sides of a partition find each other again', () => {
  for (const seed of seeds(20)) {
    const world = swimCluster({ seed, nodes: 9, loss: 0.1, duplication: 0.1 });
    world.runUntil(10_000);
    world.passes = (from: number, to: number) => from < 4 === to < 4;
    world.runUntil(20_000);
    for (let index = 0; index < 9; index++) world.input(index, { type: 'describe', metadata: new Uint8Array([100 + index]) });
    world.runUntil(60_000);
    expect(machineOf(world, 0).reachabilityOf(identityAt(8)), `seed ${seed}`).toBe('unreachable');
    expect(machineOf(world, 8).reachabilityOf(identityAt(0)), `seed ${seed}`).toBe('unreachable');
    world.passes = () => true;
    world.runUntil(120_000);
    for (let index = 0; index < 9; index++) {
      const seen = machineOf(world, index)
        .snapshot(world.nowMs)
        .map((peer) => `${peer.name} ${peer.reachability} ${peer.metadata}`);
      const expected = seeds(9).flatMap((_, other) => (other === index ? [] : [`${identityAt(other).name} reachable ${100 + other}`]));
      expect(seen.sort(), `seed ${seed}, n${index}`).toEqual(expected);
    }
  }
});

test('two members that cannot reach each other, but everybody else, are not suspected', () => {
  for (const seed of seeds(10)) {
    const world = swimCluster({ seed, nodes: 5 });
    world.passes = (from: number, to: number) => from + to !== 1;
    const found: string[] = [];
    let relayed = 0;
    world.happened = (_index: number, effect: SwimEffect) => {
      if (effect.type === 'reachability') found.push(`seed ${seed}: ${effect.node.name} is ${effect.state}`);
      if (effect.type === 'acked' && effect.relayed) relayed += 1;
    };
    world.runUntil(60_000);
    expect([found, relayed > 10]).toEqual([[], true]);
  }
});

test('a member that hears nothing is found unreachable, however much is heard of it', () => {
  const world = swimCluster({ seed: 1, nodes: 5 });
  world.runUntil(10_000);
  world.passes = (_from: number, to: number) => to !== 0;
  world.runUntil(30_000);
  for (let index = 1; index < 5; index++) expect(machineOf(world, index).reachabilityOf(identityAt(0))).toBe('unreachable');
});

test('a cluster in which nothing happens costs about two messages a node and second, of any size', () => {
  for (const nodes of [2, 5, 30, 200]) {
    const world = swimCluster({ seed: 1, nodes });
    world.runUntil(60_000);
    const before = world.sent;
    world.runUntil(90_000);
    const perSecond = (world.sent - before) / nodes / 30;
    expect(perSecond).toBeGreaterThan(1.8);
    expect(perSecond).toBeLessThan(2.3);
  }
});

test('the same seed gives the same run', () => {
  const runs = [0, 1].map(() => {
    const world = swimCluster({ seed: 5, nodes: 9, loss: 0.2, duplication: 0.2 });
    const lines: string[] = [];
    world.happened = (index: number, effect: SwimEffect, nowMs: number) => lines.push(`${nowMs} ${index} ${JSON.stringify(effect)}`);
    world.runUntil(30_000);
    return [world.sent, ...lines].join('\n');
  });
  expect(runs[0]).toBe(runs[1]);
});

test('a member that is far away is neither suspected nor counted as lost', () => {
  const world = swimCluster({ seed: 3, nodes: 5, latencyMs: (from: number, to: number) => (from === 4 || to === 4 ? 300 : 1) });
  const found: string[] = [];
  world.happened = (_index: number, effect: SwimEffect) => {
    if (effect.type === 'reachability') found.push(`${effect.node.name} is ${effect.state}`);
  };
  world.runUntil(60_000);
  expect(found).toEqual([]);
  expect(
    machineOf(world, 0)
      .snapshot(world.nowMs)
      .find((peer) => peer.name === identityAt(4).name)?.loss,
  ).toBe(0);
});
