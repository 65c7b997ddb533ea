/** Who is told that an agent has moved away: each node that still sends here, without a list that grows with all that ever did. */
import { expect, test } from 'vitest';
import { Frame } from '../../../dist/ts-src/cluster/agents/agent-frames.js';
import { OutgoingFrames } from '../../../dist/ts-src/cluster/agents/outgoing-frames.js';
import type { NodeIdentity } from '../../../dist/ts-src/model/node-identity.js';
import { ManualClock } from '../runtime/manual-clock.js';

test('each start of a node is told once in many messages where an agent has gone, and what is remembered of them has an end', () => {
  const told: string[] = [];
  const peer = {
    node: { name: 'there', incarnation: 1 },
    offer: () => 'accepted',
    post: ([type]: [number]) => (type === Frame.moved ? void told.push(asked) : undefined),
  };
  let asked = '';
  const peerOf = ({ name, incarnation }: NodeIdentity): typeof peer => {
    asked = `${name}#${incarnation}`;
    return peer;
  };
  const outgoing = new OutgoingFrames({ clock: new ManualClock(), asks: {}, self: () => ({ name: 'here', incarnation: 1 }), peerOf } as never);
  const route = { id: 'a', life: 1, node: { name: 'there', incarnation: 1 }, token: 5, told: undefined as Map<string, number> | undefined };
  const send = (incarnation: number): void => {
    const origin = { name: 'n1', incarnation };
    outgoing.transmit(route as never, peer as never, { type: 'message', origin, trail: [], kind: 'k', action: 'x', input: 1 } as never, false);
  };
  for (let incarnation = 1; incarnation <= 5000; incarnation++) for (let message = 0; message < 3; message++) send(incarnation);
  expect(told).toEqual(Array.from({ length: 5000 }, (_, index) => `n1#${index + 1}`));
  expect(route.told?.size).toBeLessThanOrEqual(256);
  // One that was forgotten hears of it once more.
  for (let message = 0; message < 3; message++) send(1);
  expect(told.slice(5000)).toEqual(['n1#1']);
});

test('a node that gets back what it has sent is told first where the agent is, and any other one afterwards', () => {
  const sent: string[] = [];
  const peersOf = new Map<string, object>();
  const peerOf = (node: NodeIdentity): object => {
    const known = peersOf.get(node.name);
    const peer = known ?? {
      node,
      isGone: false,
      post: ([type]: [number]) => (sent.push(`${type === Frame.moved ? 'moved' : 'message'} to ${node.name}`), 'accepted'),
    };
    peersOf.set(node.name, peer);
    return peer;
  };
  const outgoing = new OutgoingFrames({ clock: new ManualClock(), asks: {}, self: () => ({ name: 'here', incarnation: 1 }), peerOf } as never);
  const [n1, n2]: readonly NodeIdentity[] = [
    { name: 'n1', incarnation: 1 },
    { name: 'n2', incarnation: 1 },
  ];
  const route = { id: 'a', life: 1, node: n1, token: 5, told: undefined };
  for (const origin of [n1, n2])
    outgoing.transmit(
      route as never,
      peerOf(n1 as NodeIdentity) as never,
      { type: 'message', origin, trail: [], kind: 'k', action: 'x', input: 1 } as never,
      true,
    );
  expect(sent).toEqual(['moved to n1', 'message to n1', 'message to n1', 'moved to n2']);
});
