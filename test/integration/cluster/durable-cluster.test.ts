/** Durable agents in a simulated cluster: what was acknowledged outlives the nodes that had it, whatever the network and the disks do. */
import { defineAgent } from 'nexus-agents';
import { createTestCluster, type TestCluster, type TestClusterOptions } from 'nexus-agents/testing';
import { expect, onTestFinished, test } from 'vitest';
import { synchronised } from './synchronised.js';

const Account = defineAgent({
  kind: 'account',
  state: () => ({ cents: 0, rung: [] as string[] }),
  durable: { writes: 'through' },
  actions: {
    pay: (state, cents: number) => {
      state.cents += cents;
      return state.cents;
    },
    read: { durable: 'none', handler: (state) => state.cents },
    token: { durable: 'none', handler: (_state, _input, ctx) => ctx.fencingToken },
    remind: async (_state, delayMs: number, ctx) => ctx.reminders.after('ring', delayMs, 'ring', 'due'),
    ring: (state, what: string) => void state.rung.push(what),
    rung: { durable: 'none', handler: (state) => state.rung },
    leave: (_state, _input: undefined, ctx) => ctx.stop(),
  },
});

const Ledger = defineAgent({
  kind: 'ledger',
  state: () => ({ entries: [] as number[] }),
  durable: { writes: 'through', apply: (state, event: number) => void state.entries.push(event), snapshotEvery: 4 },
  actions: {
    add: (state, entry: number, ctx) => {
      ctx.record(entry);
      return state.entries.length;
    },
    all: { durable: 'none', handler: (state) => state.entries },
  },
});

async function clusterOf(options: Partial<TestClusterOptions> = {}): Promise<TestCluster> {
  const cluster = await createTestCluster({ agents: [Account, Ledger], storage: 'disk', seed: 1, ...options });
  onTestFinished(() => cluster.close());
  return cluster;
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `account-${index}`);

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (error: { readonly code?: string }) => error.code ?? String(error),
  );
}

test('what was acknowledged is there when the node that had it is lost, and a reference brings the agent back', async () => {
  const cluster = await clusterOf();
  const n1 = cluster.node('n1').nexus;
  const accounts = await cluster.settle(Promise.all(ids(30).map((id) => n1.getOrSpawn(Account, id))));
  expect(await cluster.settle(Promise.all(accounts.map((account) => account.ask('pay', 5))))).toEqual(accounts.map(() => 5));
  const ledgers = await cluster.settle(Promise.all(ids(30).map((id) => n1.getOrSpawn(Ledger, `ledger-${id}`))));
  for (let entry = 1; entry <= 7; entry++) await cluster.settle(Promise.all(ledgers.map((ledger) => ledger.ask('add', entry))));
  cluster.node('n2').crash();
  await cluster.until(() => n1.cluster?.members().length === 2);
  expect(await cluster.settle(Promise.all(accounts.map((account) => account.ask('pay', 1))))).toEqual(accounts.map(() => 6));
  expect(await cluster.settle(Promise.all(ledgers.map((ledger) => ledger.ask('all'))))).toEqual(ledgers.map(() => [1, 2, 3, 4, 5, 6, 7]));
  expect(cluster.node('n1').nexus.cluster?.snapshot().copies).toMatchObject({ copies: 1, isShared: false, refused: 0 });
});

test('of k nodes lost at once nothing that was acknowledged is missing, and each activation has a greater token than the one before', async () => {
  const cluster = await clusterOf({ nodes: 5, cluster: { copies: 2 }, seed: 2 });
  const n1 = cluster.node('n1').nexus;
  const accounts = await cluster.settle(Promise.all(ids(40).map((id) => n1.getOrSpawn(Account, id))));
  const ask = <T>(action: 'pay' | 'token' | 'read', input?: number): Promise<T[]> =>
    cluster.settle(Promise.all(accounts.map((account) => account.ask(action as never, input as never) as Promise<T>)));
  await ask('pay', 3);
  const before = await ask<number>('token');
  cluster.node('n3').crash();
  cluster.node('n4').crash();
  await cluster.until(() => n1.cluster?.members().length === 3);
  expect(await ask('read')).toEqual(accounts.map(() => 3));
  await ask('pay', 4);
  const after = await ask<number>('token');
  for (const [at, token] of after.entries()) expect(token).toBeGreaterThanOrEqual(before[at] as number);
  expect(after.filter((token, at) => token > (before[at] as number)).length).toBeGreaterThan(5);
  // Those that hold them now have them, and so two more may go.
  await synchronised(cluster);
  cluster.node('n3').start();
  cluster.node('n4').start();
  await cluster.formed();
  await synchronised(cluster);
  cluster.node('n2').crash();
  cluster.node('n5').crash();
  await cluster.until(() => n1.cluster?.members().length === 3);
  expect(await ask('read')).toEqual(accounts.map(() => 7));
});

