/** The store and the state of a node on simulated disks that lose, tear, refuse and change bytes, against a plain model: what was acknowledged is there, and what is there was written. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Storage, StorageWrite, ThreadStorage } from '../../dist/ts-src/ports/storage.js';
import type { DiskEvent, DiskFaults } from '../../dist/ts-src/testing/simulation/simulated-disk.js';
import { NO_DISK_FAULTS, SimulatedDisk } from '../../dist/ts-src/testing/simulation/simulated-disk.js';
import { simulatedNodeState } from '../../dist/ts-src/testing/simulation/simulated-node-state.js';
import { simulatedStorage } from '../../dist/ts-src/testing/simulation/simulated-storage.js';
import { createSimulatedDisk, SteppedTimers } from './simulated-disks.js';
import { event, reminder, shown, snapshot } from '../../dist/ts-src/testing/conformance/stored-examples.js';
import { StorageModel } from './storage-model.js';

const IDS = ['1', '2', '3'];
/** Each thread writes agents of a kind of its own, so that the order between threads is nobody's promise. */
const KINDS = ['a', 'b'];

interface Batch {
  readonly writes: readonly StorageWrite[];
  answer: 'none' | 'stored' | 'refused' | 'unknown';
}

class StoreRun {
  readonly timers = new SteppedTimers();
  readonly disk: SimulatedDisk;
  #store: Storage | undefined;
  #threads: ThreadStorage[] = [];
  /** Those of a thread that are known to be there. */
  readonly #stored: StorageWrite[][] = [[], []];
  #batches: Batch[][] = [[], []];
  #written = 0;

  constructor(seed: number, seen: Set<DiskEvent>) {
    this.disk = createSimulatedDisk(seed, this.timers.after, { capacityBytes: 200_000, onEvent: (what) => seen.add(what) });
  }

