/**
 * What a cluster of agents has to do when nothing goes wrong any more: whatever was ended, moved or forgotten meanwhile, every node finds every agent, wherever that starts next; what is told an agent that moves comes to it, all of it;
 * whoever watches is told; signals and broadcasts come to all, once; timers go on. While things go wrong none of it is promised, so that a mistake there shows as nothing, or as bad luck. Asked by `agents-simulation.ts` after the healing.
 */
import type { AgentRef } from '../../model/agent-ref.js';
import type { TestNode } from '../test-node.js';
import { GROUP, type Kinds, TICK_MS } from './agent-kinds.js';
import type { AgentLedger, Asked } from './agent-ledger.js';
import { asking, BRIEF, COUNTERS, SENDERS, WATCHERS } from './agent-workload.js';
import type { SimulatedCluster } from './nexus-simulation.js';

/** Of one thing: the node that is asked may have to find out first that it knows nothing of it. */
const DONE_MS_MAX = 15_000;
const AGAIN_MS = 50;
const ASK_MS = 2000;
const STREAM = 25;
const STREAM_EVERY_MS = 2;

export class QuietChecks {
  readonly #cluster: SimulatedCluster;
  readonly #kinds: Kinds;
  readonly #ledger: AgentLedger;

  constructor(cluster: SimulatedCluster, kinds: Kinds, ledger: AgentLedger) {
    this.#cluster = cluster;
    this.#kinds = kinds;
    this.#ledger = ledger;
  }

  /** What is wrong is told to the ledger. */
  async run(): Promise<void> {
    const [first, second, third] = COUNTERS as [string, string, string];
    await Promise.all([...COUNTERS, ...BRIEF].map((id) => this.#foundByAll(id)));
    await Promise.all([this.#elsewhere(first), ...BRIEF.map((id) => this.#elsewhere(id)), this.#chased(second), this.#watched(third)]);
    await this.#ticking();
    await this.#said();
  }

  /** Each node gets an answer of it. */
  async #foundByAll(id: string): Promise<void> {
    await Promise.all(this.#cluster.nodes.map((node) => this.#found(node, id)));
  }

  async #found(node: TestNode, id: string): Promise<void> {
    const kind = BRIEF.includes(id) ? this.#kinds.Brief : this.#kinds.Counter;
    let asked: Asked | undefined;
    const isAnswered = await this.#until(async () => {
      asked = await asking(this.#cluster, this.#ledger, node, { id, what: 'add' }, async (nexus, number) => {
        const agent = (await nexus.getOrSpawn(kind as Kinds['Counter'], id, { timeoutMs: ASK_MS })) as AgentRef<Kinds['Counter']>;
        return () => agent.ask('add', number, { timeoutMs: ASK_MS });
      }).catch(() => undefined);
      return asked?.outcome === 'ok';
    });
    if (!isAnswered)
      this.#ledger.fail('every node finds every agent', `'${id}' does not answer to ${node.name} when nothing goes wrong any more: ${asked?.text}`);
  }

  /** It ends, and starts on another node: all of them have heard of the one that was. */
  async #elsewhere(id: string): Promise<void> {
    const kind = (BRIEF.includes(id) ? this.#kinds.Brief : this.#kinds.Counter) as Kinds['Counter'];
    await this.#ended(id, kind);
    const node = this.#one();
    await this.#until(() => this.#cluster.using(node, async (nexus) => nexus.getOrSpawn(kind, id, { node: 'here', timeoutMs: ASK_MS })).then(() => true));
    await this.#foundByAll(id);
  }