test('after all nodes were down at once, everything is there, and may be written', async () => {
  const cluster = await clusterOf({ seed: 3 });
  const pay = async (expected: number): Promise<void> => {
    const { nexus } = cluster.node('n1');
    const accounts = await cluster.settle(Promise.all(ids(20).map((id) => nexus.getOrSpawn(Account, id))));
    expect(await cluster.settle(Promise.all(accounts.map((account) => account.ask('pay', 1))))).toEqual(accounts.map(() => expected));
  };
  for (let round = 1; round <= 3; round++) {
    await pay(round);
    for (const node of cluster.nodes) node.crash();
    for (const node of cluster.nodes) node.start();
    await cluster.formed();
  }
  await pay(4);
});

test.each([
  ['the one that founds first', ['n1', 'n2', 'n3']],
  ['the one that founds last', ['n3', 'n2', 'n1']],
  ['the one that founds between', ['n2', 'n1', 'n3']],
])(
  'a cluster all of whose nodes were down serves the newest of each agent from its first moment, with greater tokens: started again with %s',
  async (_, order) => {
    // Each agent is on one disk alone: whoever starts it has to ask the others.
    const cluster = await clusterOf({ seed: 4, cluster: { copies: 0 } });
    const names = ids(20);
    let before = names.map(() => 0);
    for (let round = 1; round <= 3; round++) {
      const { nexus } = cluster.node(order[round - 1] as string);
      const accounts = await cluster.settle(Promise.all(names.map((id) => nexus.getOrSpawn(Account, id))));
      expect(await cluster.settle(Promise.all(accounts.map((account) => account.ask('pay', 1))))).toEqual(names.map(() => round));
      const tokens = (await cluster.settle(Promise.all(accounts.map((account) => account.ask('token'))))) as number[];
      for (const [at, token] of tokens.entries()) expect(token, `${names[at]} in round ${round}`).toBeGreaterThan(before[at] as number);
      // One of this view, of an agent that nothing is stored of: all of the next cluster are above it.
      before = tokens.map(() => Math.max(...tokens));
      for (const node of cluster.nodes) node.crash();
      for (const name of order) {
        cluster.node(name).start();
        await cluster.advance(3000);
      }
      const next = cluster.node(order[round % 3] as string);
      // Not until all have formed a cluster: as soon as this one is a member.
      expect(await cluster.until(() => next.isUp && next.nexus.cluster?.snapshot().standing === 'member')).toBe(true);
    }
  },
);

test('reminders are delivered by the owner of the id, once, and taken over when it is lost', async () => {
  const cluster = await clusterOf({ seed: 4 });
  const n1 = cluster.node('n1').nexus;
  const accounts = await cluster.settle(Promise.all(ids(30).map((id) => n1.getOrSpawn(Account, id))));
  await cluster.settle(Promise.all(accounts.map((account, at) => account.ask('remind', at % 2 === 0 ? 2_000 : 40_000))));
  await cluster.advance(5_000);
  const rung = async (): Promise<number[]> => (await cluster.settle(Promise.all(accounts.map((account) => account.ask('rung'))))).map(({ length }) => length);
  expect(await rung()).toEqual(accounts.map((_, at) => (at % 2 === 0 ? 1 : 0)));
  await cluster.settle(Promise.all(accounts.map((account) => account.ask('leave'))));
  cluster.node('n2').crash();
  await cluster.advance(60_000);
  expect(await rung()).toEqual(accounts.map(() => 1));
});

test('what was forgotten is forgotten on all nodes, and a node that was away does not bring it back', async () => {
  const cluster = await clusterOf({ seed: 5 });
  const n1 = cluster.node('n1').nexus;
  const accounts = await cluster.settle(Promise.all(ids(30).map((id) => n1.getOrSpawn(Account, id))));
  await cluster.settle(Promise.all(accounts.map((account) => account.ask('pay', 9))));
  await synchronised(cluster);
  cluster.node('n3').crash();
  await cluster.until(() => n1.cluster?.members().length === 2);
  await cluster.settle(Promise.all(ids(15).map((id) => n1.forget(Account, id))));
  cluster.node('n3').start();
  await cluster.formed();
  await synchronised(cluster);
  for (const node of cluster.nodes) {
    const read = (id: string): Promise<number> => cluster.settle(node.nexus.getOrSpawn(Account, id).then((account) => account.ask('read')));
    expect(await read('account-20')).toBe(9);
    expect(await read(`account-${node.number}`)).toBe(0);
  }
});

