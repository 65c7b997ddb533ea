/** Both ends of a stream of values through a MessagePort. `null` ends a batch and is answered with the totals, which bounds the queue. Used by `curve` too. */
import { setImmediate as turn } from 'node:timers/promises';
import { assertDone } from '../../harness/measure.mjs';
import { batchOf, weigh } from './messages.mjs';

/** Batches that may be on their way: enough that the receiver never waits, few enough that the queue does not fill the heap. */
const BATCHES_AHEAD = 8;

/** A function that sends n messages, a multiple of the batch, and returns how many the other end has counted, when that is all of them. */
export function messageStream(port) {
  const received = { count: 0, sum: 0, wake: () => undefined };
  port.on('message', ({ count, sum }) => {
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
  return async (message, n) => {
    const batch = batchOf(message);
    const before = received.count;
    for (let done = 0; done < n; done += batch) {
      for (let index = done; index < done + batch; index++) {
        const value = message.make(index);
        sum = (sum + weigh(value)) | 0;
        port.postMessage(value);
      }
      port.postMessage(null);
      sent += batch;
      await turn();
      await until(() => sent - received.count <= BATCHES_AHEAD * batch);
    }
    await until(() => received.count === sent);
    assertDone(received.sum === sum, 'the values that arrived are not those that were sent');
    return received.count - before;
  };
}

/** The receiving end. */
export function countMessages(port) {
  let count = 0;
  let sum = 0;
  port.on('message', (value) => {
    if (value === null) return port.postMessage({ count, sum });
    count++;
    sum = (sum + weigh(value)) | 0;
  });
}
