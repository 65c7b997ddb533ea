/** Durable agents that move from node to node: while they are asked by clients of all nodes none of the asks fails, and each is handled once; what they are tied to goes along. */
import { type AgentRef, defineAgent, type NexusError } from 'nexus-agents';
import { createTestCluster, type TestCluster } from 'nexus-agents/testing';
import { expect, onTestFinished, test } from 'vitest';

const AGENTS = 12;
const CLIENTS = 24;
const Ledger = defineAgent({
  kind: 'ledger',
  state: () => ({ entries: [] as number[], starts: 0, ticks: 0, news: 0 }),
  durable: { writes: 'through' },
  onStart: (state) => void state.starts++,
  actions: {
    append: (state, entry: number) => state.entries.push(entry),
    all: { durable: 'none', handler: (state) => state.entries },
    read: { durable: 'none', handler: (state) => ({ ...state }) },
    tick: (state) => void state.ticks++,
    heard: (state) => void state.news++,
    begin(_state, _input, ctx) {
      ctx.timers.every(100, 'tick');
      ctx.subscribe('news.*', 'heard');
      ctx.join('ledgers');
    },
  },
});
const Sleeper = defineAgent({
  kind: 'sleeper',
  state: () => ({ n: 0 }),
  durable: { writes: 'through', passivateAfterMs: 200 },
  actions: { read: (state) => state.n },
});
const Watcher = defineAgent({
  kind: 'watcher',
  state: () => ({ ended: [] as string[] }),
  onTerminated: (state, { id, reason }) => void state.ended.push(`${id} ${reason.type}`),
  actions: {
    watch: (_state, id: string, ctx) => ctx.watch(ctx.find(id) as AgentRef<typeof Ledger>),
    watchOne: (_state, sleeper: AgentRef<typeof Sleeper>, ctx) => ctx.watch(sleeper),
    ended: (state) => state.ended,
  },
});

async function clusterOf(seed?: number, threads = 1): Promise<TestCluster> {
  const cluster = await createTestCluster({ agents: [Ledger, Watcher], storage: 'disk', nodes: 3, threads, ...(seed === undefined ? {} : { seed }) });
  onTestFinished(() => cluster.close());
  return cluster;
}

/** Clients that ask one agent after the other, each by way of a node that serves. */
class Load {
  readonly serving = new Set(['n1', 'n2', 'n3']);
  readonly failed: string[] = [];
  readonly acknowledged: number[] = [];
  readonly #cluster: TestCluster;
  #isOver = false;
  #entries = 0;
  #underway = new Map<string, number>();

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: CLIENTS }, (_, index) => this.#client(index)));
  }

  end(): void {
    this.#isOver = true;
  }

  underway(name: string): number {
    return this.#underway.get(name) ?? 0;
  }

  async #client(index: number): Promise<void> {
    for (let turn = index; !this.#isOver; turn++) {
      const names = [...this.serving];
      const name = names[turn % names.length] as string;
      const entry = ++this.#entries;
      this.#underway.set(name, this.underway(name) + 1);
      try {
        const ledger = await this.#cluster.node(name).nexus.getOrSpawn(Ledger, `led${(index * 7 + turn) % AGENTS}`);
        await ledger.ask('append', entry);
        this.acknowledged.push(entry);
      } catch (error) {
        this.failed.push(`${(error as NexusError).code} ${(error as Error).message}`);
      }
      this.#underway.set(name, this.underway(name) - 1);
    }
  }
}

async function entriesIn(cluster: TestCluster, name: string): Promise<number[]> {
  const { nexus } = cluster.node(name);
  const all = Array.from({ length: AGENTS }, (_, at) => nexus.getOrSpawn(Ledger, `led${at}`).then((ledger) => ledger.ask('all')));
  return (await cluster.settle(Promise.all(all))).flat().sort((a, b) => a - b);
}

test.each([6, 7, 8, 9, 10])('no ask of a durable agent fails while its node drains (seed %i)', async (seed) => {
  const cluster = await clusterOf(seed, seed % 2);
  const load = new Load(cluster);
  const clients = load.run();
  await cluster.until(() => load.acknowledged.length > 100);
  // What it is asked for itself goes on for a while.
  const draining = cluster.node('n1').nexus.drain();
  await cluster.until(() => load.acknowledged.length > 150);
  load.serving.delete('n1');
  expect(await cluster.settle(draining)).toMatchObject({ left: 0 });
  load.end();
  await cluster.settle(clients);
  expect(load.failed).toEqual([]);
  expect(await entriesIn(cluster, 'n2')).toEqual(load.acknowledged.sort((a, b) => a - b));
});

