import { expect, test } from 'vitest';
import { onStep, stepped } from './stepped-memory.mjs';
import { createSharedMemory, type SharedMemory } from '../../dist/bindings/shared-memory.js';
import { claimMeter, MeterType, namedMeters } from '../../dist/ts-src/runtime/meters/meter-names.js';
import { DIST, killAtStep } from './kill-at-step.js';

const makeMemory = () => createSharedMemory({ threadCount: 1, recordCapacity: 4096, ringBytes: 16_384 }, [1, 2]);

/** Runs `meanwhile`, on the plain memory, before one step of a call, for each of its steps in turn. */
function atEachStep(
  prepare: () => SharedMemory,
  call: (shared: SharedMemory) => void,
  meanwhile: (shared: SharedMemory) => void,
  check: (shared: SharedMemory, at: number) => void,
): number {
  for (let at = 1; ; at++) {
    const shared = prepare();
    let steps = 0;
    let isDone = false;
    onStep(() => {
      if (++steps !== at) return;
      isDone = true;
      onStep(() => undefined);
      meanwhile(shared);
    });
    call(stepped(shared) as SharedMemory);
    onStep(() => undefined);
    if (!isDone) return at - 1;
    check(shared, at);
  }
}

test('threads that claim meters, one of them all at once in the middle of the other, get what they asked for, whatever the step', () => {
  const prepare = (): SharedMemory => {
    const shared = makeMemory();
    claimMeter(shared, MeterType.operation, 'there before');
    return shared;
  };
  const claimed: (number | undefined)[] = [];
  const claim = (name: string) => (shared: SharedMemory) => void claimed.push(claimMeter(shared, MeterType.operation, name));
  const steps = atEachStep(prepare, claim('mine'), claim('theirs'), (shared, at) => {
    const [theirs, mine] = claimed.splice(0);
    const names = new Map([...namedMeters(shared)].map(({ meter, name }) => [meter, name]));
    expect([at, names.get(theirs as number), names.get(mine as number), names.size]).toEqual([at, 'theirs', 'mine', 3]);
  });
  expect(steps).toBeGreaterThan(4);
  claimed.length = 0;
  atEachStep(prepare, claim('ours'), claim('ours'), (shared, at) => {
    const names = new Map([...namedMeters(shared)].map(({ meter, name }) => [meter, name]));
    expect([at, ...claimed.splice(0).map((meter) => names.get(meter as number))]).toEqual([at, 'ours', 'ours']);
  });
});

test('a thread killed at any step of claiming a meter blocks nobody and wastes one entry at most', async () => {
  const name = 'killed on the way';
  const start = (stopAt: number) => {
    const shared = makeMemory();
    claimMeter(shared, MeterType.operation, 'there before');
    return { shared, workerData: { dist: DIST, memory: shared.memory, name, stopAt } };
  };
  const { measured = 0 } = await killAtStep('./meter-victim.mjs', start(0).workerData, (told) => told);
  expect(measured).toBeGreaterThan(5);
  const ends: string[] = [];
  for (let stopAt = 1; stopAt <= measured; stopAt++) {
    const { shared, workerData } = start(stopAt);
    await killAtStep('./meter-victim.mjs', workerData, () => undefined);
    // The same name, another, and the same again, as a survivor claims them.
    const meters = [name, 'another', name].map((each) => claimMeter(shared, MeterType.operation, each));
    expect(meters[0]).toBe(meters[2]);
    expect(meters[0]).toBeLessThanOrEqual(2);
    expect(meters[1]).toBe((meters[0] as number) + 1);
    expect([...namedMeters(shared)].map((each) => each.name)).toEqual(['there before', name, 'another']);
    ends.push(`${meters[0]}`);
  }
  // Killed before its claim, in it, and after it.
  expect([...new Set(ends)].sort()).toEqual(['1', '2']);
});
