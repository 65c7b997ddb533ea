/**
 * What two processes of one machine say to each other before they share memory, as bytes. Both have met as nodes before: the nonces of a session between them, which came over the network, are the
 * secret. Each shows that it knows it by a keyed hash, without saying it; that both run as the same user the system has said already. So no other process can be taken for the node, whatever name it
 * listens at. Pure.
 *
 *     whoever connects   NXSH, u8 version, id of the secret (16), random (16), proof (32): of "connector", id, random
 *     the other          NXSH, u8 version, proof (32): of "listener", id, random. The memory comes with it.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

const MAGIC = Uint8Array.of(0x4e, 0x58, 0x53, 0x48);
/** Raised with every change of the messages, or of what goes through the memory. Processes of different ones use the network. */
const VERSION = 1;
const ID_BYTES = 16;
const PROOF_BYTES = 32;
const START_BYTES = MAGIC.length + 1;
export const RANDOM_BYTES = 16;

export interface Hello {
  /** Names the secret, and tells nothing of it: a key for maps. */
  readonly secretId: string;
  readonly random: Uint8Array;
  readonly proof: Uint8Array;
}

export function secretId(secret: Uint8Array): string {
  return idOf(secret).toString('hex');
}

export function encodeHello(secret: Uint8Array, random: Uint8Array): Uint8Array {
  return Buffer.concat([MAGIC, Uint8Array.of(VERSION), idOf(secret), random, proofOf(secret, 'connector', random)]);
}

/** Undefined if it is none. */
export function decodeHello(bytes: Uint8Array): Hello | undefined {
  if (!isOurs(bytes, START_BYTES + ID_BYTES + RANDOM_BYTES + PROOF_BYTES)) return undefined;
  const randomAt = START_BYTES + ID_BYTES;
  return {
    secretId: Buffer.from(bytes.subarray(START_BYTES, randomAt)).toString('hex'),
    random: bytes.slice(randomAt, randomAt + RANDOM_BYTES),
    proof: bytes.slice(randomAt + RANDOM_BYTES),
  };
}

export function isHelloProven({ random, proof }: Hello, secret: Uint8Array): boolean {
  return timingSafeEqual(proof, proofOf(secret, 'connector', random));
}

export function encodeAnswer(secret: Uint8Array, random: Uint8Array): Uint8Array {
  return Buffer.concat([MAGIC, Uint8Array.of(VERSION), proofOf(secret, 'listener', random)]);
}

/** Whether it is the answer of whoever knows the secret to the hello with these random bytes. */
export function isAnswerProven(bytes: Uint8Array, secret: Uint8Array, random: Uint8Array): boolean {
  return isOurs(bytes, START_BYTES + PROOF_BYTES) && timingSafeEqual(bytes.subarray(START_BYTES), proofOf(secret, 'listener', random));
}

function isOurs(bytes: Uint8Array, length: number): boolean {
  return bytes.length === length && MAGIC.every((byte, index) => bytes[index] === byte) && bytes[MAGIC.length] === VERSION;
}

function idOf(secret: Uint8Array): Buffer {
  return createHmac('sha256', secret).update('nexus same host: id').digest().subarray(0, ID_BYTES);
}

function proofOf(secret: Uint8Array, role: 'connector' | 'listener', random: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`nexus same host: ${role}`).update(idOf(secret)).update(random).digest();
}
