import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomOf } from '../../../../bench/suites/membership/datagram-world.mjs';
import { ProbeOrder } from '../../../../dist/ts-src/protocols/swim/probe-order.js';

test('everybody has a turn in each round, and rounds differ', () => {
  const order = new ProbeOrder<number>(randomOf(1));
  for (let member = 0; member < 50; member++) order.add(member);
  const rounds = Array.from({ length: 4 }, () => Array.from({ length: 50 }, () => order.next()));
  // The first round may have begun with members that came while it ran: from the second on all is settled.
  for (const round of rounds.slice(1)) expect([...round].sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 50 }, (_, member) => member));
  expect(rounds[1]).not.toEqual(rounds[2]);
});

test('between two turns of a member there are fewer than 2n others, whoever comes and goes', () => {
  const steps = fc.array(
    fc.oneof({ weight: 1, arbitrary: fc.constant('add') }, { weight: 1, arbitrary: fc.nat(30) }, { weight: 6, arbitrary: fc.constant('next') }),
    {
      maxLength: 200,
    },
  );
  fc.assert(
    fc.property(steps, fc.integer(), (all, seed) => {
      const order = new ProbeOrder<number>(randomOf(seed));
      const waited = new Map<number, number>();
      let nextMember = 0;
      let most = 0;
      const add = (): void => {
        order.add(nextMember);
        waited.set(nextMember++, 0);
        most = Math.max(most, waited.size);
      };
      for (let count = 0; count < 5; count++) add();
      for (const step of all) {
        if (step === 'add') add();
        else if (step === 'next') {
          const member = order.next();
          for (const [other, turns] of waited) waited.set(other, turns + 1);
          if (member === undefined) expect(waited.size).toBe(0);
          else expect(waited.has(member)).toBe(true);
          if (member !== undefined) waited.set(member, 0);
          for (const turns of waited.values()) expect(turns).toBeLessThan(2 * most);
        } else {
          const member = [...waited.keys()][step as number];
          if (member === undefined) continue;
          order.remove(member);
          waited.delete(member);
        }
        expect(order.size).toBe(waited.size);
      }
    }),
  );
});

test('a sample has different members, only accepted ones, and as many as there are', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(60), fc.nat(8), (seed, size, count) => {
      const order = new ProbeOrder<number>(randomOf(seed));
      for (let member = 0; member < size; member++) order.add(member);
      const sample = order.sample(count, (member) => member % 2 === 0);
      expect(new Set(sample).size).toBe(sample.length);
      expect(sample.every((member) => member % 2 === 0)).toBe(true);
      if (size <= 4 * count) expect(sample.length).toBe(Math.min(count, Math.ceil(size / 2)));
    }),
  );
});
