/**
 * Workers of a whole nexus that end in the middle of an access to the shared memory, while they spawn, send, ask and take over from a predecessor: the other threads go on
 * answering, every ask settles, and the agents come back. The accesses are chosen by a seed, which a failure prints.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentRef, EngineKind, Nexus } from 'nexus-agents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as L from '../../dist/layout/generated/layout.js';
import { SeededRandom } from '../../dist/ts-src/model/seeded-random.js';
import { loaded } from '../conformance/tables.js';
import { Member, Worker } from '../fixtures/crowd.mjs';
import { FAULT_EXIT_CODE, FaultPoint } from '../fixtures/fault-points.mjs';
import { fixture, recorder, startNexus } from '../start-nexus.js';
import { compileSteppedBytes } from '../unit/wasm/stepped-module.js';
import { until } from '../until.js';

type WorkerRef = AgentRef<typeof Worker>;

const KILLS = Number(process.env['NEXUS_FAULT_KILLS'] ?? 30);
const THREADS = 3;
const PER_THREAD = 12;
const DEADLINE_MS = 30_000;
const CODES = ['answered', 'NEXUS_THREAD_LOST', 'NEXUS_AGENT_NOT_FOUND', 'NEXUS_AGENT_STOPPED', 'NEXUS_BACKPRESSURE', 'NEXUS_ID_DUPLICATE'];
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-stepped-'));
  const layout = Buffer.from([0, 8, 6, ...Buffer.from('layout'), L.VERSION]);
  writeFileSync(join(folder, 'stepped.wasm'), Buffer.concat([await compileSteppedBytes(), layout]));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(['native', 'wasm', 'portable'] as const)('a %s nexus', (engine: EngineKind) => {
  test.skipIf(engine === 'native' && loaded.addon === undefined)('loses workers at fault points, and goes on', { timeout: 240_000 }, async () => {
    const seed = Number(process.env['NEXUS_FAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    process.env['NEXUS_STEPPED_MODULE'] = join(folder, 'stepped.wasm');
    try {
      await loseWorkers(engine, new SeededRandom(seed, 'faults'));
    } catch (error) {
      throw new Error(`NEXUS_FAULT_SEED=${seed}: ${(error as Error).message}`, { cause: error });
    } finally {
      delete process.env['NEXUS_STEPPED_MODULE'];
      delete process.env['NEXUS_FAULT_AT_START'];
    }
  });
});

async function loseWorkers(engine: EngineKind, random: SeededRandom): Promise<void> {
  const logger = recorder();
  const nexus = await startNexus({
    agents: [fixture('fault-points.mjs'), fixture('crowd.mjs')],
    threads: THREADS,
    engine: { force: engine },
    logger,
    messages: { askTimeoutMs: 120_000 },
    workers: { restart: { intensity: 1_000_000 } },
  });
  let restored = 0;
  let answeredMeanwhile = 0;
  const lost: { thread: number; exitCode: number }[] = [];
  nexus.on('threadLost', ({ thread, exitCode }) => void lost.push({ thread, exitCode }));
  nexus.on('threadRestored', () => restored++);
  const workers = await Promise.all(
    Array.from({ length: (THREADS + 1) * PER_THREAD }, (_, index) => nexus.spawn(Worker, { id: `worker${index}`, thread: index % (THREADS + 1) })),
  );
  const ofThread = (thread: number): WorkerRef => workers[thread + (THREADS + 1) * Math.floor(random.next() * PER_THREAD)] as WorkerRef;
  const load = new Load(nexus, workers);
  const loseOne = async (kill: number): Promise<void> => {
    const thread = 1 + Math.floor(random.next() * THREADS);
    // Small numbers as often as large ones: what is done for a message, and what is done for hundreds.
    const accesses = Math.ceil(10 ** (random.next() * 3.7));
    const diesAgain = random.next() < 0.3;
    const before = lost.length;
    if (diesAgain) process.env['NEXUS_FAULT_AT_START'] = String(Math.ceil(10 ** (random.next() * 3.2)));
    // Until it is told, or its thread ends while it is: it may have been given up itself (an agent in whose start a thread ends is not started again), or its ring full.
    await until(async () => {
      if (lost.length > before) return true;
      const point = await nexus.getOrSpawn(FaultPoint, `point${thread}`, { thread }).catch(() => undefined);
      return (
        (await point?.ask('arm', accesses, { timeoutMs: 120_000 }).then(
          () => true,
          () => false,
        )) ?? false
      );
    }, DEADLINE_MS);
    await until(() => lost.length > before, DEADLINE_MS);
    // The others answer each other while it is gone.
    const others = Array.from({ length: THREADS + 1 }, (_, index) => index).filter((each) => each !== thread);
    for (const from of others) {
      const refs = others.map((to) => ofThread(to));
      const asked = ofThread(from).ask('askAll', { refs, value: kill }, { timeoutMs: DEADLINE_MS });
      const { answered, codes } = await asked.catch((error: { code: string }) => ({ answered: 0, codes: refs.map(() => error.code) }));
      expect(answered + codes.length).toBe(refs.length);
      expect(codes).toEqual([]);
      answeredMeanwhile += answered;
    }
    await until(() => lost.length > before + (diesAgain ? 1 : 0), DEADLINE_MS);
    delete process.env['NEXUS_FAULT_AT_START'];
    await until(() => nexus.threads().every(({ state }) => state === 'ready'), DEADLINE_MS);
  };
  try {
    for (let kill = 0; kill < KILLS; kill++) await loseOne(kill);
  } finally {
    await load.stop();
  }
  await until(() => nexus.threads().every(({ state }) => state === 'ready'), DEADLINE_MS);
  expect(lost.filter(({ exitCode }) => exitCode !== FAULT_EXIT_CODE)).toEqual([]);
  expect(lost.length).toBeGreaterThanOrEqual(KILLS);
  // Three threads ask three each; what is missing is agents that were given up.
  expect(answeredMeanwhile).toBeGreaterThan(KILLS * 6);
  expect(restored).toBeGreaterThanOrEqual(KILLS / 2);
  expect([...load.outcomes.keys()].filter((outcome) => !CODES.includes(outcome))).toEqual([]);
  expect(load.outcomes.get('answered')).toBeGreaterThan(500);
  // An agent in whose start a thread ends is not started again, and that is said.
  const givenUp = logger.lines.filter(({ message }) => message.includes('is given up')).length;
  const answers = await Promise.all(workers.map((worker) => worker.ask('echo', 1, { timeoutMs: DEADLINE_MS }).catch((error: { code: string }) => error.code)));
  expect(answers.filter((answer) => answer !== 1 && answer !== 'NEXUS_AGENT_NOT_FOUND')).toEqual([]);
  const there = answers.filter((answer) => answer === 1).length;
  expect(workers.length - there).toBeLessThanOrEqual(givenUp);
  for (const { id } of nexus.agents('member')) await nexus.find(id)?.stop();
  const pointsThere = [...nexus.agents('fault-point')].length;
  await until(() => nexus.tableStatistics().live === there + pointsThere, DEADLINE_MS);
  expect(nexus.tableStatistics().staleEntries).toBe(0);
  // Groups of 256 records: what a predecessor claimed, its successor uses.
  expect(nexus.tableStatistics().claimed).toBeLessThanOrEqual(L.GROUP_RECORDS * (THREADS + 1) * 2);
  if (process.env['NEXUS_FAULT_REPORT'] !== undefined)
    process.stderr.write(`${engine}: ${lost.length} lost, ${givenUp} given up, ${JSON.stringify([...load.outcomes])}\n`);
}

/** Asks, tells and spawns, from the calling thread and from agents, until told to stop; then every one of them has settled. */
class Load {
  readonly outcomes = new Map<string, number>();
  #isRunning = true;
  readonly #nexus: Nexus;
  readonly #workers: readonly WorkerRef[];
  readonly #random = new SeededRandom(1, 'load');
  readonly #loops: Promise<void>[];
  #named = 0;

