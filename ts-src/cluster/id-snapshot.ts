/** An id as one node knows it: what its registry says without asking anybody, as a value. */
import type { IdSnapshot } from '../model/id-snapshot.js';
import { sameNode } from '../model/node-identity.js';
import type { Registry } from '../ports/registry.js';
import { partitionOf } from '../protocols/registry/partition.js';

/** @param copies that are kept of each partition beside that of its owner */
export function idSnapshot(id: string, registry: Registry, copies: number): IdSnapshot {
  const owner = registry.ownerOf(id);
  const known = registry.own(id) ?? registry.cached(id);
  const { claiming, waitingFor } = registry.snapshot();
  return {
    id,
    partition: partitionOf(id),
    owner: owner?.name,
    copies: registry.successorsOf(id, copies).map(({ name }) => name),
    registration: known && { kind: known.kind, node: known.host.name, token: known.token, life: known.life, placement: known.placement },
    waitingFor: owner !== undefined && sameNode(owner, registry.self) && claiming > 0 ? waitingFor : [],
  };
}
