/** What nodes tell each other of their entries, over a network that loses, doubles and reorders, with nodes that restart and parts that are refused: in the end everybody knows what everybody says, and nobody ever goes back. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NodeIdentity } from '../../../../dist/ts-src/model/node-identity.js';
import { type EntriesMessage, entriesMessageOf, PART_BYTES_MAX, PART_CHANGES_MAX } from '../../../../dist/ts-src/protocols/entries/entries-messages.js';
import { HeardEntries } from '../../../../dist/ts-src/protocols/entries/heard-entries.js';
import { ToldEntries } from '../../../../dist/ts-src/protocols/entries/told-entries.js';

const NODES = 3;
const KEYS = 5;
const GONE_MAX = 1;

interface TestNode {
  readonly self: NodeIdentity;
  readonly told: ToldEntries;
  readonly heard: HeardEntries;
  /** What it says: the model. Values grow with every change of a key. */
  readonly says: Map<string, number>;
  /** As its listeners were told. */
  readonly seen: Map<string, Map<string, number>>;
}

type Step =
  | { readonly type: 'put' | 'delete'; readonly node: number; readonly key: number }
  | { readonly type: 'flush' | 'restart' | 'tick' | 'refuse'; readonly node: number }
  | { readonly type: 'opened'; readonly node: number; readonly other: number }
  | { readonly type: 'deliver' | 'lose' | 'double'; readonly at: number };

class World {
  nodes: TestNode[] = [];
  nowMs = 0;
  #starts = 0;
  #values = 0;
  inFlight: { readonly from: NodeIdentity; readonly to: NodeIdentity; readonly message: EntriesMessage }[] = [];
  completed = 0;

  constructor() {
    for (let index = 0; index < NODES; index++) this.nodes.push(this.#node(`n${index}`));
    for (const node of this.nodes) for (const other of this.nodes) if (other !== node) this.#meet(node, other);
  }

  step(step: Step): void {
    switch (step.type) {
      case 'put':
        return this.#change(this.nodes[step.node] as TestNode, `k${step.key}`, ++this.#values);
      case 'delete':
        return this.#change(this.nodes[step.node] as TestNode, `k${step.key}`, undefined);
      case 'flush':
        return this.flush(this.nodes[step.node] as TestNode);
      case 'tick':
        this.nowMs += 1000;
        (this.nodes[step.node] as TestNode).told.tick(this.nowMs);
        return this.flush(this.nodes[step.node] as TestNode);
      case 'refuse': {
        const { told } = this.nodes[step.node] as TestNode;
        for (const { to } of told.flush()) told.refused(to, this.nowMs);
        return;
      }
      case 'opened':
        return (this.nodes[step.node] as TestNode).told.opened((this.nodes[step.other] as TestNode).self, this.nowMs);
      case 'restart':
        return this.#restart(step.node);
      case 'deliver':
        return this.#deliver(step.at, true);
      case 'double':
        return this.#deliver(step.at, false);
      case 'lose':
        this.inFlight.splice(step.at % Math.max(1, this.inFlight.length), 1);
    }
  }

  flush({ self, told }: TestNode): void {
    for (const { to, message } of told.flush()) this.inFlight.push({ from: self, to, message });
  }

  /** Without faults, until nobody has anything to say. */
  settle(): number {
    for (let round = 0; round < 1000; round++) {
      for (const node of this.nodes) this.flush(node);
      while (this.inFlight.length > 0) this.#deliver(0, true);
      if (this.nodes.every(({ told }) => told.isKnown(told.version))) return round;
      this.nowMs += 10_000;
      for (const { told } of this.nodes) told.tick(this.nowMs);
    }
    throw new Error('they never agree');
  }

  check(): void {
    for (const reader of this.nodes) {
      for (const writer of this.nodes) {
        if (writer === reader) continue;
        expect(reader.seen.get(writer.self.name) ?? new Map()).toEqual(writer.says);
        expect(new Map(reader.heard.entriesOf(writer.self))).toEqual(writer.says);
        expect(reader.heard.isComplete(writer.self)).toBe(true);
      }
    }
  }

  #change(node: TestNode, key: string, value: number | undefined): void {
    if (value === undefined) {
      node.says.delete(key);
      return node.told.delete(key);
    }
    node.says.set(key, value);
    expect(node.told.put(key, value, 10)).toBe(true);
  }

