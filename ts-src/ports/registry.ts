/**
 * The registry of a cluster as one node has it, on its calling thread: who runs which id. Carried out in `cluster/registry/`, over the machine in `protocols/registry/`. What is asked of one owner within a turn
 * of the event loop goes in one message.
 */
import type { NodeIdentity } from '../model/node-identity.js';
import type { Placement, Registration } from '../model/registration.js';

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
  /** Ids that this node runs by the ring and that have another owner now: they want to move there, when there is time (`placement: 'ring'` only). */
  misplaced(registrations: readonly Registration[], owner: NodeIdentity): void;
  /** The ring is another one: owners and successors may have changed. */
  ringChanged(): void;
}

/** Of one node, for whoever looks. */
export interface RegistrySnapshot {
  /** Share of the ring that each member owns, by name: adds up to 1. */
  readonly shares: Readonly<Record<string, number>>;
  /** Partitions that this node owns, and those of them that it cannot serve yet because it waits for reports of other members. */
  readonly owned: number;
  readonly claiming: number;
  /** Whose reports it waits for. */
  readonly waitingFor: readonly string[];
  /** Registrations in partitions of this node; copies of those of others; activations of this node. */
  readonly registered: number;
  readonly replicated: number;
  readonly activations: number;
  readonly cached: number;
  /** Since the start. */
  readonly lookups: { readonly local: number; readonly cached: number; readonly owner: number };
  readonly handOffs: number;
  readonly superseded: number;
}

export interface Registry {
  readonly self: NodeIdentity;
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
  /** What was cached has turned out to be wrong. */
  forget(id: string, token: number): void;
  /**
   * Takes an id for an activation on this node: from now on this node alone may run it. Asks again when owners change meanwhile. Rejects with NEXUS_ID_DUPLICATE (`data.registration` is whose it is),
   * NEXUS_REGISTRY_TIMEOUT (whether it was registered is not known: it is released as soon as that can be said), NEXUS_STOPPED.
   */
  register(request: RegistrationRequest, timeoutMs: number): Promise<Registration>;
  /** The activation has ended: after it the id is free. */
  release(id: string, token: number): void;
  /**
   * An activation of this node is to be one of another, which has been prepared for it: resolves with what it is there (a greater token) once the owner has written it. From the call on this node must not run it,
   * unless this rejects with NEXUS_MIGRATION_REFUSED. Asks again, of whoever is the owner, until one answers or the other node is lost.
   */
  handOver(id: string, token: number, to: NodeIdentity): Promise<Registration>;
  /** What another node has handed over and this one has prepared: the registration that makes it an activation of this node. */
  accept(registration: Registration): void;
  /** An orphan is taken over by this node, or by another one that starts it. */
  adopt(orphan: Registration, host: NodeIdentity): Promise<Registration>;
  snapshot(): RegistrySnapshot;
}
