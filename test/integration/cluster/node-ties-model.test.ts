/**
 * Watches, links, groups and signals over nodes that crash, start again and are cut off, against what must hold in the end whatever happened: the oracle is who is alive then. Random steps; the seed of the cluster
 * decides them too, so that a failure runs again with NEXUS_TEST_SEED.
 */
import { type AgentRef, defineAgent, type Nexus } from 'nexus-agents';
import { type TestCluster, type TestNode, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../../dist/ts-src/model/seeded-random.js';
import { seedFromEnvironment } from '../../../dist/ts-src/testing/seed.js';

const RUNS = 4;
const STEPS = 100;
const NODES = ['n1', 'n2', 'n3'];
/** By then the other end of a link knows of it, if the nodes reach each other; */
const KNOWN_MS = 1000;
/** or so long after they do again: calls and connections are tried again by then. */
const REACHED_MS = 10_000;

interface Tied {
  readonly id: string;
  readonly node: string;
  readonly ref: AgentRef;
  /** Was told to end: then it need not have failed. */
  isStopped: boolean;
}

/** Made by `one`, on a start of its node. If that is lost before it has said so, the other end cannot know of it, and lives. */
interface Link {
  readonly one: Tied;
  readonly other: string;
  readonly nexus: Nexus;
  readonly madeMs: number;
  isKnown: boolean;
}

interface World {
  readonly cluster: TestCluster;
  readonly random: SeededRandom;
  readonly agents: Map<string, Tied>;
  /** By watcher and target. */
  readonly watches: Map<string, readonly [watcher: string, target: string]>;
  readonly links: Map<string, Link>;
  healedMs: number;
  /** What watchers were told, by watcher and target. */
  readonly told: Map<string, string[]>;
  readonly got: Map<string, string[]>;
}

/** What agents see and do is kept here: their own state would go with them. */
let world: World;

function push(lists: Map<string, string[]>, key: string, value: string): void {
  lists.set(key, [...(lists.get(key) ?? []), value]);
}

const Agent = defineAgent({
  kind: 'tied',
  scope: 'node',
  state: () => ({}),
  groups: ['all'],
  subscriptions: { 'news.>': 'hear' },
  supervision: { onFailure: 'stop' },
  actions: {
    hear: (_state, { data }: { readonly data: unknown }, ctx) => push(world.got, ctx.id, String(data)),
    watch: (_state, ref: AgentRef, ctx) => ctx.watch(ref),
    unwatch: (_state, ref: AgentRef, ctx) => ctx.unwatch(ref),
    link(_state, ref: AgentRef, ctx) {
      ctx.link(ref);
      linked(ctx.id, ref.id);
    },
    end: (_state, _input, ctx) => ctx.stop(),
    fail() {
      throw new Error('on purpose');
    },
    count: () => 1,
  },
  onTerminated: (_state, { id, reason }, ctx) => push(world.told, `${ctx.id} > ${id}`, reason.type),
});

function linked(id: string, other: string): void {
  const one = world.agents.get(id);
  const key = `${id} > ${other}`;
  if (one === undefined || world.links.has(key)) return;
  const { nexus } = world.cluster.node(one.node);
  world.links.set(key, { one, other, nexus, madeMs: world.cluster.nowMs, isKnown: false });
}

/** Before anything is lost: which links are known at both ends. */
function noteKnown(): void {
  const { cluster, links, healedMs } = world;
  for (const link of links.values()) {
    const node = cluster.node(link.one.node);
    const isSaid = cluster.nowMs >= Math.max(link.madeMs + KNOWN_MS, healedMs + REACHED_MS);
    link.isKnown ||= isSaid && isReady(node) && node.nexus === link.nexus;
  }
}

const isReady = (node: TestNode): boolean => node.isUp && node.hasStarted && node.nexus.cluster?.standing === 'member';

function pick<T>(from: readonly T[]): T | undefined {
  return from[Math.floor(world.random.next() * from.length)];
}

function isAlive({ node, id }: Tied): boolean {
  const { cluster } = world;
  return isReady(cluster.node(node)) && [...cluster.node(node).nexus.agents()].some((agent) => agent.id === id);
}

const live = (): Tied[] => [...world.agents.values()].filter(isAlive);

/** As a node knows it. */
const known = (node: string, id: string): AgentRef | undefined => {
  const { nexus } = world.cluster.node(node);
  return nexus
    .group('all')
    .members()
    .find((ref) => ref.id === id);
};

async function step(number: number): Promise<void> {
  const { cluster, random, agents } = world;
  const drawn = random.next();
  if (drawn < 0.25) {
    const node = pick(cluster.nodes.filter(isReady));
    if (node === undefined) return;
    const id = `a${number}`;
    const spawning = node.nexus.spawn(Agent, { id, thread: random.next() < 0.5 ? 0 : 1 }).catch(() => undefined);
    const ref = await cluster.settle(spawning);
    if (ref !== undefined) agents.set(id, { id, node: node.name, ref: ref as unknown as AgentRef, isStopped: false });
  } else if (drawn < 0.6) {
    const [one, other] = [pick(live()), pick(random.next() < 0.8 ? live() : [...agents.values()])];
    const target = one && other && one !== other ? known(one.node, other.id) : undefined;
    if (one === undefined || other === undefined || target === undefined) return cluster.advance(50);
    const key = `${one.id} > ${other.id}`;
    const kind = random.next();
    if (kind < 0.5 && !world.watches.has(key) && !world.told.has(key)) {
      world.watches.set(key, [one.id, other.id]);
      (one.ref as AgentRef<typeof Agent>).tell('watch', target);
    } else if (kind < 0.9) (one.ref as AgentRef<typeof Agent>).tell('link', target);
    else if (world.watches.delete(key)) (one.ref as AgentRef<typeof Agent>).tell('unwatch', target);
  } else if (drawn < 0.68) {
    const agent = pick(live());
    if (agent === undefined) return;
    const ends = random.next() < 0.6;
    agent.isStopped ||= ends;
    (agent.ref as AgentRef<typeof Agent>).tell(ends ? 'end' : 'fail');
  } else if (drawn < 0.71) {
    const down = cluster.nodes.filter((node) => !isReady(node));
    noteKnown();
    if (down.length === 0) pick(cluster.nodes)?.crash();
    else for (const node of down) if (!node.isUp) node.start();
  } else if (drawn < 0.74) {
    const node = pick(NODES) as string;
    // Of two, none would go on.
    if (!cluster.nodes.every(isReady)) return;
    noteKnown();
    cluster.partition([[node], NODES.filter((each) => each !== node)]);
    await cluster.advance(random.next() * 15_000);
    cluster.heal();
    world.healedMs = cluster.nowMs;
  } else await cluster.advance(random.next() * 2000);
}

async function calm(): Promise<void> {
  const { cluster } = world;
  cluster.heal();
  await cluster.advance(60_000);
  for (const node of cluster.nodes) if (!node.isUp) node.start();
  await cluster.formed();
  await cluster.advance(30_000);
}

/** What is wrong, in words. */
async function faults(): Promise<string[]> {
  const { cluster, agents, watches, links, told, got } = world;
  const found: string[] = [];
  const alive = new Set(live().map(({ id }) => id));
  for (const [key, [watcher, target]] of watches) {
    const times = told.get(key)?.length ?? 0;
    if (times > 1) found.push(`${key} was told ${times} times`);
    if (!alive.has(watcher)) continue;
    if (!alive.has(target) && times === 0) found.push(`${key} was never told`);
    if (alive.has(target) && times > 0) found.push(`${key} was told ${told.get(key)?.join()} of one that lives`);
  }
  const hasFailed = (id: string): boolean => !alive.has(id) && agents.get(id)?.isStopped === false;
  for (const { one, other, isKnown } of links.values()) {
    if (hasFailed(other) && alive.has(one.id)) found.push(`${one.id} lives, which has linked itself to ${other}`);
    if (isKnown && hasFailed(one.id) && alive.has(other)) found.push(`${other} lives, to which ${one.id} has linked itself`);
  }
  for (const node of cluster.nodes) {
    const members = node.nexus
      .group('all')
      .members()
      .map(({ id }) => id)
      .sort();
    if (members.join() !== [...alive].sort().join()) found.push(`${node.name} knows ${members.join()} as members, and there are ${[...alive].sort().join()}`);
  }
  got.clear();
  for (const node of cluster.nodes) node.nexus.publish('news.of', node.name);
  await cluster.advance(1000);
  for (const id of alive) if (got.get(id)?.sort().join() !== NODES.join()) found.push(`${id} heard ${got.get(id)?.join()}`);
  return found;
}

test('in the end every watcher was told once of each end, no link is left of one that has failed, and groups and signals are of those who live, over nodes that crash, start again and are cut off', async () => {
  const tried = { agents: 0, ties: 0, told: 0 };
  // And until it has tried something; but with a seed that is given all clusters are the same.
  const isOne = seedFromEnvironment() !== undefined;
  for (let run = 0; run < (isOne ? 1 : RUNS) || (!isOne && Math.min(tried.agents, tried.ties, tried.told) <= RUNS); run++) {
    await withCluster({ agents: [Agent], threads: 1, nodes: NODES }, async (cluster) => {
      world = {
        cluster,
        random: new SeededRandom(cluster.seed, 'ties'),
        ...{ agents: new Map(), watches: new Map(), links: new Map(), healedMs: Number.NEGATIVE_INFINITY, told: new Map(), got: new Map() },
      };
      for (let number = 0; number < STEPS; number++) await step(number);
      await calm();
      noteKnown();
      expect(await faults()).toEqual([]);
      tried.agents += world.agents.size;
      tried.ties += world.watches.size + world.links.size;
      tried.told += world.told.size;
    });
  }
}, 120_000);
