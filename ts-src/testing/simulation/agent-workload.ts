/**
 * What goes on in the clusters of the built-in simulation of agents: kinds of agents that tell a ledger what they do, and clients that ask, tell, move, stop, publish and drain at random. Nothing here judges.
 */
import type { AgentContext } from '../../model/agent-context.js';
import { defineAgent } from '../../model/agent-definition.js';
import type { AgentRef } from '../../model/agent-ref.js';
import type { Nexus } from '../../nexus.js';
import type { RegisterInput } from '../linearizability/sequential-model.js';
import type { TestNode } from '../test-node.js';
import type { AgentLedger, Asked } from './agent-ledger.js';
import type { SimulatedCluster } from './nexus-simulation.js';

export const ASK_TIMEOUT_MS = 4000;
export const REGISTERS = ['r1', 'r2', 'r3'];
const COUNTERS = ['k1', 'k2', 'k3'];
const BEHIND = ['b1', 'b2'];
const SENDERS = ['s1', 's2', 's3', 's4'];
const WATCHERS = ['w1', 'w2'];
export const AGENT_IDS: readonly string[] = [...REGISTERS, ...COUNTERS, ...BEHIND, ...SENDERS, ...WATCHERS];
/** Of non-durable agents that others tell things in order. */
export const GROUP = 'counters';
const CLIENTS = 3;
const PAUSE_MS_MAX = 300;
const BURST = 5;
/** At most one node is drained at a time, and not often: what drains is soon over. */
const DRAINED = 0.02;

interface Numbered {
  readonly from: string;
  readonly number: number;
}

export type Kinds = ReturnType<typeof kindsOf>;

/** Their handlers run in the process that simulates, whichever node they are on. */
export function kindsOf(ledger: AgentLedger) {
  let lives = 0;
  let watches = 0;
  const numbered = (ctx: AgentContext, { from, number }: Numbered): void => ledger.numbered(ctx.id, from, number);
  const Register = defineAgent({
    kind: 'register',
    state: (): { value: unknown } => ({ value: null }),
    durable: { writes: 'through', passivateAfterMs: 5000 },
    actions: {
      operate(state, { number, input }: { number: number; input: RegisterInput }) {
        ledger.handled(number);
        if (input.f === 'write') state.value = input.value;
        if (input.f !== 'cas') return state.value;
        const isExpected = state.value === input.value[0];
        if (isExpected) state.value = input.value[1];
        return isExpected;
      },
    },
  });
  const Behind = defineAgent({
    kind: 'behind',
    state: () => ({ count: 0 }),
    durable: { writes: 'behind' },
    actions: {
      add(state, number: number) {
        ledger.handled(number);
        return ++state.count;
      },
      inOrder: (_state, input: Numbered, ctx) => numbered(ctx, input),
    },
  });
  const Counter = defineAgent({
    kind: 'counter',
    // Whoever starts again is another one: it may hear what the one before it has heard.
    state: () => ({ count: 0, life: ++lives }),
    groups: [GROUP],
    subscriptions: { 'news.*': 'news' },
    actions: {
      add(state, number: number) {
        ledger.handled(number);
        return ++state.count;
      },
      inOrder: (_state, input: Numbered, ctx) => numbered(ctx, input),
      news: ({ life }, { data }: { data: unknown }, ctx) => ledger.heard('signal handled', ctx.id, life, data as number),
      broadcast: ({ life }, number: number, ctx) => ledger.heard('broadcast handled', ctx.id, life, number),
    },
  });
  /** Numbers what it tells, and asks through another agent. */
  const Sender = defineAgent({
    kind: 'sender',
    state: () => ({ life: ++lives, numbers: {} as Record<string, number> }),
    // What it sends is in order as far as it sends it from one node.
    actions: {
      burst(state, { to, count }: { to: AgentRef; count: number }, ctx) {
        for (let index = 0; index < count; index++) {
          const number = (state.numbers[to.id] ?? 0) + 1;
          state.numbers[to.id] = number;
          ctx.tell(to as AgentRef<typeof Counter>, 'inOrder', { from: `${ctx.id}#${state.life} on ${ledger.host}`, number });
        }
      },
      async askOn(_state, { to, number }: { to: AgentRef; number: number }, ctx) {
        return ctx.ask(to as AgentRef<typeof Counter>, 'add', number, { timeoutMs: ASK_TIMEOUT_MS / 2 });
      },
    },
  });
  const Watcher = defineAgent({
    kind: 'watcher',
    state: () => ({ watched: {} as Record<string, string> }),
    actions: {
      watch(state, target: AgentRef, ctx) {
        // One at a time of each: two watches of one agent are one.
        if (state.watched[target.id] !== undefined) return;
        state.watched[target.id] = `watch ${++watches} of '${target.id}' by '${ctx.id}'`;
        ctx.watch(target);
      },
    },
    onTerminated(state, { id, reason }) {
      const watch = state.watched[id];
      if (watch === undefined) return;
      delete state.watched[id];
      ledger.told(watch, reason.type === 'nodeLost');
    },
  });
  return { Register, Behind, Counter, Sender, Watcher };
}

