/** The bytes of memberships: what is written is read again, and whatever else there is is refused in one way. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NexusError } from '../../../dist/ts-src/errors.js';
import { decodeMembership, type Envelope, encodeMembership, type MembershipMessage } from '../../../dist/ts-src/protocols/membership/membership-codec.js';
import { decodeNodeRecord, encodeNodeRecord } from '../../../dist/ts-src/protocols/membership/node-record.js';

const address = { host: 'fd00::7', port: 7400 };
const node = { name: 'shop-1', incarnation: 1_750_000_000_001 };
const change = { number: 9, departed: [{ ...node, reason: 'gone' as const }], joined: [{ name: 'n2', incarnation: 2, address }] };
const rumours = [
  { about: node, refutation: 3, state: 'suspect' as const, by: 'n9', metadata: undefined },
  { about: node, refutation: 4, state: 'reachable' as const, by: 'shop-1', metadata: new Uint8Array([1, 2]) },
];
const MESSAGES: readonly MembershipMessage[] = [
  { type: 'ping', sequence: 1, refutation: 0, rumours },
  { type: 'pingRequest', sequence: 2, target: node, withinMs: 300, rumours: [] },
  { type: 'relayedPing', sequence: 3, origin: node, rumours },
  { type: 'ack', sequence: 4, refutation: 7, grant: 12, rumours: [] },
  { type: 'relayedAck', sequence: 5, target: node, refutation: 1, grant: 0, rumours },
  { type: 'nack', sequence: 6, target: node },
  { type: 'rumourRequest', about: [node] },
  { type: 'gossip', rumours },
  { type: 'join', cluster: 'c', settings: 's', address, to: address },
  { type: 'joinFor', joiner: { ...node, address } },
  { type: 'redirect', cluster: 'c', members: [address] },
  { type: 'alone', to: address },
  { type: 'refusal', code: 'NEXUS_NODE_STALE', because: 'so', incarnation: 3 },
  { type: 'foundRequest', cluster: 'c', settings: 's', clusterId: 'id', address, to: address },
  { type: 'foundGrant', clusterId: 'id', to: address },
  { type: 'foundRelease', clusterId: 'id' },
  { type: 'prepare', number: 4, ballot: 17 },
  { type: 'promise', number: 4, ballot: 17, accepted: { ballot: 16, change }, removable: [node] },
  { type: 'promise', number: 4, ballot: 17, accepted: undefined, removable: [] },
  { type: 'accept', ballot: 17, change },
  { type: 'accepted', number: 4, ballot: 17 },
  { type: 'superseded', number: 4, ballot: 33 },
  { type: 'decided', change },
  { type: 'whole', view: { clusterId: 'id', number: 9, incarnationFloor: 5, members: [{ ...node, address, status: 'up', sinceView: 8 }] } },
  { type: 'pull', number: 3 },
  { type: 'leave', isFenced: true },
  { type: 'removed', number: 9, byName: false },
];
const enveloped = (message: MembershipMessage): Envelope => ({ from: node, to: 5, clusterId: 'id', view: 8, message });

test('each message is read as it was written', () => {
  for (const message of MESSAGES) expect(decodeMembership(encodeMembership(enveloped(message)))).toEqual(enveloped(message));
});

test('a message that is cut off, or longer than it should be, is refused', () => {
  for (const message of MESSAGES) {
    const bytes = encodeMembership(enveloped(message));
    for (let length = 0; length < bytes.length; length++) expect(() => decodeMembership(bytes.subarray(0, length))).toThrow(NexusError);
    expect(() => decodeMembership(new Uint8Array([...bytes, 0]))).toThrow(NexusError);
  }
});

test('whatever the bytes are, they are a message or NEXUS_FRAME_INVALID', () => {
  const check = (bytes: Uint8Array): void => {
    try {
      decodeMembership(bytes);
    } catch (error) {
      expect((error as NexusError).code).toBe('NEXUS_FRAME_INVALID');
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check), { numRuns: 3000 });
  const index = fc.nat(MESSAGES.length - 1);
  const changes = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(index, changes, (at, edits) => {
      const bytes = encodeMembership(enveloped(MESSAGES[at] as MembershipMessage));
      for (const [place, value] of edits) bytes[place % bytes.length] = value;
      check(bytes);
    }),
    { numRuns: 5000 },
  );
});

test('a record of a node of which one bit has changed is none', () => {
  const bytes = encodeNodeRecord({ incarnation: 1_750_000_000_123 });
  expect(decodeNodeRecord(bytes)).toEqual({ incarnation: 1_750_000_000_123 });
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(decodeNodeRecord(changed)).toBeUndefined();
  }
});
