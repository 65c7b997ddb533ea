/** What one node knows of an id of its cluster without asking anybody, as a value for whoever looks. */
import type { Placement } from './registration.js';

/** An id, and who says who has it: what `nexus.cluster.where` returns. */
export interface IdSnapshot {
  readonly id: string;
  /** Of 4,096: ids that are in the same one have the same owner. */
  readonly partition: number;
  /** Member that says who has the id, by name; undefined before there is a view. */
  readonly owner: string | undefined;
  /** Members that have a copy of what the owner says, by name. */
  readonly copies: readonly string[];
  /** Who has the id, as this node knows it: out of date if it is neither the owner nor the node that runs the agent. */
  readonly registration:
    | { readonly kind: string; readonly node: string; readonly token: number; readonly life: number; readonly placement: Placement }
    | undefined;
  /** Where this node is the owner, and cannot say yet: the members whose reports it waits for. */
  readonly waitingFor: readonly string[];
}