/** Clients of one cluster. */
export class Workload {
  readonly #kinds: Kinds;
  readonly #ledger: AgentLedger;
  readonly #drained: readonly number[] | undefined;
  #values = 0;
  #draining: TestNode | undefined;

  /** @param drained numbers of the nodes that may be drained. Default: all */
  constructor(kinds: Kinds, ledger: AgentLedger, drained?: readonly number[]) {
    this.#drained = drained;
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
    await Promise.all(Array.from({ length: CLIENTS }, () => this.#client(cluster)));
  }

  /** Reads every register, on some node: what is not known to have failed is asked again until then, as what is on its way when all heals may be sent again only seconds later. Rejects if one cannot be asked. */
  async readAll(cluster: SimulatedCluster, untilMs: number): Promise<Asked | undefined> {
    for (const id of REGISTERS) {
      for (;;) {
        await this.#operate(cluster, id, { f: 'read' });
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

  async #step(cluster: SimulatedCluster): Promise<unknown> {
    const { Counter, Behind, Sender, Watcher } = this.#kinds;
    const random = cluster.random();
    if (random < 0.3) return this.#operate(cluster, this.#one(cluster, REGISTERS), this.#input(cluster));
    if (random < 0.42) return this.#add(cluster, Counter, this.#one(cluster, COUNTERS));
    if (random < 0.47) return this.#add(cluster, Behind, this.#one(cluster, BEHIND));
    if (random < 0.67) return this.#burst(cluster);
    if (random < 0.72) return this.#askOn(cluster);
    if (random < 0.84) return this.#move(cluster);
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

  async #operate(cluster: SimulatedCluster, id: string, input: RegisterInput): Promise<void> {
    await this.#asking(cluster, id, input.f, input, async (nexus, number) => {
      const register = await nexus.getOrSpawn(this.#kinds.Register, id, { timeoutMs: ASK_TIMEOUT_MS });
      return () => register.ask('operate', { number, input }, { timeoutMs: ASK_TIMEOUT_MS });
    });
  }

  async #add(cluster: SimulatedCluster, kind: Kinds['Counter' | 'Behind'], id: string): Promise<void> {
    await this.#asking(cluster, id, 'add', undefined, async (nexus, number) => {
      const counter = (await nexus.getOrSpawn(kind as Kinds['Counter'], id, { timeoutMs: ASK_TIMEOUT_MS })) as AgentRef<Kinds['Counter']>;
      return () => counter.ask('add', number, { timeoutMs: ASK_TIMEOUT_MS });
    });
  }

  async #askOn(cluster: SimulatedCluster): Promise<void> {
    const id = this.#one(cluster, COUNTERS);
    await this.#asking(cluster, id, 'askOn', undefined, async (nexus, number) => {
      const to = await nexus.getOrSpawn(this.#kinds.Counter, id, { timeoutMs: ASK_TIMEOUT_MS });
      const sender = await nexus.getOrSpawn(this.#kinds.Sender, this.#one(cluster, SENDERS), { timeoutMs: ASK_TIMEOUT_MS });
      return () => sender.ask('askOn', { to, number }, { timeoutMs: ASK_TIMEOUT_MS });
    });
  }

  /** An ask in the ledger, from its call to what comes of it. It is not in it when there was nobody to ask. */
  async #asking(
    cluster: SimulatedCluster,
    id: string,
    what: string,
    input: RegisterInput | undefined,
    prepare: (nexus: Nexus, number: number) => Promise<() => Promise<unknown>>,
  ): Promise<void> {
    const ledger = this.#ledger;
    const asked = ledger.asked(id, what, cluster.nowMs, input);
    let isSent = false;
    try {
      await this.#on(cluster, async (nexus) => {
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

  /** Several nodes want it at once. */
  async #race(cluster: SimulatedCluster): Promise<void> {
    const id = this.#one(cluster, COUNTERS);
    const nodes = [...cluster.members];
    if (nodes.length > 1) this.#ledger.seen('spawned at once by several nodes');
    await Promise.allSettled(nodes.map((node) => this.#using(cluster, node, (nexus) => nexus.getOrSpawn(this.#kinds.Counter, id))));
  }

  #stop(cluster: SimulatedCluster): Promise<unknown> {
    return this.#on(cluster, async (nexus) => {
      const ref = await nexus.getOrSpawn(this.#kinds.Counter, this.#one(cluster, COUNTERS));
      await ref.stop();
    });
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
    if (node === undefined || this.#drained?.includes(node.number) === false || this.#draining !== undefined || cluster.members.length < 2) return;
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

  async #on<T>(cluster: SimulatedCluster, work: (nexus: Nexus, node: TestNode) => T | Promise<T>): Promise<T | undefined> {
    const node = this.#member(cluster);
    return node === undefined ? undefined : this.#using(cluster, node, (nexus) => work(nexus, node));
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
