/** A pool of one worker thread, for the job it has in common with an ask: something goes there and a result comes back. */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { OUTSTANDING } from './case-names.mjs';
import { reportAsks } from './asks.mjs';

export async function run(size, report) {
  const pool = new Piscina({
    filename: fileURLToPath(new URL('./piscina-task.mjs', import.meta.url)),
    minThreads: 1,
    maxThreads: 1,
    // Its worker may have as many tasks under way as the pipelined case keeps outstanding.
    concurrentTasksPerWorker: OUTSTANDING,
    maxQueue: Number.POSITIVE_INFINITY,
  });
  await reportAsks(size, report, (value) => pool.run(value));
  await pool.destroy();
}
