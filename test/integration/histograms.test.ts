/** What the threads time, as users read it: from real threads, on each engine, over the loss of a thread. How buckets work is tested with the model. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Nexus } from 'nexus-agents';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../dist/ts-src/adapters/system-clock.js';
import { Desk, Probe } from '../fixtures/probe.mjs';
import { describeEngines, failureOf, fixture, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const NAMES = ['ask_local', 'ask_remote', 'turn', 'message_wait'] as const;

describeEngines((engine) => {
  const start = (threads: number): Promise<Nexus> => startNexus({ agents: [fixture('probe.mjs')], threads, engine: { force: engine } });

  test('asks are timed where they were made, by distance, the first and then one of so many', async () => {
    const nexus = await start(1);
    const near = await nexus.spawn(Probe, { thread: 'local' });
    const far = await nexus.spawn(Probe, { thread: 1 });
    for (const name of NAMES.slice(0, 2)) expect(nexus.histogram(name).count, name).toBe(0);
    const from = performance.now();
    for (let asked = 1; asked <= 260; asked++) {
      await near.ask('read');
      expect(nexus.histogram('ask_local').count).toBe(Math.ceil(asked / 127));
    }
    for (let asked = 1; asked <= 30; asked++) {
      await far.ask('read');
      expect(nexus.histogram('ask_remote').count).toBe(Math.ceil(asked / 7));
    }
    const elapsedNs = (performance.now() - from) * 1e6;
    for (const name of NAMES.slice(0, 2)) {
      const { count, sum, min, max, mean } = nexus.histogram(name, 0);
      expect(nexus.histogram(name, 1).count).toBe(0);
      expect(min).toBeGreaterThanOrEqual(1);
      expect(mean).toBe(sum / count);
      expect(mean >= min && mean <= max && sum < elapsedNs, `${min} ${mean} ${max} ${sum} ${elapsedNs}`).toBe(true);
    }
    // The worker asks, so the worker is where it is recorded.
    await far.ask('codeOfAsk', { ref: near, action: 'read', options: {} });
    expect(nexus.histogram('ask_remote', 1).count).toBe(1);
    expect(nexus.histogram('ask_remote').count).toBe(nexus.histogram('ask_remote', 0).count + 1);
  });

  test('a caller that waited 60 ms has waited 60 ms, also in vain', async () => {
    const nexus = await start(1);
    const near = await nexus.spawn(Probe, { thread: 'local' });
    const far = await nexus.spawn(Probe, { thread: 1 });
    const failures = [near, far].map((ref) => failureOf(ref.ask('hold', engine, { timeoutMs: 60 })));
    expect((await Promise.all(failures)).map((failure) => failure?.code)).toEqual(['NEXUS_ASK_TIMEOUT', 'NEXUS_ASK_TIMEOUT']);
    for (const name of NAMES.slice(0, 2)) {
      expect(nexus.histogram(name).count).toBe(1);
      expect(nexus.histogram(name).quantile(0.5)).toBeGreaterThan(59e6);
    }
    for (const thread of ['local', 1] as const) (await nexus.spawn(Desk, { thread })).tell('open', engine);
  });

  test('a handler that blocks its thread shows in the turns of that thread, and in the wait of messages to it', async () => {
    const from = performance.now();
    const nexus = await start(1);
    const far = await nexus.spawn(Probe, { thread: 1 });
    // One of so many is timed: until one of them was among these.
    await until(async () => {
      await far.ask('block', 20);
      return nexus.histogram('turn', 1).max >= 20e6;
    });
    await until(async () => {
      far.tell('block', 20);
      for (let sent = 0; sent < 40; sent++) {
        far.tell('add', 1);
        // A publication each.
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      await far.ask('read');
      return nexus.histogram('message_wait', 1).max >= 10e6;
    });
    // The clocks of two threads begin at different times; what passes between them is no longer than the test, either way.
    expect(nexus.histogram('message_wait', 0).count).toBeGreaterThan(0);
    const elapsedNs = (performance.now() - from) * 1e6;
    for (const name of NAMES.slice(1)) expect(nexus.histogram(name).max, name).toBeLessThan(elapsedNs);
  });

  test('a thread that is replaced goes on with its histograms', async () => {
    const nexus = await start(1);
    const far = await nexus.spawn(Probe, { thread: 1 });
    for (let asked = 0; asked < 100; asked++) await far.ask('read');
    await until(() => nexus.histogram('turn', 1).count > 0 && nexus.histogram('message_wait', 1).count > 0);
    const before = NAMES.map((name) => nexus.histogram(name, 1));
    const restored = new Promise((resolve) => nexus.on('threadRestored', resolve));
    far.tell('exit', 1);
    await restored;
    for (let asked = 0; asked < 100; asked++) await far.ask('read');
    const counts = (): number[] => NAMES.map((name, index) => nexus.histogram(name, 1).since(before[index] as (typeof before)[number]).count);
    await until(() => (counts()[2] as number) > 0 && (counts()[3] as number) > 0);
    expect(nexus.threads()[1]?.incarnation).toBe(1);
  });
});

test('all threads of a process have the same clock', async () => {
  const clock = new URL('../../dist/ts-src/adapters/system-clock.js', import.meta.url).href;
  const worker = new Worker(
    `import(${JSON.stringify(clock)}).then(({ systemClock }) => {
      const { parentPort } = require('node:worker_threads');
      parentPort.on('message', () => parentPort.postMessage(systemClock.nowMs()));
      parentPort.postMessage('ready');
    });`,
    { eval: true },
  );
  onTestFinished(() => worker.terminate().then(() => undefined));
  await once(worker, 'message');
  for (let reading = 0; reading < 20; reading++) {
    const before = systemClock.nowMs();
    worker.postMessage('read');
    const [there] = (await once(worker, 'message')) as [number];
    expect(there).toBeGreaterThanOrEqual(before);
    expect(there).toBeLessThanOrEqual(systemClock.nowMs());
  }
});

test('what is no histogram and no thread of this nexus is said', async () => {
  const nexus = await startNexus({ agents: [], threads: 1 });
  const failure = await failureOf(() => nexus.histogram('ask_remot' as 'ask_remote'));
  expect(failure?.code).toBe('NEXUS_OPTION_INVALID');
  expect(failure?.message).toContain("did you mean 'ask_remote'?");
  for (const thread of [2, -1, 0.5, '1' as unknown as number]) {
    expect((await failureOf(() => nexus.histogram('turn', thread)))?.code, String(thread)).toBe('NEXUS_THREAD_UNKNOWN');
  }
});
