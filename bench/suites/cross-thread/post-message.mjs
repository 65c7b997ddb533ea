/** What Node has built in: a MessageChannel to a worker. */
import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import { throughput } from '../../harness/measure.mjs';
import { reportAsks } from './asks.mjs';
import { batchOf, MESSAGES } from './messages.mjs';
import { messageStream } from './post-message-stream.mjs';

export async function run(size, report) {
  const { port1: tells, port2: tellsThere } = new MessageChannel();
  const { port1: asks, port2: asksThere } = new MessageChannel();
  const worker = new Worker(new URL('./post-message-worker.mjs', import.meta.url), {
    workerData: { tellsThere, asksThere },
    transferList: [tellsThere, asksThere],
  });
  await once(worker, 'online');

  const tell = messageStream(tells);
  for (const message of MESSAGES) report.value(message.title, 'messages/s', await throughput(size, (n) => tell(message, n), batchOf(message)));

  // Replies come in the order of the requests, so no ids are needed; they would only make it slower.
  const waiting = [];
  let next = 0;
  asks.on('message', (value) => {
    const resolve = waiting[next];
    waiting[next++] = undefined;
    if (next === waiting.length) {
      waiting.length = 0;
      next = 0;
    }
    resolve(value);
  });
  await reportAsks(size, report, (value) => {
    asks.postMessage(value);
    return new Promise((resolve) => waiting.push(resolve));
  });
  await worker.terminate();
}
