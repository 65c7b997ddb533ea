/**
 * `init` as the cluster keeps it, of agents that are started again when their node is lost: encoded on its own, so that any node of any version can read it. References are not in it: what they lead to may be lost with
 * the same node.
 */
import * as L from '../../../layout/generated/layout.js';
import type { ReferenceCodec } from '../../codec/reference-codec.js';
import { ValueDecoder } from '../../codec/value-decoder.js';
import { ValueEncoder } from '../../codec/value-encoder.js';
import { AgentReference } from '../agent-reference.js';

const nowhere = (): never => {
  throw new Error('no reference is kept');
};
const NO_REFERENCES: ReferenceCodec = {
  refusal: 'is an agent',
  isReference: (value) => value instanceof AgentReference,
  describe: nowhere,
  restore: nowhere,
};
const encoder = new ValueEncoder(NO_REFERENCES, { shapes: false });
const decoder = new ValueDecoder(NO_REFERENCES);

/** Undefined for what cannot be kept: it holds references or functions, or is longer than 64 KiB. */
export function encodeInit(init: unknown): Uint8Array | undefined {
  try {
    return encoder.encodeToScratch(init, 0, L.PAYLOAD_BYTES_MAX).slice();
  } catch {
    return undefined;
  }
}

/** @throws NexusError NEXUS_MESSAGE_CORRUPT */
export function decodeInit(bytes: Uint8Array): unknown {
  return decoder.decode(bytes, 0, bytes.length);
}
