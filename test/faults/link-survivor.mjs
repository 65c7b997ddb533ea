/**
 * A worker at the other end of a link whose one side dies, and at both ends afterwards. It runs in a thread of its own, because a ring that is not what it should be may
 * make a reader go round for ever. workerData: dist. Messages: { type: 'fill' | 'producerDied' | 'consumerDied', memory, ... }. Answers: { wrong }.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { links, PRODUCER, messageOf } from './link-thread.mjs';

const load = (file) => import(new URL(file, workerData.dist).href);
const { openInbound, openOutbound, send, emptyLog } = await links(load);
const { attachSharedMemory } = await load('bindings/shared-memory.js');
const NEW = 16;
let wrong;
let producer;

parentPort.on('message', (request) => {
  wrong = [];
  const shared = attachSharedMemory(request.memory);
  if (request.type === 'fill') fill(shared, request);
  else if (request.type === 'producerDied') producerDied(shared, request);
  else consumerDied(shared, request);
  parentPort.postMessage({ wrong });
});

/** More than the ring holds: the rest waits in the outbox, and the producer asks to be woken. */
function fill(shared, { messages }) {
  producer = openOutbound(shared);
  for (let number = 0; number < messages; number++) if (!send(producer, 0, number)) wrong.push(`message ${number} was refused`);
  producer.flush();
  if (producer.waiting === 0) wrong.push('the ring is not full');
}

function producerDied(shared, { published, isLate }) {
  const log = emptyLog();
  const inbound = openInbound(shared, 0, log);
  if (!isLate) while (inbound.read(7) > 0);
  const successor = openOutbound(shared);
  successor.reset(0);
  exchange(successor, inbound);
  compare(log.told, [...numbered(0, published), ...numbered(1, NEW)], 'what was published, then what the successor said');
  if (log.corrupt.length + log.discarded.length > 0) wrong.push(`corrupt or thrown away: ${JSON.stringify(log)}`);
}

function consumerDied(shared, { handled, messages }) {
  // Before the loss is noticed: nothing blocks.
  for (let number = messages; number < messages + 3; number++) send(producer, 0, number);
  producer.flush();
  const log = emptyLog();
  const successor = openInbound(shared, 1, log);
  producer.reset(1);
  exchange(producer, successor);
  compare(log.told, numbered(1, NEW), 'only what was meant for the successor');
  if (log.corrupt.length > 0) wrong.push(`corrupt: ${log.corrupt}`);
  const left = log.discarded.map(({ life, number }) => (life === 0 ? number : -1));
  if (left.some((number, index) => index > 0 && number <= left[index - 1])) wrong.push(`thrown away: ${left}`);
  // A message whose bytes came in fragments can be thrown away without being counted: its first part may have gone to the predecessor.
  if (left.length > 0 && left[0] > handled + 1) wrong.push(`handled ${handled}, then thrown away from ${left[0]} on`);
}

/** Both sides take turns, as their event loops would. */
function exchange(outbound, inbound) {
  for (let number = 0; number < NEW; ) {
    if (send(outbound, 1, number)) number++;
    else {
      outbound.flush();
      inbound.read(3);
      if (inbound.takeWakeRequest()) outbound.pump();
    }
  }
  outbound.flush();
  // As many turns as there can be messages and fragments.
  for (let turn = 0; turn < 500; turn++) {
    inbound.read(3);
    if (inbound.takeWakeRequest()) outbound.pump();
  }
  if (outbound.waiting > 0) wrong.push(`${outbound.waiting} messages wait for ever`);
}

function numbered(life, count) {
  return Array.from({ length: count }, (_, number) => ({ ...messageOf(life, number), slot: number + 1 }));
}

function compare(told, expected, what) {
  const names = (list) => list.map(({ life, number }) => `${life}.${number}`).join(' ');
  if (JSON.stringify(told) !== JSON.stringify(expected)) wrong.push(`${what}: told ${names(told)}, expected ${names(expected)} from thread ${PRODUCER}`);
}
