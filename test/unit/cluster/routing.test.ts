/** Where messages go whose nodes contradict each other: what nobody but one route decides, with everything around it played. */
import { expect, test } from 'vitest';
import type { Peer } from '../../../dist/ts-src/cluster/agents/peer.js';
import { NO_TRAIL, type Route, type UnderwayFrame } from '../../../dist/ts-src/cluster/agents/route.js';
import { Routing } from '../../../dist/ts-src/cluster/agents/routing.js';
import type { NodeIdentity } from '../../../dist/ts-src/model/node-identity.js';
import type { Registration } from '../../../dist/ts-src/model/registration.js';
import { SteppedClock } from '../../../dist/ts-src/testing/manual-clock.js';

const [n1, n2, n3]: readonly [NodeIdentity, NodeIdentity, NodeIdentity] = [
  { name: 'n1', incarnation: 1 },
  { name: 'n2', incarnation: 1 },
  { name: 'n3', incarnation: 1 },
];

function message(number: number, trail: readonly string[] = NO_TRAIL): UnderwayFrame {
  return { type: 'message', origin: n2, trail, kind: 'ledger', action: 'append', input: number, reply: undefined, sender: undefined, trace: undefined };
}

test('a message that nodes send on to each other goes no further before the owner of the id was asked, and what comes after it waits behind it', async () => {
  const clock = new SteppedClock({}, async () => undefined);
  const sent: string[] = [];
  const forgotten: number[] = [];
  // What was heard says n2, the owner n3.
  let heard: Registration | undefined = { id: 'a', kind: 'ledger', host: n2, token: 5, life: 4, placement: 'ring', init: undefined };
  const registry = {
    self: n1,
    own: () => undefined,
    cached: () => heard,
    ownerOf: () => n3,
    forget: (_id: string, token: number) => {
      forgotten.push(token);
      heard = undefined;
    },
    lookup: async () => heard ?? { id: 'a', kind: 'ledger', host: n3, token: 7, life: 4, placement: 'ring', init: undefined },
  };
  const routing = new Routing({
    clock,
    self: () => n1,
    registry: () => registry as never,
    peerOf: (node) => ({ node, isGone: false }) as Peer,
    transmit: (_route, { node }, frame) => {
      sent.push(`${node.name} ${frame.type === 'message' ? frame.input : frame.type}`);
      return 'accepted';
    },
    deliver: () => false,
    isHere: () => false,
    deliverDurable: () => undefined,
    settled: () => undefined,
    refuse: (_route, frame, error) => void sent.push(`refused ${frame.type === 'message' ? frame.input : frame.type} ${error.code}`),
    markAfterView: () => undefined,
  });
  const route = routing.of('a', 0, n2);
  routing.dispatch(route, message(1, ['n2', 'n1', 'n2']));
  expect(sent).toEqual(['n2 1']);
  routing.dispatch(route, message(2, ['n2', 'n1', 'n2', 'n1']));
  routing.dispatch(route, message(3));
  expect(sent).toEqual(['n2 1']);
  expect(routing.waitingCount).toBe(1);
  await clock.advance(1000);
  // What was sent to n2 may still come from there: the mark after the view is answered by n3.
  routing.flushed('a', 0, 1, n3, true);
  expect(forgotten).toEqual([5]);
  expect(sent).toEqual(['n2 1', 'n3 2', 'n3 3']);
  expect(routing.waitingCount).toBe(0);
  // Only a loop that nothing ends is given up.
  routing.dispatch(route, message(4, new Array(16).fill('n2')));
  expect(sent.at(-1)).toBe('refused 4 NEXUS_AGENT_NOT_FOUND');
});

