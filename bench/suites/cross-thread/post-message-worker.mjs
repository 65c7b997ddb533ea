/** The other end of `post-message.mjs`. */
import { workerData } from 'node:worker_threads';
import { countMessages } from './post-message-stream.mjs';

const { tellsThere, asksThere } = workerData;
countMessages(tellsThere);
asksThere.on('message', (value) => asksThere.postMessage(value));
