/**
 * Messages to agents that move from node to node, as `cluster/agents` sends them: between nodes that are nothing else, over channels whose messages a seeded scheduler delivers, with moves, lost nodes and views that are
 * installed at different times in between. What one node has sent to an agent arrives in its order, once, and nothing is lost with nothing lost; also by references of both kinds, those that lead to another node and those that
 * lead straight to the agent, where it has come to the node of its sender or is started again there because its own was lost.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NodeAgents } from '../../../dist/ts-src/cluster/agents/node-agents.js';
import type { NodeIdentity } from '../../../dist/ts-src/model/node-identity.js';
import type { Registration } from '../../../dist/ts-src/model/registration.js';
import type { OutgoingMessage, Transport } from '../../../dist/ts-src/ports/transport.js';
import { PendingAsks } from '../../../dist/ts-src/runtime/pending-asks.js';
import { isComing, markComing } from '../../../dist/ts-src/runtime/record-word.js';
import type { ThreadHost } from '../../../dist/ts-src/runtime/thread-host.js';
import { SteppedClock } from '../../../dist/ts-src/testing/manual-clock.js';

const ID = 'wanderer';
const KIND = 'counter';
const LIFE = 7;
const SLOT = 1;
const ASK_TIMEOUT_MS = 60_000;

interface Delivered {
  readonly from: string;
  readonly number: number;
}

/** What all nodes share: who has the agent, and what it was given. */
class World {
  readonly clock = new SteppedClock({}, async () => undefined);
  readonly nodes: TestNode[] = [];
  readonly log: Delivered[] = [];
  readonly departed = new Set<TestNode>();
  host: NodeIdentity | undefined;
  token = 1;
  /** The host while the agent is on its way. */
  moving: { readonly from: TestNode; readonly to: TestNode } | undefined;
  /** Where it is being started again. */
  starting: TestNode | undefined;
  view = 1;
  readonly views: { readonly number: number; readonly removed: TestNode }[] = [];

  constructor(count: number) {
    for (let number = 0; number < count; number++) this.nodes.push(new TestNode(this, `n${number}`));
    for (const each of this.nodes) each.viewed(1, []);
    const first = this.nodes[0] as TestNode;
    first.isHost = true;
    this.host = first.identity;
  }

  registration(): Registration {
    return { id: ID, kind: KIND, host: this.host as NodeIdentity, token: this.token, life: LIFE, placement: 'pinned', init: undefined };
  }

  node(identity: NodeIdentity): TestNode {
    return this.nodes.find(({ identity: { name } }) => name === identity.name) as TestNode;
  }

  get alive(): TestNode[] {
    return this.nodes.filter((node) => !this.departed.has(node));
  }
}

class TestNode {
  readonly identity: NodeIdentity;
  readonly agents: NodeAgents;
  readonly asks: PendingAsks;
  /** By sender, in order. */
  readonly inbox = new Map<TestNode, unknown[]>();
  readonly installed = new Set<TestNode>();
  isHost = false;
  sent = 0;
  answered = 0;
  failed: string[] = [];
  readonly #shared = { threadCount: 1, recordsOffset: 0, words: new Int32Array(64) } as unknown as ThreadHost['shared'];
  #listener: (message: { from: NodeIdentity; lane: 'normal'; value: unknown }) => void = () => undefined;
  readonly #world: World;

