/** The floor for a thread that sleeps: the kernel's own wake there and back. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { parkedRoundTrip } from '../../harness/measure.mjs';
import { coresForTwo, pinThread, threadIds } from '../../harness/two-cores.mjs';
import { ASK_PARKED_APART_P50, ASK_PARKED_P50 } from './case-names.mjs';

export async function run(size, report) {
  /** 0: the number of the question, 1: the number of the answer. */
  const words = new Int32Array(new SharedArrayBuffer(8));
  const before = threadIds();
  const worker = new Worker(new URL('./futex-worker.mjs', import.meta.url), { workerData: words });
  await once(worker, 'online');
  const [thread] = threadIds().filter((id) => !before.includes(id));
  let question = 0;
  const ask = () => {
    question++;
    Atomics.store(words, 0, question);
    Atomics.notify(words, 0);
    Atomics.wait(words, 1, question - 1);
    if (Atomics.load(words, 1) !== question) throw new Error('woken without an answer');
  };
  report.value(ASK_PARKED_P50, 'ns', await parkedRoundTrip(size, ask));
  const cores = coresForTwo();
  if (cores !== undefined) {
    pinThread(process.pid, cores[0]);
    pinThread(thread, cores[1]);
    report.value(ASK_PARKED_APART_P50, 'ns', await parkedRoundTrip(size, ask));
  }
  await worker.terminate();
}
