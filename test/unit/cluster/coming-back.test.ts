/** Messages that come back to the node that has sent them, because their agent is there by now: before what the node has sent since, whatever that waits for. One route, with everything around it played. */
import { expect, test } from 'vitest';
import type { Peer } from '../../../dist/ts-src/cluster/agents/peer.js';
import { NO_TRAIL, type UnderwayFrame } from '../../../dist/ts-src/cluster/agents/route.js';
import { Routing } from '../../../dist/ts-src/cluster/agents/routing.js';
import type { NodeIdentity } from '../../../dist/ts-src/model/node-identity.js';
import { SteppedClock } from '../../../dist/ts-src/testing/manual-clock.js';

const [n1, n2, n3]: readonly [NodeIdentity, NodeIdentity, NodeIdentity] = [
  { name: 'n1', incarnation: 1 },
  { name: 'n2', incarnation: 1 },
  { name: 'n3', incarnation: 1 },
];
const LIFE = 4;

const message = (input: unknown, origin: NodeIdentity | undefined, trail: readonly string[]): UnderwayFrame => ({
  ...{ type: 'message', origin, trail, kind: 'ledger', action: 'append', input, reply: undefined, sender: undefined, trace: undefined },
});
/** Sent here, and the same sent back by n2. */
const own = (input: unknown): UnderwayFrame => message(input, undefined, NO_TRAIL);
const back = (input: unknown): UnderwayFrame => message(input, n1, ['n2']);

function nodeOne() {
  const clock = new SteppedClock({}, async () => undefined);
  const peers = new Map([n1, n2, n3].map((node) => [node.name, { node, isGone: false, isShut: false }]));
  const state = { host: n2, isHere: false };
  const [there, here, settled]: [string[], string[], string[]] = [[], [], []];
  const registry = {
    self: n1,
    own: () => undefined,
    cached: () => undefined,
    ownerOf: () => n3,
    forget: () => undefined,
    lookup: async (id: string) => ({ id, kind: 'ledger', host: state.host, token: 7, life: LIFE, placement: 'ring', init: undefined }),
  };
  const text = (frame: UnderwayFrame): string => String(frame.type === 'message' ? frame.input : `mark ${frame.type === 'mark' ? frame.number : ''}`);
  const routing = new Routing({
    clock,
    self: () => n1,
    registry: () => registry as never,
    peerOf: ({ name }) => peers.get(name) as unknown as Peer,
    transmit: (_route, { node }, frame) => {
      there.push(`${node.name} ${text(frame)}`);
      return 'accepted';
    },
    deliver: (_route, frame) => {
      if (state.isHere) here.push(text(frame));
      return state.isHere;
    },
    isHere: () => state.isHere,
    deliverDurable: () => undefined,
    settled: ({ id }) => void settled.push(id),
    refuse: (_route, frame, { code }) => void there.push(`refused ${text(frame)} ${code}`),
    markAfterView: (_route, { node }, number) => void there.push(`${node.name} mark ${number} after the view`),
  });
  const lose = (node: NodeIdentity): void => {
    (peers.get(node.name) as { isGone: boolean }).isGone = true;
    routing.departed(node);
  };
  return { routing, route: routing.of('a', LIFE, n2), state, there, here, settled, lose, clock };
}

test('what comes back while the rest waits for a mark goes before it', () => {
  const { routing, route, state, there, here } = nodeOne();
  routing.dispatch(route, own(1));
  routing.movedTo('a', LIFE, n2, n3, 8);
  routing.dispatch(route, own(2));
  routing.dispatch(route, back(1), true);
  expect([there.splice(0), here]).toEqual([['n2 1', 'n2 mark 1'], []]);
  // n3 was lost, and it is here.
  state.isHere = true;
  routing.flushed('a', LIFE, 1, n1, true);
  expect([there, here]).toEqual([[], ['1', '2']]);
});

test('what comes back while it is asked where the agent is goes before what waits for that', async () => {
  const { routing, route, state, there, here, lose, clock } = nodeOne();
  routing.dispatch(route, own(1));
  lose(n2);
  routing.dispatch(route, own(2));
  routing.dispatch(route, back(1), true);
  state.isHere = true;
  state.host = n1;
  await clock.advance(25);
  expect([there, here]).toEqual([['n2 1'], ['1', '2']]);
});