  constructor(nexus: Nexus, workers: readonly WorkerRef[]) {
    this.#nexus = nexus;
    this.#workers = workers;
    const each = [() => this.#ask(), () => this.#askFromAgents(), () => this.#spawn(), () => this.#tell()];
    this.#loops = [...each, ...each.slice(0, 3)].map((step) => this.#repeat(step));
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#loops);
  }

  async #repeat(step: () => Promise<unknown>): Promise<void> {
    while (this.#isRunning) await step();
  }

  #pick(): WorkerRef {
    return this.#workers[Math.floor(this.#random.next() * this.#workers.length)] as WorkerRef;
  }

  async #settle(asked: Promise<unknown>): Promise<void> {
    const outcome = await asked.then(
      () => 'answered',
      (error: { code?: string; message: string }) => error.code ?? error.message,
    );
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  #ask(): Promise<void> {
    return this.#settle(this.#pick().ask('later', { text: 'x'.repeat(this.#named % 300) }, { timeoutMs: 120_000 }));
  }

  #askFromAgents(): Promise<void> {
    const refs = Array.from({ length: 6 }, () => this.#pick());
    return this.#settle(this.#pick().ask('askAll', { refs, value: 'x' }, { timeoutMs: 120_000 }));
  }

  async #spawn(): Promise<void> {
    const id = `member${this.#named++}`;
    await this.#settle(this.#named % 2 === 0 ? this.#nexus.spawn(Member, { id }) : this.#pick().ask('spawn', { id }, { timeoutMs: 120_000 }));
    const member = this.#nexus.find(id, Member);
    if (member !== undefined) await this.#settle(member.stop({ timeoutMs: 120_000 }));
  }

  async #tell(): Promise<void> {
    for (let count = 0; count < 50; count++) this.#pick().tell('echo', { count });
    // Workers need the processor too, to come back.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