test('a node that is about to leave is sent nothing more: what goes elsewhere goes behind what it was sent, and an agent that could not move is still reached', async () => {
  const clock = new SteppedClock({}, async () => undefined);
  const sent: string[] = [];
  const peers = new Map([n1, n2, n3].map((node) => [node.name, { node, isGone: false, isShut: false }]));
  const peerOf = ({ name }: NodeIdentity): Peer => peers.get(name) as unknown as Peer;
  let host = n3;
  const registry = {
    self: n1,
    own: () => undefined,
    cached: () => undefined,
    ownerOf: () => n3,
    forget: () => undefined,
    lookup: async (id: string) => ({ id, kind: 'counter', host, token: 7, life: 4, placement: 'ring', init: undefined }),
  };
  const routing = new Routing({
    clock,
    self: () => n1,
    registry: () => registry as never,
    peerOf,
    transmit: (route, { node }, frame) => {
      sent.push(`${route.id} ${node.name} ${frame.type === 'message' ? frame.input : frame.type}`);
      return 'accepted';
    },
    deliver: () => false,
    isHere: () => false,
    deliverDurable: () => undefined,
    settled: () => undefined,
    refuse: (_route, frame, error) => void sent.push(`refused ${frame.type} ${error.code}`),
    markAfterView: () => undefined,
  });
  const [used, unused, left] = ['used', 'unused', 'left'].map((id) => routing.of(id, 4, n2)) as [Route, Route, Route];
  routing.dispatch(used, message(1));
  routing.dispatch(left, message(2));
  const leaving = peerOf(n2);
  (leaving as { isShut: boolean }).isShut = true;
  routing.vacated(leaving);
  expect(sent).toEqual(['used n2 1', 'left n2 2', 'used n2 mark', 'left n2 mark']);
  expect(routing.isClearOf(n2)).toBe(false);
  routing.dispatch(used, message(3));
  // Nothing was ever sent to where it was.
  routing.dispatch(unused, message(4));
  await clock.advance(10);
  expect(sent.splice(0)).toEqual(['used n2 1', 'left n2 2', 'used n2 mark', 'left n2 mark', 'unused n3 4']);
  routing.flushed('used', 4, 1, n3, true);
  routing.flushed('left', 4, 2, n2, true);
  expect(routing.isClearOf(n2)).toBe(true);
  routing.dispatch(used, message(5));
  routing.dispatch(left, message(6));
  expect(sent.splice(0)).toEqual(['used n3 3', 'used n3 5', 'left n2 6']);
  // Its owner says that it could not move.
  host = n2;
  routing.dispatch(routing.of('stuck', 4, n2), message(7));
  await clock.advance(10);
  expect(sent).toEqual(['stuck n2 7']);
});

test('a node that an agent was found on is sent nothing more when it is about to leave in its turn, also if nothing has been sent there since', async () => {
  const clock = new SteppedClock({}, async () => undefined);
  const sent: string[] = [];
  const peers = new Map([n1, n2, n3].map((node) => [node.name, { node, isGone: false, isShut: false }]));
  const peerOf = ({ name }: NodeIdentity): Peer => peers.get(name) as unknown as Peer;
  const vacate = (node: NodeIdentity): void => {
    (peerOf(node) as { isShut: boolean }).isShut = true;
    routing.vacated(peerOf(node));
  };
  const registry = {
    self: n1,
    own: () => undefined,
    cached: () => undefined,
    ownerOf: () => n1,
    forget: () => undefined,
    lookup: async (id: string) => ({ id, kind: 'counter', host: n2, token: 9, life: 4, placement: 'ring', init: undefined }),
  };
  const routing = new Routing({
    clock,
    self: () => n1,
    registry: () => registry as never,
    peerOf,
    transmit: (route, { node }, frame) => {
      sent.push(`${route.id} ${node.name} ${frame.type === 'message' ? frame.input : frame.type}`);
      return 'accepted';
    },
    deliver: () => false,
    isHere: () => false,
    deliverDurable: () => undefined,
    settled: () => undefined,
    refuse: (_route, frame, error) => void sent.push(`refused ${frame.type} ${error.code}`),
    markAfterView: () => undefined,
  });
  const route = routing.of('a', 4, n2);
  routing.dispatch(route, message(1));
  vacate(n2);
  routing.flushed('a', 4, 1, n3, true);
  // It moves on to where n2 has started again.
  (peerOf(n2) as { isShut: boolean }).isShut = false;
  vacate(n3);
  routing.dispatch(route, message(2));
  await clock.advance(10);
  expect(sent).toEqual(['a n2 1', 'a n2 mark', 'a n2 2']);
});

