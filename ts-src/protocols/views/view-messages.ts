/** What nodes say to each other about views, as values. Bytes are made of them in `membership/membership-codec.ts`. */
import type { NodeAddress, NodeIdentity } from '../../model/node-identity.js';
import type { Joiner, View, ViewChange } from './view.js';

/** Where members are, that a joiner is told. */
export const REDIRECTS_MAX = 16;

/** What all nodes of a cluster need to have the same, as a text that says it: it is compared, and shown where it differs. */
export type Settings = string;

/** A voter may stop waiting for these members: it has not granted them anything for long enough, or they have said that they run nothing any more. Those of `SOON_INCARNATION` it may remove soon, and grants them nothing meanwhile. */
export type Removable = readonly NodeIdentity[];

/** No member has it: voters of before that take it for nobody. */
export const SOON_INCARNATION = 0;

export type ViewMessage =
  // Joining and founding: between nodes that need not be of one cluster yet.
  /** Take me in. `to`: the address that this was sent to, by which a node recognises its own. */
  | {
      readonly type: 'join';
      readonly cluster: string;
      readonly settings: Settings;
      readonly address: NodeAddress;
      readonly to: NodeAddress;
      readonly weight: number;
    }
  /** A member hands a joiner on to whoever proposes views. */
  | { readonly type: 'joinFor'; readonly joiner: Joiner }
  /** There is a cluster: its voters are there. */
  | { readonly type: 'redirect'; readonly cluster: string; readonly members: readonly NodeAddress[] }
  /** It is in no cluster either. */
  | { readonly type: 'alone'; readonly to: NodeAddress }
  /** It may not join: as it is, or with less than this incarnation (0: whatever it is). */
  | { readonly type: 'refusal'; readonly code: string; readonly because: string; readonly incarnation: number }
  /** Promise to be in no other cluster than the one of this id, unless I give it up. */
  | {
      readonly type: 'foundRequest';
      readonly cluster: string;
      readonly settings: Settings;
      readonly clusterId: string;
      readonly address: NodeAddress;
      readonly to: NodeAddress;
    }
  | { readonly type: 'foundGrant'; readonly clusterId: string; readonly to: NodeAddress }
  /** It will never be founded by the one who asked for it. */
  | { readonly type: 'foundRelease'; readonly clusterId: string }
  // Agreement: between the voters of the view before.
  | { readonly type: 'prepare'; readonly number: number; readonly ballot: number }
  | {
      readonly type: 'promise';
      readonly number: number;
      readonly ballot: number;
      readonly accepted: { readonly ballot: number; readonly change: ViewChange } | undefined;
      readonly removable: Removable;
    }
  | { readonly type: 'accept'; readonly ballot: number; readonly change: ViewChange }
  | { readonly type: 'accepted'; readonly number: number; readonly ballot: number }
  /** A greater ballot was promised. */
  | { readonly type: 'superseded'; readonly number: number; readonly ballot: number }
  // Spreading.
  | { readonly type: 'decided'; readonly change: ViewChange }
  | { readonly type: 'whole'; readonly view: View }
  /** What comes after this number? */
  | { readonly type: 'pull'; readonly number: number }
  // A member changes.
  /** The sender wants to have this weight. */
  | { readonly type: 'weigh'; readonly weight: number }
  /** The sender goes and runs nothing any more; `isFenced`: not because it was asked to. */
  | { readonly type: 'leave'; readonly isFenced: boolean }
  /** You are not in this view, nor in any later one. `byName`: another incarnation of your name is. */
  | { readonly type: 'removed'; readonly number: number; readonly byName: boolean };