test('a message that so many nodes have sent on that its owner was asked goes behind what its sender has sent by this node before, also if the agent is found here', async () => {
  const { routing, route, state, there, here, clock } = nodeOne();
  routing.dispatch(route, message('first of n3', n3, []));
  routing.dispatch(route, message('second of n3', n3, ['n4', 'n5', 'n4', 'n5']));
  expect(there.splice(0)).toEqual(['n2 first of n3']);
  state.isHere = true;
  state.host = n1;
  await clock.advance(1000);
  expect([there, here]).toEqual([['n2 mark 1'], []]);
  routing.dispatch(route, message('first of n3', n3, ['n1', 'n2']), true);
  routing.flushed('a', LIFE, 1, n1, true);
  expect(here).toEqual(['first of n3', 'second of n3']);
});

test('an agent that comes while messages wait for what a lost node had sent on is told those behind that', async () => {
  const { routing, route, state, there, here, settled, lose, clock } = nodeOne();
  routing.dispatch(route, own(1));
  lose(n2);
  state.host = n3;
  routing.dispatch(route, own(2));
  await clock.advance(25);
  expect(there).toEqual(['n2 1', 'n3 mark 1 after the view']);
  routing.coming('a', LIFE, n3);
  state.isHere = true;
  routing.came('a', LIFE, 9);
  expect([here, settled]).toEqual([[], []]);
  // What n2 had sent on to n3, and the mark behind it.
  routing.dispatch(route, back(1), true);
  routing.flushed('a', LIFE, 1, n1, true);
  expect([here, settled]).toEqual([['1', '2'], ['a']]);
});

test('one that does not come after all is told the rest behind what went another way', async () => {
  const { routing, route, there } = nodeOne();
  routing.dispatch(route, own(1));
  routing.movedTo('a', LIFE, n2, n3, 8);
  routing.dispatch(route, own(2));
  routing.coming('a', LIFE, n3);
  routing.comesNot('a', LIFE, n3);
  expect(there).toEqual(['n2 1', 'n2 mark 1']);
  routing.flushed('a', LIFE, 1, n3, true);
  expect(there.at(-1)).toBe('n3 2');
});

test('an agent that starts here in the life that it had elsewhere is told what waits when nothing can come back any more; nobody else comes before', () => {
  const { routing, route, state, there, here, settled } = nodeOne();
  routing.dispatch(route, own(1));
  routing.coming('a', LIFE, undefined);
  routing.coming('a', LIFE, undefined);
  routing.dispatch(route, own(2));
  state.isHere = true;
  routing.came('a', LIFE, 9);
  routing.came('a', LIFE, 9);
  expect([there, here, settled, routing.leaving('a', LIFE)]).toEqual([['n2 1', 'n2 mark 1'], [], [], undefined]);
  routing.dispatch(route, back(1), true);
  routing.flushed('a', LIFE, 1, n1, true);
  expect([here, settled, routing.waitingCount]).toEqual([['1', '2'], ['a'], 0]);
});

test('one that could not be started is looked for elsewhere, behind what may still be on its way', async () => {
  const { routing, route, state, there, clock } = nodeOne();
  routing.dispatch(route, own(1));
  routing.coming('a', LIFE, undefined);
  routing.dispatch(route, own(2));
  routing.comesNot('a', LIFE, undefined);
  state.host = n3;
  routing.flushed('a', LIFE, 1, n2, false);
  await clock.advance(25);
  expect(there).toEqual(['n2 1', 'n2 mark 1', 'n3 2']);
});

test('what a move has begun to wait for stays waited for when the agent starts here another way', () => {
  const { routing, route, state, here, settled } = nodeOne();
  routing.coming('a', LIFE, n2);
  routing.coming('a', LIFE, undefined);
  expect([route.isMovingFrom(n2), route.waitingFor]).toEqual([true, 'coming']);
  routing.dispatch(route, own(2));
  routing.comesNot('a', LIFE, n2);
  // It is in the table all the same.
  state.isHere = true;
  routing.came('a', LIFE, 9);
  routing.flushed('a', LIFE, 1, n1, true);
  expect([here.at(-1), settled]).toEqual([undefined, ['a']]);
});
