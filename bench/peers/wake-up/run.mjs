/** One of the bare wake-ups, with the threads where the kernel puts them and on two cores. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { parkedRoundTrip } from '../../harness/measure.mjs';
import { percentile, sorted } from '../../harness/statistics.mjs';
import { coresForTwo, pinThread, threadIds } from '../../harness/two-cores.mjs';
import { ASK_PARKED_APART_P50, ASK_PARKED_P50 } from '../../suites/cross-thread/case-names.mjs';
import { buildWakeUps, loadWakeUps, removeWakeUps } from './build.mjs';

const FUNCTIONS = { 'bare-futex': 'futex', 'bare-eventfd': 'eventfd', 'bare-uv-async': 'uvAsync' };
const ANY_CORE = -1;

export async function run(size, report, { peer }) {
  const path = buildWakeUps();
  try {
    const wakeUps = loadWakeUps(path);
    if (peer === 'bare-uv-async-js') return await withJavaScript(size, report, wakeUps, path);
    const measure = (core) => percentile(sorted(wakeUps[FUNCTIONS[peer]](size.parkedSamples, core)), 0.5);
    report.value(ASK_PARKED_P50, 'ns', measure(ANY_CORE));
    const cores = coresForTwo();
    if (cores === undefined) return;
    pinThread(process.pid, cores[0]);
    report.value(ASK_PARKED_APART_P50, 'ns', measure(cores[1]));
  } finally {
    removeWakeUps(path);
  }
}

async function withJavaScript(size, report, wakeUps, path) {
  let rung;
  wakeUps.openEnd(0, () => rung());
  const before = threadIds();
  const worker = new Worker(new URL('./run-worker.mjs', import.meta.url), { workerData: path });
  await once(worker, 'message');
  const [thread] = threadIds().filter((id) => !before.includes(id));
  const ask = () =>
    new Promise((resolve) => {
      rung = resolve;
      wakeUps.ringEnd(1);
    });
  // As its peers, whose code is warm when they come to this.
  for (let index = 0; index < 1000; index++) await ask();
  report.value(ASK_PARKED_P50, 'ns', await parkedRoundTrip(size, ask));
  const cores = coresForTwo();
  if (cores !== undefined) {
    pinThread(process.pid, cores[0]);
    pinThread(thread, cores[1]);
    report.value(ASK_PARKED_APART_P50, 'ns', await parkedRoundTrip(size, ask));
  }
  worker.postMessage('close');
  await once(worker, 'exit');
  wakeUps.closeEnd(0);
}
