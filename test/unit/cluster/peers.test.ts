/** What was sent to other nodes is counted for ever, also when they are not remembered any more. */
import { expect, test } from 'vitest';
import { Peers } from '../../../dist/ts-src/cluster/agents/peers.js';
import { SteppedClock } from '../../../dist/ts-src/testing/manual-clock.js';

/** Nodes that are gone and are remembered. */
const GONE_MAX = 4096;

test('the count of messages to other nodes never goes back, whoever of them is forgotten', () => {
  const peers = new Peers({
    transport: { send: () => 'accepted', lastAccepted: undefined } as never,
    clock: new SteppedClock({}, async () => undefined),
    copy: (frame) => frame,
    dropped: () => undefined,
    isGone: () => false,
  });
  for (let incarnation = 1; incarnation <= GONE_MAX + 100; incarnation++) {
    const peer = peers.of({ name: 'n2', incarnation });
    expect([peer.post([1]), peer.offer([2])]).toEqual(['accepted', 'accepted']);
    peer.depart();
    expect(peers.sent).toBe(2 * incarnation);
  }
  expect(peers.known({ name: 'n2', incarnation: 1 })).toBeUndefined();
});
