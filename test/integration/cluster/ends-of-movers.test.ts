/** Ends of agents that move between the nodes of a simulated cluster, step by step: whoever asks for the end of one, here or there, gets it, and behind what was sent before. */
import { type AgentContext, type AgentRef, defineAgent } from 'nexus-agents';
import { type TestCluster, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';

/** What the agents of a test have said of themselves at their ends. */
const ended: string[] = [];
const contexts = new Map<string, AgentContext>();
const Counter = defineAgent({
  kind: 'counter',
  state: () => ({ count: 0 }),
  onStart: (_state, ctx) => void contexts.set(ctx.id, ctx as unknown as AgentContext),
  onStop: ({ count }, _reason, { id }) => void ended.push(`${id} at ${count}`),
  actions: { add: (state) => ++state.count, join: (_state, group: string, ctx) => ctx.join(group) },
});
const Ledger = defineAgent({
  kind: 'ledger',
  state: () => ({ count: 0 }),
  durable: { writes: 'behind' },
  onStop: ({ count }, _reason, { id }) => void ended.push(`${id} at ${count}`),
  actions: { add: (state) => ++state.count },
});
const Parent = defineAgent({
  kind: 'parent',
  state: () => ({}),
  actions: {
    spawn: (_state, { id, thread }: { id: string; thread: number }, ctx) => ctx.spawn(Counter, { id, thread }),
    stop: async (_state, ref: AgentRef) => {
      ref.tell('add');
      await ref.stop();
    },
  },
});
const OPTIONS = { agents: [Counter, Ledger, Parent], storage: 'disk', threads: 2, nodes: ['n1', 'n2', 'n3'] } as const;
const STEPS_MS = [0, 50, 150, 250, 350, 450, 550, 650];

const holders = (cluster: TestCluster, id: string): string[] =>
  cluster.nodes.filter((node) => node.isUp && [...node.nexus.agents()].some((agent) => agent.id === id)).map(({ name }) => name);

test.each([
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
  [1, 2],
] as const)(
  'an agent whose end is asked for while it moves to another node has ended when that is said (on thread %s, asked for on thread %s)',
  async (thread, asker) => {
    ended.length = 0;
    await withCluster(OPTIONS, async (cluster) => {
      const n1 = cluster.node('n1').nexus;
      const parent = await cluster.settle(n1.spawn(Parent, { id: 'parent', thread: asker }));
      const expected: string[] = [];
      for (const afterMs of STEPS_MS) {
        const id = `after ${afterMs} ms`;
        const agent = await cluster.settle(n1.spawn(Counter, { id, thread }));
        // It leaves its groups first.
        if (afterMs % 100 === 50) await cluster.settle(agent.ask('join', 'all'));
        cluster.links({ latency: 100 });
        const moved = n1.migrate(agent, { node: 'n2' }).catch(() => undefined);
        await cluster.advance(afterMs);
        await cluster.settle(parent.ask('stop', agent));
        expected.push(`${id} at 1`);
        expect(ended).toEqual(expected);
        await cluster.settle(moved);
        cluster.links({ latency: 1 });
        await cluster.advance(1000);
        expect([id, holders(cluster, id)]).toEqual([id, []]);
      }
    });
  },
);

test('an agent that asks for its own end while it moves to another node, or whose parent ends, ends there', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    const n1 = cluster.node('n1').nexus;
    for (const afterMs of STEPS_MS) {
      const parent = await cluster.settle(n1.spawn(Parent, { id: `parent ${afterMs}`, thread: 1 }));
      const child = await cluster.settle(parent.ask('spawn', { id: `child ${afterMs}`, thread: 2 }));
      const tired = await cluster.settle(n1.spawn(Counter, { id: `tired ${afterMs}`, thread: 0 }));
      cluster.links({ latency: 100 });
      const moved = Promise.all([child, tired].map((agent) => n1.migrate(agent, { node: 'n2' }).catch(() => undefined)));
      await cluster.advance(afterMs);
      // Once it has left, its context here is one of nobody.
      if (holders(cluster, tired.id).includes('n1')) contexts.get(tired.id)?.stop();
      else await cluster.settle(tired.stop());
      await cluster.settle(parent.stop());
      await cluster.settle(moved);
      cluster.links({ latency: 1 });
      await cluster.advance(1000);
      expect([afterMs, holders(cluster, child.id), holders(cluster, tired.id)]).toEqual([afterMs, [], []]);
    }
  });
});

test('a durable agent whose end is asked for while it moves to another node ends, with all that it was told before, wherever it is', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    const n1 = cluster.node('n1').nexus;
    for (const afterMs of STEPS_MS) {
      const id = `ledger after ${afterMs} ms`;
      const agent = await cluster.settle(n1.spawn(Ledger, { id, thread: 1 }));
      cluster.links({ latency: 100 });
      const moved = n1.migrate(agent, { node: 'n2' }).catch(() => undefined);
      await cluster.advance(afterMs);
      agent.tell('add');
      await cluster.settle(agent.stop());
      await cluster.settle(moved);
      cluster.links({ latency: 1 });
      await cluster.advance(1000);
      expect([id, holders(cluster, id)]).toEqual([id, []]);
      expect(ended).toContain(`${id} at 1`);
    }
  });
});

test('a paused agent whose end is asked for while it moves to another node ends there, or where it stays', async () => {
  ended.length = 0;
  await withCluster(OPTIONS, async (cluster) => {
    const n1 = cluster.node('n1').nexus;
    const expected: string[] = [];
    for (const afterMs of [50, 150, 250]) {
      for (const stays of [false, true]) {
        const id = `paused, after ${afterMs} ms${stays ? ', stays' : ''}`;
        const agent = await cluster.settle(n1.spawn(Counter, { id, thread: 1 }));
        await cluster.settle(n1.pause(agent));
        cluster.links({ latency: 100 });
        const moved = n1.migrate(agent, { node: 'n2' }).catch(() => undefined);
        if (stays) cluster.partition([['n1', 'n3'], ['n2']]);
        await cluster.advance(afterMs);
        const stopped = agent.stop();
        await cluster.advance(50);
        // It may be that node which has it.
        expect(ended).toEqual(expected);
        cluster.heal();
        await cluster.settle(stopped);
        expected.push(`${id} at 0`);
        expect(ended).toEqual(expected);
        await cluster.settle(moved);
        cluster.links({ latency: 1 });
        await cluster.advance(1000);
        expect([id, holders(cluster, id)]).toEqual([id, []]);
      }
    }
  });
});
