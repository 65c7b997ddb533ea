/**
 * References as they travel between the threads of a nexus: to an agent of this nexus by its place in the shared table, to one of another node by names. For `ThreadHost`. How they travel between nodes is
 * `cluster/agents/node-references.ts`.
 */
import type { NodeReferenceDescription, ReferenceCodec, ReferenceDescription } from '../../codec/reference-codec.js';
import { NexusTypeError } from '../../errors.js';
import { AgentReference, type ReferenceHost } from '../agent-reference.js';
import type { KindRegistry } from '../kind.js';
import { DURABLE_LIFE } from './agent-life.js';
import type { RemoteAgents } from './remote-agents.js';
import { UnknownKinds } from './unknown-kinds.js';

export interface ThreadReferencesNeeds extends ReferenceHost {
  readonly kinds: KindRegistry;
  readonly remote: RemoteAgents | undefined;
  reference(slot: number, generation: number, kind: number, id: string | undefined): AgentReference;
}

export class ThreadReferences implements ReferenceCodec {
  readonly #host: ThreadReferencesNeeds;
  readonly #unknownKinds = new UnknownKinds(this);

  constructor(host: ThreadReferencesNeeds) {
    this.#host = host;
  }

  isReference(value: object): boolean {
    return value instanceof AgentReference;
  }

  describe(value: object): ReferenceDescription {
    const given = value as AgentReference;
    // Another thread is to send to it by the shortest way, as it does by other references to the same agent.
    const reference = given.remote === undefined ? given : (this.#host.remote?.homeOf(given) ?? given);
    const { host, slot, generation, kindEntry, id, remote } = reference;
    if (host !== this.#host) throw new NexusTypeError('NEXUS_NOT_CLONEABLE', `${String(reference)} belongs to another nexus; send its id, and find it there`);
    if (remote === undefined) return { slot, generation, kind: kindEntry.index, id };
    const { node, life } = remote;
    return { slot: 0, generation: 0, kind: 0, id, remote: { node: node.name, incarnation: node.incarnation, life, kind: kindEntry.name, id } };
  }

  restore(slot: number, generation: number, kind: number, id: string | undefined): AgentReference {
    return this.#host.reference(slot, generation, kind, id);
  }

  restoreRemote(description: NodeReferenceDescription): AgentReference {
    const { node: name, incarnation, life, kind, id } = description;
    const node = { name, incarnation };
    const known = this.#host.kinds.find(kind) ?? this.#unknownKinds.of(kind, life === DURABLE_LIFE);
    const reference = new AgentReference(this.#host, known, 0, 0, undefined, id);
    reference.remote = this.#host.remote?.remoteOf(id, node, life) ?? { node, life };
    return reference;
  }
}
