/** How whole partitions get to a member that has none of them: in portions, so that neither side is kept from other work for long, and all of them in the end. */
import { expect, test } from 'vitest';
import { Directory } from '../../../../dist/ts-src/protocols/registry/directory.js';
import { DirectoryPart, sizeOf } from '../../../../dist/ts-src/protocols/registry/directory-part.js';
import { Ownership } from '../../../../dist/ts-src/protocols/registry/ownership.js';
import { PARTITIONS } from '../../../../dist/ts-src/protocols/registry/partition.js';
import type { RegistryMessage } from '../../../../dist/ts-src/protocols/registry/registry-messages.js';
import { Replication } from '../../../../dist/ts-src/protocols/registry/replication.js';

const OWNER = { name: 'a', incarnation: 1 };
const COPY = { name: 'b', incarnation: 1 };
const ENTRIES = 100;
const PORTION_BYTES = 64 * 1024;

function side(self: typeof OWNER) {
  const ownership = new Ownership(self);
  // Only the owner owns: the other one is a copy of everything.
  ownership.install({
    number: 1,
    members: [
      { ...OWNER, weight: 1 },
      { ...COPY, weight: 1 },
    ],
  });
  const directory = new Directory();
  const outgoing: RegistryMessage[] = [];
  const replication = new Replication(ownership, directory, 1, { send: (_to, message) => outgoing.push(message), mark: () => undefined });
  const received = (from: typeof OWNER, message: RegistryMessage): void => {
    if (message.type === 'digest') replication.digests(from, message.view, message.items);
    else if (message.type === 'state') replication.states(from, message.view, message.items);
    else if (message.type === 'agreed') replication.agreed(from, message.items);
    else if (message.type === 'pull') replication.pulled(from, message.partitions);
  };
  return { ownership, directory, replication, outgoing, received };
}

/** @param lose which states are lost on their way */
function copied(lose: (state: number) => boolean) {
  const owner = side(OWNER);
  const copy = side(COPY);
  const owned: number[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) if (owner.ownership.isOwn(partition)) owned.push(partition);
  let token = 0;
  let bytes = 0;
  for (const partition of owned) {
    const part = new DirectoryPart(1);
    for (let index = 0; index < ENTRIES; index++) {
      const registration = { id: `${partition}-${index}`, kind: 'k', host: OWNER, token: ++token, life: token, placement: 'ring' as const, init: undefined };
      part.put({ registration, state: 'settled', request: 0, source: undefined });
      bytes += sizeOf(registration);
    }
    owner.directory.set(partition, part);
    owner.directory.become('serving', partition);
  }
  owner.replication.installed(0, []);
  const portions = new Map<number, number>();
  let states = 0;
  let nowMs = 0;
  while (owner.replication.dueMs !== Number.POSITIVE_INFINITY && nowMs < 600_000) {
    nowMs = owner.replication.dueMs;
    owner.replication.tick(nowMs);
    while (owner.outgoing.length + copy.outgoing.length > 0) {
      for (const message of owner.outgoing.splice(0)) {
        if (message.type === 'state') {
          const sent = message.items.reduce((sum, { entries }) => sum + entries.reduce((of, { registration }) => of + sizeOf(registration), 0), 0);
          portions.set(nowMs, (portions.get(nowMs) ?? 0) + sent);
          if (lose(states++)) continue;
        }
        copy.received(OWNER, message);
      }
      for (const message of copy.outgoing.splice(0)) owner.received(COPY, message);
    }
  }
  const isEqual = owned.every((partition) => {
    const there = copy.directory.part(partition);
    return there !== undefined && (owner.directory.part(partition) as DirectoryPart).digest.equals(there.digest);
  });
  return { isEqual, unsettled: owner.replication.unsettled, portions: [...portions.values()], bytes, partitionBytes: bytes / owned.length, nowMs };
}

test('a member that has no copies gets all of them, in portions', () => {
  const { isEqual, unsettled, portions, bytes, partitionBytes, nowMs } = copied(() => false);
  expect([isEqual, unsettled]).toEqual([true, 0]);
  expect(Math.max(...portions)).toBeLessThanOrEqual(PORTION_BYTES + partitionBytes * 1.1);
  expect(portions.reduce((sum, each) => sum + each, 0)).toBe(bytes);
  // 60 ms for each of them, and what the first and the last digests wait.
  expect(nowMs).toBeLessThan((bytes / PORTION_BYTES) * 60 + 1500);
});

test('copies that are lost on their way are sent again', () => {
  const { isEqual, unsettled } = copied((state) => state % 3 === 0);
  expect([isEqual, unsettled]).toEqual([true, 0]);
});

/** An owner that has just begun to serve all that it owns, of which the other side has nothing. */
function fresh() {
  const owner = side(OWNER);
  const copy = side(COPY);
  const partitions: number[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    if (!owner.ownership.isOwn(partition)) continue;
    partitions.push(partition);
    owner.directory.set(partition, new DirectoryPart(1));
    owner.directory.become('serving', partition);
  }
  owner.replication.installed(0, []);
  let token = 0;
  const start = (partition: number, bytes = 0): void => {
    const part = owner.directory.part(partition) as DirectoryPart;
    token++;
    const init = bytes === 0 ? undefined : new Uint8Array(bytes);
    const registration = { id: `agent-${token}`, kind: 'k', host: OWNER, token, life: token, placement: 'ring' as const, init };
    const entry = { registration, state: 'settled' as const, request: 0, source: undefined };
    part.put(entry);
    owner.replication.changed(0, partition, part, entry);
  };
  /** What the owner says in one turn is all that the other side gets. */
  const turn = (): string[] => {
    owner.replication.flush();
    const sent = owner.outgoing.splice(0);
    for (const message of sent) {
      if (message.type === 'delta') copy.replication.deltas(OWNER, message.view, message.items);
      else copy.received(OWNER, message);
    }
    return sent.map(({ type }) => type);
  };
  const known = (partition: number): number => copy.directory.part(partition)?.entries.size ?? 0;
  return { owner, partitions, start, turn, known };
}

test('an agent that starts before a successor has anything of its partition is known there with the first message', () => {
  const { partitions, start, turn, known } = fresh();
  const [first, second] = partitions as [number, number];
  start(first);
  start(first);
  start(second);
  expect([turn(), known(first), known(second)]).toEqual([['state'], 2, 1]);
  // What follows builds on it.
  start(first);
  expect([turn(), known(first)]).toEqual([['delta'], 3]);
});

test('however many start before their successor has anything, no more than a portion is sent in a turn', () => {
  const { owner, partitions, start, turn } = fresh();
  for (const partition of partitions.slice(0, 40)) start(partition, 10_000);
  let bytes = 0;
  owner.replication.flush();
  for (const message of owner.outgoing)
    if (message.type === 'state') for (const { entries } of message.items) for (const { registration } of entries) bytes += sizeOf(registration);
  expect(bytes).toBeGreaterThan(PORTION_BYTES / 2);
  expect(bytes).toBeLessThanOrEqual(PORTION_BYTES + 11_000);
  owner.outgoing.splice(0);
  for (const partition of partitions.slice(40, 80)) start(partition, 10_000);
  expect(turn()).not.toContain('state');
});
