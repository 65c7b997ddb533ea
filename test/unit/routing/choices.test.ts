import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../../dist/ts-src/model/seeded-random.js';
import { LeastLoaded, type LoadEntry } from '../../../dist/ts-src/routing/least-loaded.js';
import { DECAY_MS, PeakEwma } from '../../../dist/ts-src/routing/peak-ewma.js';
import { Quorum } from '../../../dist/ts-src/routing/quorum.js';
import { betterOfTwo } from '../../../dist/ts-src/routing/two-choices.js';

interface Member {
  load: number;
  readonly number: number;
}
const members = (loads: readonly number[]): Member[] => loads.map((load, number) => ({ load, number }));
const loadOf = ({ load }: Member): number => load;

test('two choices draw every member equally often where costs are equal', () => {
  const random = new SeededRandom(1, 'even');
  const all = members(new Array(50).fill(0));
  const counts = new Array(50).fill(0);
  for (let index = 0; index < 50_000; index++) counts[(betterOfTwo(all, () => random.next(), loadOf, undefined) as Member).number]++;
  const chiSquare = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  // 49 degrees of freedom: 99.99 % are below 97.
  expect(chiSquare).toBeLessThan(97);
});

test('two choices never choose the most loaded member, and the least loaded one twice as often as the average', () => {
  const random = new SeededRandom(2, 'sorted');
  const all = members(Array.from({ length: 20 }, (_, load) => load));
  const counts = new Array(20).fill(0);
  for (let index = 0; index < 40_000; index++) counts[(betterOfTwo(all, () => random.next(), loadOf, undefined) as Member).number]++;
  expect(counts[19]).toBe(0);
  // P(the k-th least of n) = 2 (n - 1 - k) / (n (n - 1))
  for (const [number, count] of counts.entries()) expect(Math.abs(count / 40_000 - (2 * (19 - number)) / 380)).toBeLessThan(0.006);
});

test('two choices balance balls in bins far better than one', () => {
  const random = new SeededRandom(3, 'balls');
  const fill = (choose: (bins: Member[]) => Member): number => {
    const bins = members(new Array(1000).fill(0));
    for (let ball = 0; ball < 100_000; ball++) choose(bins).load++;
    return Math.max(...bins.map(loadOf)) - 100;
  };
  const two = fill((bins) => betterOfTwo(bins, () => random.next(), loadOf, undefined) as Member);
  const one = fill((bins) => bins[Math.floor(random.next() * bins.length)] as Member);
  // ln ln 1000 / ln 2 = 2.8, and about 3 times the root of 100.
  expect(two).toBeLessThanOrEqual(6);
  expect(one).toBeGreaterThan(20);
});

test('what is not accepted is not drawn, while there is anything else', () => {
  const random = new SeededRandom(4, 'accepted');
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 30 }), (accepted) => {
      const all = members(accepted.map(() => 0));
      const found = betterOfTwo(
        all,
        () => random.next(),
        loadOf,
        ({ number }) => accepted[number] as boolean,
      );
      expect(found === undefined ? accepted.includes(true) : !accepted[found.number]).toBe(false);
    }),
    { seed: 4 },
  );
});

test('a peak replaces the average at once, less is weighed in by time, and silence lets it decay', () => {
  const latency = new PeakEwma();
  expect([latency.averageMs(0), latency.cost(0, 0)]).toEqual([0, 0]);
  expect(latency.cost(3, 0)).toBeGreaterThan(1e8);
  latency.observe(10, 0);
  latency.observe(50, 1);
  expect(latency.averageMs(1)).toBe(50);
  latency.observe(10, 1);
  expect(latency.averageMs(1)).toBe(50);
  latency.observe(10, 1 + DECAY_MS);
  expect(latency.averageMs(1 + DECAY_MS)).toBeCloseTo(50 / Math.E + 10 * (1 - 1 / Math.E), 9);
  const before = latency.averageMs(1 + DECAY_MS);
  expect(latency.averageMs(1 + 2 * DECAY_MS)).toBeCloseTo(before / Math.E, 9);
  expect(latency.cost(2, 1 + DECAY_MS)).toBeCloseTo(before * 3, 9);
});

