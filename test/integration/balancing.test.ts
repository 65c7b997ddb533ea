/** The loop that measures threads and relieves them, on real threads. Periods are short, and what is waited for are conditions. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BalancingRound, Nexus } from 'nexus-agents';
import { describe, expect, onTestFinished, test } from 'vitest';
import { chooseEngine } from '../../dist/bindings/choose-engine.js';
import { NodeLoadMeter, nodeProcessMemory } from '../../dist/ts-src/adapters/node-load-meter.js';
import { systemClock } from '../../dist/ts-src/adapters/system-clock.js';
import { composeNexus } from '../../dist/ts-src/create-nexus.js';
import { Nexus as PlainNexus } from '../../dist/ts-src/nexus.js';
import { resolveOptions } from '../../dist/ts-src/options.js';
import { eventLoopTurns } from '../../dist/ts-src/runtime/event-loop-turns.js';
import { Hoarder } from '../fixtures/hoarders.mjs';
import { Burner } from '../fixtures/loads.mjs';
import { failureOf, fixture, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const agents = [fixture('loads.mjs')];
const DEADLINE_MS = 60_000;

function roundsOf(nexus: Nexus): BalancingRound[] {
  const rounds: BalancingRound[] = [];
  nexus.on('balanced', (round) => void rounds.push(round));
  return rounds;
}

/** Four agents that together take more than all of thread 1, among forty that take nearly nothing. */
async function overload(nexus: Nexus): Promise<{ readonly hot: string[]; readonly isHot: (id: string) => boolean }> {
  const hot: string[] = [];
  for (let index = 0; index < 44; index++) {
    const isHot = index % 11 === 0;
    const burner = await nexus.spawn(Burner, { id: `${isHot ? 'hot' : 'cold'}/${index}`, thread: 1 });
    if (isHot) hot.push(burner.id);
    burner.tell('begin', isHot ? { ms: 8, periodMs: 25 } : { ms: 0, periodMs: 25 });
  }
  return { hot, isHot: (id) => id.startsWith('hot/') };
}

describe('a thread that is overloaded by some of its agents', () => {
  test('is relieved of the agents that take its time, and they go on', async () => {
    const logger = recorder();
    const nexus = await startNexus({ agents, threads: 2, logger, balancing: { periodMs: 200, migrate: true } });
    const rounds = roundsOf(nexus);
    const { hot, isHot } = await overload(nexus);
    const threadsOf = (): Set<number | undefined> => new Set(hot.map((id) => nexus.summary(id)?.thread));
    await until(() => threadsOf().size > 1, DEADLINE_MS);
    const moves = () => rounds.flatMap(({ actions }) => actions.filter((action) => action.type === 'migrate'));
    // The heaviest come first. Where others take the processor away in the middle of a message, one that does nothing may look heavy for a while.
    await until(() => moves().some(({ moved }) => isHot(moved[0]?.id ?? '')), DEADLINE_MS);
    const [first] = moves();
    expect(first).toMatchObject({ from: 1, failures: [] });
    expect(first?.reason).toMatch(/^its event loop is busy \d+ % of the time$/);
    expect(logger.lines.filter(({ level }) => level === 'info')).toContainEqual(
      expect.objectContaining({ message: 'agents were moved off an overloaded thread', data: expect.objectContaining({ from: 1 }) }),
    );
    for (const id of hot) {
      const burner = nexus.find(id, Burner);
      const before = (await burner?.ask('burnt', undefined, { timeoutMs: DEADLINE_MS })) as number;
      await until(async () => ((await burner?.ask('burnt', undefined, { timeoutMs: DEADLINE_MS })) as number) > before, DEADLINE_MS);
    }
  });

  test('keeps its agents by default', async () => {
    const nexus = await startNexus({ agents, threads: 2, balancing: { periodMs: 100 } });
    const rounds = roundsOf(nexus);
    const { hot } = await overload(nexus);
    const overloaded = (): BalancingRound[] => rounds.filter(({ threads }) => (threads[1]?.utilization ?? 0) >= 0.85);
    await until(() => overloaded().length >= 6, DEADLINE_MS);
    expect(rounds.flatMap(({ actions }) => actions)).toEqual([]);
    expect(hot.map((id) => nexus.summary(id)?.thread)).toEqual([1, 1, 1, 1]);
  });
});

