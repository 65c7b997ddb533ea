/** What a member answers and counts while views change, on `Views` and whole memberships by themselves: each of these kept wrong would let somebody run who has been removed, or found a second cluster. */
import { expect, test } from 'vitest';
import type { NodeAddress, NodeIdentity } from '../../../../dist/ts-src/model/node-identity.js';
import type { Envelope } from '../../../../dist/ts-src/protocols/membership/membership-codec.js';
import { decodeMembership, encodeMembership } from '../../../../dist/ts-src/protocols/membership/membership-codec.js';
import type { MembershipConfiguration } from '../../../../dist/ts-src/protocols/membership/membership.js';
import { Membership } from '../../../../dist/ts-src/protocols/membership/membership-machine.js';
import { settingsText } from '../../../../dist/ts-src/protocols/membership/settings.js';
import type { View, ViewChange, ViewMember } from '../../../../dist/ts-src/protocols/views/view.js';
import type { ViewMessage } from '../../../../dist/ts-src/protocols/views/view-messages.js';
import { Views } from '../../../../dist/ts-src/protocols/views/views.js';
import { TIMING } from './bare-cluster.js';

const REMOVAL_WAIT_MS = 6120;
const member = (name: string, sinceView: number, incarnation = 1): ViewMember => ({
  ...{ name, incarnation, sinceView, status: 'up', weight: 1 },
  address: { host: name, port: 1 },
});
const view: View = { clusterId: 'c', number: 3, members: [member('a', 1), member('b', 2), member('c', 3)], incarnationFloor: 0 };
const [a, b, c] = view.members as [ViewMember, ViewMember, ViewMember];
const CONFIGURATION: MembershipConfiguration = {
  ...{ cluster: 'test', node: 'b', incarnation: 1, weight: 1, address: b.address, timing: TIMING, state: undefined, random: () => 0.5 },
  resolver: { strategy: 'keepMajority' },
  description: { dataAddress: undefined, version: '1', metadata: {}, stalledThreads: [] },
};

function viewsOf(self: NodeIdentity, first: View = view) {
  const sent: { readonly to: string; readonly message: ViewMessage }[] = [];
  const views = new Views(
    0,
    self,
    first,
    { resolver: { strategy: 'keepMajority' }, cluster: 'c', leaseMs: 5000, stopMarginMs: 1000, probeTimeoutMs: 500, weight: 1 },
    {
      send: (to, _, message) => sent.push({ to: to.host, message }),
      installed: () => undefined,
      excluded: () => undefined,
      warning: () => undefined,
      random: () => 0.5,
    },
  );
  const isRemovable = (nowMs: number, node: NodeIdentity, ballot: number): boolean => {
    views.receive(nowMs, a, a.address, { type: 'prepare', number: views.view.number + 1, ballot }, true);
    const { message } = sent.at(-1) as { readonly message: ViewMessage };
    return message.type === 'promise' && message.removable.some(({ name }) => name === node.name);
  };
  return { views, sent, isRemovable };
}

const joins = (number: number, name: string, departed: ViewChange['departed'] = []): ViewChange => ({
  ...{ number, departed, weighed: [] },
  joined: [{ name, incarnation: 9, address: { host: name, port: 1 }, weight: 1 }],
});

test('a voter that has agreed to a next view grants nothing until it knows what was chosen', () => {
  const { views } = viewsOf(b);
  expect(views.grantFor(100, c)).toBe(3);
  views.receive(200, a, a.address, { type: 'accept', ballot: 16, change: joins(4, 'd') }, true);
  expect([views.grantFor(300, c), views.grantFor(300, a)]).toEqual([0, 0]);
  views.receive(400, a, a.address, { type: 'decided', change: joins(4, 'd') }, true);
  expect([views.grantFor(500, c), views.grantFor(500, a)]).toEqual([4, 4]);
});

test('a member that waits for removal is granted nothing any more by a voter that could agree to it', () => {
  const { views } = viewsOf(b);
  views.reachable(c, false);
  expect(views.grantFor(REMOVAL_WAIT_MS - 1, c)).toBe(3);
  expect(views.grantFor(2 * REMOVAL_WAIT_MS, c)).toBe(0);
});

test('a proposer goes on with the change that another voter has agreed to, whatever it wants itself', () => {
  const { views, sent } = viewsOf(b);
  views.reachable(a, false);
  views.join(0, { name: 'mine', incarnation: 9, address: { host: 'mine', port: 1 }, weight: 1 });
  views.tick(5000);
  const { message: prepare } = sent.find(({ message }) => message.type === 'prepare') as { readonly message: { readonly ballot: number } & ViewMessage };
  expect(prepare.type).toBe('prepare');
  const accepted = { ballot: 16, change: joins(4, 'theirs') };
  views.receive(5001, c, c.address, { type: 'promise', number: 4, ballot: prepare.ballot, accepted, removable: [] }, true);
  views.tick(5300);
  const proposed = sent.flatMap(({ message }) => (message.type === 'accept' ? message.change.joined.map(({ name }) => name) : []));
  expect(new Set(proposed)).toEqual(new Set(['theirs']));
});

test('a lease begins when the ping was sent, not when it was answered', () => {
  const { views } = viewsOf(b);
  views.receive(7000, a, a.address, { type: 'pull', number: 3 }, true);
  views.acked(a, 3, 2500);
  expect(views.leaseEndMs).toBe(7500);
});

