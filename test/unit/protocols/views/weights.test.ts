/** What members weigh: part of the agreed view, and changed as members join and leave. */
import { expect, test } from 'vitest';
import type { NodeIdentity } from '../../../../dist/ts-src/model/node-identity.js';
import { changedView, isWeight, type View, type ViewMember } from '../../../../dist/ts-src/protocols/views/view.js';
import type { ViewMessage } from '../../../../dist/ts-src/protocols/views/view-messages.js';
import { Views } from '../../../../dist/ts-src/protocols/views/views.js';
import { BareCluster, type BareNode } from './bare-cluster.js';

const member = (name: string, sinceView: number, weight = 1): ViewMember => ({
  ...{ name, incarnation: 1, sinceView, status: 'up', weight },
  address: { host: name, port: 1 },
});
const view: View = { clusterId: 'c', number: 3, members: [member('a', 1), member('b', 2), member('c', 3)], incarnationFloor: 0 };
const [a, b, c] = view.members as [ViewMember, ViewMember, ViewMember];

function viewsOf(self: NodeIdentity, weight: number) {
  const sent: { readonly to: string; readonly message: ViewMessage }[] = [];
  const options = { resolver: { strategy: 'keepMajority' } as const, cluster: 'c', leaseMs: 5000, stopMarginMs: 1000, probeTimeoutMs: 500, weight };
  const views = new Views(0, self, view, options, {
    send: (to, _, message) => sent.push({ to: to.host, message }),
    installed: () => undefined,
    excluded: () => undefined,
    warning: () => undefined,
    random: () => 0.5,
  });
  return { views, sent };
}

test('a change of weights makes a view with the same members in their order', () => {
  const next = changedView(view, { number: 4, departed: [], joined: [], weighed: [{ ...b, weight: 0 }] });
  expect(next?.members).toEqual([a, { ...b, weight: 0 }, c]);
  expect(changedView(view, { number: 4, departed: [], joined: [], weighed: [{ ...b, incarnation: 2, weight: 0 }] })).toBeUndefined();
  const departed = [{ name: 'b', incarnation: 1, reason: 'left' as const }];
  expect(changedView(view, { number: 4, departed, joined: [], weighed: [{ ...b, weight: 0 }] })).toBeUndefined();
});

test('a member asks all voters for its weight until the view has it', () => {
  const { views, sent } = viewsOf(c, 1);
  views.tick(0);
  expect(sent.filter(({ message }) => message.type === 'weigh')).toEqual([]);
  views.weigh(1000, 0);
  views.tick(1250);
  const asked = sent.filter(({ message }) => message.type === 'weigh');
  expect(asked.slice(0, 4)).toEqual(['a', 'b', 'a', 'b'].map((to) => ({ to, message: { type: 'weigh', weight: 0 } })));
  views.receive(2000, a, a.address, { type: 'decided', change: { number: 4, departed: [], joined: [], weighed: [{ ...c, weight: 0 }] } }, true);
  sent.length = 0;
  views.tick(9000);
  expect(sent.filter(({ message }) => message.type === 'weigh')).toEqual([]);
});

test('a weight that came late, and that its member does not want any more, is put right', () => {
  const { views, sent } = viewsOf(c, 1);
  views.tick(0);
  views.receive(2000, a, a.address, { type: 'decided', change: { number: 4, departed: [], joined: [], weighed: [{ ...c, weight: 0 }] } }, true);
  views.tick(2000);
  expect(sent).toContainEqual({ to: 'a', message: { type: 'weigh', weight: 1 } });
});

test('all members of a cluster come to the weights that each of them wants, also those that join with one', () => {
  const cluster = new BareCluster(3);
  for (const [index, node] of cluster.nodes.entries()) cluster.start(node, { weight: [1, 2.5, 0][index] as number });
  const weightsAt = (node: BareNode): string => {
    const known = node.machine?.snapshot(cluster.localMs(node)).members ?? [];
    return known.map(({ name, weight }) => `${name} ${weight}`).join(', ');
  };
  const until = (weights: readonly number[]): void => {
    const expected = cluster.nodes.map(({ name }, index) => `${name} ${weights[index]}`).join(', ');
    cluster.run(60_000, () => cluster.nodes.every((node) => weightsAt(node) === expected));
    expect(cluster.nodes.map(weightsAt)).toEqual(cluster.nodes.map(() => expected));
  };
  until([1, 2.5, 0]);
  const [first, second, third] = cluster.nodes as [BareNode, BareNode, BareNode];
  cluster.input(first, { type: 'weigh', weight: 0 });
  cluster.input(third, { type: 'weigh', weight: 7 });
  cluster.input(second, { type: 'weigh', weight: 0.001 });
  cluster.input(second, { type: 'weigh', weight: 4 });
  until([0, 4, 7]);
  expect(cluster.wrong).toEqual([]);
});

test('weights are 0 to 1,000 in thousandths', () => {
  expect([0, 1, 0.001, 2.5, 999.999, 1000].every(isWeight)).toBe(true);
  expect([-1, 1000.001, 0.0005, Number.NaN, Number.POSITIVE_INFINITY, '1', undefined].some(isWeight)).toBe(false);
});
