/** References as they travel between nodes: by the node, the life, the name of the kind and the id, whatever version of its kind either node has. One that comes home is a local one again. */
import type { NodeReferenceDescription, ReferenceCodec, ReferenceDescription } from '../../codec/reference-codec.js';
import { corrupt } from '../../codec/primitive-reader.js';
import { NexusTypeError } from '../../errors.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import { AgentReference } from '../../runtime/agent-reference.js';
import type { NamedAgent } from '../../runtime/remote/agent-keys.js';
import { DURABLE_LIFE, lifeOf } from '../../runtime/remote/agent-life.js';
import { UnknownKinds } from '../../runtime/remote/unknown-kinds.js';
import type { ThreadHost } from '../../runtime/thread-host.js';
import type { LocalAgents } from './local-agents.js';

export interface NodeReferencesNeeds {
  readonly host: ThreadHost;
  readonly local: LocalAgents;
  self(): NodeIdentity;
}

export class NodeReferences implements ReferenceCodec {
  readonly #needs: NodeReferencesNeeds;
  readonly #unknownKinds = new UnknownKinds(this);

  constructor(needs: NodeReferencesNeeds) {
    this.#needs = needs;
  }

  isReference(value: object): boolean {
    return value instanceof AgentReference;
  }

  describe(value: object): ReferenceDescription {
    const reference = value as AgentReference;
    const { host, local, self } = this.#needs;
    if (reference.host !== host)
      throw new NexusTypeError('NEXUS_NOT_CLONEABLE', `${String(reference)} belongs to another nexus; send its id, and find it there`);
    // One that was of this node and has moved on: from here on it says where to.
    host.remote?.leads(reference);
    const { slot, generation, id, kind, remote } = reference;
    const { name, incarnation } = remote?.node ?? self();
    // One that has ended is found ended there too.
    const life = remote?.life ?? local.lifeOf(reference) ?? lifeOf(slot, generation);
    return { slot: 0, generation: 0, kind: 0, id, remote: { node: name, incarnation, life, kind, id } };
  }

  /** An agent as other nodes know it when a reference to it is sent now. */
  nameOf(reference: AgentReference): NamedAgent {
    const { node, incarnation, life, kind, id } = this.describe(reference).remote as NodeReferenceDescription;
    return { kind, id, life, node: { name: node, incarnation } };
  }

  restore(): never {
    throw corrupt('it has an address of another nexus');
  }

  restoreRemote({ node, incarnation, life, kind, id }: NodeReferenceDescription): AgentReference {
    const { host, local, self } = this.#needs;
    const own = self();
    if (node === own.name && incarnation === own.incarnation) {
      const found = local.find(id, life);
      if (found !== undefined && found.kind === kind) return found;
    }
    const reference = this.remoteReference(id, kind, { name: node, incarnation }, life, host);
    // Who sent it did not know that the agent has come here: what is sent by one reference must not be overtaken by what is sent by another.
    return host.remote?.homeOf(reference) ?? reference;
  }

  /** To an agent of another node, or to one that may be there. */
  remoteReference(id: string, kind: string, node: NodeIdentity, life: number, host = this.#needs.host): AgentReference {
    const known = host.kinds.find(kind) ?? this.#unknownKinds.of(kind, life === DURABLE_LIFE);
    const reference = new AgentReference(host, known, 0, 0, undefined, id);
    reference.remote = host.remote?.remoteOf(id, node, life) ?? { node, life };
    return reference;
  }
}
