/**
 * Many durable agents on one node: stores so many in bulk, starts a nexus over them, and asks agents chosen at random for the first time, one after the other and many at once; then
 * lets them leave memory again. Prints memory (what the process has for itself, and its resident pages with those of the store that the kernel keeps for it) and the time to the
 * first answer.
 *
 *   node test/long/durable-many.mjs [agents=10000000] [samples=20000] [threads=2] [directory]
 *
 * The agents are written straight into the store, as the runtime would have done: what is measured is the node that has them, not the time to make them.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNexus } from 'nexus-agents';
import { lmdbStorage } from '../../dist/ts-src/adapters/lmdb/lmdb-storage.js';
import { ValueEncoder } from '../../dist/ts-src/codec/value-encoder.js';
import { Account } from './durable-many-agents.mjs';

const [agents = 10_000_000, samples = 20_000, threads = 2] = process.argv.slice(2, 5).map(Number);
const directory = process.argv[5] ?? mkdtempSync(join(tmpdir(), 'nexus-many-'));
const path = join(directory, 'store');
const BATCH = 10_000;

try {
  const encoder = new ValueEncoder({ isReference: () => false, describe: () => undefined, restore: () => undefined }, { shapes: false });
  const storage = await lmdbStorage({ path }).open();
  const store = storage.openThread();
  const storedMs = performance.now();
  for (let from = 0; from < agents; from += BATCH) {
    const batch = [];
    for (let n = from; n < Math.min(agents, from + BATCH); n++) {
      const state = encoder.encodeToScratch({ owner: `owner ${n}`, balance: n, changes: 0 }, 0, 65_536).slice();
      batch.push({ type: 'snapshot', kind: 'account', id: `account:${n}`, snapshot: { schemaVersion: 1, sequence: 1, state } });
    }
    await store.write(batch);
    if (from % 500_000 === 0) console.error(`${from} stored, ${Math.round(performance.now() - storedMs)} ms`);
  }
  await storage.close();
  report('stored', { agents, seconds: Math.round((performance.now() - storedMs) / 100) / 10, storeBytes: sizeOf(path) });

  const nexus = await createNexus({ agents: [new URL('./durable-many-agents.mjs', import.meta.url)], threads, storage: { path } });
  report('a nexus over them', memory());
  const random = mulberry(1);
  const first = () => {
    const n = Math.floor(random() * agents);
    return nexus
      .find(`account:${n}`, Account)
      .ask('deposit', 1)
      .then((balance) => {
        // One that was chosen before has one more.
        if (balance <= n) throw new Error(`account:${n} has ${balance}`);
      });
  };
  const one = [];
  for (let n = 0; n < samples; n++) {
    const begun = performance.now();
    await first();
    one.push(performance.now() - begun);
  }
  report('first messages, one after the other', { ...quantiles(one), ...memory(), inMemory: nexus.agentCount });
  // The same without a return to memory: what the machine adds at the time.
  const control = [];
  const warm = await nexus.getOrSpawn(Account, 'account:0');
  for (let n = 0; n < samples; n++) {
    const begun = performance.now();
    await warm.ask('read');
    control.push(performance.now() - begun);
  }
  report('control: as many messages to one that is in memory', quantiles(control));
  const together = [];
  const begunMs = performance.now();
  for (let n = 0; n < samples; n += 200) {
    await Promise.all(
      Array.from({ length: 200 }, async () => {
        const begun = performance.now();
        await first();
        together.push(performance.now() - begun);
      }),
    );
  }
  report('first messages, 200 at once', {
    ...quantiles(together),
    perSecond: Math.round((samples / (performance.now() - begunMs)) * 1000),
    ...memory(),
    inMemory: nexus.agentCount,
  });
  while (nexus.agentCount > 0) await new Promise((resolve) => setTimeout(resolve, 100));
  report('all have left memory', memory());
  report('end', { ...(await nexus.stop()), ...memory() });
} finally {
  rmSync(process.argv[5] === undefined ? directory : path, { recursive: true, force: true });
}

function report(what, figures) {
  console.log(JSON.stringify({ what, ...figures }));
}

/** Of Linux: anonymous memory is what the process has for itself; resident includes pages of the store's file, which the kernel takes back when it needs them. */
function memory() {
  const status = readFileSync('/proc/self/status', 'utf8');
  const mebibytes = (name) => Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024);
  return { residentMiB: mebibytes('VmRSS'), anonymousMiB: mebibytes('RssAnon'), sharedMiB: mebibytes('RssShmem'), fileMiB: mebibytes('RssFile') };
}

function quantiles(durations) {
  const sorted = durations.toSorted((a, b) => a - b);
  const at = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] * 1000) / 1000;
  return { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1), over5Ms: sorted.filter((duration) => duration > 5).length };
}

function sizeOf(folder) {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).blocks * 512, 0);
}

function mulberry(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