  /** Agents tell it one thing after the other while it moves. */
  async #chased(id: string): Promise<void> {
    const { Counter, Sender } = this.#kinds;
    const streams: number[] = [];
    for (const sender of SENDERS.slice(0, 2))
      await this.#cluster.using(this.#one(), async (nexus) => {
        const to = await nexus.getOrSpawn(Counter, id, { timeoutMs: DONE_MS_MAX });
        const stream = this.#ledger.number();
        (await nexus.getOrSpawn(Sender, sender, { timeoutMs: DONE_MS_MAX })).tell('stream', { to, stream, everyMs: STREAM_EVERY_MS, left: STREAM });
        streams.push(stream);
      });
    for (const node of [this.#one(), this.#one()])
      await this.#cluster.using(this.#one(), async (nexus) => {
        const agent = await nexus.getOrSpawn(Counter, id, { timeoutMs: DONE_MS_MAX });
        await nexus.migrate(agent, { node: node.name }, { timeoutMs: ASK_MS }).catch(() => this.#ledger.seen('move refused'));
      });
    for (const stream of streams)
      if (!(await this.#until(async () => this.#ledger.arrived(stream) === STREAM)))
        this.#ledger.fail(
          'nothing is lost where nothing goes wrong',
          `${this.#ledger.arrived(stream)} of ${STREAM} messages of stream ${stream} have come to '${id}', which has moved`,
        );
  }

  async #watched(id: string): Promise<void> {
    const { Counter, Watcher } = this.#kinds;
    const watches = await Promise.all(
      WATCHERS.map((watcher) =>
        this.#cluster.using(this.#one(), async (nexus) => {
          const target = await nexus.getOrSpawn(Counter, id, { timeoutMs: DONE_MS_MAX });
          return (await nexus.getOrSpawn(Watcher, watcher, { timeoutMs: DONE_MS_MAX })).ask('watch', target, { timeoutMs: DONE_MS_MAX });
        }),
      ),
    );
    await this.#ended(id, Counter);
    for (const watch of watches)
      if (!(await this.#until(async () => this.#ledger.isTold(watch as string))))
        this.#ledger.fail('watchers are told in the end', `${watch} has not been told of its end`);
    // All nodes want it at once: it is one agent for them.
    await this.#foundByAll(id);
  }

  async #ticking(): Promise<void> {
    const before = new Map(this.#counters().map((id) => [id, this.#ledger.ticks(id)]));
    await this.#cluster.sleep(TICK_MS * 1.5);
    for (const [id, ticks] of before) {
      const since = this.#ledger.ticks(id) - ticks;
      if (since < 1 || since > 2)
        this.#ledger.fail('timers go on wherever an agent is', `'${id}' has ticked ${since} times in ${TICK_MS * 1.5} ms, and has to every ${TICK_MS}`);
    }
  }

  async #said(): Promise<void> {
    const number = this.#ledger.number();
    const hear = this.#counters();
    this.#ledger.published(number, this.#cluster.nowMs);
    await this.#cluster.using(this.#one(), (nexus) => nexus.publish('news.now', number));
    await this.#cluster.using(this.#one(), (nexus) => void nexus.group(GROUP, this.#kinds.Counter).broadcast('broadcast', number));
    for (const what of ['signal handled', 'broadcast handled'] as const)
      for (const id of hear)
        if (!(await this.#until(async () => this.#ledger.hasHeard(what, id, number))))
          this.#ledger.fail('what is said comes to all', `'${id}' has not heard number ${number} (${what})`);
  }

  #counters(): string[] {
    return this.#cluster.nodes.flatMap((node) => [...node.nexus.agents()].filter(({ kind }) => kind === 'counter').map(({ id }) => id));
  }

  async #ended(id: string, kind: Kinds['Counter']): Promise<void> {
    await this.#until(() =>
      this.#cluster.using(this.#one(), async (nexus) => (await nexus.getOrSpawn(kind, id, { timeoutMs: ASK_MS })).stop()).then(() => true),
    );
  }

  /** Until it is so, or that has taken too long. */
  async #until(isSo: () => Promise<boolean>): Promise<boolean> {
    const untilMs = this.#cluster.nowMs + DONE_MS_MAX;
    while (!(await isSo().catch(() => false))) {
      if (this.#cluster.nowMs >= untilMs) return false;
      await this.#cluster.sleep(AGAIN_MS);
    }
    return true;
  }

  #one(): TestNode {
    const { nodes } = this.#cluster;
    return nodes[Math.floor(this.#cluster.random() * nodes.length)] as TestNode;
  }
}
