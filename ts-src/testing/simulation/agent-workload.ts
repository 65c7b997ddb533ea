/**
 * What goes on in the clusters of the built-in simulation of agents: clients that ask, tell, move, stop, publish and drain at random. Nothing here judges.
 */
import type { AgentRef } from '../../model/agent-ref.js';
import type { Nexus } from '../../nexus.js';
import type { RegisterInput } from '../linearizability/sequential-model.js';
import type { TestNode } from '../test-node.js';
import { ASK_TIMEOUT_MS, GROUP, type Kinds } from './agent-kinds.js';
import type { AgentLedger, Asked } from './agent-ledger.js';
import type { SimulatedCluster } from './nexus-simulation.js';

export const REGISTERS = ['r1', 'r2', 'r3'];
export const COUNTERS = ['k1', 'k2', 'k3'];
export const BRIEF = ['e1', 'e2', 'e3', 'e4'];
const BEHIND = ['b1', 'b2'];
export const SENDERS = ['s1', 's2', 's3', 's4'];
export const WATCHERS = ['w1', 'w2'];
export const AGENT_IDS: readonly string[] = [...REGISTERS, ...COUNTERS, ...BRIEF, ...BEHIND, ...SENDERS, ...WATCHERS];
const CLIENTS = 3;
const PAUSE_MS_MAX = 300;
const BURST = 5;
/** Messages of a stream, and moves of the agent that gets it. */
const STREAM = 15;
const STREAM_EVERY_MS = ['1', '4', '16'];
/** Between two writes of the client that stays with its node, at least. */
const HOME_MS = 400;
const CHASED = 2;
/** How often in a row an agent is started and ends. */
const BRIEF_LIVES = 3;
/** Longer than anything keeps an agent from ending. */
const STOP_TIMEOUT_MS = 60_000;
/** An agent is not held by a move for longer. */
const MOVE_MS_MAX = 20_000;
/** When a node hears of a view, agents are started for so long: what is given to whom in the moment in which that changes. */
const STORM_MS = 4;
const STORM_NODES = 2;
/** What readers wait for after the healing. */
const WAITED_FOR: ReadonlySet<unknown> = new Set(['NEXUS_REGISTRY_TIMEOUT', 'NEXUS_SPAWN_TIMEOUT']);
/** At most one node is drained at a time, and not often: what drains is soon over. */
const DRAINED = 0.02;

/** Clients of one cluster. */
export class Workload {
  readonly #kinds: Kinds;
  readonly #ledger: AgentLedger;
  readonly #unlucky: readonly number[] | undefined;
  #values = 0;
  #view = 0;
  #isRunning = false;
  /** Agents that are to end, and may be on their way to another node: they do when they are there. */
  readonly #stops = new Set<Promise<unknown>>();
  #mayStopLater = false;
  #draining: TestNode | undefined;

  /** @param unlucky numbers of the nodes to which things happen, and which may be drained. Default: all */
  constructor(kinds: Kinds, ledger: AgentLedger, unlucky?: readonly number[]) {
    this.#unlucky = unlucky;
    this.#kinds = kinds;
    this.#ledger = ledger;
  }

  /** Some of what is used, so that things go wrong with agents that are there. */
  async begin(cluster: SimulatedCluster): Promise<void> {
    const { Counter, Sender, Register } = this.#kinds;
    const nodes = cluster.members;
    await Promise.all([
      ...COUNTERS.map((id) => nodes[0]?.nexus.getOrSpawn(Counter, id)),
      ...SENDERS.map((id, index) => nodes[index % nodes.length]?.nexus.spawn(Sender, { id })),
      ...REGISTERS.map((id) => nodes[0]?.nexus.getOrSpawn(Register, id)),
    ]);
  }

