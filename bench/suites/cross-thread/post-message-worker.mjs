/** The other end of `post-message.mjs`. `null` ends a batch and is answered with the totals. */
import { workerData } from 'node:worker_threads';
import { weigh } from './messages.mjs';

const { tellsThere, asksThere } = workerData;
let count = 0;
let sum = 0;

tellsThere.on('message', (value) => {
  if (value === null) return tellsThere.postMessage({ count, sum });
  count++;
  sum = (sum + weigh(value)) | 0;
});
asksThere.on('message', (value) => asksThere.postMessage(value));
