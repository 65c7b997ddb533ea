/** What is observed, the same for all: a function that does next to nothing, and one that awaits a promise that has settled. */
import { throughput } from '../../harness/measure.mjs';

export const SYNC = 'observe a function';
export const ASYNC = 'observe an async function';

/** Nanoseconds for one call of each. @param {(fn: () => unknown) => unknown} observe */
export async function measureCalls(size, report, observe) {
  let calls = 0;
  const sync = () => ++calls;
  const async = async () => {
    await undefined;
    return ++calls;
  };
  const nsOf = async (work) => 1e9 / (await throughput(size, work, 1000));
  report.value(
    SYNC,
    'ns',
    await nsOf((n) => {
      for (let index = 0; index < n; index++) observe(sync);
    }),
  );
  report.value(
    ASYNC,
    'ns',
    await nsOf(async (n) => {
      for (let index = 0; index < n; index++) await observe(async);
    }),
  );
}
