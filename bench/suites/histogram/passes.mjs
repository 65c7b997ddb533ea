/** Records durations, over and over, and checks that each was counted. */
import { assertDone, throughput } from '../../harness/measure.mjs';

/**
 * Nanoseconds for one duration.
 * @param {Float64Array} durations
 * @param {(nanoseconds: number) => void} record
 * @param {() => number | Promise<number>} counted how many have been recorded
 */
export async function recordNs(size, durations, record, counted) {
  let done = await counted();
  const perSecond = await throughput(
    size,
    async (n) => {
      for (let index = 0; index < n; index++) record(durations[index & (durations.length - 1)]);
      done += n;
      const seen = await counted();
      assertDone(seen === done, `${seen} of ${done} durations were counted`);
    },
    10_000,
  );
  return 1e9 / perSecond;
}
