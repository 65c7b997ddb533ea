/**
 * How an agent reference travels inside a message. The codec asks these three questions and knows nothing else about agents; the runtime
 * answers them.
 */

import { isNodeName } from '../model/node-identity.js';
import { corrupt } from './primitive-reader.js';

/** Of what comes from other nodes; as long as names of kinds and ids can be. */
const KIND_LENGTH_MAX = 1024;
const ID_LENGTH_MAX = 1024;

/** An agent of any node of a cluster, by what all nodes understand. */
export interface NodeReferenceDescription {
  readonly node: string;
  readonly incarnation: number;
  /** Which agent of this id: `RemoteAgent` in `model/remote-agent.ts`. */
  readonly life: number;
  /** Name of its kind. */
  readonly kind: string;
  readonly id: string;
}

/** What a reference is made of; the three numbers are unsigned 32-bit. Where agents of nodes come too, no kind has the greatest number. */
export interface ReferenceDescription {
  readonly slot: number;
  readonly generation: number;
  readonly kind: number;
  readonly id: string | undefined;
  /** In the place of all others, of an agent of a node. */
  readonly remote?: NodeReferenceDescription;
}

export interface ReferenceCodec {
  /** Why no reference can be sent this way, such as `is an agent`: then `describe` throws, and the refusal names the place. Default: they can be sent. */
  readonly refusal?: string;
  /**
   * True if the value is a reference. Asked for functions and for objects whose prototype is neither `Object.prototype` nor null, never for
   * plain objects and arrays, which would pay for the question without ever being one.
   */
  isReference(value: object): boolean;
  describe(value: object): ReferenceDescription;
  restore(slot: number, generation: number, kind: number, id: string | undefined): object;
  /** Absent where nothing comes that names nodes: it is corrupt then. */
  restoreRemote?(remote: NodeReferenceDescription): object;
}

/** @throws NexusError NEXUS_MESSAGE_CORRUPT */
export function restoreRemote(references: ReferenceCodec, remote: NodeReferenceDescription): object {
  const { node, incarnation, life, kind, id } = remote;
  if (references.restoreRemote === undefined) throw corrupt('it has a reference to an agent of a node, which does not come this way');
  const isSound =
    isNodeName(node) &&
    Number.isSafeInteger(incarnation) &&
    incarnation >= 0 &&
    Number.isSafeInteger(life) &&
    kind !== '' &&
    kind.length <= KIND_LENGTH_MAX &&
    id !== '' &&
    id.length <= ID_LENGTH_MAX;
  if (!isSound) throw corrupt('a reference to an agent of a node is none');
  return references.restoreRemote(remote);
}
