/**
 * Sends messages to a `Sink` on another thread and returns how many it has counted, when that is all of them, in the order in which they were sent. Used by the calling thread, and by
 * agents of worker threads in `curve`.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { assertDone } from '../../harness/measure.mjs';
import { weigh } from './messages.mjs';

const TIMEOUT = { timeoutMs: 60_000 };

/** Turns of the event loop, some 200 µs, after which a sender that finds no room sleeps: the receiver may be waiting for its core. */
const TURNS_IN_VAIN_MAX = 100;

/** A tell that finds the ring full is sent again after a turn of the event loop, or after the reply to an ask that waits behind everything in the ring. */
export async function countedTells(sink, { make, action = 'take' }, n) {
  const before = await totals(sink);
  let sum = before.sum;
  for (let index = 0; index < n; index++) {
    const value = make(index);
    sum = (sum + weigh(value)) | 0;
    let turns = 0;
    for (let outcome = sink.tell(action, value); outcome !== 'accepted'; outcome = sink.tell(action, value)) {
      if (outcome !== 'full') throw new Error(`tell was ${outcome}`);
      if (++turns <= TURNS_IN_VAIN_MAX) await turn();
      else await totals(sink);
    }
  }
  const after = await totals(sink);
  const handled = after.count - before.count;
  assertDone(handled === n, `${handled} of ${n} were handled`);
  assertDone(after.sum === sum, 'the values that arrived are not those that were sent');
  return handled;
}

/** Answered behind all of the tells, in order. The ring may be full of them. */
async function totals(sink) {
  for (;;) {
    try {
      return await sink.ask('totals', undefined, TIMEOUT);
    } catch (error) {
      if (error.code !== 'NEXUS_BACKPRESSURE') throw error;
      await turn();
    }
  }
}
