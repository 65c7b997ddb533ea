/** Arbitrary rumours for the tests of this folder. */
import fc from 'fast-check';
import type { Reachability } from '../../../../dist/ts-src/model/cluster-snapshot.js';
import type { NodeIdentity } from '../../../../dist/ts-src/model/node-identity.js';
import type { Rumour } from '../../../../dist/ts-src/protocols/swim/swim-messages.js';

export const STATES: readonly Reachability[] = ['reachable', 'suspect', 'unreachable'];
export const NAMES = ['b', 'c', 'd', 'e'];
export const identityOf = (name: string, incarnation = 1): NodeIdentity => ({ name, incarnation });

/** What a member says of itself depends on its refutation alone: one refutation, one description. */
export const descriptionAt = (refutation: number): Uint8Array => new Uint8Array([refutation >> 1]);

export const rumours: fc.Arbitrary<Rumour> = fc
  .record({ name: fc.constantFrom(...NAMES), refutation: fc.nat(6), state: fc.constantFrom(...STATES), by: fc.constantFrom(...NAMES) })
  .map(({ name, refutation, state, by }) =>
    state === 'reachable'
      ? { about: identityOf(name), refutation, state, by: name, metadata: descriptionAt(refutation) }
      : { about: identityOf(name), refutation, state, by, metadata: undefined },
  );