test.each([21, 22, 23])(
  'all nodes of a cluster are replaced one by one: no ask of a durable agent fails, and nothing acknowledged is missing (seed %i)',
  async (seed) => {
    const cluster = await clusterOf(seed);
    const load = new Load(cluster);
    const clients = load.run();
    for (const name of ['n1', 'n2', 'n3']) {
      const before = load.acknowledged.length;
      await cluster.until(() => load.acknowledged.length > before + 100);
      load.serving.delete(name);
      expect(await cluster.settle(cluster.node(name).nexus.drain())).toMatchObject({ left: 0 });
      expect(load.underway(name)).toBe(0);
      await cluster.settle(cluster.node(name).stop());
      cluster.node(name).start();
      await cluster.formed();
      load.serving.add(name);
    }
    load.end();
    await cluster.settle(clients);
    expect(load.failed).toEqual([]);
    expect(await entriesIn(cluster, 'n1')).toEqual(load.acknowledged.sort((a, b) => a - b));
  },
);

test('a durable agent that moves takes its timers, subscriptions, groups and watchers along, in the same life, and its state by way of the store', async () => {
  const cluster = await clusterOf();
  const [n1, n2, n3] = [cluster.node('n1').nexus, cluster.node('n2').nexus, cluster.node('n3').nexus];
  const ledger = await cluster.settle(n1.spawn(Ledger, { id: 'led', thread: 1 }));
  const watcher = await cluster.settle(n2.spawn(Watcher, { id: 'watcher' }));
  await cluster.settle(watcher.ask('watch', 'led'));
  ledger.tell('begin');
  await cluster.settle(ledger.ask('append', 1));
  await cluster.settle(n2.migrate(ledger, { node: 'n3' }));
  expect((await cluster.settle(n1.locate('led')))?.node?.name).toBe('n3');
  const before = await cluster.settle(ledger.ask('read'));
  expect(before).toMatchObject({ entries: [1], starts: 1 });
  await cluster.advance(1000);
  n2.publish('news.now');
  await cluster.advance(200);
  const after = await cluster.settle(ledger.ask('read'));
  expect(after).toMatchObject({ entries: [1], starts: 1, news: 1 });
  expect(after.ticks).toBeGreaterThan(before.ticks + 5);
  expect(n1.group('ledgers').size).toBe(1);
  expect(await cluster.settle(watcher.ask('ended'))).toEqual([]);
  // What watches it goes on watching it where it is.
  await cluster.settle(ledger.stop());
  await cluster.advance(200);
  expect(await cluster.settle(watcher.ask('ended'))).toEqual(['led stopped']);
  expect(await cluster.settle(n3.getOrSpawn(Ledger, 'led').then((again) => again.ask('read')))).toMatchObject({ entries: [1], starts: 2 });
});

test('a durable agent of another node that is out of memory is brought back there to be watched', async () => {
  const cluster = await createTestCluster({ agents: [Sleeper, Watcher], storage: 'disk', nodes: 3, threads: 1 });
  onTestFinished(() => cluster.close());
  const n1 = cluster.node('n1').nexus;
  const home = await cluster.settle(n1.getOrSpawn(Sleeper, 'sleeper').then(() => n1.locate('sleeper')));
  const other = cluster.nodes.find(({ name }) => name !== home?.node?.name)?.nexus ?? n1;
  await cluster.until(() => cluster.nodes.every(({ nexus }) => [...nexus.agents()].every(({ id }) => id !== 'sleeper')));
  const watcher = await cluster.settle(other.spawn(Watcher, { id: 'watcher', node: 'here' }));
  const sleeper = await cluster.settle(other.getOrSpawn(Sleeper, 'sleeper'));
  await cluster.until(() => cluster.nodes.every(({ nexus }) => [...nexus.agents()].every(({ id }) => id !== 'sleeper')));
  await cluster.settle(watcher.ask('watchOne', sleeper));
  // As long as it is watched it stays.
  await cluster.advance(5000);
  expect(await cluster.settle(watcher.ask('ended'))).toEqual([]);
  expect(cluster.nodes.filter(({ nexus }) => [...nexus.agents()].some(({ id }) => id === 'sleeper'))).toHaveLength(1);
  await cluster.settle(sleeper.stop());
  await cluster.advance(500);
  expect(await cluster.settle(watcher.ask('ended'))).toEqual(['sleeper stopped']);
});
