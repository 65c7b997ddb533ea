/** Chooses over and over, and checks that all members had their share. */
import { assertDone, throughput } from '../../harness/measure.mjs';

/**
 * Nanoseconds for one choice.
 * @param {(index: number) => object | undefined} choose
 */
export async function choiceNs(size, choose) {
  const chosen = new Set();
  let index = 0;
  const pass = (n) => {
    let found = 0;
    for (let left = n; left > 0; left--) {
      const member = choose(index);
      if (member !== undefined) found++;
      if ((index++ & 63) === 0) chosen.add(member);
    }
    assertDone(found === n, `${found} of ${n} choices found a member`);
  };
  const ns = 1e9 / (await throughput(size, pass, 1000));
  assertDone(chosen.size > 10, `only ${chosen.size} members were ever chosen`);
  return ns;
}

/** Keys as a service has them, in an order that no cache guesses. */
export const KEYS = Array.from({ length: 4096 }, (_, number) => `customer-${(Math.imul(number, 2654435761) >>> 0) % 1_000_000}`);
