/**
 * A thread of the long run of operations. It inserts, finds and removes names of its own, whose state it knows exactly, finds those of others, and competes for names
 * that all want, where a word for each counts its owners. workerData: memory, engine, thread, threads, seed, owners, model (slot and generation of each name, 0 if absent).
 */
import { parentPort, workerData } from 'node:worker_threads';
import { attachSharedMemory } from '../../dist/bindings/shared-memory.js';
import { openTable } from '../fixtures/table-by-name.mjs';
import { CONTENDED, contendedName, NAMES, ownName } from './table-names.mjs';

const { memory, engine, thread, threads, seed, owners, model } = workerData;
const table = openTable(engine, attachSharedMemory(memory), thread);
const own = Array.from({ length: NAMES }, (_, name) => ownName(thread, name));
const contended = Array.from({ length: CONTENDED }, (_, name) => contendedName(name));
const others = Array.from({ length: threads }, (_, other) => Array.from({ length: NAMES }, (_, name) => ownName(other, name)));
const payloads = Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? undefined : new Uint8Array(index * 23).fill(thread + 1)));
let state = (seed + thread * 7919) | 1;
let counts;
let wrong;

parentPort.on('message', (message) => {
  counts = { operations: 0, inserted: 0, existed: 0, removed: 0, found: 0 };
  wrong = [];
  if (message === 'removeAll') removeAll();
  else {
    while (counts.operations < message.operations && wrong.length === 0) operate();
    for (let name = 0; name < NAMES; name++) findOwn(name);
  }
  parentPort.postMessage({ ...counts, wrong: wrong.slice(0, 10).map((text) => `thread ${thread}, ${engine}: ${text}`) });
});
parentPort.postMessage('ready');

function operate() {
  counts.operations++;
  const choice = random() % 16;
  const name = random() % NAMES;
  if (choice < 3) findOwn(name);
  else if (choice < 9) (model[name * 2] === 0 ? insertOwn : remove)(name, own[name]);
  else if (choice < 13) findOther(random() % threads, name);
  else contend(random() % CONTENDED, choice);
}

function insertOwn(name, key) {
  const slot = table.insert(key, thread, payloads[name & 7], name);
  if (slot <= 0) return wrong.push(`insert of '${key}' gave ${slot}`);
  counts.inserted++;
  model[name * 2] = slot;
  model[name * 2 + 1] = table.generationOf(slot);
}

function remove(name, key) {
  if (!table.remove(model[name * 2], model[name * 2 + 1])) wrong.push(`'${key}' could not be removed`);
  counts.removed++;
  model[name * 2] = 0;
  model[name * 2 + 1] = 0;
}

function findOwn(name) {
  const slot = table.find(own[name]);
  if (slot !== model[name * 2] || (slot !== 0 && table.foundGeneration !== model[name * 2 + 1]))
    wrong.push(`'${own[name]}' is at ${slot}, not at ${model[name * 2]}`);
  if (slot === 0) return;
  counts.found++;
  if (random() % 64 === 0) examine(slot, table.foundGeneration, own[name], name);
}

/** Of a record that this thread owns, so that nothing about it may differ. */
function examine(slot, generation, key, name) {
  const payload = payloads[name & 7];
  const copy = table.payloadOf(slot, generation);
  const isSame = payload === undefined ? copy === undefined : copy !== undefined && Buffer.compare(copy, payload) === 0;
  if (!isSame || table.keyOf(slot, generation) !== key || table.threadOf(slot, generation) !== thread || table.parentOf(slot, generation) !== name)
    wrong.push(`'${key}' is not what was inserted`);
}

function findOther(other, name) {
  const key = others[other][name];
  const slot = table.find(key);
  if (slot === 0) return;
  counts.found++;
  if (random() % 16 !== 0) return;
  const generation = table.foundGeneration;
  const found = table.keyOf(slot, generation);
  if (found !== undefined && found !== key) wrong.push(`found '${found}' for '${key}'`);
  const copy = table.payloadOf(slot, generation);
  if (copy !== undefined && table.kindOf(slot, generation) === other && copy.some((byte) => byte !== other + 1)) wrong.push(`torn payload of '${key}'`);
}

function contend(number, choice) {
  const name = NAMES + number;
  const key = contended[number];
  if (model[name * 2] !== 0) {
    if (choice === 13) {
      if (table.find(key) !== model[name * 2]) wrong.push(`'${key}' is not found by its owner`);
      return;
    }
    Atomics.sub(owners, number, 1);
    return remove(name, key);
  }
  const slot = table.insert(key, thread, undefined, 0);
  if (slot === -1) return counts.existed++;
  if (slot <= 0) return wrong.push(`insert of '${key}' gave ${slot}`);
  counts.inserted++;
  model[name * 2] = slot;
  model[name * 2 + 1] = table.generationOf(slot);
  if (Atomics.add(owners, number, 1) !== 0) wrong.push(`'${key}' is live twice`);
}

function removeAll() {
  for (let name = 0; name < NAMES + CONTENDED; name++) if (model[name * 2] !== 0) remove(name, name < NAMES ? own[name] : contended[name - NAMES]);
}

function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}
