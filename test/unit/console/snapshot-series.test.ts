/** The shared series of snapshots, on a clock by hand. */
import { NexusError } from '../../../dist/ts-src/errors.js';
import { SnapshotSeries, type SnapshotWatcher } from '../../../dist/ts-src/console/snapshot-series.js';
import type { SystemSnapshot } from '../../../dist/ts-src/model/observation.js';
import { createManualClock } from '../../../dist/ts-src/testing/index.js';
import { expect, test } from 'vitest';

function world(take?: (number: number) => Promise<Partial<SystemSnapshot>>) {
  const clock = createManualClock();
  let taken = 0;
  const series = new SnapshotSeries({
    clock,
    snapshot: async () => {
      taken++;
      return (take === undefined ? { takenAtMs: taken, periodMs: taken === 1 ? 0 : 1000 } : await take(taken)) as SystemSnapshot;
    },
  });
  const watcher = () => {
    const seen: number[] = [];
    const events: string[] = [];
    const own: SnapshotWatcher = {
      taken: ({ snapshot }) => void seen.push(snapshot.takenAtMs),
      unavailable: (error) => void events.push(`unavailable ${(error as Error).message}`),
      ended: () => void events.push('ended'),
    };
    return { seen, events, own };
  };
  return { clock, series, watcher, taken: () => taken };
}

/** One microtask for the promise of the snapshot, some more for what follows. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

async function advance(clock: ReturnType<typeof createManualClock>, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await clock.advance(50);
    await settle();
  }
}

test('nothing is taken while nobody watches', async () => {
  const { clock, series, watcher, taken } = world();
  await advance(clock, 5000);
  expect(taken()).toBe(0);
  const end = series.watch(1000, watcher().own);
  await advance(clock, 3000);
  const before = taken();
  expect(before).toBeGreaterThanOrEqual(3);
  end();
  expect(clock.pending).toEqual([]);
  await advance(clock, 10_000);
  expect([taken(), series.watchers]).toEqual([before, 0]);
});

test('many who watch share one series of snapshots', async () => {
  const { clock, series, watcher, taken } = world();
  const watchers = Array.from({ length: 20 }, watcher);
  for (const { own } of watchers) {
    series.watch(1000, own);
    await advance(clock, 150);
  }
  const before = taken();
  await advance(clock, 10_000);
  expect(taken() - before).toBe(10);
  for (const { seen } of watchers) expect(seen.length).toBeGreaterThanOrEqual(10);
});

test('each who watches gets them as often as it asked for, and the first at once', async () => {
  const { clock, series, watcher } = world();
  const fast = watcher();
  const slow = watcher();
  series.watch(250, fast.own);
  series.watch(2000, slow.own);
  await advance(clock, 50);
  expect([fast.seen.length, slow.seen.length]).toEqual([1, 1]);
  await advance(clock, 10_000);
  expect(fast.seen.length).toBeGreaterThanOrEqual(38);
  expect(fast.seen.length).toBeLessThanOrEqual(42);
  expect(slow.seen.length).toBeGreaterThanOrEqual(5);
  expect(slow.seen.length).toBeLessThanOrEqual(7);
});

test('a snapshot that takes longer than the interval is not overtaken by another', async () => {
  let running = 0;
  let most = 0;
  const clock = createManualClock();
  const series = new SnapshotSeries({
    clock,
    snapshot: () =>
      new Promise((resolve) => {
        most = Math.max(most, ++running);
        clock.after(1200, () => {
          running--;
          resolve({ takenAtMs: 1, periodMs: 1 } as SystemSnapshot);
        });
      }),
  });
  const { own, seen } = world().watcher();
  series.watch(250, own);
  await advance(clock, 10_000);
  expect([most, seen.length > 5]).toEqual([1, true]);
});

test('a snapshot that fails is told, and the next one is taken at its time', async () => {
  const { clock, series, watcher } = world(async (number) => {
    if (number === 2) throw new Error('not now');
    return { takenAtMs: number, periodMs: 1000 };
  });
  const one = watcher();
  series.watch(1000, one.own);
  await advance(clock, 4000);
  expect(one.events).toEqual(['unavailable not now']);
  expect(one.seen.slice(0, 3)).toEqual([1, 3, 4]);
});

test('those who watch learn that the nexus has ended', async () => {
  const { clock, series, watcher } = world(async () => {
    throw new NexusError('NEXUS_STOPPED', 'gone');
  });
  const one = watcher();
  series.watch(1000, one.own);
  await advance(clock, 3000);
  expect([one.events, series.watchers]).toEqual([['ended'], 0]);
  await expect(Promise.race([series.read(new AbortController().signal), advance(clock, 3000)])).rejects.toMatchObject({ code: 'NEXUS_STOPPED' });
});

test('a single reading waits for rates, and leaves nobody behind', async () => {
  const { clock, series } = world();
  const first = series.read(new AbortController().signal);
  await advance(clock, 100);
  let isDone = false;
  void first.then(() => {
    isDone = true;
  });
  await settle();
  expect(isDone).toBe(false);
  await advance(clock, 2000);
  expect((await first).snapshot).toMatchObject({ takenAtMs: 2, periodMs: 1000 });
  expect(series.watchers).toBe(0);
  const controller = new AbortController();
  await advance(clock, 5000);
  const second = series.read(controller.signal);
  controller.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  expect(series.watchers).toBe(0);
});
