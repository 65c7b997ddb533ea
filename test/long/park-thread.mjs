/**
 * One of two threads of the long run of waiting: answers each message with the next one, after a pause that differs, and parks in between. Thread 0 begins, and stops when
 * there were enough cycles. workerData: dist, memory, engine, thread, cycles (parks of both threads), seed, progress (a word: messages of thread 1 that have arrived).
 */
import { parentPort, workerData } from 'node:worker_threads';

const { dist, memory, engine, thread, cycles, seed, progress } = workerData;
const load = (file) => import(new URL(file, dist).href);
const { chooseEngine } = await load('bindings/choose-engine.js');
const { attachSharedMemory, counterIndex } = await load('bindings/shared-memory.js');
const { RingReader, RingWriter } = await load('bindings/portable/ring.js');
const L = await load('layout/generated/layout.js');

const shared = attachSharedMemory(memory);
const { words, doubles } = shared;
const other = 1 - thread;
const { waiter } = chooseEngine({ forced: engine }).open(shared, thread, { spinMicroseconds: 0 });
const writer = new RingWriter(shared, thread, other);
const reader = new RingReader(shared, other, thread);
const parksAt = [0, 1].map((each) => counterIndex(shared, each) + L.COUNTER_PARKS);
let state = (seed + thread) | 1;
let sent = 0;
let received = 0;

waiter.start(() => {
  const before = received;
  reader.read(16, (at) => {
    const number = words[(at >> 2) + L.MESSAGE_WORD_SLOT];
    if (number !== ++received) parentPort.postMessage({ wrong: `thread ${thread}: message ${number} came as number ${received}` });
  });
  if (received === before) return false;
  if (thread === 0) Atomics.store(progress, 0, received);
  if (thread === 0 && doubles[parksAt[0]] + doubles[parksAt[1]] >= cycles) parentPort.postMessage({ done: received });
  else send();
  return false;
});
// Keeps the thread alive: waiting does not.
parentPort.on('message', () => send());
parentPort.postMessage({ ready: true });

function send() {
  // So that it comes sometimes before the other thread parks, sometimes while it does, sometimes after.
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  for (let pause = (state >>> 0) % 4 === 0 ? (state >>> 2) % 3000 : 0; pause > 0; pause--);
  const at = writer.begin() >> 2;
  words[at + L.MESSAGE_WORD_BYTES] = 16;
  words[at + L.MESSAGE_WORD_TYPE] = L.MESSAGE_TYPE_TELL;
  words[at + L.MESSAGE_WORD_SLOT] = ++sent;
  writer.commit(16);
  writer.publish();
  waiter.wake(other);
}
