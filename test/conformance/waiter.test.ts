/** What every waiter promises, for each engine: no wake-up is lost, a parked thread costs nothing and holds nothing, and every way to end is clean. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { chooseEngine } from '../../dist/bindings/choose-engine.js';
import { loadNativeAddon } from '../../dist/bindings/native-addon.js';
import { type SharedMemory, counterIndex, createSharedMemory, ringOffset, threadWord } from '../../dist/bindings/shared-memory.js';
import * as L from '../../dist/layout/generated/layout.js';
import type { EngineKind, Waiter } from '../../dist/ts-src/ports/engine.js';

const peer = new URL('../fixtures/waiter-peer.mjs', import.meta.url);
const loaded = loadNativeAddon();

describe.each(['native', 'portable'] as const)('waiter: %s', (engine) => {
  const test = it.skipIf(engine === 'native' && loaded.addon === undefined);
  const cleanUps: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  function memory(threadCount = 2): SharedMemory {
    return createSharedMemory({ threadCount, recordCapacity: 2 ** 12, ringBytes: 2 ** 14 }, [1, 2]);
  }

  function open(shared: SharedMemory, thread: number, spinMicroseconds: number): Waiter {
    const { waiter } = chooseEngine({ forced: engine }).open(shared, thread, { spinMicroseconds });
    cleanUps.push(() => waiter.stop());
    return waiter;
  }

  async function startPeer(shared: SharedMemory, mode: string, spinMicroseconds = 0, thread = 1): Promise<Worker> {
    const worker = new Worker(peer, { workerData: { memory: shared.memory, thread, engine, spinMicroseconds, mode } });
    cleanUps.push(() => worker.terminate());
    await once(worker, 'message');
    return worker;
  }

  const tailAt = (shared: SharedMemory, from: number, to: number) => (ringOffset(shared, from, to) >> 2) + L.RING_WORD_TAIL;
  const isParked = (shared: SharedMemory, thread: number) => Atomics.load(shared.words, threadWord(shared, thread) + L.THREAD_WORD_PARKED) === 1;
  const counter = (shared: SharedMemory, thread: number, which: number) => shared.doubles[counterIndex(shared, thread) + which] as number;
  const send = (shared: SharedMemory, waiter: Waiter, to = 1, from = 0) => {
    Atomics.add(shared.words, tailAt(shared, from, to), 8);
    waiter.wake(to);
  };
  /** Takes what is in the ring from thread 1; the number of messages. */
  const take = (shared: SharedMemory) => {
    const at = ringOffset(shared, 1, 0) >> 2;
    const tail = Atomics.load(shared.words, at + L.RING_WORD_TAIL);
    const count = (tail - Atomics.load(shared.words, at + L.RING_WORD_HEAD)) / 8;
    Atomics.store(shared.words, at + L.RING_WORD_HEAD, tail);
    return count;
  };

  async function pingPong(cycles: number, spinMicroseconds: number) {
    const shared = memory();
    const waiter = open(shared, 0, spinMicroseconds);
    let received = 0;
    let finish: () => void;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    waiter.start(() => {
      const count = take(shared);
      received += count;
      if (received >= cycles) finish();
      else if (count > 0) send(shared, waiter);
      return false;
    });
    await startPeer(shared, 'echo', spinMicroseconds);
    send(shared, waiter);
    await deadline(finished, 40_000, () => `${received} of ${cycles} cycles; parked: ${isParked(shared, 0)}, ${isParked(shared, 1)}`);
    return { parks: counter(shared, 0, L.COUNTER_PARKS), wakes: counter(shared, 0, L.COUNTER_WAKES), received };
  }

  test('a thread whose waker died after it had taken the mark is roused', async () => {
    const shared = memory();
    const waiter = open(shared, 0, 0);
    let received = 0;
    waiter.start(() => {
      received += take(shared);
      return false;
    });
    await startPeer(shared, 'echo');
    await until(() => isParked(shared, 1), 'the peer parks');
    // What the other producer did before it died.
    Atomics.add(shared.words, tailAt(shared, 0, 1), 8);
    expect(Atomics.compareExchange(shared.words, threadWord(shared, 1) + L.THREAD_WORD_PARKED, 1, 0)).toBe(1);
    // Nobody else thinks that it has to wake it.
    send(shared, waiter);
    for (let turn = 0; turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(received).toBe(0);
    waiter.rouse(1);
    await until(() => received > 0, 'it answers');
    await until(() => isParked(shared, 1), 'the peer parks');
    send(shared, waiter);
    await until(() => received > 1, 'it answers again');
    // One that does not wait, or is not there, is no mistake.
    waiter.rouse(0);
    waiter.rouse(1);
  });

  test('no wake-up is lost in 20,000 round trips that park', async () => {
    const { parks, wakes, received } = await pingPong(20_000, 0);
    expect(received).toBe(20_000);
    expect(parks).toBeGreaterThan(0);
    expect(wakes).toBeGreaterThan(0);
  });

  test('no wake-up is lost in 20,000 round trips that spin first', async () => {
    expect((await pingPong(20_000, 20)).received).toBe(20_000);
  });

  it.skipIf(engine === 'portable' || loaded.addon === undefined || availableParallelism() < 2)(
    'a thread that has woken another one looks for the answer before it parks',
    async () => {
      const shared = memory();
      const waiter = open(shared, 0, 1000);
      let parksAtReply = -1;
      waiter.start(() => {
        if (take(shared) > 0) parksAtReply = counter(shared, 0, L.COUNTER_PARKS);
        return false;
      });
      await startPeer(shared, 'think');
      let awake = 0;
      for (let round = 0; round < 30; round++) {
        const parksBefore = counter(shared, 0, L.COUNTER_PARKS);
        // One that has parked does not look for more because of the answer before.
        await until(() => isParked(shared, 1) && counter(shared, 0, L.COUNTER_PARKS) > parksBefore, 'both park');
        const parks = counter(shared, 0, L.COUNTER_PARKS);
        parksAtReply = -1;
        send(shared, waiter);
        await until(() => parksAtReply >= 0, 'the answer');
        if (parksAtReply === parks) awake++;
      }
      // Other work of the machine may delay some answers by more than 4 ms.
      expect(awake).toBeGreaterThan(10);
    },
  );

  test('there is a turn of the event loop between two drains', async () => {
    const shared = memory();
    const waiter = open(shared, 0, 0);
    let turns = 0;
    let turnsOfLast = -1;
    let together = 0;
    let calls = 0;
    let immediate = setImmediate(function turn() {
      turns++;
      immediate = setImmediate(turn);
    });
    cleanUps.push(() => clearImmediate(immediate));
    waiter.start(() => {
      if (turns === turnsOfLast) together++;
      turnsOfLast = turns;
      return ++calls < 500;
    });
    Atomics.store(shared.words, threadWord(shared, 0) + L.THREAD_WORD_ATTENTION, 1);
    await until(() => calls >= 500, 'all calls', 20_000);
    expect(together).toBe(0);
  });

  test('a parked thread uses no processor', async () => {
    const shared = memory();
    const waiter = open(shared, 0, 50);
    waiter.start(() => {
      take(shared);
      return false;
    });
    await startPeer(shared, 'echo', 50);
    send(shared, waiter);
    // Something else may run in this process for a moment: one quiet half second out of several is proof.
    const shares: number[] = [];
    for (let attempt = 0; attempt < 8 && (shares.length === 0 || Math.min(...shares) >= 0.05); attempt++) {
      await until(() => isParked(shared, 1), 'the worker parks');
      const before = process.cpuUsage();
      const startMs = performance.now();
      await sleep(500);
      const used = process.cpuUsage(before);
      shares.push((used.user + used.system) / 1000 / (performance.now() - startMs));
    }
    expect(Math.min(...shares)).toBeLessThan(0.05);
  });

  test('attention makes a parked thread drain although no ring has data, and is cleared first', async () => {
    const shared = memory();
    const waiter = open(shared, 0, 0);
    await startPeer(shared, 'park');
    const attentionAt = threadWord(shared, 1) + L.THREAD_WORD_ATTENTION;
    waiter.start(() => false);
    for (let round = 0; round < 20; round++) {
      await until(() => isParked(shared, 1), 'the worker parks');
      Atomics.store(shared.words, attentionAt, 1);
      waiter.wake(1);
      await until(() => Atomics.load(shared.words, attentionAt) === 0, 'attention is served');
    }
  });

  test('a drain that returns true is called again without blocking, and timers still run', async () => {
    const shared = memory();
    const waiter = open(shared, 0, 0);
    let calls = 0;
    let timers = 0;
    const timer = setInterval(() => timers++, 1);
    cleanUps.push(() => clearInterval(timer));
    waiter.start(() => ++calls < 2000);
    Atomics.store(shared.words, threadWord(shared, 0) + L.THREAD_WORD_ATTENTION, 1);
    await until(() => calls >= 2000, 'all calls', 20_000);
    expect(timers).toBeGreaterThan(0);
    const after = calls;
    await sleep(30);
    expect(calls).toBe(after);
  });

  test('microtasks and process.nextTick callbacks run before the next drain', async () => {
    const shared = memory();
    const waiter = open(shared, 0, 0);
    const order: string[] = [];
    waiter.start(() => {
      order.push('drain');
      process.nextTick(() => order.push('tick'));
      queueMicrotask(() => order.push('microtask'));
      return order.length < 9;
    });
    Atomics.store(shared.words, threadWord(shared, 0) + L.THREAD_WORD_ATTENTION, 1);
    await until(() => order.length >= 12, 'four drains');
    for (let drain = 0; drain < 12; drain += 3) {
      expect(order[drain]).toBe('drain');
      expect(order.slice(drain + 1, drain + 3).sort()).toEqual(['microtask', 'tick']);
    }
  });

  test('after stop the drain is not called, every call is a no-op, and the thread can start again', async () => {
    const shared = memory();
    const waiter = open(shared, 0, 0);
    await startPeer(shared, 'echo');
    for (let round = 1; round <= 5; round++) {
      let received = 0;
      const drain = () => {
        received += take(shared);
        return false;
      };
      waiter.start(drain);
      send(shared, waiter);
      await until(() => received === 1, `round ${round}`);
      const parks = counter(shared, 0, L.COUNTER_PARKS);
      await until(() => counter(shared, 0, L.COUNTER_PARKS) > parks || isParked(shared, 0), 'this thread parks');
      waiter.stop();
      waiter.stop();
      expect(isParked(shared, 0)).toBe(false);
      Atomics.add(shared.words, tailAt(shared, 1, 0), 8);
      Atomics.store(shared.words, threadWord(shared, 0) + L.THREAD_WORD_ATTENTION, 1);
      waiter.wake(1);
      await sleep(20);
      expect(received).toBe(1);
      take(shared);
      Atomics.store(shared.words, threadWord(shared, 0) + L.THREAD_WORD_ATTENTION, 0);
    }
  });

  test('a drain may stop its own waiter', async () => {
    const shared = memory();
    const waiter = open(shared, 0, 0);
    let calls = 0;
    waiter.start(() => {
      calls++;
      waiter.stop();
      return true;
    });
    Atomics.store(shared.words, threadWord(shared, 0) + L.THREAD_WORD_ATTENTION, 1);
    await until(() => calls === 1, 'the first drain');
    await sleep(20);
    expect(calls).toBe(1);
  });

  test('two memories in one thread do not mix', async () => {
    const both = [memory(), memory()];
    const received = [0, 0];
    const waiters = both.map((shared, index) => {
      const waiter = open(shared, 0, 0);
      waiter.start(() => {
        received[index] = (received[index] as number) + take(shared);
        return false;
      });
      return waiter;
    });
    await Promise.all(both.map((shared) => startPeer(shared, 'echo')));
    for (let round = 1; round <= 50; round++) {
      send(both[0] as SharedMemory, waiters[0] as Waiter);
      if (round % 2 === 0) send(both[1] as SharedMemory, waiters[1] as Waiter);
      await until(() => received[0] === round && received[1] === Math.floor(round / 2), `round ${round}`);
    }
    waiters[0]?.stop();
    send(both[1] as SharedMemory, waiters[1] as Waiter);
    await until(() => received[1] === 26, 'the other one goes on');
  });

  test('a worker that is terminated while it is parked takes nothing with it, and a successor waits in its place', async () => {
    const shared = memory();
    const waiter = open(shared, 0, 0);
    let received = 0;
    waiter.start(() => {
      received += take(shared);
      return false;
    });
    for (let round = 1; round <= 5; round++) {
      const worker = await startPeer(shared, 'echo');
      await until(() => isParked(shared, 1), 'the worker parks');
      send(shared, waiter);
      await until(() => received === round, `round ${round}`);
      await until(() => isParked(shared, 1), 'the worker parks again');
      await worker.terminate();
      waiter.wake(1);
    }
  });

  test('a worker that is terminated while it drains without end ends', async () => {
    const shared = memory();
    const waiter = open(shared, 0, 50);
    waiter.start(() => {
      if (take(shared) > 0) send(shared, waiter);
      return false;
    });
    for (let round = 0; round < 5; round++) {
      const worker = await startPeer(shared, 'echo', 50);
      send(shared, waiter);
      await sleep(20);
      await worker.terminate();
    }
  });

  test('a worker that calls process.exit in its drain ends with that code', async () => {
    const shared = memory();
    const waiter = open(shared, 0, 0);
    waiter.start(() => false);
    const worker = await startPeer(shared, 'exit');
    const exited = once(worker, 'exit');
    await until(() => isParked(shared, 1), 'the worker parks');
    send(shared, waiter);
    expect((await exited)[0]).toBe(7);
  });

  test('what a drain throws is an uncaught exception of its thread', async () => {
    const shared = memory();
    const waiter = open(shared, 0, 0);
    waiter.start(() => false);
    const worker = await startPeer(shared, 'throw');
    const failed = once(worker, 'error');
    await until(() => isParked(shared, 1), 'the worker parks');
    send(shared, waiter);
    expect(((await failed)[0] as Error).message).toBe('thrown by the drain');
  });

  test('a waiting worker that has nothing else to do ends', async () => {
    const shared = memory();
    const worker = new Worker(peer, { workerData: { memory: shared.memory, thread: 1, engine, spinMicroseconds: 20, mode: 'leave' } });
    cleanUps.push(() => worker.terminate());
    const [code] = await deadline(once(worker, 'exit'), 10_000, () => 'the worker still runs');
    expect(code).toBe(0);
  });

  test.each(['', 'process.exit(3)', 'setTimeout(() => process.exit(3), 20)'])('a process that waits ends by itself, or at once: %s', (last) => {
    const source = `
      import { chooseEngine } from ${JSON.stringify(new URL('../../dist/bindings/choose-engine.js', import.meta.url).href)};
      import { createSharedMemory } from ${JSON.stringify(new URL('../../dist/bindings/shared-memory.js', import.meta.url).href)};
      import { Worker } from 'node:worker_threads';
      const shared = createSharedMemory({ threadCount: 2, recordCapacity: 4096, ringBytes: 16384 }, [1, 2]);
      const { waiter } = chooseEngine({ forced: '${engine}' }).open(shared, 0, { spinMicroseconds: 20 });
      waiter.start(() => false);
      const worker = new Worker(${JSON.stringify(fileURLToPath(peer))}, { execArgv: [], workerData: { memory: shared.memory, thread: 1, engine: '${engine}', spinMicroseconds: 20, mode: 'park' } });
      await new Promise((resolve) => worker.once('message', resolve));
      worker.unref();
      ${last}`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8', timeout: 20_000 });
    expect({ status: child.status, signal: child.signal, stderr: child.stderr }).toEqual({ status: last === '' ? 0 : 3, signal: null, stderr: '' });
  });
});

