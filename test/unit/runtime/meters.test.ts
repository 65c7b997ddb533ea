import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { createSharedMemory, meterNameWord, type SharedMemory } from '../../../dist/bindings/shared-memory.js';
import * as L from '../../../dist/layout/generated/layout.js';
import { durationBucket } from '../../../dist/ts-src/model/operation-statistics.js';
import { circuitBreaker } from '../../../dist/ts-src/resilience/index.js';
import { claimMeter, MeterType, namedMeters } from '../../../dist/ts-src/runtime/meters/meter-names.js';
import { readBreakers, readOperations } from '../../../dist/ts-src/runtime/meters/read-meters.js';
import { ThreadMeters } from '../../../dist/ts-src/runtime/meters/thread-meters.js';
import { recorder } from '../../start-nexus.js';

const makeMemory = (threadCount: number): SharedMemory => createSharedMemory({ threadCount, recordCapacity: 4096, ringBytes: 16_384 }, [1, 2]);
const metersOf = (shared: SharedMemory, thread: number, logger = recorder()): ThreadMeters => new ThreadMeters({ shared, thread, logger });
const callsOf = (shared: SharedMemory): Record<string, number> =>
  Object.fromEntries(readOperations(shared).map(({ name, successes, failures }) => [name, successes + failures]));
const serve = (shared: SharedMemory): void => {
  for (let thread = 0; thread < shared.threadCount; thread++)
    shared.words[(shared.threadsOffset + thread * L.THREAD_BYTES) / 4 + L.THREAD_WORD_STATE] = L.THREAD_STATE_READY;
};

