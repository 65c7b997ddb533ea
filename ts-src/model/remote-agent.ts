/** What a reference to an agent of another node is made of, beside its kind and id. */
import type { NodeIdentity } from './node-identity.js';

export interface RemoteAgent {
  /** Where it was when that was last heard of. It may have moved: whoever gets the message says so, or sends it on. */
  readonly node: NodeIdentity;
  /**
   * Which agent of this id: another one that has the id later has another number here. For an id that is unique in the cluster it is the fencing token that the agent was registered with first,
   * and stays the same when it moves or is started again after the loss of its node; for an agent of one node only its slot and generation make it (`lifeOf` in `runtime/remote/`). 0 for durable
   * agents, which are whoever has the id.
   */
  readonly life: number;
}