test('while a copy cannot be stored its agents say so, and others go on', async () => {
  const cluster = await clusterOf({ seed: 6 });
  const n1 = cluster.node('n1').nexus;
  const accounts = await cluster.settle(Promise.all(ids(40).map((id) => n1.getOrSpawn(Account, id))));
  await cluster.settle(Promise.all(accounts.map((account) => account.ask('pay', 1))));
  cluster.node('n2').disk({ full: true });
  const outcomes = await cluster.settle(Promise.all(accounts.map((account) => codeOf(account.ask('pay', 1)))));
  expect(new Set(outcomes)).toEqual(new Set(['resolved', 'NEXUS_STORE_FULL']));
  cluster.node('n2').disk({ full: false });
  await cluster.advance(2_000);
  const cents = await cluster.settle(Promise.all(accounts.map((account) => account.ask('pay', 1))));
  // What was refused may have been stored all the same, and what was acknowledged is.
  for (const [at, outcome] of outcomes.entries()) expect(outcome === 'resolved' ? [3] : [2, 3]).toContain(cents[at]);
});

test('what was refused by a copy is shown to nobody before the copies have it: what a read has shown is there after the loss of its node', async () => {
  const cluster = await clusterOf({ seed: 8 });
  const n1 = cluster.node('n1').nexus;
  const accounts = await cluster.settle(Promise.all(ids(40).map((id) => n1.getOrSpawn(Account, id))));
  await cluster.settle(Promise.all(accounts.map((account) => account.ask('pay', 1))));
  cluster.node('n2').disk({ full: true });
  const outcomes = await cluster.settle(Promise.all(accounts.map((account) => codeOf(account.ask('pay', 1)))));
  expect(outcomes).toContain('NEXUS_STORE_FULL');
  // One that ends and comes back shows no more than one that starts again does.
  await cluster.settle(Promise.all(accounts.map((account, at) => (at % 2 === 0 ? account.stop() : undefined))));
  const early = await cluster.settle(Promise.all(accounts.map((account) => account.ask('read', undefined, { timeoutMs: 2_000 }).catch(() => undefined))));
  cluster.node('n2').disk({ full: false });
  await cluster.advance(5_000);
  const shown = await cluster.settle(Promise.all(accounts.map((account) => account.ask('read'))));
  for (const [at, cents] of early.entries()) if (cents !== undefined) expect(shown[at]).toBeGreaterThanOrEqual(cents);
  cluster.node('n3').crash();
  await cluster.until(() => n1.cluster?.members().length === 2);
  expect(await cluster.settle(Promise.all(accounts.map((account) => account.ask('read'))))).toEqual(shown);
});

test('on the lesser side of a partition nothing is acknowledged any more, and nothing of it is seen afterwards', async () => {
  const cluster = await clusterOf({ seed: 7 });
  const [n1, n3] = [cluster.node('n1').nexus, cluster.node('n3').nexus];
  const accounts = await cluster.settle(Promise.all(ids(30).map((id) => n1.getOrSpawn(Account, id))));
  const there = await cluster.settle(Promise.all(ids(30).map((id) => n3.getOrSpawn(Account, id))));
  await cluster.settle(Promise.all(accounts.map((account) => account.ask('pay', 10))));
  cluster.partition([['n1', 'n2'], ['n3']]);
  const lost = there.map((account) => codeOf(account.ask('pay', 1)));
  await cluster.until(() => n1.cluster?.members().length === 2);
  const now = await cluster.settle(Promise.all(accounts.map((account) => account.ask('pay', 100))));
  const outcomes = await cluster.settle(Promise.all(lost));
  expect(outcomes).not.toContain('resolved');
  for (const cents of now) expect([110, 111]).toContain(cents);
  cluster.heal();
  await cluster.until(() => !cluster.node('n3').isUp);
  cluster.node('n3').start();
  await cluster.formed();
  await synchronised(cluster);
  const again = await cluster.settle(Promise.all(ids(30).map((id) => cluster.node('n3').nexus.getOrSpawn(Account, id))));
  expect(await cluster.settle(Promise.all(again.map((account) => account.ask('read'))))).toEqual(now);
});

test('a node that was away asks for what it has missed before it starts an agent', async () => {
  const cluster = await clusterOf({ seed: 8 });
  const [n1, n3] = [cluster.node('n1').nexus, cluster.node('n3')];
  const accounts = await cluster.settle(Promise.all(ids(40).map((id) => n1.getOrSpawn(Account, id))));
  await cluster.settle(Promise.all(accounts.map((account) => account.ask('pay', 1))));
  n3.crash();
  await cluster.until(() => n1.cluster?.members().length === 2);
  expect(await cluster.settle(Promise.all(accounts.map((account) => account.ask('pay', 1))))).toEqual(accounts.map(() => 2));
  await cluster.settle(Promise.all(accounts.map((account) => account.ask('leave'))));
  n3.start();
  await cluster.until(() => n3.hasStarted);
  // What it is given takes its time to get to its disk, which has what was there before.
  n3.disk({ slowSyncs: 1, slowSyncMs: 3_000 });
  await cluster.until(() => n1.cluster?.members().length === 3);
  const read = accounts.map((account) => account.ask('read', undefined, { timeoutMs: 30_000 }));
  expect(await cluster.settle(Promise.all(read))).toEqual(accounts.map(() => 2));
  expect(n3.nexus.cluster?.snapshot().copies?.fetched).toBeGreaterThan(0);
});
