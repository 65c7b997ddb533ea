import { expect, test } from 'vitest';
import { createSharedMemory } from '../../dist/bindings/shared-memory.js';
import { claimMeter, MeterType, namedMeters } from '../../dist/ts-src/runtime/meters/meter-names.js';
import { DIST, killAtStep } from './kill-at-step.js';

const makeMemory = () => createSharedMemory({ threadCount: 1, recordCapacity: 4096, ringBytes: 16_384 }, [1, 2]);

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