test('what this node sends to an agent that leaves goes with it, behind what waited in its mailbox; and one that has come stays until all threads send straight to it', () => {
  const clock = new SteppedClock({}, async () => undefined);
  const there: string[] = [];
  const here: string[] = [];
  const settled: string[] = [];
  const peers = new Map([n1, n2, n3].map((node) => [node.name, { node, isGone: false, isShut: false }]));
  const text = (frame: UnderwayFrame): string => String(frame.type === 'message' ? frame.input : frame.type);
  const routing = new Routing({
    clock,
    self: () => n1,
    registry: () => undefined as never,
    peerOf: ({ name }) => peers.get(name) as unknown as Peer,
    transmit: (_route, _peer, frame) => {
      there.push(text(frame));
      return 'accepted';
    },
    deliver: (_route, frame) => {
      here.push(text(frame));
      return true;
    },
    isHere: () => false,
    deliverDurable: () => undefined,
    settled: ({ id }) => void settled.push(id),
    refuse: () => undefined,
    markAfterView: () => undefined,
  });
  const own = (number: number): UnderwayFrame => ({ ...message(number), origin: undefined }) as UnderwayFrame;
  const route = routing.leaving('a', 4) as Route;
  routing.dispatch(route, own(1));
  expect(here).toEqual(['1']);
  let isLeft = false;
  void route.whenLeft().then(() => {
    isLeft = true;
  });
  // The other node has it: what is in its mailbox comes back to be sent on.
  route.isGiven = true;
  routing.dispatch(route, own(2));
  routing.dispatch(route, own(1), true);
  expect([here, there, route.first.map(text), route.waiting.map(text), isLeft]).toEqual([['1'], [], ['1'], ['2'], false]);
  route.waiting.unshift(...route.first.splice(0));
  routing.left('a', 4, n2, 9);
  expect(there).toEqual(['1', '2']);
  // And home again.
  routing.coming('a', 4, n2);
  routing.came('a', 4, 11);
  expect([settled, there.at(-1)]).toEqual([[], 'mark']);
  routing.flushed('a', 4, 1, n1, true);
  expect([settled, route.isHoming]).toEqual([['a'], true]);
  expect(routing.leaving('a', 4)).toBeUndefined();
  route.isHoming = false;
  // Nor while something waits for what was sent another way.
  for (const waitingFor of ['flushing', 'resolving', 'coming'] as const) {
    route.waitingFor = waitingFor;
    expect(routing.leaving('a', 4)).toBeUndefined();
  }
  route.waitingFor = undefined;
  expect(routing.leaving('a', 4)).toBe(route);
});

test('however often connections are lost, one mark goes on each of them, and a few count', () => {
  const clock = new SteppedClock({}, async () => undefined);
  const marks: number[] = [];
  const sent: unknown[] = [];
  const peer = { node: n2, isGone: false } as Peer;
  const routing = new Routing({
    clock,
    self: () => n1,
    registry: () => undefined,
    peerOf: () => peer,
    transmit: (_route, _peer, frame) => {
      if (frame.type === 'mark') marks.push(frame.number);
      else sent.push(frame.type === 'message' ? frame.input : frame.type);
      return 'accepted';
    },
    deliver: () => false,
    isHere: () => false,
    deliverDurable: () => undefined,
    settled: () => undefined,
    refuse: () => undefined,
    markAfterView: () => undefined,
  });
  const route = routing.of('a', 0, n2);
  routing.dispatch(route, message(1));
  routing.movedTo('a', 0, n2, n3, 1);
  for (let lost = 0; lost < 100; lost++) routing.lost(n2);
  expect(marks).toHaveLength(101);
  expect(route.marks.size).toBe(8);
  routing.dispatch(route, message(2));
  // The answer to one that went a few connections ago.
  routing.flushed('a', 0, marks.at(-8) as number, n3, true);
  expect(sent).toEqual([1, 2]);
});
