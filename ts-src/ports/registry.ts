/**
 * The registry of a cluster as one node has it, on its calling thread: who runs which id. Carried out in `cluster/registry/`, over the machine in `protocols/registry/`. What is asked of one owner within a turn
 * of the event loop goes in one message.
 */
import type { NodeIdentity } from '../model/node-identity.js';
import type { Placement, Registration } from '../model/registration.js';
import type { RegistrySnapshot } from '../model/registry-snapshot.js';

export type { RegistrySnapshot } from '../model/registry-snapshot.js';

/** What somebody wants an id for. */
export interface RegistrationRequest {
  readonly id: string;
  readonly kind: string;
  readonly placement: Placement;
  readonly init: Uint8Array | undefined;
}

/** What the registry tells the node. Never from within a call. */
export interface RegistryEvents {
  /** An id of this owner was run by a node that is lost, and nobody has it now: the node decides what becomes of it (starts it, here or elsewhere, or releases it). It is not given to anybody else meanwhile. */
  orphaned(registration: Registration): void;
  /** This node was taken to run it and must not any more (another activation has a greater token): its agent ends at once, unsaved. */
  superseded(registration: Registration): void;
  /**
   * Ids that this node runs by the ring and that have another owner now: they want to move there, when there is time (`placement: 'ring'` only). After a change of the ring that may be nearly all: they are found as they are
   * asked for, those of a ring that is no more are not, and some may have ended or moved since.
   */
  misplaced(registrations: Iterable<Registration>): void;
  /**
   * This node is to run it: another one has handed it over (`from`; what it is made of has been prepared here), or its owner has taken it over for this node (`from` is undefined: it is started with its `init`).
   * The node calls `accept`, or `release` if it cannot: what was handed over goes back to where it came from then, and what was taken over is an orphan again. Said once, and again after a change of owners.
   */
  handed(registration: Registration, from: NodeIdentity | undefined): void;
  /** The ring is another one: owners and successors may have changed. */
  ringChanged(): void;
}

export interface Registry {
  readonly self: NodeIdentity;
  /** Who wants to know: each listener for itself. */
  listen(listener: Partial<RegistryEvents>): void;
  /** Who owns an id in the view that this node knows; undefined before it is a member. */
  ownerOf(id: string): NodeIdentity | undefined;
  /** The next `count` different members on the ring behind the owner: fewer in a small cluster. */
  successorsOf(id: string, count: number): readonly NodeIdentity[];
  /** An activation of this node. */
  own(id: string): Registration | undefined;
  /** Of this node, of its part of the directory, or heard of lately. Under a microsecond, and asks nobody: it may be out of date. */
  cached(id: string): Registration | undefined;
  /** `cached`, else what the owner says. Rejects with NEXUS_REGISTRY_TIMEOUT when the owner does not answer, NEXUS_STOPPED. */
  lookup(id: string, timeoutMs: number): Promise<Registration | undefined>;
  /** As `lookup` for many: one message to each owner. In their order. */
  lookupMany(ids: readonly string[], timeoutMs: number): Promise<readonly (Registration | undefined)[]>;
  /** What was cached has turned out to be wrong, also by a copy of the directory: with this token or a lower one it is not said again before the owner has said so. */
  forget(id: string, token: number): void;
  /**
   * Takes an id for an activation on this node: from now on this node alone may run it. Asks again when owners change meanwhile. Rejects with NEXUS_ID_DUPLICATE (`data.registration` is whose it is),
   * NEXUS_REGISTRY_TIMEOUT (whether it was registered is not known: it is released as soon as that can be said), NEXUS_STOPPED.
   */
  register(request: RegistrationRequest, timeoutMs: number): Promise<Registration>;
  /** The activation has ended: after it the id is free. */
  release(id: string, token: number): void;
  /**
   * An activation of this node is to be one of another, which has prepared itself for it: its owner writes it, tells the other node (`handed`), and when that has accepted this resolves with what it is there (a
   * greater token). From the call on this node must not run it and `own` does not know it, unless this rejects with NEXUS_MIGRATION_REFUSED: the other node is lost or has declined, and this one runs it on
   * (`data.registration` and `own` say with which token, which may be another; `data.mayHaveRun`: owners were lost too, so that the other node may have run it before it was lost: what is on disk may be newer than what is here). Asks again, of whoever is the owner, as long as it takes. NEXUS_TOKEN_STALE: it is no activation of this node (any more). NEXUS_STOPPED.
   */
  handOver(id: string, token: number, to: NodeIdentity): Promise<Registration>;
  /**
   * What `handed` has said of, or what the source of a move has told: resolves when this node alone may run it, with a registration whose token may be greater. May be called again. Rejects with NEXUS_TOKEN_STALE
   * when somebody else has it or it has gone back, NEXUS_STOPPED.
   */
  accept(registration: Registration): Promise<Registration>;
  /**
   * By the owner that was told of it: an orphan is taken over by this node, or by another one, which is told by `handed` and then accepts. Resolves when that is written. Rejects with NEXUS_TOKEN_STALE when it is
   * no orphan of this owner any more. An orphan that is not to be started again: `release`.
   */
  adopt(orphan: Registration, host: NodeIdentity): Promise<Registration>;
  snapshot(): RegistrySnapshot;
}
