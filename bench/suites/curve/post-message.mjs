/** What Node has built in: MessageChannels between the same threads. */
import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import { throughput } from '../../harness/measure.mjs';
import { messageStream } from '../cross-thread/post-message-stream.mjs';
import { assertReceived, batchPerStream, caseOf, PAYLOADS, pointSize, warmUp } from './points.mjs';

export async function run(size, report, { threads }) {
  // Channel k leads to worker k: from the calling thread if there is one worker, else from the one before it.
  const channels = Array.from({ length: threads }, () => new MessageChannel());
  const workers = channels.map(({ port2: from }, index) => {
    const to = threads === 1 ? undefined : channels[(index + 1) % threads].port1;
    const ports = to === undefined ? { from } : { from, to };
    return new Worker(new URL('./post-message-worker.mjs', import.meta.url), { workerData: ports, transferList: Object.values(ports) });
  });
  await Promise.all(workers.map((worker) => once(worker, 'online')));
  const stream = threads === 1 ? messageStream(channels[0].port1) : undefined;
  const order = async (worker, name, count) => {
    worker.postMessage({ name, count });
    const [{ received, error }] = await once(worker, 'message');
    if (error !== undefined) throw new Error(error);
    return received;
  };
  const send = async (payload, n) => {
    const counts = await Promise.all(stream === undefined ? workers.map((worker) => order(worker, payload.name, n / threads)) : [stream(payload, n)]);
    assertReceived(counts, n);
  };
  await warmUp(size, threads, send);
  for (const payload of PAYLOADS) {
    const perSecond = await throughput(pointSize(size), (n) => send(payload, n), threads * batchPerStream(payload));
    report.value(caseOf({ payload: payload.name, threads, declared: true }), 'messages/s', perSecond);
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
}
