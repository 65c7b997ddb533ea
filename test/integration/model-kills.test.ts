/** Random sequences with threads that end in the middle: what is handled is handled once and in order, and whoever waits for a reply learns what became of it. */
import type { AgentRef, Nexus } from 'nexus-agents';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../dist/ts-src/model/seeded-random.js';
import { Mortal } from '../fixtures/ledger.mjs';
import { describeEngines, fixture, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

type MortalRef = AgentRef<typeof Mortal>;

const SEQUENCES = 60;
const WORKERS = 3;
const ENDS = ['NEXUS_THREAD_LOST', 'boom'];

interface Known {
  readonly ref: MortalRef;
  readonly thread: number;
  /** Entries that the driver has sent. */
  sent: number;
}

/** What every agent published, by its id and the sender. */
type Published = Map<string, Map<string, number[]>>;

async function runSequence(nexus: Nexus, seed: number, commands: string[], published: Published): Promise<void> {
  const random = new SeededRandom(seed, 'kills');
  const below = (limit: number): number => Math.floor(random.next() * limit);
  const agents: Known[] = [];
  const asked: Promise<void>[] = [];
  let seq = 0;
  for (let index = 0; index < 4; index++) {
    const thread = index === 0 ? 0 : 1 + below(WORKERS);
    commands.push(`spawn ${index} on ${thread}`);
    agents.push({ ref: await nexus.getOrSpawn(Mortal, `${seed}/${index}`, { thread }), thread, sent: 0 });
  }
  /** Settles with a reply, or with a code that says what happened. */
  const ask = (agent: Known, action: 'put' | 'exit' | 'fail', input: unknown, check: (reply: unknown) => void): void => {
    const settled = agent.ref
      .ask(action, input as never, { timeoutMs: 60_000 })
      .then(check, (error: { code?: string; message: string }) => expect(ENDS).toContain(error.code ?? error.message));
    asked.push(settled);
    settled.catch(() => undefined);
  };
  for (let count = 0; count < 40; count++) {
    const agent = agents[below(agents.length)] as Known;
    const choice = below(100);
    commands.push(`${agent.ref.id} ${choice}`);
    if (choice < 35) {
      agent.sent++;
      expect(agent.ref.tell('put', { from: 'driver', seq: seq++ })).toBe('accepted');
    } else if (choice < 65) {
      const most = ++agent.sent;
      ask(agent, 'put', { from: 'driver', seq: seq++ }, (reply) => {
        expect(reply).toBeGreaterThanOrEqual(1);
        expect(reply).toBeLessThanOrEqual(most + 400);
      });
    } else if (choice < 85) {
      const other = agents[below(agents.length)] as Known;
      agent.ref.tell('relay', { ref: other.ref, count: 10, seq });
      seq += 10;
    } else if (choice < 92) ask(agent, 'fail', undefined, () => expect.unreachable());
    else if (choice < 96) await Promise.all(asked);
    else if (agent.thread > 0) {
      if (below(2) === 0) ask(agent, 'exit', undefined, () => expect.unreachable());
      else agent.ref.tell('crash');
    }
  }
  await Promise.all(asked);
  for (const { ref } of agents) {
    // Every agent is there, and its state is of its last life.
    await until(async () => Number(await ref.ask('read', undefined, { timeoutMs: 60_000 }).catch(() => -1)) >= 0, 60_000);
    for (const [from, numbers] of published.get(ref.id) ?? []) {
      expect({ from, numbers, inOrder: numbers.every((value, at) => at === 0 || value > (numbers[at - 1] as number)) }).toMatchObject({ inOrder: true });
    }
  }
  for (const { ref } of agents)
    await until(
      async () =>
        ref.stop({ timeoutMs: 60_000 }).then(
          () => true,
          () => false,
        ),
      60_000,
    );
}

describeEngines((engine) => {
  test('random sequences with kills of threads handle nothing twice or out of order, and every ask settles', { timeout: 120_000 }, async () => {
    const nexus = await startNexus({
      agents: [fixture('ledger.mjs')],
      threads: WORKERS,
      workers: { restart: { intensity: 1_000_000 } },
      engine: { force: engine },
    });
    const published: Published = new Map();
    nexus.on('signal', ({ data }) => {
      const [id, from, value] = data as [string, string, number];
      const senders = published.get(id) ?? new Map<string, number[]>();
      published.set(id, senders.set(from, [...(senders.get(from) ?? []), value]));
    });
    const first = Number(process.env['NEXUS_MODEL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    let next = first;
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        while (next < first + SEQUENCES) {
          const seed = next++;
          const commands: string[] = [];
          try {
            await runSequence(nexus, seed, commands, published);
          } catch (error) {
            next = Number.POSITIVE_INFINITY;
            throw new Error(`sequence NEXUS_MODEL_SEED=${seed} failed: ${(error as Error).message}\n${commands.join('\n')}`, { cause: error });
          }
        }
      }),
    );
    expect(nexus.threads().reduce((sum, { incarnation }) => sum + incarnation, 0)).toBeGreaterThan(20);
    await until(() => nexus.threads().every(({ state }) => state === 'ready'));
    expect([...nexus.agents()]).toEqual([]);
    expect(nexus.tableStatistics()).toMatchObject({ live: 0, staleEntries: 0 });
  });
});
