/** Links of agents that move between the nodes of a simulated cluster, step by step: whatever happens to the other end meanwhile, a failure is one of both, and a normal end is not. */
import { type AgentRef, defineAgent, type Nexus } from 'nexus-agents';
import { type TestCluster, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';

const Linked = defineAgent({
  kind: 'linked',
  state: () => ({}),
  groups: ['linked'],
  supervision: { onFailure: 'stop' },
  actions: {
    end: (_state, _input, ctx) => ctx.stop(),
    fail() {
      throw new Error('on purpose');
    },
    link: (_state, ref: AgentRef, ctx) => ctx.link(ref),
    unlink: (_state, ref: AgentRef, ctx) => ctx.unlink(ref),
  },
});
const NODES = ['n1', 'n2', 'n3'];
type LinkedRef = AgentRef<typeof Linked>;

const nexusOf = (cluster: TestCluster, name: string): Nexus => cluster.node(name).nexus;

const isOn = (cluster: TestCluster, node: string, id: string): boolean => [...nexusOf(cluster, node).agents()].some((agent) => agent.id === id);

/** As a node knows it. */
async function known(cluster: TestCluster, node: string, id: string): Promise<LinkedRef> {
  const find = (): AgentRef | undefined =>
    nexusOf(cluster, node)
      .group('linked')
      .members()
      .find((ref) => ref.id === id);
  await cluster.until(() => find() !== undefined, 5000);
  return find() as LinkedRef;
}

test.each([0, 1])('a link to an agent that has moved to a node that is lost then has failed, whoever made it and wherever (thread %s)', async (thread) => {
  await withCluster({ agents: [Linked], threads: 1, nodes: 5 }, async (cluster) => {
    const spawn = (node: string, id: string): Promise<LinkedRef> => spawnOn(cluster, node, id, thread);
    const moving = await spawn('n1', 'moving');
    const [home, far] = [await spawn('n1', 'home'), await spawn('n2', 'far')];
    await spawn('n2', 'target');
    await cluster.settle(home.ask('link', moving));
    await cluster.settle(far.ask('link', await known(cluster, 'n2', 'moving')));
    await cluster.settle(moving.ask('link', await known(cluster, 'n1', 'target')));
    await cluster.advance(200);
    await cluster.settle(nexusOf(cluster, 'n1').migrate(moving, { node: 'n3' }));
    cluster.node('n3').crash({ isSilent: true });
    await cluster.advance(60_000);
    expect([isOn(cluster, 'n1', 'home'), isOn(cluster, 'n2', 'far'), isOn(cluster, 'n2', 'target')]).toEqual([false, false, false]);
  });
});

const spawnOn = (cluster: TestCluster, node: string, id: string, thread: number): Promise<LinkedRef> =>
  cluster.settle(nexusOf(cluster, node).spawn(Linked, { id, thread }));

const nodesOf = (cluster: TestCluster, id: string): string[] => NODES.filter((node) => isOn(cluster, node, id));

/** Moves agents of `n1` to `n2`, slowly, and does something meanwhile: they are packed within 100 ms, and there after 600. */
async function whileMoving(cluster: TestCluster, agents: readonly LinkedRef[], afterMs: number, act: () => void): Promise<void> {
  cluster.links({ latency: 100 });
  const moved = Promise.allSettled(agents.map((agent) => nexusOf(cluster, 'n1').migrate(agent, { node: 'n2' })));
  await cluster.advance(afterMs);
  act();
  await cluster.settle(moved);
  cluster.links({ latency: 1 });
  // No end was lost with a thread: word of it is there long before the agent would not wait for it any more.
  await cluster.advance(5000);
}

test.each([
  ['n1', 0, 0],
  ['n1', 1, 1],
  ['n1', 2, 1],
  ['n1', 1, 0],
  ['n2', 0, 1],
  ['n2', 1, 0],
  ['n3', 1, 1],
] as const)(
  'the end of an agent is no failure of one that is linked to it and on its way to another node, and its failure is (on %s, thread %s, the other on %s)',
  async (node, thread, threadOfMoving) => {
    await withCluster({ agents: [Linked], threads: 2, nodes: NODES }, async (cluster) => {
      const living: string[] = [];
      for (const afterMs of [50, 250, 350, 450, 550]) {
        const names = ['end made there', 'end made here', 'fail made there', 'fail made here'].map((name) => `${name} after ${afterMs} ms`);
        const agents: { readonly moving: LinkedRef; readonly other: LinkedRef }[] = [];
        for (const name of names) {
          const [moving, other] = [await spawnOn(cluster, 'n1', name, threadOfMoving), await spawnOn(cluster, node, `other: ${name}`, thread)];
          if (name.includes('here')) await cluster.settle(moving.ask('link', await known(cluster, 'n1', other.id)));
          else await cluster.settle(other.ask('link', await known(cluster, node, name)));
          agents.push({ moving, other });
        }
        await cluster.advance(100);
        await whileMoving(
          cluster,
          agents.map(({ moving }) => moving),
          afterMs,
          () => {
            for (const { other, moving } of agents) other.tell(moving.id.startsWith('end') ? 'end' : 'fail');
          },
        );
        expect(names.map((name) => [name, ...nodesOf(cluster, name)])).toEqual(names.map((name) => (name.startsWith('end') ? [name, 'n2'] : [name])));
        living.push(...names.filter((name) => name.startsWith('end')));
      }
      // For good: nothing was left open that counts as a failure later.
      await cluster.advance(30_000);
      expect(living.filter((name) => !isOn(cluster, 'n2', name))).toEqual([]);
    });
  },
);

test.each([
  [0, 0],
  [1, 1],
  [2, 1],
])(
  'who links or unlinks itself while the other end is on its way to another node, and ends then, has done so there (on thread %s, the other on %s)',
  async (thread, threadOfMoving) => {
    await withCluster({ agents: [Linked], threads: 2, nodes: NODES }, async (cluster) => {
      const pair = async (name: string, isLinked: boolean): Promise<{ moving: LinkedRef; other: LinkedRef }> => {
        const [moving, other] = [await spawnOn(cluster, 'n1', name, threadOfMoving), await spawnOn(cluster, 'n1', `other: ${name}`, thread)];
        if (isLinked) await cluster.settle(other.ask('link', moving));
        return { moving, other };
      };
      const [ended, failed] = [await pair('links and ends', false), await pair('links and fails', false)];
      const [free, left] = [await pair('unlinks and fails', true), await pair('fails when the other has unlinked itself', true)];
      const lost = await pair('is lost when the other has unlinked itself', true);
      await cluster.advance(100);
      await whileMoving(
        cluster,
        [ended, failed, free, left, lost].map(({ moving }) => moving),
        250,
        () => {
          for (const { moving, other } of [ended, failed]) other.tell('link', moving);
          for (const { moving, other } of [free, left, lost]) other.tell('unlink', moving);
          ended.other.tell('end');
          failed.other.tell('fail');
        },
      );
      free.other.tell('fail');
      left.moving.tell('fail');
      await cluster.advance(1000);
      expect([ended, failed, free].map(({ moving }) => nodesOf(cluster, moving.id))).toEqual([['n2'], [], ['n2']]);
      expect([nodesOf(cluster, left.moving.id), nodesOf(cluster, left.other.id)]).toEqual([[], ['n1']]);
      // Nor is anything left of the link where it was ended.
      cluster.node('n2').crash({ isSilent: true });
      await cluster.advance(30_000);
      expect(isOn(cluster, 'n1', lost.other.id)).toBe(true);
    });
  },
);

test('an agent that stays, because the other node is lost before it has it, learns then how those linked to it have ended meanwhile', async () => {
  await withCluster({ agents: [Linked], threads: 2, nodes: NODES }, async (cluster) => {
    const agents: { readonly moving: LinkedRef; readonly other: LinkedRef; readonly ends: 'end' | 'fail' }[] = [];
    for (const ends of ['end', 'fail'] as const) {
      const [moving, other] = [await spawnOn(cluster, 'n1', ends, 1), await spawnOn(cluster, 'n1', `other: ${ends}`, 2)];
      await cluster.settle(moving.ask('link', other));
      agents.push({ moving, other, ends });
    }
    cluster.links({ latency: 100 });
    const moved = Promise.allSettled(agents.map(({ moving }) => nexusOf(cluster, 'n1').migrate(moving, { node: 'n2' })));
    await cluster.advance(50);
    cluster.node('n2').crash({ isSilent: true });
    for (const { other, ends } of agents) other.tell(ends);
    await cluster.advance(100);
    expect([isOn(cluster, 'n1', 'end'), isOn(cluster, 'n1', 'fail')]).toEqual([true, true]);
    await cluster.settle(moved);
    await cluster.advance(100);
    expect([isOn(cluster, 'n1', 'end'), isOn(cluster, 'n1', 'fail')]).toEqual([true, false]);
  });
});
