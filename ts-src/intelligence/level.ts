/** What a level of intelligence is: the seam where levels plug in. A level turns its part of a specification into actions; running them is the runtime's. Types only. */
import type { ActionForm } from '../model/prepared-action.js';

/** A specification as it was given: each level checks its own fields. */
export type LeveledSpecification = Readonly<Record<string, unknown>> & { readonly kind: string };

export interface Level {
  readonly name: string;
  /** The level that a request is given to when this one cannot answer it; undefined for the lowest. */
  readonly fallsBackTo: Level | undefined;
  /** The fields of a specification that this level reads. */
  readonly fields: readonly string[];
  /**
   * The actions that its fields declare, by name, in the order of the fields.
   * @throws NexusTypeError NEXUS_DEFINITION_INVALID
   */
  actionsOf(specification: LeveledSpecification): ReadonlyMap<string, ActionForm>;
}