  async open(): Promise<void> {
    const before = { ...this.disk.faults };
    for (let tries = 0; this.#store === undefined; tries++) {
      try {
        this.#store = await this.timers.until(simulatedStorage(this.disk).open());
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^NEXUS_STORE_(FAILED|FULL)$/) });
        // It fails for as long as the disk does, and leaves what is there.
        if (tries > 2) Object.assign(this.disk.faults, NO_DISK_FAULTS);
      }
    }
    Object.assign(this.disk.faults, before);
    this.#threads = KINDS.map(() => (this.#store as Storage).openThread());
  }

  write(of: number, count: number, bytes: number, remove: boolean): void {
    const kind = KINDS[of] as string;
    const writes = Array.from({ length: count }, (): StorageWrite => {
      this.#written += 1;
      const id = IDS[this.#written % IDS.length] as string;
      const text = `${this.#written}:${'x'.repeat(bytes)}`;
      if (remove && this.#written % 5 === 0) return { type: 'delete', kind, id };
      if (this.#written % 3 === 0) return { type: 'setReminder', reminder: reminder(kind, id, 'r', this.#written) };
      return this.#written % 2 === 0 ? snapshot(kind, id, this.#written, text) : event(kind, id, this.#written, text);
    });
    const batch: Batch = { writes, answer: 'none' };
    this.#batches[of]?.push(batch);
    (this.#threads[of] as ThreadStorage).write(writes).then(
      () => {
        batch.answer = 'stored';
      },
      (error: { readonly code: string; readonly message: string }) => {
        expect(error.code).toMatch(/^NEXUS_STORE_(FAILED|FULL)$/);
        batch.answer = error.message.includes('cannot be known') ? 'unknown' : 'refused';
      },
    );
  }

  async crash(): Promise<void> {
    await this.timers.steps(0);
    this.disk.crash();
    this.#store = undefined;
    await this.#openAndCompare();
  }

  async reopen(): Promise<void> {
    const store = this.#store as Storage;
    this.#store = undefined;
    await this.timers.until(store.close());
    for (const batches of this.#batches) expect(batches.filter(({ answer }) => answer === 'none')).toEqual([]);
    await this.#openAndCompare();
  }

  async #openAndCompare(): Promise<void> {
    await this.open();
    const before = { ...this.disk.faults };
    this.disk.faults.readErrors = 0;
    for (const [of, kind] of KINDS.entries()) {
      const stored = this.#stored[of] as StorageWrite[];
      const batches = this.#batches[of] as Batch[];
      const found = this.#shown(kind);
      // What has no answer, or one that says so, may be there: the first so many of them, as they take effect in order.
      const undecided = batches.filter(({ answer }) => answer === 'none' || answer === 'unknown');
      const possible = Array.from({ length: undecided.length + 1 }, (_, count) =>
        batches.filter((batch) => batch.answer === 'stored' || undecided.slice(0, count).includes(batch)).flatMap(({ writes }) => writes),
      );
      const actual = possible.find((writes) => this.#modelled(kind, [...stored, ...writes]) === found);
      expect(actual === undefined ? `${found} is none of ${possible.map((writes) => this.#modelled(kind, [...stored, ...writes])).join(' or ')}` : '').toBe('');
      stored.push(...(actual ?? []));
    }
    this.#batches = [[], []];
    Object.assign(this.disk.faults, before);
  }

  #shown(kind: string): string {
    const thread = (this.#store as Storage).openThread();
    return JSON.stringify(IDS.map((id) => [shown(thread, kind, id), thread.remindersOf(kind, id).map(({ dueEpochMs }) => dueEpochMs)]));
  }

  #modelled(kind: string, writes: readonly StorageWrite[]): string {
    const model = new StorageModel();
    for (const write of writes) model.apply(write);
    return JSON.stringify(IDS.map((id) => [model.shown(kind, id), [model.reminders.get(`${kind}/${id}/r`)].filter((due) => due !== undefined)]));
  }
}

type Step = (run: StoreRun) => Promise<void> | void;
const rate = fc.constantFrom(0, 0, 0.2, 0.6);
const faults: fc.Arbitrary<Partial<DiskFaults>> = fc.record({
  readErrors: rate,
  writeErrors: rate,
  syncErrors: rate,
  slowSyncs: rate,
  full: fc.constantFrom(false, false, false, true),
  atCrash: fc.constantFrom('kept' as const, 'lost' as const, 'some' as const, 'torn' as const, 'torn' as const),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(fc.constantFrom(0, 1), fc.integer({ min: 0, max: 4 }), fc.constantFrom(0, 10, 700, 3000), fc.boolean()).map(
      ([of, count, bytes, remove]): Step =>
        (run) =>
          run.write(of, count, bytes, remove),
    ),
  },
  {
    weight: 6,
    arbitrary: fc.integer({ min: 0, max: 12 }).map(
      (count): Step =>
        (run) =>
          run.timers.steps(count),
    ),
  },
  { weight: 3, arbitrary: fc.constant<Step>((run) => run.crash()) },
  { weight: 1, arbitrary: fc.constant<Step>((run) => run.reopen()) },
  {
    weight: 3,
    arbitrary: faults.map(
      (given): Step =>
        (run) =>
          void Object.assign(run.disk.faults, given),
    ),
  },
);

test('whatever a disk loses, tears and refuses, a simulated store has what it acknowledged, and nothing that was not written', async () => {
  const seen = new Set<DiskEvent>();
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(step, { minLength: 5, maxLength: 40 }), async (seed, steps) => {
      const run = new StoreRun(seed, seen);
      await run.open();
      for (const each of steps) await each(run);
      await run.crash();
    }),
    { numRuns: 400 },
  );
  // A later write that is there where an earlier one is not is too seldom to be counted on here: the test below has one.
  expect([...seen].sort()).toEqual(expect.arrayContaining(['full', 'lostWrite', 'readError', 'slowSync', 'syncError', 'tornWrite', 'writeError']));
}, 60_000);

test('a crash may leave a later write of a file and lose an earlier one', () => {
  const seen: DiskEvent[] = [];
  const draws = [0.9, 0.1];
  const disk = new SimulatedDisk({
    random: () => draws.shift() ?? 0,
    after: () => undefined,
    faults: { atCrash: 'kept' },
    onEvent: (what) => void seen.push(what),
  });
  disk.write('file', 0, Uint8Array.of(0, 0));
  disk.crash();
  disk.write('file', 0, Uint8Array.of(1));
  disk.write('file', 1, Uint8Array.of(2));
  disk.faults.atCrash = 'some';
  disk.crash();
  expect([[...disk.read('file')], seen]).toEqual([
    [0, 2],
    ['lostWrite', 'reorderedWrite'],
  ]);
});