  async run(cluster: SimulatedCluster): Promise<void> {
    this.#isRunning = true;
    await Promise.all([...Array.from({ length: CLIENTS }, () => this.#client(cluster)), this.#home(cluster)]);
  }

  /**
   * Reads every register, on some node: what is not known to have failed, or waits for an owner or for its start, is asked again until then, as what is on its way when all heals may be sent again only
   * seconds later, and what could not be stored is started again later each time. Rejects if one cannot be asked.
   */
  async readAll(cluster: SimulatedCluster, untilMs: number): Promise<Asked | undefined> {
    for (const id of REGISTERS) {
      for (;;) {
        const isWaiting = await this.#operate(cluster, id, { f: 'read' }).then(
          () => false,
          (error: unknown) => {
            if (!WAITED_FOR.has((error as { code?: unknown }).code) || cluster.nowMs >= untilMs) throw error;
            return true;
          },
        );
        if (isWaiting) continue;
        const asked = this.#ledger.asks.at(-1) as Asked;
        if (asked.outcome === 'ok') break;
        if (asked.outcome !== 'unknown' || cluster.nowMs >= untilMs) return asked;
      }
    }
    return undefined;
  }

  async #client(cluster: SimulatedCluster): Promise<void> {
    while (!cluster.isOver && this.#ledger.violation === undefined) {
      await cluster.sleep(cluster.random() * PAUSE_MS_MAX);
      // Not waited for by more than its own time: a client goes on when its node is gone.
      await this.#step(cluster).catch(() => undefined);
    }
  }

  /**
   * A client that stays with one node, also when that is cut off, and writes to what is there: what it is told is written must not be lost with that node.
   */
  async #home(cluster: SimulatedCluster): Promise<void> {
    const number = this.#unlucky?.[0] ?? 1 + (cluster.seed % cluster.nodes.length);
    while (!cluster.isOver && this.#ledger.violation === undefined) {
      await cluster.sleep(HOME_MS + cluster.random() * HOME_MS);
      const node = cluster.members.find((member) => member.number === number);
      const here = node === undefined ? [] : [...node.nexus.agents()].filter(({ kind }) => kind === 'register').map(({ id }) => id);
      if (here.length > 0) await this.#operate(cluster, this.#one(cluster, here), { f: 'write', value: ++this.#values }, node).catch(() => undefined);
      else if (node !== undefined) await this.#fetch(cluster, node).catch(() => undefined);
    }
  }

