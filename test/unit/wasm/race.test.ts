/** Workers with different engines on one memory, all after the same names: one wins each, a name is never live twice, and nothing that is read is torn. */
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { createSharedMemory, ringOffset } from '../../../dist/bindings/shared-memory.js';
import * as L from '../../../dist/layout/generated/layout.js';
import { CLEAN, type EngineName, open, SEED } from './tables.js';

interface Result {
  readonly wins: readonly (readonly number[])[];
  readonly existed: number;
  readonly wrong: readonly string[];
}

test.each<{ engines: readonly EngineName[] }>([
  { engines: ['wasm', 'portable', 'wasm', 'portable'] },
  { engines: ['wasm', 'wasm', 'wasm', 'wasm'] },
  { engines: ['wasm', 'portable'] },
])('$engines insert the same names', async ({ engines }) => {
  const threads = engines.length;
  const [names, rounds] = [1500, 6];
  const shared = createSharedMemory({ threadCount: threads, recordCapacity: 2 ** 14, ringBytes: 2 ** 14 }, SEED);
  // Nobody uses rings here.
  const barrierAt = (ringOffset(shared, threads - 1, threads - 1) + L.RING_HEADER_BYTES) >> 2;
  const ownersAt = (ringOffset(shared, 0, 0) + L.RING_HEADER_BYTES) >> 2;
  const seed = Date.now() & 0xffff;
  const data = { memory: shared.memory, threads, names, rounds, milliseconds: 600, barrierAt, ownersAt, seed };
  const results = await Promise.all(engines.map((engine, thread) => run({ ...data, engine, thread })));
  expect(
    results.flatMap(({ wrong }) => wrong),
    `seed ${seed}`,
  ).toEqual([]);
  for (let round = 0; round < rounds; round++) {
    const winners = results.flatMap(({ wins }) => wins[round] as readonly number[]).sort((x, y) => x - y);
    expect(winners).toEqual(Array.from({ length: names }, (_, name) => name));
  }
  expect(results.reduce((sum, { existed }) => sum + existed, 0)).toBeGreaterThan(0);
  expect(open('portable', shared, 0).statistics()).toMatchObject(CLEAN);
});

async function run(workerData: unknown): Promise<Result> {
  const worker = new Worker(new URL('./fixtures/contender.mjs', import.meta.url), { workerData });
  try {
    return await new Promise<Result>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)));
    });
  } finally {
    await worker.terminate();
  }
}