  constructor(world: World, name: string) {
    this.#world = world;
    this.identity = { name, incarnation: 1 };
    const { clock } = world;
    this.asks = new PendingAsks(clock, 0, { local: { record: () => undefined }, remote: { record: () => undefined } });
    const transport = {
      send: (to: NodeIdentity, _lane: string, { value }: OutgoingMessage) => {
        const other = world.node(to);
        if (this.installed.has(other)) return 'unknown';
        const box = other.inbox.get(this) ?? [];
        box.push(structuredClone(value));
        other.inbox.set(this, box);
        return 'accepted';
      },
      listen: (_channel: number, listener: never) => {
        this.#listener = listener;
      },
    } as unknown as Transport;
    const kind = { name: KIND, isDurable: false, action: (action: string) => ({ name: action, index: 0 }) };
    const host = {
      asks: this.asks,
      clock,
      logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
      shared: this.#shared,
      calls: { agentsAreHome: () => markComing(this.#shared, SLOT, false) },
      links: { isClosed: false, canReach: () => true },
      kinds: { find: () => kind },
      engine: { table: { threadOf: () => (this.isHost ? 0 : -1) } },
      directory: { find: () => (this.isHost ? { slot: SLOT, generation: 1, id: ID, kindEntry: kind, kind: KIND } : undefined) },
      deadLetters: { record: (reason: string) => void this.failed.push(reason) },
      standaloneCopy: (value: unknown) => value,
      router: {
        deliveries: {
          deliver: (_agent: unknown, _entry: unknown, input: Delivered, reply: { reply(value: unknown): void } | undefined) => {
            world.log.push(input);
            reply?.reply(input.number);
          },
        },
      },
    } as unknown as ThreadHost;
    this.agents = new NodeAgents({
      ...{ host, transport, clock, logger: host.logger },
      self: () => this.identity,
      registry: () =>
        ({
          self: this.identity,
          own: () => (this.isHost ? world.registration() : undefined),
          cached: () => undefined,
          ownerOf: () => world.host,
          forget: () => undefined,
          lookup: async () => world.registration(),
        }) as never,
    });
    (host as { remote: unknown }).remote = this.agents;
  }

  /** A tell, or an ask for every third. */
  send(): void {
    const { routing } = this.agents;
    const route = routing.of(ID, LIFE, (this.#world.nodes[0] as TestNode).identity);
    const target = { id: ID, kind: KIND, knownId: ID, remote: route, kindEntry: { name: KIND, action: (name: string) => ({ name }) } } as never;
    const input = { from: this.identity.name, number: this.sent++ };
    if (input.number % 3 !== 0) return void this.agents.send(target, { name: 'add' } as never, input, undefined, undefined);
    const ask = this.asks.open(
      () => this.answered++,
      (error) => this.failed.push((error as { code: string }).code),
      target,
      'add',
      ASK_TIMEOUT_MS,
      undefined,
    );
    this.agents.send(target, { name: 'add' } as never, input, ask, undefined);
  }

  /** By a reference to an agent of this node. */
  sendStraight(): void {
    const target = { slot: SLOT, generation: 1, id: ID, kind: KIND, knownId: ID, kindEntry: { name: KIND, action: (name: string) => ({ name }) } } as never;
    const input = { from: this.identity.name, number: this.sent++ };
    if (this.agents.goesRound(target)) this.agents.send(target, { name: 'add' } as never, input, undefined, undefined);
    else this.#world.log.push(input);
  }

  /** The agent is in its table, with the mark of one that other nodes had. */
  appears(): void {
    this.isHost = true;
    markComing(this.#shared, SLOT, true);
  }

  get isMarked(): boolean {
    return isComing(this.#shared, SLOT);
  }

  /** One message of that node. */
  receive(from: TestNode): void {
    const value = this.inbox.get(from)?.shift();
    if (value !== undefined) this.#listener({ from: from.identity, lane: 'normal', value });
  }

  install(removed: TestNode, number: number): void {
    this.installed.add(removed);
    this.inbox.delete(removed);
    this.viewed(number, [removed.identity]);
  }

  viewed(number: number, removed: readonly NodeIdentity[]): void {
    const members = this.#world.nodes.filter((other) => !this.installed.has(other)).map(({ identity }) => ({ ...identity, weight: 1 }));
    this.agents.viewed({ number, members, joined: [], left: [], removed } as never);
  }
}

type Step =
  | { readonly type: 'send'; readonly node: number }
  | { readonly type: 'receive'; readonly to: number; readonly from: number }
  | { readonly type: 'move'; readonly to: number }
  | { readonly type: 'arrive' }
  | { readonly type: 'refuse' }
  | { readonly type: 'kill'; readonly node: number }
  | { readonly type: 'install'; readonly node: number }
  | { readonly type: 'sendStraight' }
  | { readonly type: 'killHost' }
  | { readonly type: 'startAgain'; readonly node: number; readonly fails: boolean }
  | { readonly type: 'pass' };

const NODES = 4;
const node = fc.nat({ max: NODES - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('send' as const), node }) },
  { weight: 14, arbitrary: fc.record({ type: fc.constant('receive' as const), to: node, from: node }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('move' as const), to: node }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('arrive' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('refuse' as const) }) },
);
const deadly: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: step },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('kill' as const), node }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('install' as const), node }) },
);
const orphaning: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: step },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('sendStraight' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('killHost' as const) }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('install' as const), node }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('startAgain' as const), node, fails: fc.nat({ max: 7 }).map((number) => number === 0) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('pass' as const) }) },
);

