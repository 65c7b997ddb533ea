/**
 * How clusters are founded: with all who promised, above every view that any of them has known, one at a time; and what becomes of a founding whose founder ends in the middle of it. Whole memberships on a bare queue of events,
 * which checks at every step that one side runs at most. The reasons are in `docs/decisions/0008-foundings.md`.
 */
import { expect, test } from 'vitest';
import type { MembershipEvent, MembershipInput } from '../../../../dist/ts-src/protocols/membership/membership.js';
import { Membership } from '../../../../dist/ts-src/protocols/membership/membership-machine.js';
import { decodeNodeRecord, encodeNodeRecord } from '../../../../dist/ts-src/protocols/membership/node-record.js';
import { BareCluster, type BareNode, TIMING } from './bare-cluster.js';

type ViewEvent = Extract<MembershipEvent, { type: 'view' }>;

const viewsOf = ({ events }: BareNode): ViewEvent[] => events.flatMap(({ event }) => (event.type === 'view' ? [event] : []));
const textOf = ({ number, members }: ViewEvent): string => `${number}: ${members.map(({ name }) => name).join(' ')}`;
const isMember = ({ machine }: BareNode): boolean => machine?.standing === 'member';

function startAll(cluster: BareCluster, nodes: readonly BareNode[] = cluster.nodes): void {
  for (const node of nodes) cluster.start(node);
}

test('all who have promised are the members of the first view', () => {
  const cluster = new BareCluster(5);
  startAll(cluster);
  expect(cluster.run(30_000, () => cluster.isSettled())).toBe(true);
  for (const node of cluster.nodes) expect(viewsOf(node).map(textOf)).toEqual(['1: n1 n2 n3 n4 n5']);
});

test('a node that wants another weight than 1 has it in the first view', () => {
  const cluster = new BareCluster(3);
  for (const [at, node] of cluster.nodes.entries()) cluster.start(node, { weight: at });
  expect(cluster.run(30_000, () => cluster.isSettled())).toBe(true);
  expect(viewsOf(cluster.node('n2')).map(({ members }) => members.map(({ weight }) => weight))).toEqual([[0, 1, 2]]);
});

test('a cluster that is founded anew goes on above every view that any node remembers, whichever of them still does', () => {
  for (const remembering of ['n1', 'n2', 'n3']) {
    const cluster = new BareCluster(3);
    startAll(cluster);
    expect(cluster.run(30_000, () => cluster.isSettled())).toBe(true);
    const last = Math.max(...cluster.nodes.map(({ view }) => view?.number ?? 0));
    for (const node of cluster.nodes) {
      cluster.crash(node);
      if (node.name !== remembering) node.disk = undefined;
    }
    cluster.run(10_000);
    startAll(cluster, [...cluster.nodes].reverse());
    expect(cluster.run(30_000, () => cluster.isSettled())).toBe(true);
    for (const node of cluster.nodes) {
      expect(viewsOf(node)).toHaveLength(1);
      expect(viewsOf(node)[0]?.number, remembering).toBeGreaterThan(last);
    }
  }
});

test('a node that asks to be taken in, and is no seed, says how far views have come as well; what no view can have is not believed', () => {
  for (const [known, number] of [
    [700, 701],
    [2 ** 40, 2 ** 28 + 1],
  ] as const) {
    const cluster = new BareCluster(3, { seeds: ['n1', 'n2'] });
    const [n1, n2, n3] = cluster.nodes as [BareNode, BareNode, BareNode];
    n3.disk = encodeNodeRecord({ incarnation: 5, viewNumberMax: known });
    startAll(cluster);
    expect(cluster.run(30_000, () => cluster.isSettled())).toBe(true);
    for (const node of [n1, n2]) expect(viewsOf(node).map(textOf)).toEqual([`${number}: n1 n2`, `${number + 1}: n1 n2 n3`]);
  }
});

