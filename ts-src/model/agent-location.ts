/** Where an agent is: what `nexus.locate` says. */
import type { NodeIdentity } from './node-identity.js';

/** Where an agent is, as far as can be known: it may move or end a moment later. */
export interface AgentLocation {
  readonly id: string;
  /** Name of its kind. */
  readonly kind: string;
  /** Undefined in a nexus that is no node of a cluster. */
  readonly node: NodeIdentity | undefined;
  /** It is of the nexus that was asked. */
  readonly isHere: boolean;
  /** Of that nexus, where it is known. */
  readonly thread: number | undefined;
}
