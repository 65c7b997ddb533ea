/** Who is gone, as a thread knows it from views: of every node that ever was, with little remembered. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NodeLosses } from '../../../dist/ts-src/cluster/entries/node-losses.js';
import type { NodeView } from '../../../dist/ts-src/cluster/node-parts.js';
import { NexusError } from '../../../dist/ts-src/errors.js';
import type { NodeIdentity } from '../../../dist/ts-src/model/node-identity.js';
import { NodeTies, type NodeTiesNeeds } from '../../../dist/ts-src/runtime/remote/node-ties.js';
import { ReplicatedEntries } from '../../../dist/ts-src/runtime/replicated-entries.js';
import { ManualClock } from '../runtime/manual-clock.js';

const self = { name: 'self', incarnation: 1 };
const GONE_MAX = 1000;

class Node {
  readonly clock = new ManualClock();
  readonly entries = new ReplicatedEntries({ thread: 0, incarnation: 0, threadCount: 1 } as never);
  readonly ties: NodeTies;
  readonly told: string[] = [];
  readonly everGone: NodeIdentity[] = [];
  members: readonly NodeIdentity[] = [];
  #floor = 0;
  #number = 0;
  readonly #losses: NodeLosses;

  constructor(remote?: unknown) {
    const { entries, clock } = this;
    this.ties = new NodeTies({ ...{ thread: 0, entries, clock }, remote: () => remote, isClosed: () => false } as unknown as NodeTiesNeeds);
    this.ties.onLoss(({ name, incarnation }, isGone) => void (isGone && this.told.push(`${name}#${incarnation}`)));
    this.#losses = new NodeLosses({ host: { entries }, entries: { listen: () => undefined, put: () => true }, self: () => self } as never);
    this.viewed([]);
  }

  /** As the protocol of views has it: who departs raises the floor, and whoever joins is above it. */
  viewed(members: readonly NodeIdentity[]): void {
    const departed = this.members.filter((node) => !members.includes(node));
    this.#floor = departed.reduce((floor, { incarnation }) => Math.max(floor, incarnation), this.#floor);
    this.members = members;
    this.everGone.push(...departed);
    const view = { number: ++this.#number, members: [self, ...members], incarnationFloor: this.#floor };
    this.#losses.viewed(view as unknown as NodeView);
  }

  get floor(): number {
    return this.#floor;
  }

  get remembered(): number {
    let count = 0;
    this.entries.listen('nodes', ({ value }) => void (value !== undefined && count++));
    return count;
  }
}

test('a node is gone when it is: as long as it is none of the members, whatever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 9 })), { maxLength: 60 }), (steps) => {
      const node = new Node();
      for (const [number, above] of steps) {
        const name = `n${number}`;
        const isThere = node.members.some((member) => member.name === name);
        const others = node.members.filter((member) => member.name !== name);
        node.viewed(isThere ? others : [...others, { name, incarnation: node.floor + above }]);
        for (const member of [self, ...node.members]) expect(node.ties.isGone(member)).toBe(false);
        for (const gone of node.everGone) expect(node.ties.isGone(gone)).toBe(true);
        expect(node.ties.isGone({ name: 'yet-to-join', incarnation: node.floor + 1 })).toBe(false);
      }
      expect(node.told).toEqual(node.everGone.map(({ name, incarnation }) => `${name}#${incarnation}`));
    }),
  );
});

test('what is remembered of nodes that are gone does not grow with their starts, nor without bound with their names, and they stay gone', () => {
  const node = new Node();
  for (let start = 1; start <= 3000; start++) node.viewed([{ name: `n${start % 3}`, incarnation: start }]);
  expect(node.remembered).toBeLessThan(10);
  for (let start = 3001; start <= 6000; start++) node.viewed([{ name: `pod-${start}`, incarnation: start }]);
  expect(node.remembered).toBeLessThan(GONE_MAX + 10);
  expect(node.everGone.length).toBe(5999);
  for (const gone of node.everGone) expect(node.ties.isGone(gone)).toBe(true);
  expect(node.told.length).toBe(5999);
});

test('a call about the tie to an agent of a node that was forgotten, or has gone before this one came, ends', async () => {
  const error = new NexusError('NEXUS_NODE_UNREACHABLE', 'it is no member');
  const node = new Node({ leads: () => true, request: () => Promise.reject(error) });
  node.viewed([{ name: 'other', incarnation: 900 }]);
  node.viewed([]);
  const lost = { name: 'before-all', incarnation: 500 };
  const answer = await node.ties.ask({ kind: 'k', id: 'i', remote: { node: lost, life: 1 } } as never, 'tieFromNode', {} as never);
  expect(answer).toEqual({ type: 'nodeLost', node: lost });
});