async function perform(world: World, each: Step): Promise<void> {
  switch (each.type) {
    case 'send': {
      const sender = world.nodes[each.node] as TestNode;
      if (!world.departed.has(sender)) sender.send();
      break;
    }
    case 'receive': {
      const [to, from] = [world.nodes[each.to] as TestNode, world.nodes[each.from] as TestNode];
      if (!world.departed.has(to)) to.receive(from);
      break;
    }
    case 'move': {
      const from = world.alive.find(({ isHost }) => isHost);
      const to = world.nodes[each.to] as TestNode;
      if (world.moving !== undefined || from === undefined || from === to || world.departed.has(to) || from.installed.has(to) || to.installed.has(from)) break;
      if (!from.agents.routing.leaving(ID, LIFE)) break;
      world.moving = { from, to };
      from.isHost = false;
      to.agents.routing.coming(ID, LIFE, from.identity);
      break;
    }
    case 'arrive': {
      if (world.moving === undefined) break;
      const { from, to } = world.moving;
      world.moving = undefined;
      world.host = to.identity;
      world.token++;
      to.appears();
      from.agents.routing.left(ID, LIFE, to.identity, world.token);
      to.agents.routing.came(ID, LIFE, world.token);
      break;
    }
    case 'refuse': {
      if (world.moving === undefined) break;
      const { from, to } = world.moving;
      world.moving = undefined;
      from.isHost = true;
      from.agents.routing.stays(ID, LIFE);
      to.agents.routing.comesNot(ID, LIFE, from.identity);
      break;
    }
    case 'kill': {
      const victim = world.nodes[each.node] as TestNode;
      // Not the one that has the agent, nor one of a move.
      if (victim.isHost || world.moving !== undefined || world.departed.has(victim) || world.alive.length <= 2) break;
      world.departed.add(victim);
      world.views.push({ number: ++world.view, removed: victim });
      break;
    }
    case 'sendStraight': {
      world.alive.find(({ isHost }) => isHost)?.sendStraight();
      break;
    }
    case 'killHost': {
      const victim = world.alive.find(({ isHost }) => isHost);
      if (victim === undefined || world.moving !== undefined || world.starting !== undefined || world.alive.length <= 2) break;
      victim.isHost = false;
      world.departed.add(victim);
      world.views.push({ number: ++world.view, removed: victim });
      break;
    }
    case 'startAgain': {
      const { starting } = world;
      const to = starting ?? (world.nodes[each.node] as TestNode);
      const lost = world.node(world.host as NodeIdentity);
      if (starting === undefined) {
        if (!world.departed.has(lost) || world.departed.has(to) || !to.installed.has(lost)) break;
        world.token++;
        world.starting = to;
        to.agents.routing.coming(ID, LIFE, undefined);
      } else if (each.fails && !to.isHost) {
        world.starting = undefined;
        to.agents.routing.comesNot(ID, LIFE, undefined);
      } else if (!to.isHost) {
        world.host = to.identity;
        to.appears();
      } else {
        world.starting = undefined;
        to.agents.routing.came(ID, LIFE, world.token);
      }
      break;
    }
    case 'pass':
      await world.clock.advance(25);
      break;
    case 'install': {
      const installer = world.nodes[each.node] as TestNode;
      const next = world.views[installer.installed.size];
      if (next !== undefined && !world.departed.has(installer)) installer.install(next.removed, next.number);
    }
  }
  // What the registry answers.
  for (let turn = 0; turn < 3; turn++) await undefined;
}

