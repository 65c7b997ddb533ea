/** Why a handshake is refused: reasons that both sides can show, with the errors made of them. Their numbers are part of the protocol for all time; so a node of another version understands why it is refused. */
import { NexusError } from '../../errors.js';

/** The index is what travels. A number that is not known is shown as `other`. */
export const REFUSAL_REASONS = [
  'other',
  /** No version of the protocol is common. */
  'versionUnsupported',
  /** Another cluster: by its name, or by its id where both know one. */
  'otherCluster',
  /** The node is not known here (yet). */
  'unknownNode',
  /** This incarnation was removed from the cluster. */
  'removedNode',
  /** The node is not the one that was called. */
  'wrongNode',
  /** It has called itself. */
  'selfConnection',
  /** The certificate has another name than the node. */
  'certificateMismatch',
  /** A port for another purpose: control where data is expected, or the other way round. */
  'otherPurpose',
  /** A nonce is not the one of this handshake: a recording, or frames of two connections have been mixed. */
  'nonceMismatch',
  /** The bytes are no handshake. */
  'malformed',
  /** It was not done in time. */
  'timeout',
  /** Too many connections, or about to end. */
  'busy',
  /** The other side stores numbers in another byte order. */
  'otherByteOrder',
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

export interface Refusal {
  readonly reason: RefusalReason;
  /** For people. */
  readonly text: string;
}

export function refusalError({ reason, text }: Refusal, byPeer: boolean): NexusError {
  const code = reason === 'versionUnsupported' ? 'NEXUS_VERSION_UNSUPPORTED' : reason === 'malformed' ? 'NEXUS_FRAME_INVALID' : 'NEXUS_HANDSHAKE_REFUSED';
  const who = byPeer ? 'the other node has refused the connection' : 'the connection was refused';
  return new NexusError(code, `${who} (${reason}): ${text}`, { data: { reason, byPeer } });
}
