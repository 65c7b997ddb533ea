/**
 * The points of the curve: sizes of payload and numbers of threads, and their names, by which rows are matched and from which the chart is drawn.
 *
 * One thread: the calling thread sends to one worker, which receives. More: each worker sends to the next one, the last to the first, so that every thread sends
 * and receives; the calling thread only waits. Throughput is the sum over all receivers.
 */
import { assertDone, throughput } from '../../harness/measure.mjs';
import { byteArrays, MESSAGES } from '../cross-thread/messages.mjs';

const messageTitled = (title) => MESSAGES.find((message) => message.title === title);

/** Of objects `action` takes one with a declared shape, and `take` any value. Byte arrays are declared too. */
export const PAYLOADS = [
  { ...messageTitled('tell, object of 20 bytes'), name: '20 B', action: 'takeSmall', isObject: true },
  { ...messageTitled('tell, object of 100 bytes'), name: '100 B', action: 'takeSeven', isObject: true },
  { ...messageTitled('tell, Uint8Array of 1 kB'), name: '1 kB', action: 'takeBytes', isObject: false },
  { name: '16 kB', bytes: 16_384, make: byteArrays(16_384), action: 'takeBytes', isObject: false },
  { ...messageTitled('tell, Uint8Array of 64 kB'), name: '64 kB', action: 'takeBytes', isObject: false },
];

export const payloadNamed = (name) => PAYLOADS.find((payload) => payload.name === name);

/** @param {{ payload: string, threads: number, declared: boolean }} point */
export function caseOf({ payload, threads, declared }) {
  return `${threads} ${threads === 1 ? 'thread' : 'threads'}, ${payload}${declared ? '' : ', undeclared'}`;
}

/** The point of a case, or undefined if the case is none of these. */
export function pointOf(name) {
  const match = /^(\d+) threads?, ([^,]+?)(, undeclared)?$/.exec(name);
  if (match === null || payloadNamed(match[2]) === undefined) return undefined;
  return { payload: match[2], threads: Number(match[1]), declared: match[3] === undefined };
}

/** Messages that every stream sends of the n of all of them, and the quantum of n that makes it a multiple of the batch. */
export const batchPerStream = (payload) => (payload.bytes > 10_000 ? 16 : 1000);

/** What the receivers have counted, each for itself, is what was ordered. */
export function assertReceived(counts, n) {
  const received = counts.reduce((sum, count) => sum + count, 0);
  assertDone(received === n, `${received} of ${n} were received`);
}

/** The size of one point: there are many. */
export function pointSize(size) {
  return { ...size, warmMs: size.curveWarmMs, runMs: size.curveRunMs };
}

/** Brings up workers that still start, and warms the code of all threads: else the first point would pay for both. */
export async function warmUp(size, threads, send) {
  for (const payload of PAYLOADS) await send(payload, threads * batchPerStream(payload));
  const first = PAYLOADS[0];
  await throughput({ warmMs: 3 * size.curveWarmMs, runMs: 1 }, (n) => send(first, n), threads * batchPerStream(first));
}
