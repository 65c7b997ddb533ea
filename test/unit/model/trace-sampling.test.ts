/** Which messages begin a trace: as many as the ratio says, spread by chance, and no more in a second than is allowed. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../../dist/ts-src/model/seeded-random.js';
import { TraceSampling } from '../../../dist/ts-src/model/trace-sampling.js';

function sampling(ratio: number, perSecondMax: number, seed: number): TraceSampling {
  const random = new SeededRandom(seed, 'traces');
  return new TraceSampling(ratio, perSecondMax, () => random.next());
}

test('as many messages are chosen as the ratio says, also of those that come in a rhythm', () => {
  fc.assert(
    fc.property(fc.constantFrom(0.01, 0.1, 0.5, 0.7), fc.integer({ min: 1, max: 7 }), fc.nat(), (ratio, rhythm, seed) => {
      const chosen = sampling(ratio, 0, seed);
      const perBeat = new Array<number>(rhythm).fill(0);
      const count = 20_000 * rhythm;
      for (let index = 0; index < count; index++) if (chosen.take()) (perBeat[index % rhythm] as number)++;
      // Six standard deviations of a binomial count.
      const deviation = 6 * Math.sqrt(20_000 * ratio * (1 - ratio));
      for (const each of perBeat) expect(Math.abs(each - 20_000 * ratio)).toBeLessThan(deviation);
    }),
    { numRuns: 40 },
  );
});

test('a ratio of 0 chooses none and one of 1 all', () => {
  const [none, all] = [sampling(0, 10, 1), sampling(1, 10, 1)];
  for (let index = 0; index < 1000; index++) {
    expect(none.take()).toBe(false);
    expect(all.take()).toBe(true);
  }
});

test('no more traces begin in a second than is allowed', () => {
  const chosen = sampling(1, 3, 1);
  const begun = [0, 1, 500, 999, 999.9, 1000, 1001, 1500, 1999, 5000].map((nowMs) => chosen.mayBegin(nowMs));
  expect(begun).toEqual([true, true, true, false, false, true, true, true, false, true]);
});
