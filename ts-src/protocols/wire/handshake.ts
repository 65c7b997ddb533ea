/**
 * The handshake of one connection, as a machine: frames in, answers and an outcome out. The dialler says hello, the acceptor answers with a welcome that repeats the dialler's nonce, the dialler
 * confirms with the acceptor's. So each side knows that the other is there now, and is answering this connection: a recording of either has the wrong nonce. Without TLS that is all: whoever can
 * read and write on the path can be anybody. With mutual TLS `certifiedNames` must have the name that the node gives itself.
 */
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import { NexusError } from '../../errors.js';
import { decodeHandshake, encodeHandshake, type HandshakeMessage, type Introduction, NONCE_BYTES } from './handshake-messages.js';
import type { Refusal, RefusalReason } from './refusal.js';
import { BATCH_MESSAGES_MAX, FRAME_BYTES_MIN, HANDSHAKE_BYTES_MAX, type LaneCredit } from './wire-limits.js';

export type Role = 'dialler' | 'acceptor';

export interface HandshakeOptions {
  readonly role: Role;
  /** What this side says of itself, with a nonce of 16 bytes from a good source, never used before. */
  readonly introduction: Introduction;
  /** Of the peer's certificate; undefined without TLS. */
  readonly certifiedNames: readonly string[] | undefined;
  /** The name that every certificate has. Default: that of the node. */
  readonly serverName: string | undefined;
  /** Whether a node that says who it is may connect; undefined: yes. */
  readonly accept: (peer: Introduction) => Refusal | undefined;
}

/** What came of a frame. */
export type HandshakeStep =
  | { readonly type: 'waiting'; readonly answer?: Uint8Array }
  | { readonly type: 'done'; readonly answer?: Uint8Array; readonly peer: Introduction; readonly version: number }
  | { readonly type: 'refused'; readonly answer?: Uint8Array; readonly byPeer: boolean; readonly refusal: Refusal };

export class Handshake {
  readonly #options: HandshakeOptions;
  /** Of the acceptor, after its welcome. */
  #peer: Introduction | undefined;
  #version = 0;
  #received = 0;

  constructor(options: HandshakeOptions) {
    if (options.introduction.nonce.length !== NONCE_BYTES) throw new TypeError(`a nonce has ${NONCE_BYTES} bytes`);
    this.#options = options;
  }

  /** The peer's hello is here, and the welcome on its way. */
  get hasAnswered(): boolean {
    return this.#peer !== undefined;
  }

  /** What both sides call the session: fresh for each, and known to the acceptor before it answers. Undefined there until then. */
  get diallerNonce(): Uint8Array | undefined {
    const { role, introduction } = this.#options;
    return role === 'dialler' ? introduction.nonce : this.#peer?.nonce;
  }

  /** What the dialler says first. */
  begin(): Uint8Array | undefined {
    const { role, introduction } = this.#options;
    return role === 'dialler' ? encodeHandshake({ type: 'hello', introduction }) : undefined;
  }

  received(bytes: Uint8Array): HandshakeStep {
    this.#received += bytes.length;
    if (this.#received > HANDSHAKE_BYTES_MAX) return this.refuse('malformed', `more than ${HANDSHAKE_BYTES_MAX} bytes before the end of the handshake`);
    let message: HandshakeMessage;
    try {
      message = decodeHandshake(bytes);
    } catch (error) {
      if (!(error instanceof NexusError)) throw error;
      return this.refuse('malformed', error.message);
    }
    const { role } = this.#options;
    switch (message.type) {
      case 'refusal':
        return { type: 'refused', byPeer: true, refusal: message.refusal };
      case 'hello':
        return role === 'acceptor' && this.#peer === undefined ? this.#greeted(message.introduction) : this.refuse('malformed', 'a hello out of turn');
      case 'welcome':
        return role === 'dialler' ? this.#welcomed(message) : this.refuse('malformed', 'a welcome to whoever is called');
      case 'confirm':
        return this.#peer !== undefined ? this.#confirmed(this.#peer, message.echo) : this.refuse('malformed', 'a confirmation out of turn');
    }
  }

  refuse(reason: RefusalReason, text: string): HandshakeStep {
    const { versionMin, versionMax } = this.#options.introduction;
    const refusal = { reason, text };
    return { type: 'refused', byPeer: false, refusal, answer: encodeHandshake({ type: 'refusal', refusal, versionMin, versionMax }) };
  }

  #greeted(peer: Introduction): HandshakeStep {
    const own = this.#options.introduction;
    const version = Math.min(peer.versionMax, own.versionMax);
    if (version < own.versionMin || version < peer.versionMin) return this.#refuseVersion(peer);
    const refusal = this.#objection(peer);
    if (refusal !== undefined) return this.refuse(refusal.reason, refusal.text);
    this.#peer = peer;
    this.#version = version;
    return { type: 'waiting', answer: encodeHandshake({ type: 'welcome', version, echo: peer.nonce, introduction: own }) };
  }

