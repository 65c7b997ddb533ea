/** What one node may make the membership of another do by what it says: nothing in the name of a third, and no call to what is no host. */
import { expect, test } from 'vitest';
import { decodeMembership, encodeMembership, type Envelope } from '../../../dist/ts-src/protocols/membership/membership-codec.js';
import type { MembershipMachine } from '../../../dist/ts-src/protocols/membership/membership.js';
import { BareCluster, type BareNode } from './views/bare-cluster.js';

const asked = (host: string): Envelope => ({
  from: { name: 'n7', incarnation: 1 },
  to: 0,
  clusterId: '',
  view: 0,
  message: { type: 'join', cluster: 'test', settings: 'all', address: { host, port: 7400 }, to: { host: '10.0.0.1', port: 7400 }, weight: 1 },
});

test('an address with another host than names and addresses of hosts is refused, wherever it is said', () => {
  for (const host of ['10.0.0.7', 'shop-7.local', 'fd00::7', 'fe80::7%eth0', 'shop_7'])
    expect(decodeMembership(encodeMembership(asked(host)))).toEqual(asked(host));
  for (const host of ['a\nb', 'a\0b', 'a b', 'a/b', 'a@b', '日本', '"', '\u001b[2J'])
    expect(() => decodeMembership(encodeMembership(asked(host)))).toThrow(expect.objectContaining({ code: 'NEXUS_FRAME_INVALID' }));
});

test('what a node says under the name of another is not heard', () => {
  const cluster = new BareCluster(3);
  for (const node of cluster.nodes) cluster.start(node);
  expect(cluster.run(60_000, () => cluster.isSettled())).toBe(true);
  const [a, b, c] = cluster.nodes as [BareNode, BareNode, BareNode];
  const members = (node: BareNode): number => machineOf(node).snapshot(cluster.localMs(node)).members.length;
  const { self, clusterId } = machineOf(c);
  const bytes = encodeMembership({ from: self, to: 0, clusterId, view: 1, message: { type: 'leave', isFenced: true } });
  const told = a.events.length;
  for (const node of [a, b]) cluster.input(node, { type: 'received', from: c.address, bytes, sender: 'n2' });
  cluster.run(5_000);
  expect(cluster.nodes.map(members)).toEqual([3, 3, 3]);
  const refused = a.events.slice(told).flatMap(({ event }) => (event.type === 'refusedMessage' ? [event] : []));
  expect(refused).toEqual([{ type: 'refusedMessage', from: c.address, code: 'NEXUS_NODE_FORGED', because: 'n2 sent a message as n3' }]);
  // Under its own it is.
  for (const node of [a, b]) cluster.input(node, { type: 'received', from: c.address, bytes, sender: 'n3' });
  cluster.run(5_000);
  expect(members(a)).toBe(2);
});

test('a node whose incarnation is far above all others does not join, nor is one made to take such', () => {
  const cluster = new BareCluster(1);
  const [a] = cluster.nodes as [BareNode];
  cluster.start(a);
  expect(cluster.run(60_000, () => cluster.isSettled())).toBe(true);
  const mad = cluster.add('mad');
  cluster.start(mad, { incarnation: 2 ** 52 });
  cluster.run(10_000);
  const memberNames = (): readonly string[] =>
    machineOf(a)
      .snapshot(cluster.localMs(a))
      .members.map(({ name }) => name);
  expect(memberNames()).toEqual(['n1']);
  expect(mad.events.map(({ event }) => (event.type === 'refusedMessage' ? event.code : undefined))).toContain('NEXUS_NODE_AHEAD');
  const late = cluster.add('late');
  cluster.start(late);
  const { self } = machineOf(late);
  const refusal = { type: 'refusal', code: 'NEXUS_NODE_STALE', because: 'none', incarnation: 2 ** 52 } as const;
  const bytes = encodeMembership({ from: { name: 'mad', incarnation: 2 ** 52 }, to: self.incarnation, clusterId: '', view: 0, message: refusal });
  cluster.input(late, { type: 'received', from: mad.address, bytes, sender: 'mad' });
  expect(machineOf(late).self).toEqual(self);
  cluster.run(10_000);
  expect(memberNames()).toEqual(['late', 'n1']);
});

function machineOf({ machine }: BareNode): MembershipMachine {
  if (machine === undefined) throw new Error('the node does not run');
  return machine;
}