test('nothing runs in a view before the next start of its node would know of it, and not for long when that cannot be written any more', () => {
  const state = { bytes: undefined as Uint8Array | undefined };
  const machine = new Membership({
    ...{ cluster: 'test', node: 'n1', incarnation: 1, weight: 1, address: { host: 'n1', port: 1 }, timing: TIMING, state: undefined, random: () => 0.5 },
    resolver: { strategy: 'keepMajority' },
    description: { dataAddress: undefined, version: '1', metadata: {}, stalledThreads: [] },
  });
  let view = 0;
  const step = (nowMs: number, input: MembershipInput): void => {
    for (const effect of machine.step(nowMs, input)) {
      if (effect.type === 'persist') state.bytes = effect.bytes;
      else if (effect.type === 'event' && effect.event.type === 'view') view = effect.event.number;
    }
  };
  step(0, { type: 'tick' });
  step(0, { type: 'persisted' });
  step(0, { type: 'discovered', addresses: [], isStatic: true });
  expect([view, machine.standing, machine.mayRun(1)]).toEqual([1, 'joining', false]);
  // However long it takes.
  for (let nowMs = 1000; nowMs <= 60_000; nowMs += 1000) step(nowMs, { type: 'tick' });
  expect(machine.standing).toBe('joining');
  const remembered = decodeNodeRecord(state.bytes as Uint8Array)?.viewNumberMax ?? 0;
  step(60_000, { type: 'persisted' });
  expect([machine.standing, machine.mayRun(60_001)]).toEqual(['member', true]);
  // A view for each new weight, and no disk.
  let lastRunIn = 0;
  for (let nowMs = 61_000; nowMs <= 200_000 && machine.standing === 'member'; nowMs += 1000) {
    lastRunIn = view;
    step(nowMs, { type: 'weigh', weight: (nowMs / 1000) % 100 });
    step(nowMs + 500, { type: 'tick' });
  }
  expect(machine.standing).toBe('fenced');
  expect(lastRunIn).toBeGreaterThan(30);
  expect(lastRunIn).toBeLessThanOrEqual(remembered);
});

test('a promise counts for a moment: whose process has ended is waited for, and is in the first view when it is back', () => {
  const cluster = new BareCluster(3);
  const [n1, n2, n3] = cluster.nodes as [BareNode, BareNode, BareNode];
  startAll(cluster, [n1, n2]);
  // Both of them have promised, and the third is not there yet.
  cluster.run(15_000);
  cluster.crash(n2);
  startAll(cluster, [n3]);
  expect(cluster.run(60_000, () => isMember(n1) || isMember(n3))).toBe(false);
  startAll(cluster, [n2]);
  expect(cluster.run(30_000, () => cluster.isSettled())).toBe(true);
  expect(viewsOf(n1).map(textOf)).toEqual(['1: n1 n2 n3']);
});

/** Runs until the founder has founded, and only those have been told that it reaches. */
function foundedFor(
  reached: readonly string[],
  count = 4,
): { readonly cluster: BareCluster; readonly founder: BareNode; readonly others: readonly BareNode[] } {
  const cluster = new BareCluster(count);
  const [founder, ...others] = cluster.nodes as [BareNode, ...BareNode[]];
  startAll(cluster);
  // Its promises are there in the step in which it founds: what it says in that step gets to those alone.
  cluster.isCut = (from, to) => from === founder.name && founder.view !== undefined && !reached.includes(to);
  expect(cluster.run(30_000, () => founder.view !== undefined)).toBe(true);
  return { cluster, founder, others };
}