describe('a thread that is short of memory', () => {
  const start = (options: object): Promise<Nexus> => {
    const path = mkdtempSync(join(tmpdir(), 'nexus-balancing-'));
    onTestFinished(() => rmSync(path, { recursive: true, force: true }));
    const resourceLimits = { maxOldGenerationSizeMb: 48, maxYoungGenerationSizeMb: 8 };
    return startNexus({ agents: [fixture('hoarders.mjs')], threads: 1, storage: { path }, workers: { resourceLimits, restart: { intensity: 0 } }, ...options });
  };
  /** 128 MiB of agents for a thread that has 48. */
  const COUNT = 2048;

  test('lets idle durable agents leave it, and lives where it would have ended', async () => {
    const logger = recorder();
    const nexus = await start({ logger, balancing: { periodMs: 50, memoryPressure: 0.5 } });
    const rounds = roundsOf(nexus);
    const lost: unknown[] = [];
    nexus.on('threadLost', (loss) => void lost.push(loss));
    for (let index = 0; index < COUNT && lost.length === 0; index++) {
      await nexus.getOrSpawn(Hoarder, `hoarder/${index}`, { thread: 1 });
      if (index % 32 !== 0) continue;
      const seen = rounds.length;
      await until(() => rounds.length > seen || lost.length > 0, DEADLINE_MS);
    }
    expect(lost).toEqual([]);
    const left = rounds.flatMap(({ actions }) => actions).reduce((sum, action) => sum + (action.type === 'passivate' ? action.passivated : 0), 0);
    expect(left).toBeGreaterThan(COUNT / 4);
    expect(nexus.threads()[1]?.counters['durable_passivated']).toBeGreaterThanOrEqual(left);
    expect(logger.lines.some(({ level, message }) => level === 'info' && message === 'durable agents have left memory, which is short')).toBe(true);
    for (const index of [0, 1, COUNT - 1]) expect(await nexus.find(`hoarder/${index}`, Hoarder)?.ask('last')).toBe(8191.5);
  }, 120_000);

  test('keeps durable agents that are in use', async () => {
    // The process has more than that from the start.
    const nexus = await start({ balancing: { periodMs: 1500, memoryBytesMax: 1_048_576 } });
    const used = await nexus.getOrSpawn(Hoarder, 'used', { thread: 1 });
    await nexus.getOrSpawn(Hoarder, 'idle', { thread: 1 });
    const rounds = roundsOf(nexus);
    const passivated = (): number => nexus.threads()[1]?.counters['durable_passivated'] as number;
    await until(async () => (await used.ask('last')) === 8191.5 && passivated() > 0, DEADLINE_MS);
    const seen = rounds.length;
    await until(async () => (await used.ask('last')) === 8191.5 && rounds.length > seen + 1, DEADLINE_MS);
    expect(passivated()).toBe(1);
    expect([nexus.summary('used')?.thread, nexus.summary('idle')]).toEqual([1, undefined]);
  });

  test('ends without the loop', async () => {
    const nexus = await start({ balancing: false });
    const lost: unknown[] = [];
    nexus.on('threadFailed', (loss) => void lost.push(loss));
    for (let index = 0; index < COUNT && lost.length === 0; index++) await failureOf(nexus.getOrSpawn(Hoarder, `hoarder/${index}`, { thread: 1 }));
    await until(() => lost.length > 0, DEADLINE_MS);
    expect(nexus.threads().map(({ load }) => load)).toEqual([undefined, undefined]);
  }, 120_000);
});

