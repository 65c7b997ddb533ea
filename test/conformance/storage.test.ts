/** All stores against the same cases, and against a plain model on random batches, with the store opened again in between, and with crashes of the one that can. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lmdbStorage } from '../../dist/ts-src/adapters/lmdb/lmdb-storage.js';
import { type MemoryStorage, memoryStorage } from '../../dist/ts-src/adapters/memory-storage.js';
import type { Storage, StorageSource, StorageWrite, ThreadStorage } from '../../dist/ts-src/ports/storage.js';
import { simulatedStorage } from '../../dist/ts-src/testing/simulation/simulated-storage.js';
import { createSimulatedDisk } from './simulated-disks.js';
import { StorageModel } from './storage-model.js';
import { storageConformance } from '../../dist/ts-src/testing/conformance/storage-conformance.js';
import { event, reminder, shown, snapshot } from '../../dist/ts-src/testing/conformance/stored-examples.js';
import { storePath } from './storage-places.js';

const stores: Readonly<Record<string, () => StorageSource>> = {
  memory: () => memoryStorage(),
  lmdb: () => lmdbStorage({ path: storePath() }),
  simulated: () => simulatedStorage(createSimulatedDisk(1, (_delayMs, callback) => setImmediate(callback))),
};

for (const [name, source] of Object.entries(stores)) {
  describe(name, () => {
    storageConformance(test, async () => source());
  });
}

const KINDS = ['k', 'kk', 'other'];
const IDS = ['1', '12', '2', '\0', 'é'];
const kind = fc.constantFrom(...KINDS);
const id = fc.constantFrom(...IDS);
const sequence = fc.integer({ min: 1, max: 400 });
const version = fc.record({ token: fc.integer({ min: 1, max: 4 }), revision: fc.integer({ min: 0, max: 6 }) });
const anyChange: fc.Arbitrary<StorageWrite> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(kind, id, sequence, fc.string({ maxLength: 40 })).map(([k, i, s, text]) => snapshot(k, i, s, text)) },
  { weight: 4, arbitrary: fc.tuple(kind, id, sequence).map(([k, i, s]) => event(k, i, s)) },
  { weight: 1, arbitrary: fc.tuple(kind, id).map(([k, i]): StorageWrite => ({ type: 'delete', kind: k, id: i })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(kind, id, fc.constantFrom('a', 'ab'), fc.integer({ min: 0, max: 50 }))
      .map(([k, i, name, due]): StorageWrite => ({ type: 'setReminder', reminder: reminder(k, i, name, due) })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(kind, id, fc.constantFrom('a', 'ab')).map(([k, i, name]): StorageWrite => ({ type: 'clearReminder', kind: k, id: i, name })),
  },
);
const anyWrite: fc.Arbitrary<StorageWrite> = fc.oneof(
  { weight: 6, arbitrary: anyChange },
  { weight: 6, arbitrary: fc.tuple(anyChange, version).map(([write, v]): StorageWrite => ({ ...write, version: v }) as StorageWrite) },
  { weight: 1, arbitrary: fc.tuple(kind, id, fc.integer({ min: 1, max: 4 })).map(([k, i, token]): StorageWrite => ({ type: 'fence', kind: k, id: i, token })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(kind, id, fc.option(version, { nil: { token: 0, revision: 0 } }))
      .map(([k, i, v]): StorageWrite => ({ type: 'drop', kind: k, id: i, version: v })),
  },
);
type Step = { readonly type: 'write'; readonly batches: readonly (readonly StorageWrite[])[] } | { readonly type: 'reopen' } | { readonly type: 'crash' };
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.array(fc.array(anyWrite, { maxLength: 8 }), { minLength: 1, maxLength: 4 }).map((batches): Step => ({ type: 'write', batches })),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ type: 'reopen' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ type: 'crash' }) },
);

function compare(thread: ThreadStorage, model: StorageModel): void {
  for (const k of KINDS) {
    for (const i of IDS) {
      expect(shown(thread, k, i), `${k}/${i}`).toEqual(model.shown(k, i));
      const found = thread.versionOf(k, i);
      expect(found && [found.seenToken, found.token, found.revision], `version of ${k}/${i}`).toEqual(model.version(k, i));
    }
  }
  const due = thread.remindersDue(25, 1000).map(({ kind: k, id: i, name, dueEpochMs }) => [`${k}/${i}/${name}`, dueEpochMs] as const);
  const expected = [...model.reminders].filter(([, time]) => time <= 25);
  expect(new Map(due)).toEqual(new Map(expected));
  expect(due.length).toBe(expected.length);
  expect(due.map(([, time]) => time)).toEqual(expected.map(([, time]) => time).sort((a, b) => a - b));
  expect(thread.nextReminderEpochMs()).toBe(model.reminders.size === 0 ? undefined : Math.min(...model.reminders.values()));
  const listed = [...thread.agents()].map(({ kind: k, id: i }) => `${k}/${i}`);
  const present = KINDS.flatMap((k) => IDS.filter((i) => model.shown(k, i).length > 0).map((i) => `${k}/${i}`));
  expect([...listed].sort()).toEqual(present.sort());
}

async function follow(source: StorageSource, steps: readonly Step[]): Promise<void> {
  const model = new StorageModel();
  let store: Storage = await source.open();
  let threads = [store.openThread(), store.openThread()];
  const first = (): ThreadStorage => threads[0] as ThreadStorage;
  const reopen = async (): Promise<void> => {
    store = await source.open();
    threads = [store.openThread(), store.openThread()];
  };
  try {
    for (const step of steps) {
      if (step.type === 'write') {
        const expected = step.batches.map((batch) => (model.applyAll(batch) ? 'stored' : 'NEXUS_TOKEN_STALE'));
        const answers = step.batches.map((batch) =>
          first()
            .write(batch)
            .then(
              () => 'stored',
              (error: { readonly code: string }) => error.code,
            ),
        );
        expect(await Promise.all(answers)).toEqual(expected);
        threads.reverse();
      } else if (step.type === 'reopen' || !('crash' in source)) {
        await store.close();
        await reopen();
      } else {
        const memory = source as MemoryStorage;
        memory.holdWrites();
        void first().write([snapshot('k', '1', 399, 'lost')]);
        memory.crash();
        await reopen();
      }
      compare(first(), model);
    }
  } finally {
    await store.close();
  }
}

test('random batches leave in memory what a plain model says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 15 }), (steps) => follow(memoryStorage(), steps)),
    { numRuns: 300 },
  );
});

test('random batches leave on a simulated disk what a plain model says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 15 }), (steps) =>
      follow(simulatedStorage(createSimulatedDisk(1, (_delayMs, callback) => setImmediate(callback))), steps),
    ),
    { numRuns: 100 },
  );
});

test('random batches leave on disk what a plain model says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 15 }), (steps) => follow(lmdbStorage({ path: storePath() }), steps)),
    { numRuns: Number(process.env['NEXUS_STORE_RUNS'] ?? 25) },
  );
}, 240_000);