test('a lease begins when the ping was sent, however long its answer took', () => {
  // Two members; the younger one's lease is the older one's answer.
  const machine = new Membership(CONFIGURATION);
  const step = stepper(machine);
  step(0, { type: 'tick' });
  step(0, { type: 'persisted' });
  const hear = (nowMs: number, message: Envelope['message']) => step(nowMs, received(a, { clusterId: 'c', view: 3, message }));
  const ping = hear(1000, { type: 'whole', view: { ...view, members: [a, b] } })
    .map(({ message }) => message)
    .find(({ type }) => type === 'ping');
  if (ping?.type !== 'ping') throw new Error('it did not ping');
  step(1000, { type: 'persisted' });
  hear(5000, { type: 'ack', sequence: ping.sequence, refutation: 0, grant: 3, rumours: [] });
  expect([machine.standing, machine.leaseEndMs]).toEqual(['member', 6000]);
});

test('a voter of a view with other voters takes all as answered when it learns of it, and one that has missed a view too', () => {
  const { views, isRemovable } = viewsOf(b);
  expect([isRemovable(REMOVAL_WAIT_MS - 1, c, 16), isRemovable(REMOVAL_WAIT_MS, c, 32)]).toEqual([false, true]);
  views.receive(10_000, a, a.address, { type: 'decided', change: joins(4, 'd') }, true);
  expect([isRemovable(10_000 + REMOVAL_WAIT_MS - 1, c, 16), isRemovable(10_000 + REMOVAL_WAIT_MS, c, 32)]).toEqual([false, true]);
  // The same voters, and one view passed over.
  const later: View = { ...views.view, number: 6 };
  views.receive(30_000, a, a.address, { type: 'whole', view: later }, true);
  expect([isRemovable(30_000 + REMOVAL_WAIT_MS - 1, c, 16), isRemovable(30_000 + REMOVAL_WAIT_MS, c, 32)]).toEqual([false, true]);
});

test('where the voters stay the same from view to view, nobody waits anew', () => {
  const nine = Array.from({ length: 9 }, (_, index) => member(`v${index}`, 1));
  const { views, sent } = viewsOf(nine[1] as ViewMember, { ...view, members: nine });
  const oldest = nine[0] as ViewMember;
  views.receive(7000, oldest, oldest.address, { type: 'decided', change: joins(4, 'tenth') }, true);
  views.receive(7001, oldest, oldest.address, { type: 'prepare', number: 5, ballot: 16 }, true);
  const { message } = sent.at(-1) as { readonly message: ViewMessage };
  // Itself it never removes.
  expect(message.type === 'promise' ? message.removable.map(({ name }) => name) : []).toEqual(
    nine
      .filter((_, index) => index !== 1)
      .map(({ name }) => name)
      .concat('tenth'),
  );
});

test('a node that has promised itself to a founder enters no other cluster, and when the founder gives it up, never that one', () => {
  const { machine, step, whole, release } = promisedTo('new');
  // Members of an old cluster have agreed to take it in, and that has been under way since.
  step(7100, received(c, { clusterId: 'old', view: 3, message: whole('old') }));
  expect(machine.clusterId).toBe('');
  step(7200, received(a, { clusterId: 'new', view: 3, message: whole('new') }));
  expect(machine.clusterId).toBe('new');
  const other = promisedTo('new');
  other.step(7100, received(a, { clusterId: '', view: 0, message: release }));
  // By somebody to whom an earlier start of the founder has given it.
  other.step(7200, received(c, { clusterId: 'new', view: 3, message: whole('new') }));
  expect(other.machine.clusterId).toBe('');
  other.step(7300, received(c, { clusterId: 'old', view: 3, message: whole('old') }));
  expect(other.machine.clusterId).toBe('old');
});

function promisedTo(clusterId: string) {
  const machine = new Membership(CONFIGURATION);
  const step = stepper(machine);
  step(0, { type: 'tick' });
  step(0, { type: 'persisted' });
  step(0, { type: 'discovered', addresses: [a.address, b.address], isStatic: true });
  const settings = settingsText(CONFIGURATION);
  const request = { type: 'foundRequest', cluster: 'test', settings, clusterId, address: a.address, to: b.address } as const;
  const founder = { name: 'a', incarnation: 7 };
  const granted = (nowMs: number): boolean =>
    step(nowMs, received({ ...a, ...founder }, { clusterId: '', view: 0, message: request })).some(({ message }) => message.type === 'foundGrant');
  // It may have been in a cluster a moment ago.
  expect([granted(6000), granted(7000)]).toEqual([false, true]);
  const whole = (id: string) => ({ type: 'whole', view: { ...view, clusterId: id } }) as const;
  return { machine, step, whole, release: { type: 'foundRelease', clusterId } as const };
}

type Step = (nowMs: number, input: Parameters<Membership['step']>[1]) => Envelope[];

/** Steps the machine, and returns what it sends. */
function stepper(machine: Membership): Step {
  return (nowMs, input) => machine.step(nowMs, input).flatMap((effect) => (effect.type === 'send' ? [decodeMembership(effect.bytes)] : []));
}

function received(from: NodeIdentity & { readonly address: NodeAddress }, { clusterId, view: number, message }: Omit<Envelope, 'from' | 'to'>) {
  const bytes = encodeMembership({ from: { name: from.name, incarnation: from.incarnation }, to: 0, clusterId, view: number, message });
  return { type: 'received', from: from.address, bytes } as const;
}
