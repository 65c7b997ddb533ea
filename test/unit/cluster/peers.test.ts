/** The other nodes as messages know them: what was sent to them is counted for ever, also when they are not remembered any more, and who has departed is found whatever their number is. */
import { expect, test } from 'vitest';
import { Peers } from '../../../dist/ts-src/cluster/agents/peers.js';
import { SteppedClock } from '../../../dist/ts-src/testing/manual-clock.js';

/** Nodes that are gone and are remembered. */
const GONE_MAX = 4096;

const open = (): Peers =>
  new Peers({
    transport: { send: () => 'accepted', lastAccepted: undefined } as never,
    clock: new SteppedClock({}, async () => undefined),
    copy: (frame) => frame,
    dropped: () => undefined,
  });

test('the count of messages to other nodes never goes back, whoever of them is forgotten', () => {
  const peers = open();
  for (let incarnation = 1; incarnation <= GONE_MAX + 100; incarnation++) {
    const peer = peers.of({ name: 'n2', incarnation });
    expect([peer.post([1]), peer.offer([2])]).toEqual(['accepted', 'accepted']);
    peer.depart();
    expect(peers.sent).toBe(2 * incarnation);
  }
  expect(peers.known({ name: 'n2', incarnation: 1 })).toBeUndefined();
});

test('who has departed is found with one look at each member, however many nodes are known', () => {
  const peers = open();
  let looks = 0;
  const nodes = Array.from({ length: 1000 }, (_, index) => ({
    get name() {
      looks++;
      return `n${index}`;
    },
    incarnation: index + 1,
  }));
  for (const node of nodes) peers.of(node);
  // One that nobody here has seen as a member, one that is started again, and one that is yet to join.
  for (const node of [
    { name: 'unseen', incarnation: 7 },
    { name: 'n5', incarnation: 2000 },
    { name: 'new', incarnation: 3000 },
  ])
    peers.of(node);
  looks = 0;
  const staying = [...nodes.filter(({ incarnation }) => incarnation % 2 === 0 && incarnation !== 6), { name: 'n5', incarnation: 2000 }];
  const departed = peers.viewed(staying, 999);
  expect(looks).toBeLessThan(2 * nodes.length);
  const expected = [...nodes.filter((node) => !staying.includes(node)).map(({ name }) => name), 'unseen'];
  expect(departed.map(({ name }) => name)).toEqual(expected);
  for (const node of departed) peers.of(node).depart();
  expect(peers.viewed(staying, 999)).toEqual([]);
  expect(peers.of({ name: 'later', incarnation: 8 }).isGone).toBe(true);
});

test('of what waited for an address only what was not sent is dropped when its node goes meanwhile', () => {
  const outcomes = ['unknown', 'accepted', 'closed'];
  const dropped: unknown[] = [];
  const peers = new Peers({
    transport: { send: () => outcomes.shift(), lastAccepted: undefined } as never,
    clock: new SteppedClock({}, async () => undefined),
    copy: (frame) => frame,
    dropped: (_peer, frames) => void dropped.push(...frames),
  });
  const peer = peers.of({ name: 'n2', incarnation: 1 });
  expect([peer.offer(['first']), peer.offer(['second']), peer.offer(['third'])]).toEqual(['accepted', 'accepted', 'accepted']);
  peer.retry();
  expect(dropped).toEqual([['second'], ['third']]);
  expect([peer.isGone, peer.waiting, peer.sent]).toEqual([true, 0, 1]);
});