test('each single bit of a simulated store that changes is found: at most one agent cannot be read, and the others are what they were', async () => {
  const timers = new SteppedTimers();
  const disk = createSimulatedDisk(1, timers.after);
  const first = await timers.until(simulatedStorage(disk).open());
  const thread = first.openThread();
  await timers.until(
    Promise.all([
      thread.write([snapshot('k', '1', 1, 'one'), event('k', '1', 2)]),
      thread.write([snapshot('k', '2', 1, 'two')]),
      thread.write([{ type: 'setReminder', reminder: { ...reminder('k', '2', 'r', 5), input: Uint8Array.of(1, 2, 3) } }]),
      thread.write([snapshot('k', '3', 1, 'old'), snapshot('k', '3', 2, 'three'), snapshot('k', '4', 1, 'gone'), { type: 'delete', kind: 'k', id: '4' }]),
    ]),
  );
  await timers.until(first.close());
  const expected: Record<string, unknown> = {
    1: ['one@1 v7', 'e2 v7'],
    2: ['two@1 v7'],
    3: ['three@2 v7'],
    4: [],
    r: [{ ...reminder('k', '2', 'r', 5), input: Uint8Array.of(1, 2, 3) }],
  };
  const found = new Set<string>();
  for (let bit = 0; bit < disk.sizeOf('store.log') * 8; bit++) {
    disk.flipBit('store.log', bit);
    const store = await timers.until(simulatedStorage(disk).open());
    const reader = store.openThread();
    const unreadable = ['1', '2', '3', '4', 'r'].filter((what) => {
      try {
        expect(what === 'r' ? reader.remindersOf('k', '2') : shown(reader, 'k', what), `bit ${bit}`).toEqual(expected[what]);
        return false;
      } catch (error) {
        expect(error, `bit ${bit}`).toMatchObject({ code: 'NEXUS_STORE_CORRUPT', data: { kind: 'k', id: what === 'r' ? '2' : what } });
        return true;
      }
    });
    found.add(unreadable.join());
    await timers.until(store.close());
    disk.flipBit('store.log', bit);
  }
  expect([...found].sort()).toEqual(['', '1', '2', '3', 'r']);
}, 60_000);

test('a bit that changes under an open store makes its agent unreadable until that is written again', async () => {
  const timers = new SteppedTimers();
  const disk = createSimulatedDisk(7, timers.after);
  const thread = (await timers.until(simulatedStorage(disk).open())).openThread();
  await timers.until(thread.write([snapshot('k', 'x', 1, 'one'), snapshot('k', 'y', 1, 'one')]));
  disk.flipBit('store.log', disk.sizeOf('store.log') * 8 - 1);
  expect(() => thread.load('k', 'y')).toThrow(expect.objectContaining({ code: 'NEXUS_STORE_CORRUPT', data: { kind: 'k', id: 'y' } }));
  expect(shown(thread, 'k', 'x')).toEqual(['one@1 v7']);
  await timers.until(thread.write([snapshot('k', 'y', 2, 'two')]));
  expect(shown(thread, 'k', 'y')).toEqual(['two@2 v7']);
});

test('more damage than can be put right refuses the simulated store when it is opened, and leaves it as it is', async () => {
  const timers = new SteppedTimers();
  const disk = createSimulatedDisk(1, timers.after);
  const store = await timers.until(simulatedStorage(disk).open());
  await timers.until(store.openThread().write([snapshot('k', 'x', 1, 'one')]));
  await timers.until(store.close());
  const [before, head] = [disk.read('store.log'), 1024 * 8];
  for (const bit of [head + 40, head + 41]) disk.flipBit('store.log', bit);
  for (let tries = 0; tries < 2; tries++) await expect(timers.until(simulatedStorage(disk).open())).rejects.toMatchObject({ code: 'NEXUS_STORE_CORRUPT' });
  for (const bit of [head + 40, head + 41]) disk.flipBit('store.log', bit);
  expect(Buffer.from(disk.read('store.log')).equals(before)).toBe(true);
  expect(shown((await timers.until(simulatedStorage(disk).open())).openThread(), 'k', 'x')).toEqual(['one@1 v7']);
});

test('a full simulated disk refuses with NEXUS_STORE_FULL, with those of the thread behind it, and takes what fits', async () => {
  const timers = new SteppedTimers();
  const disk = createSimulatedDisk(1, timers.after, { capacityBytes: 4096 });
  const store = await timers.until(simulatedStorage(disk).open());
  const [thread, other] = [store.openThread(), store.openThread()];
  const results = await timers.until(
    Promise.allSettled([
      thread.write([snapshot('k', 'large', 1, 'x'.repeat(5000))]),
      thread.write([snapshot('k', 'small', 1, 'behind')]),
      other.write([snapshot('k', 'other', 1, 'fits')]),
    ]),
  );
  expect(results.map((result) => (result.status === 'fulfilled' ? 'stored' : result.reason.code))).toEqual(['NEXUS_STORE_FULL', 'NEXUS_STORE_FULL', 'stored']);
  expect([...thread.agents()].map(({ id }) => id)).toEqual(['other']);
  await timers.until(thread.write([snapshot('k', 'small', 1, 'again')]));
  expect(shown(thread, 'k', 'small')).toEqual(['again@1 v7']);
});

