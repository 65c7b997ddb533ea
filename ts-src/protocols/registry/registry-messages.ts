/** What nodes say to each other about registrations, as values. Bytes are made of them in `registry-codec.ts`. `view` is always the view that the sender knew. */
import type { NodeIdentity } from '../../model/node-identity.js';
import type { Placement, Registration } from '../../model/registration.js';
import type { DigestValue } from './directory-entry.js';

/** Encoded `init` of a registration: what is larger cannot be started again elsewhere. */
export const INIT_BYTES_MAX = 65_536;
/** Partitions that one message speaks of. */
export const ITEMS_MAX = 512;
/** Of the registrations in one message, roughly: one that alone is larger goes alone. */
export const PART_BYTES_MAX = 65_536;
export const ENTRIES_MAX = 1024;

/** To the owner of an id. `request`: a number that the sender has not used before; the answer has it. Said again with the same number until it is answered. */
export type RegistryRequest =
  /** @param released the greatest token of this id that the sender had and has released */
  | {
      readonly type: 'register';
      readonly request: number;
      readonly view: number;
      readonly id: string;
      readonly kind: string;
      readonly placement: Placement;
      readonly init: Uint8Array | undefined;
      readonly released: number;
    }
  | { readonly type: 'lookup'; readonly request: number; readonly view: number; readonly id: string }
  | { readonly type: 'release'; readonly request: number; readonly view: number; readonly id: string; readonly token: number }
  /** The sender does not run it any more; `to` is to. */
  | {
      readonly type: 'handOver';
      readonly request: number;
      readonly view: number;
      readonly id: string;
      readonly token: number;
      readonly life: number;
      /** The view in which this was asked first. */
      readonly since: number;
      readonly to: NodeIdentity;
    }
  /** The sender was offered it, and takes it. */
  | { readonly type: 'take'; readonly request: number; readonly view: number; readonly registration: Registration };

/** From the owner, to one request. */
export type RegistryAnswer =
  /** The sender of the request may run it. */
  | { readonly type: 'granted'; readonly request: number; readonly view: number; readonly registration: Registration }
  /** Somebody has it. */
  | { readonly type: 'taken'; readonly request: number; readonly view: number; readonly registration: Registration }
  | { readonly type: 'found'; readonly request: number; readonly view: number; readonly registration: Registration | undefined }
  /** It was handed over, and the other node has accepted it. */
  | { readonly type: 'done'; readonly request: number; readonly view: number; readonly registration: Registration }
  /** It was not handed over: the source runs it on, with this registration. `mayHaveRun`: the other node may have run it before it was lost. */
  | { readonly type: 'returned'; readonly request: number; readonly view: number; readonly registration: Registration; readonly mayHaveRun: boolean }
  | { readonly type: 'freed'; readonly request: number; readonly view: number; readonly id: string }
  /** Nobody has it any more, or another agent. */
  | { readonly type: 'stale'; readonly request: number; readonly view: number; readonly id: string }
  /** The sender does not serve this id now: `served` says when it does. */
  | { readonly type: 'later'; readonly request: number; readonly view: number; readonly id: string };

export interface ClaimItem {
  readonly partition: number;
  /** Of the version that the claimer has; 0, 0 for none. */
  readonly epoch: number;
  readonly sequence: number;
  /** Of what the receiver runs by that version. */
  readonly digest: DigestValue;
}

/**
 * `running`: it may be run. `leaving`: its host has stopped it in order to hand it over. `taking`: it was offered, and its host has asked for it. `released`: its host has released it, and no owner has said that it knows: of
 * the registration only id, token and host mean anything.
 */
export type ReportedState = 'running' | 'leaving' | 'taking' | 'released';

export interface ReportedActivation {
  readonly registration: Registration;
  readonly state: ReportedState;
}

/** `isIdle`: it was offered to a node that did not take it; otherwise its host has departed. */
export interface Orphan {
  readonly registration: Registration;
  readonly isIdle: boolean;
}

export interface ReportItem {
  readonly partition: number;
  /** Of several messages about this partition: 0 to `parts` - 1. */
  readonly part: number;
  readonly parts: number;
  /** What it runs is what the digest of the claim says. */
  readonly isSame: boolean;
  readonly activations: readonly ReportedActivation[];
  /** If it has a better version than the claimer: what nobody runs of that. Its place in the order of versions is 0, 0 otherwise. */
  readonly epoch: number;
  readonly sequence: number;
  readonly lastToken: number;
  readonly orphans: readonly Orphan[];
}

export interface DeltaItem {
  readonly partition: number;
  readonly epoch: number;
  readonly sequence: number;
  /** Undefined: `id` with `token` was removed. */
  readonly registration: Registration | undefined;
  readonly isIdle: boolean;
  readonly id: string;
  readonly token: number;
}

export interface DigestItem {
  readonly partition: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly digest: DigestValue;
}

export interface StateItem {
  readonly partition: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly lastToken: number;
  readonly part: number;
  readonly parts: number;
  readonly entries: readonly { readonly registration: Registration; readonly isIdle: boolean }[];
}

/** Between owners, hosts and successors. */
export type RegistryNotice =
  /** To the owner: what was granted, or returned, is run here. */
  | { readonly type: 'confirm'; readonly view: number; readonly id: string; readonly token: number }
  /** From the owner: this is for the receiver, if it takes it. */
  | { readonly type: 'offered'; readonly view: number; readonly registration: Registration; readonly source: NodeIdentity | undefined }
  /** From the owner: the receiver runs this id by a lower token. */
  | { readonly type: 'superseded'; readonly view: number; readonly registration: Registration }
  /** From an owner that had said `later`. */
  | { readonly type: 'served'; readonly view: number }
  /** From a new owner: what does the receiver run of these partitions? */
  | { readonly type: 'claim'; readonly view: number; readonly attempt: number; readonly items: readonly ClaimItem[] }
  /** `isLast`: nothing more comes to this attempt, and what it did not answer may be asked for again at once. */
  | { readonly type: 'report'; readonly view: number; readonly attempt: number; readonly isLast: boolean; readonly items: readonly ReportItem[] }
  /** To successors. */
  | { readonly type: 'delta'; readonly view: number; readonly items: readonly DeltaItem[] }
  | { readonly type: 'digest'; readonly view: number; readonly items: readonly DigestItem[] }
  | { readonly type: 'state'; readonly view: number; readonly items: readonly StateItem[] }
  /** From successors: they have this version; they lack something of these partitions. */
  | {
      readonly type: 'agreed';
      readonly view: number;
      readonly items: readonly { readonly partition: number; readonly epoch: number; readonly sequence: number }[];
    }
  | { readonly type: 'pull'; readonly view: number; readonly partitions: readonly number[] };

export type RegistryMessage = RegistryRequest | RegistryAnswer | RegistryNotice;
