/** Threads stop by the clock: what the membership of a node writes into the shared memory ends the work of all threads at that time, on every engine, whoever else is blocked. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AnyAgent, defineAgent } from 'nexus-agents';
import { expect, onTestFinished, test } from 'vitest';
import * as L from '../../../dist/layout/generated/layout.js';
import { partsOf } from '../../../dist/ts-src/nexus.js';
import { inMemory } from '../../durable-setups.js';
import { codeOf, describeEngines, fixture, startNexus } from '../../start-nexus.js';
import { until } from '../../until.js';
import { Ticking } from '../../fixtures/ticking.mjs';

describeEngines((engine) => {
  test('no handler begins after the time until which the threads may run, on any of them, also while the calling thread is blocked', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nexus-until-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const nexus = await startNexus({ agents: [fixture('ticking.mjs')], threads: 2, engine: { force: engine } });
    const ticking = Ticking as AnyAgent;
    const times = (thread: number): readonly number[] => {
      try {
        return readFileSync(join(folder, String(thread)), 'utf8')
          .split('\n')
          .filter(Boolean)
          .map(Number.parseFloat);
      } catch {
        return [];
      }
    };
    const agents = await Promise.all(
      [0, 1, 2].map((thread) => nexus.spawn(ticking, { id: `t${thread}`, thread, init: { file: join(folder, String(thread)) } } as never)),
    );
    await until(() => [0, 1, 2].every((thread) => times(thread).length > 5));
    const { doubles } = partsOf(nexus as never).host.shared;
    expect(doubles[L.HEADER_WORD_RUN_UNTIL / 2]).toBe(Number.POSITIVE_INFINITY);
    const untilMs = performance.now() + 100;
    doubles[L.HEADER_WORD_RUN_UNTIL / 2] = untilMs;
    // The calling thread comes to nothing any more, and the workers are to stop all the same.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
    const counts = [0, 1, 2].map((thread) => times(thread).length);
    for (const thread of [1, 2]) {
      const last = times(thread).at(-1) as number;
      // A handler that had begun may have noted its time a little later.
      expect(last).toBeGreaterThan(untilMs - 60);
      expect(last).toBeLessThan(untilMs + 50);
    }
    // Messages find no handler any more, on any thread.
    expect(await codeOf((agents[1] as unknown as { ask(...args: unknown[]): Promise<unknown> }).ask('ticks', undefined, { timeoutMs: 100 }))).toBe(
      'NEXUS_ASK_TIMEOUT',
    );
    expect(await codeOf((agents[0] as unknown as { ask(...args: unknown[]): Promise<unknown> }).ask('ticks', undefined, { timeoutMs: 100 }))).toBe(
      'NEXUS_ASK_TIMEOUT',
    );
    expect([0, 1, 2].map((thread) => times(thread).length)).toEqual(counts);
    // Nor does anything start.
    for (const thread of [0, 1, 2])
      expect(await codeOf(nexus.spawn(ticking, { id: `late${thread}`, thread, init: { file: join(folder, `late${thread}`) } } as never))).toBe('NEXUS_STOPPED');
    // And the nexus ends in time.
    const startedMs = performance.now();
    const report = await nexus.stop({ deadlineMs: 300 });
    expect(report.complete).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });
});

test('a handler that the disk has held back does not begin after that time, however late the disk answers', async () => {
  const { start, memory } = inMemory();
  const begun: string[] = [];
  const Held = defineAgent({
    kind: 'held',
    state: () => ({ count: 0 }),
    durable: { lossMaxMs: 20 },
    actions: { add: (state, what: string) => (begun.push(what), ++state.count) },
  });
  const nexus = await start({ agents: [Held] });
  const agent = await nexus.spawn(Held, { id: 'h' });
  memory.holdWrites();
  await agent.ask('add', 'first');
  await until(() => memory.waiting > 0);
  const boundMs = performance.now() + 30;
  await until(() => performance.now() > boundMs);
  const late = codeOf(agent.ask('add', 'late', { timeoutMs: 20_000 }));
  await until(() => (partsOf(nexus as never).host.durable?.handlers.held ?? 0) > 0);
  const { doubles } = partsOf(nexus as never).host.shared;
  doubles[L.HEADER_WORD_RUN_UNTIL / 2] = performance.now();
  await until(() => performance.now() > (doubles[L.HEADER_WORD_RUN_UNTIL / 2] as number));
  memory.releaseWrites();
  await until(() => memory.waiting === 0);
  await new Promise((resolve) => setImmediate(resolve));
  await nexus.stop({ deadlineMs: 300 });
  expect(begun).toEqual(['first']);
  expect(await late).toBe('NEXUS_STOPPED');
});
