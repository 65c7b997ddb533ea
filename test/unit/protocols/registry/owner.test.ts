/** What the owner of an id does about hosts that are lost before they have said that they run it. */
import { expect, test } from 'vitest';
import type { NodeIdentity } from '../../../../dist/ts-src/model/node-identity.js';
import type { Registration } from '../../../../dist/ts-src/model/registration.js';
import { Directory } from '../../../../dist/ts-src/protocols/registry/directory.js';
import { DirectoryPart } from '../../../../dist/ts-src/protocols/registry/directory-part.js';
import { Owner } from '../../../../dist/ts-src/protocols/registry/owner.js';
import { Ownership } from '../../../../dist/ts-src/protocols/registry/ownership.js';
import { partitionOf } from '../../../../dist/ts-src/protocols/registry/partition.js';

const [a, b, c]: readonly NodeIdentity[] = ['a', 'b', 'c'].map((name) => ({ name, incarnation: 1 }));

/** Node a, which owns an id; b and c are members too. */
function ownerOfOne() {
  const ownership = new Ownership(a as NodeIdentity);
  ownership.install({ number: 1, members: [a, b, c].map((node) => ({ ...(node as NodeIdentity), weight: 1 })) });
  let id = 'x';
  while (!ownership.isOwn(partitionOf(id))) id += 'x';
  const directory = new Directory();
  directory.set(partitionOf(id), new DirectoryPart(1));
  directory.become('serving', partitionOf(id));
  const orphans: Registration[] = [];
  const owner = new Owner(ownership, directory, {
    send: () => undefined,
    answerSelf: () => undefined,
    offeredSelf: () => undefined,
    changed: () => undefined,
    removed: () => undefined,
    orphaned: (registration) => orphans.push(registration),
    mark: () => undefined,
  });
  const lose = (node: NodeIdentity): void => {
    const members = [a, b, c].filter((each) => each !== node).map((each) => ({ ...(each as NodeIdentity), weight: 1 }));
    owner.departed(1, ownership.install({ number: 2, members }));
  };
  return { id, owner, orphans, lose, entry: () => directory.part(partitionOf(id))?.entries.get(id) };
}

test('an agent that has just moved to a node that is lost before it says so is an orphan', () => {
  const { id, owner, orphans, lose } = ownerOfOne();
  const registration: Registration = { id, kind: 'k', host: b as NodeIdentity, token: 5, life: 3, placement: 'ring', init: new Uint8Array(1) };
  // Its owner of before, which wrote the move, is lost, and what it wrote too.
  owner.serve(0, b as NodeIdentity, { type: 'take', request: 1, view: 1, registration });
  lose(b as NodeIdentity);
  expect(orphans).toMatchObject([{ id, life: 3 }]);
});

test('an id that was granted to a node that is lost before it says so is free again', () => {
  const { id, owner, orphans, lose, entry } = ownerOfOne();
  owner.serve(0, b as NodeIdentity, { type: 'register', request: 1, view: 1, id, kind: 'k', placement: 'ring', init: undefined, released: 0 });
  expect(entry()?.state).toBe('granted');
  lose(b as NodeIdentity);
  expect([orphans, entry()]).toEqual([[], undefined]);
});