test('a founder that ends when one other has its view is not needed: that one gives it to the others, whose promises stay', () => {
  const { cluster, founder, others } = foundedFor(['n3']);
  // What it said in the step in which it founded went to the others too, but for the cut.
  expect(cluster.run(5000, () => cluster.node('n3').view !== undefined)).toBe(true);
  cluster.crash(founder);
  const founded = textOf(viewsOf(cluster.node('n3'))[0] as ViewEvent);
  cluster.isCut = () => false;
  startAll(cluster, [founder]);
  expect(cluster.run(60_000, () => cluster.isSettled())).toBe(true);
  for (const node of others) expect([node.starts, textOf(viewsOf(node)[0] as ViewEvent)]).toEqual([1, founded]);
  expect(founder.machine?.clusterId).toBe(others[0]?.machine?.clusterId);
});

test('a founder that ends when nobody has its view leaves nobody promised: the next founding takes its turn, and what it founded is never entered', () => {
  const { cluster, founder, others } = foundedFor([]);
  const { clusterId } = founder.machine as { readonly clusterId: string };
  cluster.crash(founder);
  cluster.isCut = () => false;
  startAll(cluster, [founder]);
  expect(cluster.run(60_000, () => cluster.isSettled())).toBe(true);
  for (const node of others) expect(node.machine?.clusterId).not.toBe(clusterId);
});

test('however often nodes end and start again while they found, one side runs at most, each new cluster goes on above the last, and all agree in the end', {
  timeout: 120_000,
}, () => {
  let foundings = 0;
  let interrupted = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const cluster = new BareCluster(3 + (seed % 3), { seed });
    const chance = (): number => cluster.random.next();
    cluster.lossRate = chance() * 0.4;
    cluster.delayMsMax = [5, 300, 3000][seed % 3] as number;
    const clusters = new Map<string, { readonly number: number; entered: number }>();
    const seen = new Set<string>();
    const ranIn = new Map<string, number>();
    const look = (): void => {
      for (const node of cluster.nodes) {
        const { machine, view } = node;
        if (machine === undefined || view === undefined) continue;
        const first = viewsOf(node)[0] as ViewEvent;
        const known = clusters.get(first.clusterId);
        if (known === undefined) {
          const below = first.members.filter(({ name }) => (ranIn.get(name) ?? 0) >= first.number);
          expect(below, `seed ${seed}: view ${first.number}`).toEqual([]);
          clusters.set(first.clusterId, { number: first.number, entered: 0 });
        }
        if (!seen.has(`${node.name} ${node.starts}`)) (clusters.get(first.clusterId) as { entered: number }).entered++;
        seen.add(`${node.name} ${node.starts}`);
        if (cluster.isRunning(node)) ranIn.set(node.name, Math.max(view.number, ranIn.get(node.name) ?? 0));
      }
    };
    startAll(cluster);
    for (let step = 0; step < 400 && cluster.wrong.length === 0; step++) {
      cluster.run(100, () => (look(), false));
      for (const node of cluster.nodes) {
        // Most often when something has just been founded.
        const isNew = node.view !== undefined && !isMember(node);
        if (node.machine === undefined) {
          if (chance() < 0.1) cluster.start(node);
        } else if (node.machine.standing === 'fenced' || chance() < (isNew ? 0.3 : 0.003)) cluster.crash(node);
      }
    }
    cluster.lossRate = 0;
    cluster.delayMsMax = 5;
    for (let step = 0; step < 120 && cluster.wrong.length === 0 && !cluster.isSettled(); step++) {
      for (const node of cluster.nodes) if (node.machine === undefined || node.machine.standing === 'fenced') cluster.start(node);
      cluster.run(1000, () => (look(), cluster.isSettled()));
    }
    expect(cluster.wrong, `seed ${seed}`).toEqual([]);
    expect(cluster.isSettled(), `seed ${seed}: ${cluster.nodes.map(({ name, machine }) => `${name} ${machine?.standing}`).join(', ')}`).toBe(true);
    foundings += clusters.size;
    for (const { entered } of clusters.values()) if (entered < cluster.nodes.length) interrupted++;
  }
  expect(foundings).toBeGreaterThan(300);
  expect(interrupted).toBeGreaterThan(50);
});
