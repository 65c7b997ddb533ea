/**
 * Figures of the store on disk, printed as JSON: `node test/long/store-run.mjs AGENTS [PATH]`. Loads AGENTS small agents in bulk, reads some of them at random, then writes single
 * snapshots that wait for their fsync, from one and from two threads, with 1 and 64 under way in each. Not a test: what is right is in test/conformance and test/integration.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { lmdbStorage } from '../../dist/ts-src/adapters/lmdb/lmdb-storage.js';

const BATCH_WRITES = 1000;
const BATCHES_UNDER_WAY = 8;
const RANDOM_READS = 200_000;
const WRITE_SECONDS = 3;
const state = Buffer.from(JSON.stringify({ balance: 1234, currency: 'EUR', owner: 'customer-12345', updated: 1_700_000_000_000 }));
const idOf = (index) => `account-${index}`;
const snapshot = (id, sequence) => ({ type: 'snapshot', kind: 'account', id, snapshot: { schemaVersion: 1, sequence, state } });
const round = (value, digits = 2) => Number(value.toFixed(digits));

if (isMainThread) await main(Number(process.argv[2] ?? 1_000_000), process.argv[3] ?? mkdtempSync(join(tmpdir(), 'nexus-store-run-')));
else await writeInWorker();

async function main(agents, folder) {
  const path = join(folder, 'store');
  let store = await lmdbStorage({ path }).open();
  let thread = store.openThread();
  const result = { agents, stateBytes: state.length };

  let started = performance.now();
  let waiting = [];
  for (let first = 0; first < agents; first += BATCH_WRITES) {
    const batch = Array.from({ length: Math.min(BATCH_WRITES, agents - first) }, (_, index) => snapshot(idOf(first + index), 1));
    waiting.push(thread.write(batch));
    if (waiting.length === BATCHES_UNDER_WAY) await waiting.shift();
  }
  await Promise.all(waiting);
  waiting = [];
  result.loadSeconds = round((performance.now() - started) / 1000);
  result.fileBytesPerAgent = round(statSync(join(path, 'data.mdb')).size / agents, 1);
  started = performance.now();
  await store.close();
  store = await lmdbStorage({ path }).open();
  thread = store.openThread();
  result.reopenMs = round(performance.now() - started, 1);

  const ids = Array.from({ length: RANDOM_READS }, () => idOf(Math.floor(Math.random() * agents)));
  for (const [name, read] of [
    ['loadMicroseconds', (id) => thread.load('account', id)],
    ['hasMicroseconds', (id) => thread.has('account', id)],
    ['hasNotMicroseconds', (id) => thread.has('account', `no ${id}`)],
  ]) {
    const rounds = [];
    for (let count = 0; count < 3; count += 1) {
      const cpu = process.cpuUsage();
      for (const id of ids) read(id);
      const { user, system } = process.cpuUsage(cpu);
      rounds.push((user + system) / RANDOM_READS);
    }
    result[name] = round(Math.min(...rounds));
  }
  started = performance.now();
  let listed = 0;
  for (const _ of thread.agents()) listed += 1;
  result.listMicroseconds = round(((performance.now() - started) * 1000) / listed);

  for (const underWay of [1, 64]) {
    result[`oneThread${underWay}`] = await writeSome(thread, 'main', underWay);
    const workers = [0, 1].map((index) => inWorker(store, `worker${index}`, underWay));
    const both = await Promise.all(workers);
    result[`twoThreads${underWay}`] = { writesPerSecond: both[0].writesPerSecond + both[1].writesPerSecond, p50Ms: both[0].p50Ms, p99Ms: both[0].p99Ms };
  }
  await store.close();
  rmSync(folder, { recursive: true, force: true });
  console.log(JSON.stringify(result, null, 2));
}

/** Single snapshots, each waited for; so many lanes at once. */
async function writeSome(thread, name, underWay) {
  const latencies = [];
  const end = performance.now() + WRITE_SECONDS * 1000;
  let sequence = 1;
  const lane = async (index) => {
    while (performance.now() < end) {
      const began = performance.now();
      await thread.write([snapshot(`${name}-${index}`, ++sequence)]);
      latencies.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: underWay }, (_, index) => lane(index)));
  latencies.sort((a, b) => a - b);
  const at = (part) => round(latencies[Math.floor(latencies.length * part)]);
  return { writesPerSecond: Math.round(latencies.length / WRITE_SECONDS), p50Ms: at(0.5), p99Ms: at(0.99) };
}

function inWorker(store, name, underWay) {
  const attachment = store.attachment();
  const { module, data } = attachment;
  const worker = new Worker(new URL(import.meta.url), { workerData: { module, data, name, underWay }, transferList: [...attachment.transferList] });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function writeInWorker() {
  const { module, data, name, underWay } = workerData;
  const { openAttachment } = await import(module);
  const thread = await openAttachment(data);
  parentPort.postMessage(await writeSome(thread, name, underWay));
  await thread.close();
}
