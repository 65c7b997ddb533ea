/** Two hundred workers that end under load: nothing hangs, nothing leaks. */
import { readdirSync } from 'node:fs';
import type { AgentRef, Nexus } from 'nexus-agents';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../dist/ts-src/model/seeded-random.js';
import { Member, Worker } from '../fixtures/crowd.mjs';
import { fixture, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

type WorkerRef = AgentRef<typeof Worker>;

const KILLS = 200;
const OUT_OF_MEMORY = 4;
const THREADS = 3;
const PER_THREAD = 20;
/** What may become of an ask while threads come and go. */
const CODES = ['NEXUS_THREAD_LOST', 'NEXUS_AGENT_NOT_FOUND', 'NEXUS_AGENT_STOPPED', 'NEXUS_BACKPRESSURE', 'NEXUS_ID_DUPLICATE'];

const openFiles = (): number => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0);
const ports = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length;

class Load {
  readonly outcomes = new Map<string, number>();
  running = true;
  #named = 0;
  readonly #loops: Promise<void>[] = [];

  constructor(
    readonly nexus: Nexus,
    readonly workers: readonly WorkerRef[],
    readonly random: SeededRandom,
  ) {
    for (let index = 0; index < 8; index++) this.#loops.push(this.#ask());
    for (let index = 0; index < 4; index++) this.#loops.push(this.#askFromAgents());
    for (let index = 0; index < 2; index++) this.#loops.push(this.#spawn());
    this.#loops.push(this.#tell());
  }

  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.#loops);
  }

  pick(): WorkerRef {
    return this.workers[Math.floor(this.random.next() * this.workers.length)] as WorkerRef;
  }

  #note(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  async #settle(asked: Promise<unknown>): Promise<void> {
    await asked.then(
      () => this.#note('answered'),
      (error: { code?: string; message: string }) => this.#note(error.code ?? error.message),
    );
  }

  async #ask(): Promise<void> {
    for (let value = 0; this.running; value++)
      await this.#settle(this.pick().ask(value % 2 === 0 ? 'echo' : 'later', { value, text: 'x'.repeat(value % 300) }, { timeoutMs: 120_000 }));
  }

  async #askFromAgents(): Promise<void> {
    while (this.running) {
      const refs = Array.from({ length: 10 }, () => this.pick());
      await this.#settle(
        this.pick()
          .ask('askAll', { refs, value: 'x' }, { timeoutMs: 120_000 })
          .then((reply) => (reply as { codes: string[] }).codes.forEach((code) => this.#note(code))),
      );
    }
  }

  async #spawn(): Promise<void> {
    while (this.running) {
      const id = `member${this.#named++}`;
      await this.#settle(this.random.next() < 0.5 ? this.nexus.spawn(Member, { id }) : this.pick().ask('spawn', { id }, { timeoutMs: 120_000 }));
      const member = this.nexus.find(id, Member);
      if (member !== undefined) await this.#settle(member.stop({ timeoutMs: 120_000 }));
    }
  }

  async #tell(): Promise<void> {
    while (this.running) {
      for (let count = 0; count < 100; count++) this.pick().tell('echo', { count });
      // Workers need the processor too, to come back.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

test('two hundred kills of workers under load hang nothing and leak nothing', { timeout: 240_000 }, async () => {
  const seed = Number(process.env['NEXUS_KILLS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  const nexus = await startNexus({
    agents: [fixture('crowd.mjs')],
    threads: THREADS,
    // No wait is cut short: one that never ends fails the test.
    messages: { askTimeoutMs: 120_000 },
    workers: { restart: { intensity: 1_000_000 }, resourceLimits: { maxOldGenerationSizeMb: 48 } },
  });
  let lost = 0;
  /** Their successors do not serve yet. One that is lost while it brings its agents back never says that it has. */
  const missing = new Set<number>();
  nexus.on('threadLost', ({ thread }) => {
    lost++;
    missing.add(thread);
  });
  nexus.on('threadRestored', ({ thread }) => missing.delete(thread));
  const workers = await Promise.all(
    Array.from({ length: (THREADS + 1) * PER_THREAD }, (_, index) => nexus.spawn(Worker, { id: `worker${index}`, thread: index % (THREADS + 1) })),
  );
  const mortal = workers.filter((_, index) => index % (THREADS + 1) > 0);
  const load = new Load(nexus, workers, new SeededRandom(seed, 'load'));
  const random = new SeededRandom(seed, 'kills');
  const kill = async (count: number): Promise<void> => {
    const target = mortal[Math.floor(random.next() * mortal.length)] as WorkerRef;
    const action = count % Math.floor(KILLS / OUT_OF_MEMORY) === 10 ? 'eat' : random.next() < 0.5 ? 'exit' : 'crash';
    // It may be lost with its message, when its thread ends for another reason before; `crash` answers, the thread ends after that.
    const asked = target.ask(action, undefined, { timeoutMs: 120_000 }).then(
      () => expect(action).toBe('crash'),
      (error: { code: string }) => expect(['NEXUS_THREAD_LOST', 'NEXUS_BACKPRESSURE']).toContain(error.code),
    );
    // Not always one at a time: the next may come while this one is being replaced, or is the same.
    asked.catch(() => undefined);
    if (random.next() < 0.5) await asked;
    else for (let turns = Math.floor(random.next() * 200); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
  };
  let filesBefore = 0;
  let portsBefore = 0;
  try {
    for (let count = 0; lost < KILLS; count++) {
      await kill(count);
      if (count === 20) {
        await until(() => missing.size === 0, 60_000);
        filesBefore = openFiles();
        portsBefore = ports();
      }
    }
    await load.stop();
  } catch (error) {
    throw new Error(`NEXUS_KILLS_SEED=${seed}: ${(error as Error).message}`, { cause: error });
  }
  await until(() => nexus.threads().every(({ state }) => state === 'ready') && missing.size === 0, 60_000);
  for (const worker of workers) await until(async () => (await worker.ask('echo', 1).catch(() => 0)) === 1);
  expect([...load.outcomes.keys()].filter((outcome) => outcome !== 'answered' && !CODES.includes(outcome))).toEqual([]);
  expect(load.outcomes.get('answered')).toBeGreaterThan(1000);
  expect(load.outcomes.get('NEXUS_THREAD_LOST')).toBeGreaterThan(KILLS / 4);
  // Members whose spawn nobody saw succeed.
  for (const { id } of nexus.agents('member')) await nexus.find(id)?.stop();
  await until(() => nexus.agentCount === workers.length);
  expect(nexus.tableStatistics()).toMatchObject({ live: workers.length, staleEntries: 0 });
  // Groups of 256 records: what a predecessor claimed, its successor uses.
  expect(nexus.tableStatistics().claimed).toBeLessThanOrEqual(256 * (THREADS + 1) * 2);
  await until(() => ports() <= portsBefore);
  expect(openFiles()).toBeLessThanOrEqual(filesBefore + 5);
  await Promise.all(workers.map((worker) => worker.stop()));
  expect(nexus.tableStatistics()).toMatchObject({ live: 0, staleEntries: 0 });
});