  #deliver(at: number, isTaken: boolean): void {
    if (this.inFlight.length === 0) return;
    const index = at % this.inFlight.length;
    const packet = this.inFlight[index] as (typeof this.inFlight)[number];
    if (isTaken) this.inFlight.splice(index, 1);
    const node = this.nodes.find(({ self }) => self.name === packet.to.name && self.incarnation === packet.to.incarnation);
    const message = entriesMessageOf(packet.message);
    if (node === undefined || message === undefined) return;
    if (message.type === 'have') return node.told.confirmed(packet.from, message, this.nowMs);
    for (const effect of node.heard.received(packet.from, message)) {
      if (effect.type === 'answer') this.inFlight.push({ from: node.self, to: effect.to, message: effect.message });
      else if (effect.type === 'complete') this.completed++;
      else if (effect.type === 'changed') this.#see(node, effect.node.name, effect.key, effect.value as number | undefined);
      else throw new Error('refused');
    }
  }

  #see(node: TestNode, writer: string, key: string, value: number | undefined): void {
    const seen = node.seen.get(writer) ?? new Map<string, number>();
    node.seen.set(writer, seen);
    // Never an older value in the place of a newer one.
    if (value !== undefined) expect(value).toBeGreaterThanOrEqual(seen.get(key) ?? 0);
    if (value === undefined) seen.delete(key);
    else seen.set(key, value);
  }

  #restart(index: number): void {
    const before = this.nodes[index] as TestNode;
    const node = this.#node(before.self.name);
    this.nodes[index] = node;
    for (const other of this.nodes) {
      if (other === node) continue;
      other.told.left(before.self);
      for (const effect of other.heard.left(before.self))
        if (effect.type === 'changed') this.#see(other, effect.node.name, effect.key, effect.value as number | undefined);
      this.#meet(other, node);
      this.#meet(node, other);
    }
  }

  #node(name: string): TestNode {
    return { self: { name, incarnation: ++this.#starts }, told: new ToldEntries(GONE_MAX), heard: new HeardEntries(), says: new Map(), seen: new Map() };
  }

  #meet(node: TestNode, other: TestNode): void {
    node.told.joined(other.self, this.nowMs);
    node.heard.joined(other.self);
  }
}

const nodes = fc.integer({ min: 0, max: NODES - 1 });
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constantFrom('put' as const, 'delete' as const), node: nodes, key: fc.integer({ min: 0, max: KEYS - 1 }) }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('flush' as const), node: nodes }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('restart' as const, 'tick' as const, 'refuse' as const), node: nodes }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('opened' as const), node: nodes, other: nodes }) },
    { weight: 6, arbitrary: fc.record({ type: fc.constant('deliver' as const), at: fc.nat({ max: 20 }) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('lose' as const, 'double' as const), at: fc.nat({ max: 20 }) }) },
  ),
  { maxLength: 160, size: 'max' },
);

test('entries of all nodes are known to all in the end, whatever was lost, doubled, reordered or refused, and never go back meanwhile', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const world = new World();
      for (const step of all) world.step(step);
      world.settle();
      world.check();
    }),
    { numRuns: 1000 },
  );
});

test('a part that was lost is asked for by whoever gets the next one, without waiting for the time', () => {
  const { told, heard, reader, writer } = pair();
  told.put('a', 1, 1);
  told.flush();
  told.put('b', 2, 1);
  const [second] = told.flush();
  const [effect] = heard.received(writer, second?.message as never);
  expect(effect).toEqual({ type: 'answer', to: writer, message: { type: 'have', run: 1, version: 0, isGap: true } });
  expect(heard.received(writer, second?.message as never)).toEqual([]);
  if (effect?.type === 'answer') told.confirmed(reader, effect.message, 0);
  const [again] = told.flush();
  expect(again?.message).toMatchObject({
    since: 0,
    upTo: 2,
    changes: [
      ['a', 1],
      ['b', 2],
    ],
  });
});

test('messages are bounded, and so is what is under way to a node that does not answer', () => {
  const { told } = pair();
  for (let index = 0; index < 50_000; index++) told.put(`key ${index}`, index, 50);
  const parts = told.flush();
  expect(parts).toHaveLength(8);
  for (const { message } of parts) {
    expect(message.changes.length).toBeLessThanOrEqual(PART_CHANGES_MAX);
    expect(message.changes.length * 50).toBeLessThanOrEqual(PART_BYTES_MAX);
  }
  expect(told.flush()).toEqual([]);
  expect(told.tickMs).toBe(500);
});

test('nothing is sent while nothing changes', () => {
  const world = new World();
  world.step({ type: 'put', node: 0, key: 1 });
  world.settle();
  for (const { told } of world.nodes) {
    expect(told.tickMs).toBeUndefined();
    expect(told.flush()).toEqual([]);
  }
  expect(world.completed).toBe(NODES * (NODES - 1));
});

test('what another node sends is looked at before it is believed', () => {
  const part = { type: 'part', run: 1, since: 0, upTo: 1, latest: 1, changes: [['a', 1]] };
  expect(entriesMessageOf(part)).toBe(part);
  for (const wrong of [
    ...[undefined, null, 7, 'part', {}, { ...part, run: -1 }, { ...part, since: 2 }, { ...part, latest: 0 }, { ...part, changes: 'a' }],
    ...[
      {
        ...part,
        changes: [
          ['a', 1],
          ['b', 2],
        ],
      },
      { ...part, changes: [[7, 1]] },
      { ...part, changes: ['a'] },
      { ...part, type: 'have' },
    ],
    { type: 'have', run: 1, version: 1.5, isGap: false },
  ])
    expect(entriesMessageOf(wrong)).toBeUndefined();
});

function pair(): { readonly told: ToldEntries; readonly heard: HeardEntries; readonly reader: NodeIdentity; readonly writer: NodeIdentity } {
  const reader = { name: 'reader', incarnation: 1 };
  const writer = { name: 'writer', incarnation: 1 };
  const told = new ToldEntries();
  const heard = new HeardEntries();
  told.joined(reader, 0);
  heard.joined(writer);
  return { told, heard, reader, writer };
}
