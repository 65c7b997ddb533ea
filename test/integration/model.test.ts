/**
 * Ten thousand random sequences of what a caller can do, against a model that is a few numbers for each agent. A failure prints the seed of the sequence
 * and its commands; NEXUS_MODEL_SEED repeats it (the commands, not how the threads interleave).
 */
import type { AgentRef, Nexus, NexusOptions } from 'nexus-agents';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../dist/ts-src/model/seeded-random.js';
import { Archive, Ledger } from '../fixtures/ledger.mjs';
import { fixture, recorder, startNexus } from '../start-nexus.js';

type LedgerRef = AgentRef<typeof Ledger>;

const SEQUENCES = 10_000;
const AT_ONCE = 40;
const GONE = ['NEXUS_AGENT_STOPPED', 'NEXUS_AGENT_NOT_FOUND'];
const PUTS = ['put', 'put', 'put', 'putSoon', 'putLater'] as const;

/** What the model knows of one agent. */
interface Known {
  readonly id: string;
  readonly ref: LedgerRef;
  readonly thread: number;
  /** A stop was asked for, so that nothing sent from now on is handled. */
  stopping: boolean;
  stopped: boolean;
  /** Entries of the driver in the present life. */
  n: number;
  /** All entries of the driver that must be handled. */
  readonly expected: number[];
  /** Numbers that other agents had accepted for this one, by their id. */
  readonly relayed: Map<string, Promise<number[]>[]>;
}

/** Those whose rings are full so often that a tell between threads may be refused. */
const smallRings = new WeakSet<Nexus>();

class Sequence {
  readonly commands: string[] = [];
  readonly #agents: Known[] = [];
  readonly #checks: Promise<void>[] = [];
  readonly #random: SeededRandom;
  #seq = 0;

  constructor(
    readonly nexus: Nexus,
    readonly seed: number,
  ) {
    this.#random = new SeededRandom(seed, 'model');
  }

  async run(): Promise<void> {
    await this.#spawn(0);
    const length = 5 + this.#below(15);
    for (let count = 0; count < length; count++) await this.#command();
    await Promise.all(this.#checks);
    for (const agent of this.#agents) await this.#verify(agent);
    await Promise.all(this.#agents.map((agent) => agent.ref.stop()));
  }

  async #command(): Promise<void> {
    const choice = this.#below(100);
    const agent = this.#agents[this.#below(this.#agents.length)] as Known;
    if (choice < 12 && this.#agents.length < 5) return this.#spawn(this.#agents.length);
    if (choice < 40) return this.#tell(agent);
    if (choice < 62) return this.#ask(agent);
    if (choice < 78) return this.#relay(agent, this.#agents[this.#below(this.#agents.length)] as Known);
    if (choice < 90) return this.#crash(agent);
    if (choice < 94) return this.#stop(agent);
    this.commands.push('wait');
    await Promise.all(this.#checks);
  }

  async #spawn(index: number): Promise<void> {
    const thread = this.#below(this.nexus.threadCount);
    const id = `${this.seed}/${index}`;
    this.commands.push(`spawn ${index} on ${thread}`);
    const ref = await this.nexus.spawn(Ledger, { id, thread });
    this.#agents.push({ id, ref, thread, stopping: false, stopped: false, n: 0, expected: [], relayed: new Map() });
  }

  #tell(agent: Known): void {
    const entry = { from: 'driver', seq: this.#seq++ };
    const action = PUTS[this.#below(PUTS.length)] as 'put';
    const outcome = agent.ref.tell(action, entry);
    this.commands.push(`tell ${agent.id} ${action} ${entry.seq}: ${outcome}`);
    if (agent.stopped) expect(outcome).toBe('noAgent');
    if (agent.stopping) return;
    // Refused for a full ring: the sender knows, and nothing is to come of it.
    if (outcome === 'full' && smallRings.has(this.nexus)) return;
    expect(outcome).toBe('accepted');
    agent.expected.push(entry.seq);
    agent.n++;
  }

  #ask(agent: Known): void {
    const entry = { from: 'driver', seq: this.#seq++ };
    const action = PUTS[this.#below(PUTS.length)] as 'put';
    this.commands.push(`ask ${agent.id} ${action} ${entry.seq}`);
    const asked = settled(agent.ref.ask(action, entry, { timeoutMs: 60_000 }));
    if (agent.stopping) return this.#check(asked.then((reply) => expect(GONE).toContain(reply)));
    agent.expected.push(entry.seq);
    const n = ++agent.n;
    this.#check(asked.then((reply) => expect(reply).toBe(n)));
  }

  #relay(from: Known, to: Known): void {
    const [seq, count] = [this.#seq, 1 + this.#below(20)];
    this.#seq += count;
    this.commands.push(`relay ${from.id} to ${to.id}: ${count} from ${seq}`);
    const asked = settled(from.ref.ask('relay', { ref: to.ref, count, seq }, { timeoutMs: 60_000 }));
    if (from.stopping) return this.#check(asked.then((reply) => expect(GONE).toContain(reply)));
    const accepted = asked as Promise<number[]>;
    const relayed = to.relayed.get(from.id) ?? [];
    to.relayed.set(from.id, [...relayed, accepted]);
    // An agent that was there all the time takes everything, unless the ring to it was full.
    const mayRefuse = smallRings.has(this.nexus);
    this.#check(
      accepted.then((numbers) => void (to.stopping || mayRefuse ? expect(numbers.length).toBeLessThanOrEqual(count) : expect(numbers.length).toBe(count))),
    );
  }

  #crash(agent: Known): void {
    const action = this.#below(2) === 0 ? 'fail' : 'failLater';
    const isAsk = this.#below(2) === 0;
    this.commands.push(`${isAsk ? 'ask' : 'tell'} ${agent.id} ${action}`);
    if (isAsk) {
      const expected = agent.stopping ? GONE : ['boom'];
      this.#check(settled(agent.ref.ask(action, undefined, { timeoutMs: 60_000 })).then((reply) => expect(expected).toContain(reply)));
    } else if (agent.ref.tell(action) === 'full' && smallRings.has(this.nexus)) return;
    agent.n = 0;
  }

  async #stop(agent: Known): Promise<void> {
    this.commands.push(`stop ${agent.id}`);
    // An agent that waits for its restart ends at once, before what it was sent.
    if (!agent.stopping) await agent.ref.ask('read', undefined, { timeoutMs: 60_000 });
    agent.stopping = true;
    this.#check(
      agent.ref.stop({ timeoutMs: 60_000 }).then(() => {
        agent.stopped = true;
        expect(this.nexus.find(agent.id)).toBeUndefined();
      }),
    );
  }

  /** What the agent received is what the model says: all of it, once, and for each sender in the order of sending. */
  async #verify(agent: Known): Promise<void> {
    for (const other of this.#agents) {
      if (agent.relayed.has(other.id) && !other.stopped && !agent.stopped) expect(await other.ref.ask('flush', agent.ref, { timeoutMs: 60_000 })).toBe(true);
    }
    if (!agent.stopped) expect(await agent.ref.ask('read', undefined, { timeoutMs: 60_000 })).toBe(agent.n);
    const archive = this.nexus.find(`archive${agent.thread}`, Archive) as AgentRef<typeof Archive>;
    const flat = (await archive.ask('take', agent.id, { timeoutMs: 60_000 })) as (string | number)[];
    const bySender = new Map<string, number[]>();
    for (let at = 0; at < flat.length; at += 2) {
      const from = String(flat[at]);
      bySender.set(from, [...(bySender.get(from) ?? []), Number(flat[at + 1])]);
    }
    expect(bySender.get('driver') ?? []).toEqual(agent.expected);
    bySender.delete('driver');
    for (const [from, replies] of agent.relayed) {
      const accepted = (await Promise.all(replies)).flat();
      const got = bySender.get(from) ?? [];
      bySender.delete(from);
      // Of what was sent to an agent that was being stopped, the first part arrived.
      const sender = this.#agents.find(({ id }) => id === from);
      const isComplete = !agent.stopping && sender?.stopped === false;
      expect(got).toEqual(isComplete ? accepted : accepted.slice(0, got.length));
    }
    expect([...bySender.keys()]).toEqual([]);
  }

