/** Writes of agents as other nodes get them: each that holds the agent has all of them, whoever held it in between. */
import { expect, test } from 'vitest';
import type { CopyOutcome } from '../../../../dist/ts-src/cluster/copies/copy-peers.js';
import { LiveCopies } from '../../../../dist/ts-src/cluster/copies/live-copies.js';
import type { NodeIdentity } from '../../../../dist/ts-src/model/node-identity.js';
import type { StorageWrite } from '../../../../dist/ts-src/ports/storage.js';
import type { CopyItem } from '../../../../dist/ts-src/protocols/copies/copy-messages.js';
import { Continuity, Holders } from '../../../../dist/ts-src/protocols/copies/holding.js';
import { PARTITIONS, partitionOf } from '../../../../dist/ts-src/protocols/registry/partition.js';

const node = (name: string): NodeIdentity => ({ name, incarnation: 1 });
const holdersOf = (number: number, names: string): Holders =>
  new Holders({ number, members: [...names].map((name) => ({ name, incarnation: 1, weight: 1 })) }, 1);
const eventOf = (id: string, revision: number): StorageWrite => ({
  ...{ type: 'event', kind: 'k', id, version: { token: 1, revision } },
  event: { sequence: revision, event: new Uint8Array([revision]), version: 1, epochMs: 0 } as never,
});

/** What each node that holds the id has been sent, as a copy would have it: the revisions of its events. */
function world(id: string) {
  const stored: StorageWrite[] = [];
  const copies = new Map<string, number[]>();
  const continuity = new Continuity();
  let holders = holdersOf(0, 'a');
  const live = new LiveCopies({
    store: { whole: () => [{ type: 'delete', kind: 'k', id, version: { token: 1, revision: 1 }, epochMs: 0 }, ...stored] },
    peers: {
      send(to: NodeIdentity, { writes }: CopyItem, done: (outcome: CopyOutcome) => void) {
        for (const write of writes) {
          if (write.type === 'delete') copies.set(to.name, []);
          else if (write.type === 'event') copies.set(to.name, [...(copies.get(to.name) ?? []), write.version?.revision ?? 0]);
        }
        queueMicrotask(() => done(undefined));
      },
    },
    targetsOf: () => holders.of(partitionOf(id)).filter(({ name }) => name !== 'a'),
    heldSince: () => continuity.since(partitionOf(id)),
  });
  return {
    copies,
    view(number: number, names: string) {
      holders = holdersOf(number, names);
      continuity.install(holders);
      live.ringChanged();
      // Whoever holds it no more removes it.
      for (const name of copies.keys()) if (!holders.isHolder(partitionOf(id), node(name))) copies.delete(name);
    },
    async write(revision: number) {
      await live.copy('k', id, [eventOf(id, revision)]);
      stored.push(eventOf(id, revision));
    },
  };
}

/** An id that a owns, that b holds too, and that c holds in the place of b when it is there. */
function idBetween(): string {
  for (let index = 0; ; index++) {
    const id = `x${index}`;
    const of = (names: string): string =>
      holdersOf(1, names)
        .of(partitionOf(id))
        .map(({ name }) => name)
        .join('');
    if (of('ab') === 'ab' && of('abc') === 'ac') return id;
  }
}

test('a node that held an agent, did not for a while and does again gets all that is stored with the next write', async () => {
  const id = idBetween();
  const { view, write, copies } = world(id);
  view(1, 'ab');
  await write(1);
  view(2, 'abc');
  await write(2);
  expect([...copies]).toEqual([['c', [1, 2]]]);
  view(3, 'ab');
  await write(3);
  await write(4);
  expect([...copies]).toEqual([['b', [1, 2, 3, 4]]]);
});

test('what other nodes had not acknowledged when this one stopped is not acknowledged, and the error names those nodes', async () => {
  const answers: ((outcome: CopyOutcome) => void)[] = [];
  let holders = [node('b')];
  const live = new LiveCopies({
    store: { whole: () => undefined },
    peers: { send: (_to: NodeIdentity, _item: CopyItem, done: (outcome: CopyOutcome) => void) => void answers.push(done) },
    targetsOf: () => holders,
    heldSince: () => 1,
  });
  const first = live.copy('k', 'x', [eventOf('x', 1)]);
  answers[0]?.('gone');
  await first;
  const second = live.copy('k', 'x', [eventOf('x', 2)]);
  answers[1]?.('closed');
  await expect(second).rejects.toMatchObject({
    code: 'NEXUS_STORE_FAILED',
    message: expect.stringMatching(/^node b has not acknowledged a copy of k 'x'/),
    data: { kind: 'k', id: 'x', nodes: ['b'] },
  });
  holders = ['b', 'c', 'd'].map(node);
  const third = live.copy('k', 'x', [eventOf('x', 3)]);
  for (const [index, outcome] of [undefined, 'closed' as const, 'closed' as const].entries()) answers[2 + index]?.(outcome);
  await expect(third).rejects.toMatchObject({ message: expect.stringMatching(/^nodes c, d have not/), data: { nodes: ['c', 'd'] } });
});

test('where views were missed a node may have held an agent no more in between', () => {
  const continuity = new Continuity();
  const partitions = (): number => Array.from({ length: PARTITIONS }, (_, partition) => continuity.since(partition)).filter((since) => since === 5).length;
  continuity.install(holdersOf(1, 'ab'));
  continuity.install(holdersOf(2, 'ab'));
  expect(continuity.since(0)).toBe(1);
  continuity.install(holdersOf(5, 'ab'));
  expect(partitions()).toBe(PARTITIONS);
});