test('a simulated store that cannot take back what it could not finish takes nothing more until it is opened again', async () => {
  const timers = new SteppedTimers();
  const disk = createSimulatedDisk(1, timers.after);
  const store = await timers.until(simulatedStorage(disk).open());
  const thread = store.openThread();
  const uncertain = thread.write([snapshot('k', 'x', 1, 'one')]);
  const refused = expect(uncertain).rejects.toMatchObject({ code: 'NEXUS_STORE_FAILED', message: expect.stringContaining('cannot be known') });
  // The turn, and the sync of the record; the mark is what fails.
  await timers.steps(2);
  disk.faults.syncErrors = 1;
  await timers.until(refused);
  disk.faults.syncErrors = 0;
  await expect(timers.until(thread.write([snapshot('k', 'y', 1, 'two')]))).rejects.toMatchObject({ code: 'NEXUS_STORE_FAILED' });
  expect([...thread.agents()]).toEqual([]);
  await timers.until(store.close());
  const again = (await timers.until(simulatedStorage(disk).open())).openThread();
  await timers.until(again.write([snapshot('k', 'y', 1, 'three')]));
  expect(shown(again, 'k', 'y')).toEqual(['three@1 v7']);
});

test('the state of a simulated node is the one that was saved last, or a later one that had no answer, whatever happens in between', async () => {
  const save = fc.record({ type: fc.constant('save' as const), bytes: fc.uint8Array({ maxLength: 1500 }) });
  const wait = fc.record({ type: fc.constant('wait' as const), count: fc.integer({ min: 0, max: 6 }) });
  const crash = fc.record({ type: fc.constant('crash' as const), faults });
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(fc.oneof(save, wait, crash), { maxLength: 30 }), async (seed, steps) => {
      const timers = new SteppedTimers();
      const disk = createSimulatedDisk(seed, timers.after);
      let state = simulatedNodeState(disk);
      let possible: (string | undefined)[] = [undefined];
      let saves = 0;
      for (const each of steps) {
        if (each.type === 'wait') await timers.steps(each.count);
        else if (each.type === 'save') {
          const bytes = Buffer.concat([Buffer.from(`${(saves += 1)}:`), each.bytes]);
          const text = bytes.toString('hex');
          possible.push(text);
          const stored = (): void => {
            possible = possible.slice(possible.lastIndexOf(text));
          };
          state.save(bytes).then(stored, (error) => expect(error).toMatchObject({ code: expect.stringMatching(/^NEXUS_STORE_(FAILED|FULL)$/) }));
        } else {
          await timers.steps(0);
          const before = { ...disk.faults };
          disk.crash();
          Object.assign(disk.faults, NO_DISK_FAULTS);
          state = simulatedNodeState(disk);
          const loaded = await timers.until(state.load());
          const found = loaded && Buffer.from(loaded).toString('hex');
          expect(possible).toContain(found);
          possible = [found];
          Object.assign(disk.faults, before, each.faults);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('the same seed and the same calls give the same bytes and the same faults', async () => {
  const trace = async (): Promise<unknown[]> => {
    const timers = new SteppedTimers();
    const events: unknown[] = [];
    const disk = createSimulatedDisk(42, timers.after, {
      faults: { writeErrors: 0.2, syncErrors: 0.2, bitFlips: 0.2, slowSyncs: 0.2, atCrash: 'torn' },
      onEvent: (...seen) => events.push(seen),
    });
    for (let round = 0; round < 50; round++) {
      try {
        disk.append('f', Buffer.alloc(1000, round));
        await timers.until(disk.sync('f'));
        disk.append('f', Buffer.alloc(2000, round));
        await timers.until(disk.syncDirectory());
      } catch (error) {
        events.push(String(error));
      }
      if (round % 7 === 6) disk.crash();
    }
    return [events, disk.has('f') && Buffer.from(disk.read('f')).toString('hex')];
  };
  const first = await trace();
  expect(first).toEqual(await trace());
  expect(new Set((first[0] as string[][]).map(([what]) => what))).toContain('bitFlip');
});
