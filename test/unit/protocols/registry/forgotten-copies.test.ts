/** What a node does with a copy of the directory that has turned out to be wrong: it asks the owner, as it does for anything else that it has heard. */
import { expect, test } from 'vitest';
import type { NodeIdentity } from '../../../../dist/ts-src/model/node-identity.js';
import type { Registration } from '../../../../dist/ts-src/model/registration.js';
import { partitionOf } from '../../../../dist/ts-src/protocols/registry/partition.js';
import { RegistryMachine } from '../../../../dist/ts-src/protocols/registry/registry-machine.js';
import type { RegistryMessage } from '../../../../dist/ts-src/protocols/registry/registry-messages.js';
import { Ring } from '../../../../dist/ts-src/protocols/registry/ring.js';

const [A, B, C] = ['a', 'b', 'c'].map((name) => ({ name, incarnation: 1 })) as [NodeIdentity, NodeIdentity, NodeIdentity];
const FIRST = [B, C].map((node) => ({ ...node, weight: 1 }));
const ALL = [A, B, C].map((node) => ({ ...node, weight: 1 }));

/** An id that C owns, with a copy on B, until A comes, which owns it then, with a copy on C. */
function movedId(): string {
  const [first, all] = [new Ring(FIRST), new Ring(ALL)];
  for (let number = 0; ; number++) {
    const id = `id-${number}`;
    const partition = partitionOf(id);
    if (first.ownerOf(partition)?.name === 'c' && all.ownerOf(partition)?.name === 'a' && all.successorsOf(partition, 1)[0]?.name === 'c') return id;
  }
}

/** Node B, with a copy of where the id was in the first view. */
function nodeWithCopy() {
  const id = movedId();
  const sent: { readonly to: string; readonly message: RegistryMessage }[] = [];
  const nothing = (): void => undefined;
  const machine = new RegistryMachine(
    B,
    { copies: 1 },
    {
      send: (to, message) => sent.push({ to: to.name, message }),
      ...{ orphaned: nothing, superseded: nothing, misplaced: nothing, handed: nothing },
    },
  );
  const copied: Registration = { id, kind: 'k', host: C, token: 5, life: 5, placement: 'ring', init: undefined };
  machine.installed(0, { number: 1, members: FIRST });
  const item = { partition: partitionOf(id), epoch: 1, sequence: 1, lastToken: 5, part: 0, parts: 1, entries: [{ registration: copied, isIdle: false }] };
  machine.received(0, C, { type: 'state', view: 1, items: [item] });
  const asked = (): string[] => sent.filter(({ message }) => message.type === 'lookup').map(({ to }) => to);
  return { id, machine, copied, asked };
}

test('a copy that nobody brings up to date any more is not read again once it was found wrong: the owner is asked', () => {
  const { id, machine, copied, asked } = nodeWithCopy();
  machine.installed(1, { number: 2, members: ALL });
  expect(machine.cached(id)).toEqual({ from: 'cached', registration: copied });
  machine.forget(id, copied.token);
  expect(machine.cached(id)).toBeUndefined();
  let found: Registration | undefined;
  machine.lookup(1, id, 1000, (outcome) => {
    if (outcome.type === 'found') found = outcome.registration;
  });
  expect(asked()).toEqual(['a']);
  const now = { ...copied, host: A, token: 9, life: 9 };
  machine.received(2, A, { type: 'found', request: 1, view: 2, registration: now });
  expect([found, machine.cached(id)?.registration]).toEqual([now, now]);
  // What was heard since may be wrong too, and what is older is no better.
  machine.forget(id, now.token);
  expect(machine.cached(id)).toBeUndefined();
});

test('a copy that knows of a later activation than the one that was found wrong is read', () => {
  const { id, machine, copied } = nodeWithCopy();
  machine.forget(id, copied.token - 1);
  expect(machine.cached(id)?.registration).toEqual(copied);
  machine.forget(id, copied.token);
  expect(machine.cached(id)).toBeUndefined();
  const later = { ...copied, token: 6 };
  machine.received(1, C, {
    ...{ type: 'delta', view: 1 },
    items: [{ partition: partitionOf(id), epoch: 1, sequence: 2, registration: later, isIdle: false, id, token: 6 }],
  });
  expect(machine.cached(id)?.registration).toEqual(later);
});