  #welcomed({ version, echo, introduction: peer }: Extract<HandshakeMessage, { type: 'welcome' }>): HandshakeStep {
    const own = this.#options.introduction;
    if (!sameBytes(echo, own.nonce)) return this.refuse('nonceMismatch', 'the answer is to another call');
    if (version < own.versionMin || version > own.versionMax) return this.#refuseVersion(peer);
    const refusal = this.#objection(peer);
    if (refusal !== undefined) return this.refuse(refusal.reason, refusal.text);
    return { type: 'done', peer, version, answer: encodeHandshake({ type: 'confirm', echo: peer.nonce }) };
  }

  #confirmed(peer: Introduction, echo: Uint8Array): HandshakeStep {
    if (!sameBytes(echo, this.#options.introduction.nonce)) return this.refuse('nonceMismatch', 'the confirmation is of another call');
    return { type: 'done', peer, version: this.#version };
  }

  #refuseVersion(peer: Introduction): HandshakeStep {
    const { versionMin, versionMax } = this.#options.introduction;
    return this.refuse(
      'versionUnsupported',
      `${peer.identity.name} speaks versions ${peer.versionMin} to ${peer.versionMax} of the protocol, and ${this.#options.introduction.identity.name} versions ${versionMin} to ${versionMax}`,
    );
  }

  #objection(peer: Introduction): Refusal | undefined {
    const { introduction: own, certifiedNames, serverName, accept } = this.#options;
    if (peer.purpose !== own.purpose) return { reason: 'otherPurpose', text: `a connection for ${peer.purpose} meets one for ${own.purpose}` };
    if (peer.cluster !== own.cluster) return { reason: 'otherCluster', text: `a node of cluster '${peer.cluster}' meets one of '${own.cluster}'` };
    if (peer.clusterId !== undefined && own.clusterId !== undefined && peer.clusterId !== own.clusterId)
      return { reason: 'otherCluster', text: `two clusters have the name '${own.cluster}', with the ids ${own.clusterId} and ${peer.clusterId}` };
    if (sameNode(peer.identity, own.identity)) return { reason: 'selfConnection', text: `${own.identity.name} has called itself` };
    const expected = notExpected(peer.expected, own.identity) ?? notExpected(own.expected, peer.identity);
    if (expected !== undefined) return expected;
    const certified = serverName ?? peer.identity.name;
    if (certifiedNames !== undefined && !certifiedNames.some((name) => name.toLowerCase() === certified.toLowerCase()))
      return {
        reason: 'certificateMismatch',
        text: `the certificate of ${peer.identity.name} is for ${certifiedNames.slice(0, 8).join(', ') || 'nobody'}, not for ${certified}`,
      };
    if (peer.littleEndian !== own.littleEndian) return { reason: 'otherByteOrder', text: 'the two machines store numbers in different byte orders' };
    if (peer.frameBytes < FRAME_BYTES_MIN || peer.messageBytes < 1024 || isTooSmall(peer.credit.normal) || isTooSmall(peer.credit.bulk))
      return { reason: 'malformed', text: 'the limits are smaller than every node must allow' };
    return accept(peer);
  }
}

function isTooSmall({ bytes, messages }: LaneCredit): boolean {
  return bytes < FRAME_BYTES_MIN * 2 || messages < BATCH_MESSAGES_MAX * 2;
}

function notExpected(expected: NodeIdentity | undefined, found: NodeIdentity): Refusal | undefined {
  if (expected === undefined || sameNode(expected, found)) return undefined;
  return {
    reason: 'wrongNode',
    text: `${expected.name} (incarnation ${expected.incarnation}) was called, and ${found.name} (incarnation ${found.incarnation}) is there`,
  };
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
