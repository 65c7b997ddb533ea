/** The other end of `ring.mjs`: reads in place, adds up the last word of each message, sends questions back. Ends when it is terminated. */
import { workerData } from 'node:worker_threads';
import { RingReader, RingWriter } from '../../../dist/bindings/portable/ring.js';
import { attachSharedMemory } from '../../../dist/bindings/shared-memory.js';
import * as L from '../../../dist/layout/generated/layout.js';
import { lastWord } from './bare-message.mjs';

const shared = attachSharedMemory(workerData.memory);
const { progress } = workerData;
const { words } = shared;
const reader = new RingReader(shared, 0, 1);
const writer = new RingWriter(shared, 1, 0);
const REPLY_BYTES = 40;
const EVERY = 256;
let count = 0;
let sum = 0;

const receive = (at) => {
  const word = at >> 2;
  if (words[word + L.MESSAGE_WORD_TYPE] === L.MESSAGE_TYPE_ASK) return reply(words[word + L.MESSAGE_WORD_SLOT]);
  count = (count + 1) | 0;
  sum = (sum + lastWord(words, at)) | 0;
};

function reply(mark) {
  const at = writer.begin();
  const word = at >> 2;
  words[word + L.MESSAGE_WORD_BYTES] = REPLY_BYTES;
  words[word + L.MESSAGE_WORD_TYPE] = L.MESSAGE_TYPE_REPLY;
  words[word + L.MESSAGE_WORD_SLOT] = mark;
  for (let index = 0; index < 5; index++) words[word + 4 + index] = index;
  writer.commit(REPLY_BYTES);
  writer.publish();
}

for (;;) {
  if (reader.read(EVERY, receive) === 0) continue;
  Atomics.store(progress, 1, sum);
  Atomics.store(progress, 0, count);
}