test('the least loaded of up to 16 members is chosen, whatever happened before; equal ones take turns', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ type: fc.constant('choose' as const), sends: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('load' as const), at: fc.nat(15), load: fc.oneof(fc.nat(5), fc.nat(63)) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('turn' as const) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('add' as const), load: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const), at: fc.nat(15) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const least = new LeastLoaded<Member>(loadOf);
      const there: { member: Member; entry: LoadEntry<Member>; sent: number }[] = [];
      let turn = 0;
      let number = 0;
      for (const each of steps) {
        if (each.type === 'add' && there.length < 16) {
          const member = { load: each.load, number: number++ };
          there.push({ member, entry: least.add(member), sent: 0 });
        } else if (each.type === 'remove' && there.length > 0) least.remove((there.splice(each.at % there.length, 1)[0] as (typeof there)[0]).entry);
        else if (each.type === 'load' && there.length > 0) {
          // Between turns, so that what was sent is in the loads.
          turn++;
          for (const one of there) one.sent = 0;
          (there[each.at % there.length] as (typeof there)[0]).member.load = each.load;
        } else if (each.type === 'turn') {
          turn++;
          for (const one of there) one.sent = 0;
        } else if (each.type === 'choose') {
          const chosen = least.choose(turn, undefined);
          const lowest = Math.min(...there.map(({ member, sent }) => member.load + sent));
          const found = there.find(({ member }) => member === chosen);
          expect(found === undefined ? there.length : found.member.load + found.sent - lowest).toBe(0);
          if (found !== undefined && each.sends) found.member.load++;
          if (found !== undefined) found.sent += each.sends ? 0 : 1;
        }
        expect(least.size).toBe(there.length);
      }
    }),
  );
  const idle = new LeastLoaded<Member>(loadOf);
  for (const member of members(new Array(5).fill(0))) idle.add(member);
  for (let turn = 0; turn < 20; turn++) expect(idle.choose(turn, undefined)?.number).toBe(turn % 5);
});

test('of 1,000 members a change of load is known after 125 choices, and one that has become busy is not chosen meanwhile', () => {
  const all = members(new Array(1000).fill(5));
  const least = new LeastLoaded<Member>(loadOf);
  for (const member of all) least.add(member);
  (all[700] as Member).load = 0;
  let choices = 1;
  while (least.choose(choices, undefined) !== all[700]) choices++;
  expect(choices).toBeLessThanOrEqual(125);
  for (const member of all) member.load = 0;
  for (let turn = 100; turn < 300; turn++) least.choose(turn, undefined);
  for (const member of all) if (member.number % 2 === 0) member.load = 50;
  for (let turn = 300; turn < 2300; turn++) expect(loadOf(least.choose(turn, undefined) as Member)).toBe(0);
  expect(least.choose(3000, ({ number }) => number === 3)).toBe(all[3]);
  expect(least.choose(3000, () => false)).toBeUndefined();
});

test('a quorum is reached, missed or waited for as counting says', () => {
  const answers = fc.array(fc.constantFrom('reply' as const, 'loss' as const), { minLength: 1, maxLength: 12 });
  const choices = fc.oneof(fc.constant(undefined), fc.constant('majority' as const), fc.constant('all' as const), fc.integer({ min: 1, max: 14 }));
  fc.assert(
    fc.property(answers, choices, (events, choice) => {
      const asked = events.length;
      const quorum = new Quorum(asked, choice);
      const needed = choice === 'majority' ? Math.ceil((asked + 1) / 2) : choice === 'all' ? asked : choice;
      for (let said = 0; said <= asked; said++) {
        const replies = events.slice(0, said).filter((event) => event === 'reply').length;
        const possible = replies + (asked - said);
        const expected =
          needed === undefined ? (said === asked ? 'reached' : 'waiting') : replies >= needed ? 'reached' : possible < needed ? 'failed' : 'waiting';
        expect(quorum.state).toBe(expected);
        if (events[said] === 'reply') quorum.replied++;
        else quorum.lost++;
      }
    }),
  );
});