  #check(check: Promise<void>): void {
    this.#checks.push(check);
    // Reported by `run`; not before that as an unhandled rejection.
    check.catch(() => undefined);
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }
}

/** The reply, or the code or message of the error. */
function settled(asked: Promise<unknown>): Promise<unknown> {
  return asked.catch((error: { code?: string; message: string }) => error.code ?? error.message);
}

async function openNexus(threads: number, options: Partial<NexusOptions> = {}): Promise<Nexus> {
  const nexus = await startNexus({ agents: [fixture('ledger.mjs')], threads, logger: recorder(), ...options });
  for (let thread = 0; thread <= threads; thread++) await nexus.spawn(Archive, { id: `archive${thread}`, thread });
  return nexus;
}

test('random sequences of spawn, tell, ask, relay, crash and stop do what a simple model says', { timeout: 120_000 }, async () => {
  // The calling thread and up to three workers; every engine; rings that are never full, and rings that often are.
  const nexuses = await Promise.all([
    openNexus(0),
    openNexus(1, { memory: { ringBytes: 16_384 } }),
    openNexus(2, { engine: { force: 'portable' } }),
    openNexus(3, { engine: { force: 'wasm' } }),
  ]);
  smallRings.add(nexuses[1] as Nexus);
  const forced = process.env['NEXUS_MODEL_SEED'];
  const first = forced === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(forced);
  const last = forced === undefined ? first + SEQUENCES : first + 1;
  let next = first;
  const worker = async (): Promise<void> => {
    while (next < last) {
      const seed = next++;
      const sequence = new Sequence(nexuses[seed % nexuses.length] as Nexus, seed);
      try {
        await sequence.run();
      } catch (error) {
        next = last;
        throw new Error(`sequence NEXUS_MODEL_SEED=${seed} failed: ${(error as Error).message}\n${sequence.commands.join('\n')}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(nexuses.map(({ agentCount, threadCount }) => agentCount - threadCount)).toEqual([0, 0, 0, 0]);
  expect(nexuses.map((nexus) => nexus.tableStatistics().staleEntries)).toEqual([0, 0, 0, 0]);
});
