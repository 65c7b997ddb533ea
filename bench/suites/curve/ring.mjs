/** The limit: bare rings between the same threads. The calling thread orders counts, and adds up what the receivers say. */
import { Worker } from 'node:worker_threads';
import { createSharedMemory } from '../../../dist/bindings/shared-memory.js';
import { assertDone, throughput } from '../../harness/measure.mjs';
import { bareStream, Control } from './bare-stream.mjs';
import { batchPerStream, caseOf, PAYLOADS, pointSize, warmUp } from './points.mjs';

const WAIT_MS = 60_000;

export async function run(size, report, { threads }) {
  const shared = createSharedMemory({ threadCount: threads + 1, recordCapacity: 4096, ringBytes: 1 << 20 }, [1, 2]);
  const control = new Int32Array(new SharedArrayBuffer(Control.words * 4));
  const workers = Array.from({ length: threads }, (_, index) => {
    const thread = index + 1;
    const ends = threads === 1 ? { from: 0 } : { to: (thread % threads) + 1, from: ((thread + threads - 2) % threads) + 1 };
    return new Worker(new URL('./ring-worker.mjs', import.meta.url), { workerData: { memory: shared.memory, control, thread, ...ends } });
  });
  const sendOne = threads === 1 ? bareStream(shared, 0, 1, undefined) : () => undefined;
  const send = (payload, n) => {
    const count = n / threads;
    Atomics.store(control, Control.payloadBytes, payload.bytes);
    Atomics.store(control, Control.count, count);
    Atomics.store(control, Control.sum, 0);
    Atomics.store(control, Control.done, 0);
    Atomics.add(control, Control.generation, 1);
    Atomics.notify(control, Control.generation);
    sendOne(payload.bytes, count);
    for (let done = Atomics.load(control, Control.done); done < threads; done = Atomics.load(control, Control.done))
      assertDone(Atomics.wait(control, Control.done, done, WAIT_MS) !== 'timed-out', 'a receiver did not get all of its messages');
    let expected = 0;
    for (let index = 0; index < count; index++) expected = (expected + index) | 0;
    assertDone(Atomics.load(control, Control.sum) === Math.imul(expected, threads), 'the bytes that arrived are not those that were sent');
  };
  await warmUp(size, threads, send);
  for (const payload of PAYLOADS) {
    const perSecond = await throughput(pointSize(size), (n) => send(payload, n), threads * batchPerStream(payload));
    report.value(caseOf({ payload: payload.name, threads, declared: true }), 'messages/s', perSecond);
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
}
