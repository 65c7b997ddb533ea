/** A worker of `post-message.mjs`: counts what it gets, and sends what is ordered. */
import { parentPort, workerData } from 'node:worker_threads';
import { countMessages, messageStream } from '../cross-thread/post-message-stream.mjs';
import { payloadNamed } from './points.mjs';

const { from, to } = workerData;
countMessages(from);
const stream = to === undefined ? undefined : messageStream(to);

parentPort.on('message', ({ name, count }) => {
  stream(payloadNamed(name), count).then(
    (received) => parentPort.postMessage({ received }),
    (error) => parentPort.postMessage({ error: error.message }),
  );
});
