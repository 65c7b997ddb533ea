/** What Node has built in: a MessageChannel to a worker. */
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { MessageChannel, Worker } from 'node:worker_threads';
import { assertDone, throughput } from '../../harness/measure.mjs';
import { reportAsks } from './asks.mjs';
import { batchOf, MESSAGES, weigh } from './messages.mjs';

/** Batches that may be on their way: enough that the worker never waits, few enough that the queue does not fill the heap. */
const BATCHES_AHEAD = 8;

export async function run(size, report) {
  const { port1: tells, port2: tellsThere } = new MessageChannel();
  const { port1: asks, port2: asksThere } = new MessageChannel();
  const worker = new Worker(new URL('./post-message-worker.mjs', import.meta.url), {
    workerData: { tellsThere, asksThere },
    transferList: [tellsThere, asksThere],
  });
  await once(worker, 'online');

  const received = { count: 0, sum: 0, wake: () => undefined };
  tells.on('message', ({ count, sum }) => {
    received.count = count;
    received.sum = sum;
    received.wake();
  });
  let sent = 0;
  let sum = 0;
  const until = async (condition) => {
    while (!condition()) {
      await new Promise((resolve) => {
        received.wake = resolve;
      });
    }
  };
  const tell = async (message, n) => {
    const batch = batchOf(message);
    for (let done = 0; done < n; done += batch) {
      for (let index = done; index < done + batch; index++) {
        const value = message.make(index);
        sum = (sum + weigh(value)) | 0;
        tells.postMessage(value);
      }
      tells.postMessage(null);
      sent += batch;
      await turn();
      await until(() => sent - received.count <= BATCHES_AHEAD * batch);
    }
    await until(() => received.count === sent);
    assertDone(received.sum === sum, 'the values that arrived are not those that were sent');
  };
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