  /** A register comes to this node. */
  #fetch(cluster: SimulatedCluster, node: TestNode): Promise<unknown> {
    return this.#using(cluster, node, async (nexus) => {
      const register = await nexus.getOrSpawn(this.#kinds.Register, this.#one(cluster, REGISTERS), { timeoutMs: ASK_TIMEOUT_MS });
      await nexus.migrate(register, { node: node.name }, { timeoutMs: 2000 });
    });
  }

  async #step(cluster: SimulatedCluster): Promise<unknown> {
    const { Counter, Behind, Sender, Watcher } = this.#kinds;
    const random = cluster.random();
    if (random < 0.3) return this.#operate(cluster, this.#one(cluster, REGISTERS), this.#input(cluster));
    if (random < 0.42) return this.#add(cluster, Counter, this.#one(cluster, COUNTERS));
    if (random < 0.47) return this.#add(cluster, Behind, this.#one(cluster, BEHIND));
    if (random < 0.59) return this.#burst(cluster);
    if (random < 0.63) return this.#askOn(cluster);
    if (random < 0.75) return this.#move(cluster);
    if (random < 0.8) return this.#chase(cluster);
    if (random < 0.84) return this.#lives(cluster);
    if (random < 0.88) return this.#race(cluster);
    if (random < 0.9) return this.#stop(cluster);
    if (random < 0.93) return this.#say(cluster);
    if (random < 0.96)
      return this.#on(cluster, async (nexus) => {
        const target = await nexus.getOrSpawn(Counter, this.#one(cluster, COUNTERS));
        (await nexus.getOrSpawn(Watcher, this.#one(cluster, WATCHERS))).tell('watch', target);
      });
    if (random < 1 - DRAINED) return this.#on(cluster, (nexus) => nexus.getOrSpawn(Sender, this.#one(cluster, SENDERS)));
    return this.#drain(cluster);
  }

  async #operate(cluster: SimulatedCluster, id: string, input: RegisterInput, node = this.#member(cluster)): Promise<void> {
    await asking(cluster, this.#ledger, node, { id, what: input.f, input }, async (nexus, number) => {
      const register = await nexus.getOrSpawn(this.#kinds.Register, id, { timeoutMs: ASK_TIMEOUT_MS });
      return () => register.ask('operate', { number, input }, { timeoutMs: ASK_TIMEOUT_MS });
    });
  }

  async #add(cluster: SimulatedCluster, kind: Kinds['Counter' | 'Behind'], id: string): Promise<void> {
    await asking(cluster, this.#ledger, this.#member(cluster), { id, what: 'add' }, async (nexus, number) => {
      const counter = (await nexus.getOrSpawn(kind as Kinds['Counter'], id, { timeoutMs: ASK_TIMEOUT_MS })) as AgentRef<Kinds['Counter']>;
      return () => counter.ask('add', number, { timeoutMs: ASK_TIMEOUT_MS });
    });
  }
  async #askOn(cluster: SimulatedCluster): Promise<void> {
    const id = this.#one(cluster, COUNTERS);
    await asking(cluster, this.#ledger, this.#member(cluster), { id, what: 'askOn' }, async (nexus, number) => {
      const to = await nexus.getOrSpawn(this.#kinds.Counter, id, { timeoutMs: ASK_TIMEOUT_MS });
      const sender = await nexus.getOrSpawn(this.#kinds.Sender, this.#one(cluster, SENDERS), { timeoutMs: ASK_TIMEOUT_MS });
      return () => sender.ask('askOn', { to, number }, { timeoutMs: ASK_TIMEOUT_MS });
    });
  }

  #burst(cluster: SimulatedCluster): Promise<unknown> {
    const { Sender, Counter, Behind } = this.#kinds;
    return this.#on(cluster, async (nexus) => {
      const isBehind = cluster.random() < 0.3;
      const to: AgentRef = isBehind
        ? await nexus.getOrSpawn(Behind, this.#one(cluster, BEHIND))
        : await nexus.getOrSpawn(Counter, this.#one(cluster, COUNTERS));
      const sender = await nexus.getOrSpawn(Sender, this.#one(cluster, SENDERS));
      sender.tell('burst', { to, count: BURST });
    });
  }

  #move(cluster: SimulatedCluster): Promise<unknown> {
    const { Sender, Counter, Register } = this.#kinds;
    const to = this.#member(cluster);
    if (to === undefined) return Promise.resolve();
    return this.#on(cluster, async (nexus) => {
      const random = cluster.random();
      const ref: AgentRef =
        random < 0.4
          ? await nexus.getOrSpawn(Counter, this.#one(cluster, COUNTERS))
          : random < 0.7
            ? await nexus.getOrSpawn(Sender, this.#one(cluster, SENDERS))
            : await nexus.getOrSpawn(Register, this.#one(cluster, REGISTERS));
      await nexus.migrate(ref, { node: to.name }, { timeoutMs: 2000 }).then(
        () => this.#ledger.seen('agent moved by request'),
        () => this.#ledger.seen('move refused'),
      );
    });
  }

  /** It is told things all the while it moves, by agents that know where it was. */
  #chase(cluster: SimulatedCluster): Promise<unknown> {
    const { Counter, Sender } = this.#kinds;
    return this.#on(cluster, async (nexus) => {
      const to = await nexus.getOrSpawn(Counter, this.#one(cluster, COUNTERS));
      const everyMs = Number(this.#one(cluster, STREAM_EVERY_MS));
      for (const id of [this.#one(cluster, SENDERS), this.#one(cluster, SENDERS)])
        (await nexus.getOrSpawn(Sender, id)).tell('stream', { to, stream: ++this.#values, everyMs, left: STREAM });
      for (let move = 0; move < CHASED; move++) {
        const node = this.#member(cluster);
        if (node === undefined) return;
        await nexus.migrate(to, { node: node.name }, { timeoutMs: 2000 }).then(
          () => this.#ledger.seen('agent moved while it is told things'),
          () => this.#ledger.seen('move refused'),
        );
      }
    });
  }

  /** One life after the other, each on another node: whoever has heard of one must not take it for the next. */
  async #lives(cluster: SimulatedCluster): Promise<void> {
    const id = this.#one(cluster, BRIEF);
    for (let life = 0; life < BRIEF_LIVES; life++) {
      const node = this.#member(cluster)?.name ?? 'here';
      await asking(cluster, this.#ledger, this.#member(cluster), { id, what: 'add' }, async (nexus, number) => {
        const brief = await nexus.getOrSpawn(this.#kinds.Brief, id, { node, timeoutMs: ASK_TIMEOUT_MS / 2 });
        return async () => {
          const count = await brief.ask('add', number, { timeoutMs: ASK_TIMEOUT_MS / 2 });
          brief.tell('end');
          return count;
        };
      });
    }
  }

  /** A node has heard of a view, maybe as the first: ids are taken while some nodes know who gives them now, and some do not. */
  viewed(cluster: SimulatedCluster, view: number): void {
    if (view <= this.#view || cluster.isOver || !this.#isRunning) return;
    this.#view = view;
    for (const id of BRIEF)
      for (let each = 0; each < STORM_NODES; each++)
        void cluster
          .sleep(cluster.random() * STORM_MS)
          .then(() => this.#on(cluster, (nexus) => nexus.spawn(this.#kinds.Brief, { id, timeoutMs: ASK_TIMEOUT_MS / 2 })))
          .catch(() => undefined);
  }

  /** Several nodes want it at once. */
  async #race(cluster: SimulatedCluster): Promise<void> {
    const id = this.#one(cluster, COUNTERS);
    const nodes = [...cluster.members];
    if (nodes.length > 1) this.#ledger.seen('spawned at once by several nodes');
    await Promise.allSettled(nodes.map((node) => this.#using(cluster, node, (nexus) => nexus.getOrSpawn(this.#kinds.Counter, id))));
  }

  /** The client goes on meanwhile: a request to stop is never dropped, however long it waits for an agent. */
  #stop(cluster: SimulatedCluster): void {
    const stop = this.#on(cluster, async (nexus) => {
      const ref = await nexus.getOrSpawn(this.#kinds.Counter, this.#one(cluster, COUNTERS));
      await ref.stop({ timeoutMs: STOP_TIMEOUT_MS }).catch(() => {
        this.#mayStopLater = true;
      });
    })
      .catch(() => undefined)
      .finally(() => this.#stops.delete(stop));
    this.#stops.add(stop);
  }

  /** When all that was to end has ended, or the nodes that wanted it have: whoever comes after ends nothing of its. */
  async ended(cluster: SimulatedCluster): Promise<void> {
    await Promise.allSettled([...this.#stops]);
    // Of whose outcome nobody has heard: it waits with the agent, for as long as that is about to move.
    if (this.#mayStopLater) await cluster.sleep(MOVE_MS_MAX);
  }

  #say(cluster: SimulatedCluster): Promise<unknown> {
    return this.#on(cluster, async (nexus) => {
      const number = ++this.#values;
      if (cluster.random() < 0.5) {
        this.#ledger.published(number, cluster.nowMs);
        nexus.publish('news.now', number);
      } else nexus.group(GROUP, this.#kinds.Counter).broadcast('broadcast', number);
    });
  }

  async #drain(cluster: SimulatedCluster): Promise<void> {
    const node = this.#member(cluster);
    if (node === undefined || this.#unlucky?.includes(node.number) === false || this.#draining !== undefined || cluster.members.length < 2) return;
    this.#draining = node;
    try {
      await this.#using(cluster, node, async (nexus) => {
        await nexus.drain({ deadlineMs: 10_000 });
        this.#ledger.seen('node drained');
      });
      if (node.hasStarted && node.status === 'running') await node.stop();
    } finally {
      this.#draining = undefined;
    }
  }

  #input(cluster: SimulatedCluster): RegisterInput {
    const random = cluster.random();
    if (random < 0.45) return { f: 'read' };
    const value = ++this.#values;
    return random < 0.85 ? { f: 'write', value } : { f: 'cas', value: [value - 1 - Math.floor(cluster.random() * 4), value] };
  }

  async #on<T>(cluster: SimulatedCluster, work: (nexus: Nexus) => T | Promise<T>): Promise<T | undefined> {
    const node = this.#member(cluster);
    return node === undefined ? undefined : this.#using(cluster, node, work);
  }

  #using<T>(cluster: SimulatedCluster, node: TestNode, work: (nexus: Nexus) => T | Promise<T>): Promise<T> {
    return cluster.using(node, work);
  }

  #member(cluster: SimulatedCluster): TestNode | undefined {
    const { members } = cluster;
    return members[Math.floor(cluster.random() * members.length)];
  }

  #one(cluster: SimulatedCluster, of: readonly string[]): string {
    return of[Math.floor(cluster.random() * of.length)] as string;
  }
}

/** An ask in the ledger, from its call to what comes of it. It has failed when there was nobody to ask. */
export async function asking(
  cluster: SimulatedCluster,
  ledger: AgentLedger,
  node: TestNode | undefined,
  { id, what, input }: { readonly id: string; readonly what: string; readonly input?: RegisterInput },
  prepare: (nexus: Nexus, number: number) => Promise<() => Promise<unknown>>,
): Promise<Asked> {
  const asked = ledger.asked(id, what, cluster.nowMs, input);
  let isSent = false;
  try {
    if (node === undefined) return asked;
    await cluster.using(node, async (nexus) => {
      const ask = await prepare(nexus, asked.number);
      if (asked.outcome !== 'open') return;
      isSent = true;
      asked.atMs = cluster.nowMs;
      await ask().then(
        (output) => ledger.answered(asked, output, cluster.nowMs),
        (error: unknown) => ledger.rejected(asked, error, cluster.nowMs),
      );
    });
  } finally {
    // Nobody to ask, or the process of who asked has ended.
    if (asked.outcome === 'open') ledger.abandoned(asked, isSent, cluster.nowMs);
  }
  return asked;
}
