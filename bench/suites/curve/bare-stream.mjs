/**
 * One thread of the limit: sends messages into a bare ring and takes those of another one, as many as were ordered, and nothing else. Without anything to do it
 * looks again, and gives its core away for a moment after many looks in vain: with more threads than cores, spinning would keep the others from their work.
 */
import { RingReader, RingWriter } from '../../../dist/bindings/portable/ring.js';
import * as L from '../../../dist/layout/generated/layout.js';
import { lastWord, markOf, writeBare } from '../cross-thread/bare-message.mjs';

/** Words of the shared control area. */
export const Control = { generation: 0, payloadBytes: 1, count: 2, done: 3, sum: 4, words: 5 };

const EVERY = 256;
const PUBLISH_EVERY = 16;
const LOOKS_IN_VAIN_MAX = 2000;
const NAP_MS = 0.05;
const nap = new Int32Array(new SharedArrayBuffer(4));

/** @param {number | undefined} to thread that is sent to @param {number | undefined} from thread that sends */
export function bareStream(shared, thread, to, from) {
  const writer = to === undefined ? undefined : new RingWriter(shared, thread, to);
  const reader = from === undefined ? undefined : new RingReader(shared, from, thread);
  const { words } = shared;
  let sum = 0;
  const receive = (at) => {
    sum = (sum + lastWord(words, at)) | 0;
  };

  /** Sends up to `EVERY` of the messages from `first` on. Returns how many. */
  const send = (source, first, count) => {
    const last = Math.min(count, first + EVERY);
    let index = first;
    for (; index < last; index++) {
      source[source.length - 1] = index;
      if (!writeBare(shared, writer, L.MESSAGE_TYPE_TELL, source, markOf(source))) break;
      if (writer.unpublished >= PUBLISH_EVERY) writer.publish();
    }
    if (writer.unpublished > 0) writer.publish();
    return index - first;
  };

  /** Returns the sum of what arrived, when all has been sent and all has arrived. */
  return (payloadBytes, count) => {
    const source = new Int32Array(Math.ceil(payloadBytes / 4));
    let toSend = writer === undefined ? 0 : count;
    let toReceive = reader === undefined ? 0 : count;
    let inVain = 0;
    sum = 0;
    while (toSend > 0 || toReceive > 0) {
      const sent = toSend > 0 ? send(source, count - toSend, count) : 0;
      const received = toReceive > 0 ? reader.read(EVERY, receive) : 0;
      toSend -= sent;
      toReceive -= received;
      inVain = sent + received > 0 ? 0 : inVain + 1;
      if (inVain > LOOKS_IN_VAIN_MAX) Atomics.wait(nap, 0, 0, NAP_MS);
    }
    return sum;
  };
}