describe('measuring', () => {
  test('every thread says what it has measured, also one that took the place of another', async () => {
    const nexus = await startNexus({ agents, threads: 1, balancing: { periodMs: 50 } });
    await until(() => nexus.threads().every(({ load }) => load !== undefined));
    for (const { load } of nexus.threads()) {
      expect(load?.heapUsedBytes).toBeGreaterThan(1_000_000);
      expect(load?.heapLimitBytes).toBeGreaterThan(load?.heapUsedBytes as number);
      for (const share of [load?.utilization, load?.collecting]) expect(share).toSatisfy((value: number) => value >= 0 && value <= 1);
    }
    const tree = await nexus.supervisionTree();
    const services = tree.threads.map((thread) => thread.services.map(({ id, status }) => [id, status]));
    const measuring = ['balancing.measuring', 'running'];
    expect(services).toEqual([[measuring, ['balancing', 'running']], [measuring]]);
    const burner = await nexus.spawn(Burner, { thread: 1 });
    burner.tell('begin', { ms: 40, periodMs: 50 });
    await until(() => (nexus.threads()[1]?.load?.utilization ?? 0) > 0.5);
    await until(() => (nexus.threads()[1]?.load?.lagMs ?? 0) > 10);
    const before = nexus.threads()[1]?.load?.measuredAtMs as number;
    burner.tell('exit');
    await until(() => {
      const { incarnation, load } = nexus.threads()[1] ?? {};
      return incarnation === 1 && load !== undefined && load.measuredAtMs > before && load.utilization < 0.5;
    });
  });

  test('a loop that fails is started again, and harms nobody', async () => {
    const logger = recorder();
    const readMs: number[] = [];
    const memory = {
      ...nodeProcessMemory,
      residentBytes: () => {
        readMs.push(performance.now());
        if (readMs.length <= 2) throw new Error('no such file');
        return nodeProcessMemory.residentBytes();
      },
    };
    const composed = await composeNexus(resolveOptions({ agents, threads: 1, logger, balancing: { periodMs: 50 } }), {
      clock: systemClock,
      turns: eventLoopTurns,
      engine: chooseEngine({ forced: undefined, require: undefined }),
      random: Buffer.alloc(12, 7),
      load: { meter: new NodeLoadMeter(), memory },
      nexus: (...parts) => new PlainNexus(...parts),
    });
    const nexus = composed as unknown as Nexus;
    onTestFinished(async () => void (await nexus.stop({ deadlineMs: 2000 })));
    const rounds = roundsOf(nexus);
    const burner = await nexus.spawn(Burner, { thread: 1 });
    await until(async () => (await burner.ask('burnt')) === 0 && rounds.length > 0, DEADLINE_MS);
    // Not so often that it would be a failure of the thread.
    expect((readMs[1] as number) - (readMs[0] as number)).toBeGreaterThan(1900);
    const tree = await nexus.supervisionTree();
    expect(tree.threads[0]?.services.find(({ id }) => id === 'balancing')).toMatchObject({ status: 'running', restarts: 2 });
    expect(logger.lines.filter(({ data }) => data['service'] === 'balancing').map(({ data }) => data['error'])).toEqual(['no such file', 'no such file']);
  });

  test('a round that is under way does not hold up the end of the nexus, and none follows', async () => {
    const nexus = await startNexus({ agents, threads: 2, balancing: { periodMs: 50, migrate: true } });
    const rounds = roundsOf(nexus);
    await overload(nexus);
    await until(() => rounds.some(({ actions }) => actions.length > 0), DEADLINE_MS);
    const report = await nexus.stop({ deadlineMs: 30_000 });
    expect(report.complete).toBe(true);
    const seen = rounds.length;
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(rounds.length).toBe(seen);
  });
});

test.each([
  [{ periodMs: 10 }, 'balancing.periodMs'],
  [{ migrate: 'yes' }, 'balancing.migrate'],
  [{ migrationsMax: 0.5 }, 'balancing.migrationsMax'],
  [{ overload: 2 }, 'balancing.overload'],
  [{ memoryPressure: 0 }, 'balancing.memoryPressure'],
  [{ memoryBytesMax: 1 }, 'balancing.memoryBytesMax'],
  [{ migrat: true }, "'migrate'"],
  [true, 'balancing'],
])('wrong options of balancing are refused: %j', async (balancing, named) => {
  const failure = await failureOf(startNexus({ agents: [], threads: 0, balancing: balancing as never }));
  expect(failure?.code).toMatch(/^NEXUS_OPTION_(INVALID|UNKNOWN)$/);
  expect(failure?.message).toContain(named);
});
