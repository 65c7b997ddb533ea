/**
 * A worker that waits for messages with the portable waiter and stops at a step of it, to be killed there: before it says that it is parked, between that and the block,
 * while it is woken, while it drains. After two messages its call is over, and it parks for good. workerData: dist, memory, thread, stopAt (0: only measures).
 */
import { parentPort, workerData } from 'node:worker_threads';
import { faultPoint, onStep, stepped } from './stepped-memory.mjs';

const { dist, memory, thread, stopAt } = workerData;
const load = (file) => import(new URL(file, dist).href);
const { attachSharedMemory, ringOffset } = await load('bindings/shared-memory.js');
const { PortableWaiter } = await load('bindings/portable/waiter.js');
const L = await load('layout/generated/layout.js');
const shared = attachSharedMemory(memory);
const point = faultPoint(shared, stopAt, (message) => parentPort.postMessage(message));
const own = stepped(shared);
const waiter = new PortableWaiter(own, thread);
let drained = 0;

onStep(point.reached);
waiter.start(() => {
  for (let from = 0; from < shared.threadCount; from++) {
    if (from === thread) continue;
    const at = ringOffset(shared, from, thread) >> 2;
    const tail = Atomics.load(own.words, at + L.RING_WORD_TAIL);
    if (tail === own.words[at + L.RING_WORD_HEAD]) continue;
    Atomics.store(own.words, at + L.RING_WORD_HEAD, tail);
    drained++;
  }
  if (drained === 2) point.finish();
  return false;
});
// Keeps it alive while it is parked: waiting does not.
parentPort.on('message', () => undefined);
