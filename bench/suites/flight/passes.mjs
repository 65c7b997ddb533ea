/** What both peers of the suite do: events in a loop; the last one must be there. */
import { assertDone, throughput } from '../../harness/measure.mjs';

/**
 * Nanoseconds for one event.
 * @param {(number: number) => void} write
 * @param {() => number} last the number that was written last
 */
export async function eventNs(size, write, last) {
  const perSecond = await throughput(
    size,
    async (n) => {
      for (let number = 1; number <= n; number++) write(number);
      assertDone(last() === n, `the last event is ${last()}, not ${n}`);
    },
    10_000,
  );
  return 1e9 / perSecond;
}
