/**
 * Four threads of mixed engines on one routing table, and their model: names of their own, of which each thread knows exactly what it should find, and names they all
 * want. After every round all stop, and the contents are compared with the model: entries, names, owners, generations, statistics. Returns what was wrong.
 */
import { Worker } from 'node:worker_threads';
import { attachSharedMemory, createSharedMemory } from '../../dist/bindings/shared-memory.js';
import * as L from '../../dist/layout/generated/layout.js';
import { openTable } from '../fixtures/table-by-name.mjs';
import { CONTENDED, contendedName, NAMES, ownName } from './table-names.mjs';

const CAPACITY = 2 ** 17;
const ROUND_OPERATIONS_MAX = 4_000_000;
const DEADLINE_MS = 120_000;

/** @param options { operations, engines (of the threads), seed, progress(done, what) } */
export async function runOperations({ operations, engines, seed, progress }) {
  const threads = engines.length;
  // One more than work: that one looks.
  const shared = createSharedMemory({ threadCount: threads + 1, recordCapacity: CAPACITY, ringBytes: 2 ** 14 }, [seed | 0, ~seed | 0]);
  const owners = new Int32Array(new SharedArrayBuffer(CONTENDED * 4));
  // Slot and generation of each name a thread has live, 0 for those it has not.
  const models = engines.map(() => new Int32Array(new SharedArrayBuffer((NAMES + CONTENDED) * 8)));
  const workers = engines.map(
    (engine, thread) =>
      new Worker(new URL('./table-thread.mjs', import.meta.url), {
        workerData: { memory: shared.memory, engine, thread, threads, seed, owners, model: models[thread] },
        execArgv: [],
      }),
  );
  const rounds = Math.max(2, Math.ceil(operations / ROUND_OPERATIONS_MAX));
  const each = Math.ceil(operations / rounds / threads);
  const wrong = [];
  const counts = { operations: 0, inserted: 0, existed: 0, removed: 0, found: 0, live: 0 };
  let generations = new Int32Array(CAPACITY);
  try {
    await Promise.all(workers.map((worker) => answer(worker, undefined)));
    for (let round = 0; round < rounds && wrong.length === 0; round++) {
      const answers = await Promise.all(workers.map((worker) => answer(worker, { operations: each })));
      for (const { wrong: said, ...done } of answers) {
        wrong.push(...said);
        for (const [name, count] of Object.entries(done)) counts[name] += count;
      }
      // Another engine looks in every round.
      const reader = openTable(engines[round % threads], attachSharedMemory(shared.memory), threads);
      counts.live = compare(shared, reader, models, wrong);
      generations = compareGenerations(shared, generations, counts, wrong);
      reader.close?.();
      progress(counts.operations, `${counts.live} live`);
    }
    const answers = await Promise.all(workers.map((worker) => answer(worker, 'removeAll')));
    for (const { wrong: said } of answers) wrong.push(...said);
    const { live, staleEntries, overflow } = openTable('portable', shared, threads).statistics();
    if (live !== 0 || staleEntries !== 0 || overflow !== 0) wrong.push(`in the end ${live} live, ${staleEntries} stale, overflow ${overflow}`);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return { counts, wrong: wrong.slice(0, 20) };
}

/** Everything that is in the table is in the model, and the other way round. */
function compare(shared, table, models, wrong) {
  const seen = models.map((model) => new Uint8Array(model.length / 2));
  const places = new Map();
  for (const [thread, model] of models.entries())
    for (let name = 0; name < model.length / 2; name++) if (model[name * 2] !== 0) places.set(model[name * 2], { thread, name });
  let live = 0;
  for (const { slot, generation, thread, kind } of table.entries()) {
    live++;
    const place = places.get(slot);
    const model = place === undefined ? undefined : models[place.thread];
    if (model === undefined || place.thread !== thread || kind !== thread || model[place.name * 2 + 1] !== generation) {
      wrong.push(`record ${slot} of generation ${generation} and thread ${thread} is not what its thread inserted`);
      continue;
    }
    if (seen[thread][place.name]++ > 0) wrong.push(`record ${slot} is in the index twice`);
    const key = place.name < NAMES ? ownName(thread, place.name) : contendedName(place.name - NAMES);
    if (table.keyOf(slot, generation) !== key) wrong.push(`record ${slot} has the name '${table.keyOf(slot, generation)}', not '${key}'`);
    if (table.find(key) !== slot || table.foundGeneration !== generation) wrong.push(`'${key}' is not found`);
  }
  const statistics = table.statistics();
  if (live !== places.size) wrong.push(`${live} live, ${places.size} in the models`);
  if (statistics.live !== live || statistics.staleEntries !== 0) wrong.push(`statistics: ${JSON.stringify(statistics)}, live ${live}`);
  const needed = overflowOf(shared);
  if (statistics.overflow !== needed) wrong.push(`overflow ${statistics.overflow}, needed ${needed}`);
  return live;
}

/** A generation never goes back, and every insert has used one. */
function compareGenerations(shared, before, counts, wrong) {
  const now = Int32Array.from({ length: CAPACITY }, (_, record) => shared.words[(shared.recordsOffset + record * L.RECORD_BYTES) >> 2] >>> 2);
  if (now.some((generation, record) => generation < before[record])) wrong.push('a generation went back');
  const used = now.reduce((sum, generation) => sum + generation, 0);
  if (used < counts.inserted) wrong.push(`${used} generations for ${counts.inserted} inserts`);
  return now;
}

function overflowOf({ words, bucketCount, bucketsOffset, recordsOffset, recordCapacity }) {
  let needed = 0;
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    for (let entry = L.BUCKET_WORD_ENTRIES; entry < L.BUCKET_BYTES / 4; entry++) {
      const record = words[((bucketsOffset + bucket * L.BUCKET_BYTES) >> 2) + entry] & (recordCapacity - 1);
      if (record !== 0) needed += (bucket - words[((recordsOffset + record * L.RECORD_BYTES) >> 2) + L.RECORD_WORD_HASH]) & (bucketCount - 1);
    }
  }
  return needed;
}

function answer(worker, message) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`a thread has not finished its round within ${DEADLINE_MS} ms`)), DEADLINE_MS);
    worker.once('message', (value) => {
      clearTimeout(timer);
      worker.removeAllListeners('error');
      resolve(value);
    });
    worker.once('error', reject);
    if (message !== undefined) worker.postMessage(message);
  });
}