test('operations metered on several threads, some of them replaced meanwhile, add up to what a plain map would count', () => {
  const event = fc.oneof(
    {
      weight: 20,
      arbitrary: fc.record({
        thread: fc.nat(2),
        name: fc.integer({ min: 0, max: 299 }),
        ns: fc.integer({ min: 1, max: 2 ** 40 }),
        failed: fc.boolean(),
        late: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ lost: fc.nat(2) }) },
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 600, size: 'max' }), (events) => {
      const shared = makeMemory(3);
      const before = shared.bytes.slice(0, shared.metersOffset);
      const threads = [0, 1, 2].map((thread) => metersOf(shared, thread));
      const names = new Set<string>();
      const twin = new Map<string, { successes: number; failures: number; violations: number; sumNs: number; counts: number[] }>();
      for (const each of events) {
        if ('lost' in each) {
          threads[each.lost] = metersOf(shared, each.lost);
          continue;
        }
        const said = `operation ${each.name}`;
        threads[each.thread]?.operation(said).meter.record(each.ns, each.failed, each.late);
        if (names.size < L.METERS_NAMED) names.add(said);
        const name = names.has(said) ? said : '(other)';
        const entry = twin.get(name) ?? { successes: 0, failures: 0, violations: 0, sumNs: 0, counts: Array.from({ length: L.METER_BUCKETS }, () => 0) };
        entry[each.failed ? 'failures' : 'successes']++;
        if (each.late) entry.violations++;
        entry.sumNs += each.ns;
        const bucket = durationBucket(each.ns);
        entry.counts[bucket] = (entry.counts[bucket] as number) + 1;
        twin.set(name, entry);
      }
      expect(Object.fromEntries(readOperations(shared).map(({ name, ...counted }) => [name, counted]))).toEqual(Object.fromEntries(twin));
      expect(Buffer.from(shared.bytes.slice(0, shared.metersOffset)).equals(Buffer.from(before))).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('there is room for 256 names; what has others is counted as (other), which is said once for all threads', () => {
  const shared = makeMemory(2);
  const loggers = [recorder(), recorder()];
  const threads = loggers.map((logger, thread) => metersOf(shared, thread, logger));
  for (let name = 0; name < 300; name++) for (const meters of threads) meters.operation(`name ${name}`).meter.record(1, false, false);
  const calls = callsOf(shared);
  expect(Object.keys(calls)).toHaveLength(257);
  expect(calls).toMatchObject({ 'name 0': 2, 'name 255': 2, '(other)': 88 });
  expect(loggers.flatMap(({ lines }) => lines.map(({ level, data }) => [level, data]))).toEqual([['warn', { name: 'name 256', namesMax: 256 }]]);
  // A thread that comes later finds the names of the others.
  metersOf(shared, 1).operation('name 17').meter.record(1, false, false);
  expect(callsOf(shared)['name 17']).toBe(3);
});

test('a thread that has found no room still finds names that others had put there', () => {
  const shared = makeMemory(2);
  for (let name = 0; name < 256; name++) metersOf(shared, 0).operation(`name ${name}`).meter.record(1, false, false);
  const late = metersOf(shared, 1);
  late.operation('one too many').meter.record(1, false, false);
  late.operation('name 200').meter.record(1, false, false);
  expect(callsOf(shared)).toMatchObject({ 'name 200': 2, '(other)': 1 });
});

test('names of up to 100 bytes in any script come back as they were, and others are refused', () => {
  const shared = makeMemory(1);
  const meters = metersOf(shared, 0);
  const names = ['a', 'x'.repeat(100), 'überweisen', '支払い', '😀'.repeat(25), 'with "quotes"\nand lines', ' '];
  for (const name of names) meters.operation(name);
  expect([...namedMeters(shared)].map(({ name }) => name)).toEqual(names);
  for (const name of ['', 'x'.repeat(101), '😀'.repeat(26), '\ud800', '(other)', 5, undefined, null])
    expect(() => meters.operation(name as string), String(name)).toThrow(expect.objectContaining({ code: 'NEXUS_OPTION_INVALID' }));
});

test('an entry that a thread has claimed and will never complete is passed over, and its name gets another', () => {
  const shared = makeMemory(2);
  expect(claimMeter(shared, MeterType.operation, 'before')).toBe(0);
  const at = meterNameWord(shared, 1) + L.METER_NAME_WORD_STATE;
  // As a thread leaves it that is killed behind its compare-and-swap: of this very name, and complete but for the publication.
  expect(claimMeter(shared, MeterType.operation, 'lost')).toBe(1);
  shared.words[at] = ((shared.words[at] as number) & ~3) | 1;
  expect(claimMeter(shared, MeterType.operation, 'lost')).toBe(2);
  expect(claimMeter(shared, MeterType.operation, 'behind')).toBe(3);
  expect(claimMeter(shared, MeterType.operation, 'lost')).toBe(2);
  expect([...namedMeters(shared)].map(({ name }) => name)).toEqual(['before', 'lost', 'behind']);
});

test('names whose hashes are the same are told apart by their letters', () => {
  const shared = makeMemory(1);
  const stateAt = (meter: number): number => meterNameWord(shared, meter) + L.METER_NAME_WORD_STATE;
  claimMeter(shared, MeterType.operation, 'first');
  claimMeter(shared, MeterType.operation, 'other');
  // As if the first had the hash of the other.
  shared.words[stateAt(0)] = shared.words[stateAt(1)] as number;
  expect(claimMeter(shared, MeterType.operation, 'other')).toBe(1);
});

test('a name with two entries is one operation to whoever reads', () => {
  const shared = makeMemory(2);
  const [first, second] = [metersOf(shared, 0), metersOf(shared, 1)];
  first.operation('twice').meter.record(1, false, false);
  const at = meterNameWord(shared, 0) + L.METER_NAME_WORD_STATE;
  const ready = shared.words[at] as number;
  shared.words[at] = (ready & ~3) | 1;
  second.operation('twice').meter.record(1, true, false);
  shared.words[at] = ready;
  expect([...namedMeters(shared)].map(({ name }) => name)).toEqual(['twice', 'twice']);
  expect(readOperations(shared)).toMatchObject([{ name: 'twice', successes: 1, failures: 1 }]);
});

test('threads that meter the same 400 names at the same time, each in its own order, lose no call and say once that there is no room', async () => {
  const shared = makeMemory(5);
  const names = Array.from({ length: 400 }, (_, index) => `operation ${index}`);
  const rounds = 50;
  const workers = await Promise.all(
    [1, 2, 3, 4].map(async (thread) => {
      const order = names.map((name, index) => [Math.imul(index + 1, 2654435761 * thread) >>> 0, name] as const).sort(([a], [b]) => a - b);
      const workerData = { memory: shared.memory, thread, rounds, names: order.map(([, name]) => name) };
      const worker = new Worker(new URL('../../fixtures/meter-writer.mjs', import.meta.url), { workerData, execArgv: [] });
      onTestFinished(async () => void (await worker.terminate()));
      await once(worker, 'message');
      return worker;
    }),
  );
  const answers = workers.map((worker) => once(worker, 'message'));
  for (const worker of workers) worker.postMessage('begin');
  let seen = 0;
  let isOver = false;
  const all = Promise.all(answers).then((said) => {
    isOver = true;
    return said.flatMap(([message]) => (message as { said: string[] }).said);
  });
  while (!isOver) {
    const now = Object.values(callsOf(shared)).reduce((sum, calls) => sum + calls, 0);
    expect(now).toBeGreaterThanOrEqual(seen);
    seen = now;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  expect(await all).toHaveLength(1);
  const calls = callsOf(shared);
  expect(Object.values(calls).reduce((sum, each) => sum + each, 0)).toBe(4 * rounds * names.length);
  // All but what found no room are counted by all, under their own name.
  for (const [name, each] of Object.entries(calls)) if (name !== '(other)') expect([name, each]).toEqual([name, 4 * rounds]);
});

test('calls through a metered breaker are counted by outcome, and breakers of a name by state', async () => {
  const shared = makeMemory(2);
  serve(shared);
  const [first, second] = [metersOf(shared, 0), metersOf(shared, 1)];
  const [one, two] = [circuitBreaker({ failures: 2 }), circuitBreaker()];
  await one.execute(() => 'not counted: nobody meters it yet');
  const end = first.breaker(one, 'payments');
  second.breaker(two, 'payments');
  await one.execute(() => 'fine');
  await two.execute(() => 'fine');
  const failing = (): never => {
    throw new Error('no');
  };
  for (let call = 0; call < 3; call++) await one.execute(failing).catch(() => undefined);
  const opened = { name: 'payments', calls: { success: 2, failure: 2, ignored: 0, refused: 1 }, opened: 1 };
  expect(readBreakers(shared)).toEqual([{ ...opened, states: { closed: 1, open: 1, halfOpen: 0, isolated: 0 } }]);
  // A successor of the second thread has no breakers, but its totals.
  metersOf(shared, 1);
  expect(readBreakers(shared)).toEqual([{ ...opened, states: { closed: 0, open: 1, halfOpen: 0, isolated: 0 } }]);
  end();
  await one.execute(failing).catch(() => undefined);
  expect(readBreakers(shared)).toEqual([{ ...opened, states: { closed: 0, open: 0, halfOpen: 0, isolated: 0 } }]);
});

test('a breaker that several have metered under one name is counted once, until the last of them has ended that', async () => {
  const shared = makeMemory(1);
  serve(shared);
  const meters = metersOf(shared, 0);
  const breaker = circuitBreaker();
  const [first, second] = [meters.breaker(breaker, 'shared'), meters.breaker(breaker, 'shared')];
  await breaker.execute(() => 1);
  first();
  first();
  await breaker.execute(() => 1);
  expect(readBreakers(shared)).toMatchObject([{ calls: { success: 2 }, states: { closed: 1 } }]);
  second();
  await breaker.execute(() => 1);
  expect(readBreakers(shared)).toMatchObject([{ calls: { success: 2 }, states: { closed: 0 } }]);
});