/** Everything that is on its way arrives, and every view is installed. */
async function settle(world: World): Promise<void> {
  await perform(world, { type: 'arrive' });
  const isStarted = (): boolean => world.starting === undefined && world.alive.some(({ isHost }) => isHost);
  for (let round = 0; round < 400; round++) {
    let isQuiet = true;
    for (const [index, each] of world.nodes.entries()) {
      if (world.departed.has(each)) continue;
      if (each.installed.size < world.views.length) {
        isQuiet = false;
        await perform(world, { type: 'install', node: index });
      }
      for (const [from] of world.nodes.entries()) {
        const box = each.inbox.get(world.nodes[from] as TestNode);
        while ((box?.length ?? 0) > 0) {
          isQuiet = false;
          await perform(world, { type: 'receive', to: index, from });
        }
      }
    }
    if (!isStarted()) await perform(world, { type: 'startAgain', node: round % world.nodes.length, fails: false });
    await world.clock.advance(25);
    for (let turn = 0; turn < 4; turn++) await undefined;
    if (isStarted() && isQuiet && round > 3 && world.alive.every(({ agents }) => agents.routing.waitingCount === 0)) return;
  }
}

function numbersOf(world: World, sender: TestNode): number[] {
  return world.log.filter(({ from }) => from === sender.identity.name).map(({ number }) => number);
}

test('messages of every node to an agent that moves among nodes arrive once, all, and in their order; every ask is answered', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 200 }), async (steps) => {
      const world = new World(NODES);
      for (const each of steps) await perform(world, each);
      await settle(world);
      for (const sender of world.nodes) {
        expect(numbersOf(world, sender)).toEqual(Array.from({ length: sender.sent }, (_, number) => number));
        expect(sender.failed).toEqual([]);
        expect(sender.answered).toBe(Math.ceil(sender.sent / 3));
        expect(sender.agents.routing.waitingCount).toBe(0);
      }
    }),
    { numRuns: 400 },
  );
});

test('with nodes that are lost on the way, what arrives of each node arrives once and in its order, and every ask comes to an end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(deadly, { minLength: 20, maxLength: 250 }), async (steps) => {
      const world = new World(NODES);
      for (const each of steps) await perform(world, each);
      await settle(world);
      // One that a lost node has sent on is not missed before its time.
      await world.clock.advance(ASK_TIMEOUT_MS);
      for (const sender of world.alive) {
        const numbers = numbersOf(world, sender);
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        expect(sender.asks.size).toBe(0);
        expect(sender.agents.routing.waitingCount).toBe(0);
        // What it sends now arrives.
        sender.send();
        sender.send();
      }
      await settle(world);
      for (const sender of world.alive) expect(numbersOf(world, sender).slice(-2)).toEqual([sender.sent - 2, sender.sent - 1]);
    }),
    { numRuns: 400 },
  );
});

test('what a node tells an agent that is started again on it, because its own was lost, is in order, whichever references it is sent by', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(orphaning, { minLength: 30, maxLength: 250 }), async (steps) => {
      const world = new World(NODES);
      for (const each of steps) await perform(world, each);
      await settle(world);
      await world.clock.advance(ASK_TIMEOUT_MS);
      const host = world.alive.find(({ isHost }) => isHost) as TestNode;
      // In the end all of its node send straight to it.
      expect(host.isMarked).toBe(false);
      expect(host.agents.routing.leaving(ID, LIFE)).toBeDefined();
      host.agents.routing.stays(ID, LIFE);
      for (const sender of world.alive) {
        const numbers = numbersOf(world, sender);
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        expect(sender.asks.size).toBe(0);
        expect(sender.agents.routing.waitingCount).toBe(0);
        sender.send();
        if (sender === host) sender.sendStraight();
        else sender.send();
      }
      await settle(world);
      for (const sender of world.alive) expect(numbersOf(world, sender).slice(-2)).toEqual([sender.sent - 2, sender.sent - 1]);
    }),
    { numRuns: 600 },
  );
});
