/**
 * A worker thread killed between any two steps of waiting: whoever sends to it goes on at once, and its successor parks and wakes as if nothing had been. The waiter is
 * one that parks as soon as it has nothing to do, so that its steps are always the same ones.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chooseEngine } from '../../dist/bindings/choose-engine.js';
import { type SharedMemory, createSharedMemory, ringOffset, threadWord } from '../../dist/bindings/shared-memory.js';
import * as L from '../../dist/layout/generated/layout.js';
import type { EngineKind, Waiter } from '../../dist/ts-src/ports/engine.js';
import { loaded } from '../conformance/tables.js';
import { until } from '../until.js';
import { changedBuild, IMPATIENT } from './changed-build.mjs';
import { inLanes, killAtStep, type Told } from './kill-at-step.js';

const VICTIM = 1;
let build: ReturnType<typeof changedBuild>;
const cleanUps: (() => unknown)[] = [];

beforeAll(() => {
  build = changedBuild(IMPATIENT);
  return () => build.remove();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const memory = (): SharedMemory => createSharedMemory({ threadCount: 2, recordCapacity: 2 ** 12, ringBytes: 2 ** 14 }, [1, 2]);
const isParked = (shared: SharedMemory): boolean => Atomics.load(shared.words, threadWord(shared, VICTIM) + L.THREAD_WORD_PARKED) === 1;
const headAt = (shared: SharedMemory): number => (ringOffset(shared, 0, VICTIM) >> 2) + L.RING_WORD_HEAD;
const tailAt = (shared: SharedMemory, from: number, to: number): number => (ringOffset(shared, from, to) >> 2) + L.RING_WORD_TAIL;
const hasAll = (shared: SharedMemory): boolean => Atomics.load(shared.words, headAt(shared)) === Atomics.load(shared.words, tailAt(shared, 0, VICTIM));

function send(shared: SharedMemory, waiter: Waiter): void {
  Atomics.add(shared.words, tailAt(shared, 0, VICTIM), 8);
  waiter.wake(VICTIM);
}

/** The calling thread's waiter. A native one wakes only while it waits itself. */
function sender(shared: SharedMemory, engine: EngineKind): Waiter {
  const { waiter } = chooseEngine({ forced: engine }).open(shared, 0, { spinMicroseconds: 0 });
  waiter.start(() => {
    const at = ringOffset(shared, VICTIM, 0) >> 2;
    Atomics.store(shared.words, at + L.RING_WORD_HEAD, Atomics.load(shared.words, at + L.RING_WORD_TAIL));
    return false;
  });
  cleanUps.push(() => waiter.stop());
  return waiter;
}

async function startPeer(shared: SharedMemory, engine: EngineKind, mode: string): Promise<Worker> {
  const worker = new Worker(new URL('../fixtures/waiter-peer.mjs', import.meta.url), {
    workerData: { memory: shared.memory, thread: VICTIM, engine, spinMicroseconds: 0, mode },
  });
  cleanUps.push(() => worker.terminate());
  await once(worker, 'message');
  return worker;
}

/** The successor takes what was sent before it came, then parks and is woken, three times. */
async function succeeds(shared: SharedMemory, engine: EngineKind, waiter: Waiter): Promise<void> {
  const successor = await startPeer(shared, engine, 'echo');
  await until(() => hasAll(shared));
  for (let cycle = 0; cycle < 3; cycle++) {
    await until(() => isParked(shared));
    const before = Atomics.load(shared.words, tailAt(shared, VICTIM, 0));
    send(shared, waiter);
    await until(() => Atomics.load(shared.words, tailAt(shared, VICTIM, 0)) !== before && hasAll(shared));
  }
  await successor.terminate();
}

/** Lets the victim live until it gets to its step, sending it a message whenever it is parked. */
async function reach<T>(shared: SharedMemory, waiter: Waiter, stopAt: number, look: (told: Told) => Promise<T>): Promise<T> {
  let isThere = false;
  const feeding = (async () => {
    for (let sent = 0; sent < 2; sent++) {
      await until(() => isThere || isParked(shared));
      if (!isThere) send(shared, waiter);
      await until(() => isThere || hasAll(shared));
    }
  })();
  feeding.catch(() => undefined);
  return killAtStep('./park-victim.mjs', { dist: build.dist, memory: shared.memory, thread: VICTIM, stopAt }, async (told) => {
    isThere = true;
    await feeding;
    return look(told);
  });
}

it('a portable thread killed at any step of waiting, and its successor', { timeout: 120_000 }, async () => {
  const first = memory();
  const { measured = 0, states = [] } = await reach(first, sender(first, 'portable'), 0, async (told) => told);
  expect(states.length).toBeGreaterThan(5);
  const steps = Array.from({ length: measured }, (_, step) => step + 1);
  const engines: EngineKind[] = loaded.addon === undefined ? ['portable'] : ['portable', 'native'];
  const parked: number[] = [];
  await inLanes(steps, 3, async (step) => {
    const shared = memory();
    // Woken by a portable thread while it lives, for that is what it is.
    const portable = sender(shared, 'portable');
    const engine = engines[step % engines.length] as EngineKind;
    await reach(shared, portable, step, async () => {
      if (isParked(shared)) parked.push(step);
      for (let count = 0; count < 5; count++) send(shared, portable);
    });
    for (let count = 0; count < 5; count++) send(shared, portable);
    portable.stop();
    await succeeds(shared, engine, sender(shared, engine));
  });
  // Between PARKED = 1 and the block there are steps, and some were met.
  expect(parked.length).toBeGreaterThan(2);
  if (process.env['NEXUS_FAULT_REPORT'] !== undefined)
    process.stderr.write(`park: ${measured} steps, ${steps.length} kills, ${parked.length} of them with PARKED = 1\n`);
});

describe.each(['native', 'portable'] as const)('a %s thread', (engine) => {
  it.skipIf(engine === 'native' && loaded.addon === undefined)('killed while it is blocked, and while it is being woken', async () => {
    for (let round = 0; round < 8; round++) {
      const shared = memory();
      const waiter = sender(shared, engine);
      const victim = await startPeer(shared, engine, 'park');
      await until(() => isParked(shared));
      const sendMany = (count: number): void => {
        for (let sent = 0; sent < count; sent++) send(shared, waiter);
      };
      if (round % 2 === 1) sendMany(3);
      const ended = victim.terminate();
      // Its handles are closed on its own thread while this one wakes it.
      sendMany(200);
      await ended;
      sendMany(3);
      await succeeds(shared, engine, waiter);
    }
  });
});
