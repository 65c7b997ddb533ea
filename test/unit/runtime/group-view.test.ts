/** How well the routings do: members of different speeds in virtual time, with arrivals from a seed. And that a view holds who is there. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GroupRouting } from '../../../dist/ts-src/model/group.js';
import { SeededRandom } from '../../../dist/ts-src/model/seeded-random.js';
import { GroupMember, GroupView } from '../../../dist/ts-src/runtime/group-view.js';

const memberOf = (slot: number, thread: number): GroupMember => new GroupMember({ slot, id: `a${slot}` } as never, thread);

function viewOf(loadOf: (member: GroupMember) => number, nowMs: () => number, seed: number): GroupView {
  const random = new SeededRandom(seed, 'view');
  let turns = 0;
  let turn = 0;
  return new GroupView({ rotation: () => ({ next: () => turns++ }) as never, random: () => random.next(), nowMs, turn: () => turn++, loadOf });
}

/** The 99th percentile of the time from arrival to completion, of 40 servers of which every fifth takes five times as long, at 70 % of what they can do. */
function p99Of(routing: GroupRouting, seed: number): number {
  const random = new SeededRandom(seed, 'arrivals');
  const exponential = (meanMs: number): number => -Math.log(1 - random.next()) * meanMs;
  const servers = new Map<GroupMember, { readonly meanMs: number; freeAtMs: number; readonly ends: number[] }>();
  let nowMs = 0;
  const view = viewOf(
    (member) => {
      const { ends } = servers.get(member) as { ends: number[] };
      while ((ends[0] ?? Number.POSITIVE_INFINITY) <= nowMs) ends.shift();
      return ends.length;
    },
    () => nowMs,
    seed,
  );
  for (let slot = 1; slot <= 40; slot++) {
    const member = memberOf(slot, 0);
    servers.set(member, { meanMs: slot % 5 === 0 ? 50 : 10, freeAtMs: 0, ends: [] });
    view.replace(member);
  }
  const capacity = [...servers.values()].reduce((sum, { meanMs }) => sum + 1 / meanMs, 0);
  const observations: { readonly atMs: number; readonly member: GroupMember; readonly tookMs: number }[] = [];
  const latencies: number[] = [];
  for (let request = 0; request < 40_000; request++) {
    nowMs += exponential(1 / (0.7 * capacity));
    observations.sort((a, b) => b.atMs - a.atMs);
    while (observations.length > 0 && (observations.at(-1) as { atMs: number }).atMs <= nowMs) {
      const { member, tookMs, atMs } = observations.pop() as (typeof observations)[0];
      member.latency.observe(tookMs, atMs);
    }
    const member = view.choose(routing, '', undefined) as GroupMember;
    const server = servers.get(member) as { meanMs: number; freeAtMs: number; ends: number[] };
    server.freeAtMs = Math.max(nowMs, server.freeAtMs) + exponential(server.meanMs);
    server.ends.push(server.freeAtMs);
    observations.push({ atMs: server.freeAtMs, member, tookMs: server.freeAtMs - nowMs });
    if (request > 4000) latencies.push(server.freeAtMs - nowMs);
  }
  latencies.sort((a, b) => a - b);
  return latencies[Math.floor(latencies.length * 0.99)] as number;
}

test('with members of different speeds, two choices and the least loaded have a far lower p99 than round robin', () => {
  for (const seed of [1, 2, 3]) {
    const roundRobin = p99Of('roundRobin', seed);
    expect(p99Of('powerOfTwoChoices', seed)).toBeLessThan(roundRobin / 4);
    expect(p99Of('leastLoaded', seed)).toBeLessThan(roundRobin / 4);
  }
}, 60_000);

test('a view holds who is there, in the same order for whoever heard of them in any order', () => {
  const change = fc.record({ slot: fc.integer({ min: 1, max: 12 }), thread: fc.integer({ min: 0, max: 2 }), comes: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const view = viewOf(
        () => 0,
        () => 0,
        1,
      );
      // All routings keep something from now on.
      const routings: GroupRouting[] = ['roundRobin', 'leastLoaded', 'powerOfTwoChoices', 'consistentHash'];
      const there = new Map<number, number>();
      for (const { slot, thread, comes } of changes) {
        if (comes) {
          view.replace(memberOf(slot, thread));
          there.set(slot, thread);
        } else {
          view.remove(slot, thread);
          if (there.get(slot) === thread) there.delete(slot);
        }
        for (const routing of routings) {
          const chosen = view.choose(routing, String(slot), undefined);
          expect(chosen === undefined ? 0 : there.get(chosen.ref.slot)).toBe(chosen === undefined ? there.size : chosen.thread);
        }
      }
      const other = viewOf(
        () => 0,
        () => 0,
        1,
      );
      for (const [slot, thread] of [...there].sort(([a], [b]) => b - a)) other.replace(memberOf(slot, thread));
      expect(view.members.map(({ ref, thread }) => [ref.slot, thread])).toEqual(other.members.map(({ ref, thread }) => [ref.slot, thread]));
      const slots = view.members.map(() => view.choose('roundRobin', '', undefined)?.ref.slot);
      expect(slots.sort()).toEqual([...there.keys()].sort());
      for (const { ref } of view.members) {
        for (const routing of routings) expect(view.choose(routing, 'k', (member) => member.ref.slot === ref.slot)?.ref.slot).toBe(ref.slot);
      }
    }),
    { numRuns: 200 },
  );
});