describe('choice of engine', () => {
  const withVariable = (value: string | undefined, body: () => void) => {
    const before = process.env['NEXUS_ENGINE'];
    if (value === undefined) delete process.env['NEXUS_ENGINE'];
    else process.env['NEXUS_ENGINE'] = value;
    try {
      body();
    } finally {
      if (before === undefined) delete process.env['NEXUS_ENGINE'];
      else process.env['NEXUS_ENGINE'] = before;
    }
  };

  it('takes the native one if it loads, else WebAssembly, and says why it did', () => {
    withVariable(undefined, () => {
      const { report } = chooseEngine({});
      expect(report.kind).toBe(loaded.addon === undefined ? 'wasm' : 'native');
      expect(report.tried.map(({ kind }) => kind)).toEqual((loaded.errors ?? []).map(() => 'native'));
      expect(report.reason).toMatch(report.kind);
    });
  });

  it('can be forced by option and by variable; the option goes first', () => {
    withVariable('portable', () => expect(chooseEngine({}).report).toMatchObject({ kind: 'portable', reason: 'portable: forced by NEXUS_ENGINE' }));
    withVariable('nonsense', () => expect(chooseEngine({ forced: 'portable' }).report.kind).toBe('portable'));
    withVariable('', () => expect(chooseEngine({ require: 'portable' }).report.kind).toBe('portable'));
  });

  it('refuses what is no engine, and a force that contradicts a requirement', () => {
    const invalid = expect.objectContaining({ code: 'NEXUS_OPTION_INVALID' });
    withVariable('fast', () => expect(() => chooseEngine({})).toThrow(invalid));
    withVariable(undefined, () => {
      expect(() => chooseEngine({ forced: 'fast' as EngineKind })).toThrow(invalid);
      expect(() => chooseEngine({ forced: 'portable', require: 'native' })).toThrow(expect.objectContaining({ code: 'NEXUS_ENGINE_UNAVAILABLE' }));
    });
  });
});

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(condition: () => boolean, what: string, limitMs = 10_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not in ${limitMs} ms: ${what}`);
    await sleep(1);
  }
}

async function deadline<T>(promise: Promise<T>, limitMs: number, state: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not in ${limitMs} ms: ${state()}`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
