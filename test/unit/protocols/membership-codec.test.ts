/** The bytes of memberships: what is written is read again, and whatever else there is is refused in one way. */
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NexusError } from '../../../dist/ts-src/errors.js';
import { decodeMembership, type Envelope, encodeMembership, type MembershipMessage } from '../../../dist/ts-src/protocols/membership/membership-codec.js';
import { decodeNodeRecord, encodeNodeRecord } from '../../../dist/ts-src/protocols/membership/node-record.js';

const address = { host: 'fd00::7', port: 7400 };
const node = { name: 'shop-1', incarnation: 1_750_000_000_001 };
const change = { number: 9, departed: [{ ...node, reason: 'gone' as const }], joined: [{ name: 'n2', incarnation: 2, address, weight: 1 }], weighed: [] };
/** As a node that drains, and two that join, make it. */
const weighing = {
  number: 9,
  departed: [],
  joined: [
    { name: 'n2', incarnation: 2, address, weight: 1 },
    { name: 'n3', incarnation: 2, address, weight: 0.5 },
  ],
  weighed: [{ ...node, weight: 0 }],
};
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
  { type: 'join', cluster: 'c', settings: 's', address, to: address, weight: 1 },
  { type: 'join', cluster: 'c', settings: 's', address, to: address, weight: 1000 },
  { type: 'joinFor', joiner: { ...node, address, weight: 1 } },
  { type: 'joinFor', joiner: { ...node, address, weight: 0 } },
  { type: 'redirect', cluster: 'c', members: [address] },
  { type: 'alone', to: address },
  { type: 'refusal', code: 'NEXUS_NODE_STALE', because: 'so', incarnation: 3 },
  { type: 'foundRequest', cluster: 'c', settings: 's', clusterId: 'id', address, to: address },
  { type: 'foundGrant', clusterId: 'id', to: address },
  { type: 'foundRelease', clusterId: 'id' },
  { type: 'prepare', number: 4, ballot: 17 },
  { type: 'promise', number: 4, ballot: 17, accepted: { ballot: 16, change }, removable: [node] },
  { type: 'promise', number: 4, ballot: 17, accepted: { ballot: 16, change: weighing }, removable: [node] },
  { type: 'promise', number: 4, ballot: 17, accepted: undefined, removable: [] },
  { type: 'accept', ballot: 17, change },
  { type: 'accept', ballot: 17, change: { ...weighing, weighed: [] } },
  { type: 'accepted', number: 4, ballot: 17 },
  { type: 'superseded', number: 4, ballot: 33 },
  { type: 'decided', change },
  { type: 'decided', change: weighing },
  { type: 'decided', change: { ...change, weighed: [{ ...node, weight: 0.001 }] } },
  { type: 'whole', view: { clusterId: 'id', number: 9, incarnationFloor: 5, members: [{ ...node, address, status: 'up', weight: 1, sinceView: 8 }] } },
  {
    type: 'whole',
    view: {
      ...{ clusterId: 'id', number: 9, incarnationFloor: 5 },
      members: [
        { ...node, address, status: 'up', weight: 1, sinceView: 8 },
        { name: 'shop-2', incarnation: 4, address, status: 'up', weight: 2.5, sinceView: 8 },
      ],
    },
  },
  { type: 'weigh', weight: 0 },
  { type: 'pull', number: 3 },
  { type: 'leave', isFenced: true },
  { type: 'removed', number: 9, byName: false },
];
const enveloped = (message: MembershipMessage): Envelope => ({ from: node, to: 5, clusterId: 'id', view: 8, message });

test('each message is read as it was written', () => {
  for (const message of MESSAGES) expect(decodeMembership(encodeMembership(enveloped(message)))).toEqual(enveloped(message));
});

/** What nodes have said before members had weights, byte for byte. */
const BEFORE_WEIGHTS: readonly (readonly [MembershipMessage['type'], string])[] = [
  ['join', '01200673686f702d3181b883a1f73205026964080163017307666430303a3a37e83907666430303a3a37e8395295deb2'],
  ['joinFor', '01210673686f702d3181b883a1f73205026964080673686f702d3181b883a1f73207666430303a3a37e839e6496064'],
  [
    'promise',
    '01290673686f702d3181b883a1f73205026964080411011009010673686f702d3181b883a1f7320101026e320207666430303a3a37e839010673686f702d3181b883a1f732563b921e',
  ],
  ['accept', '012a0673686f702d3181b883a1f73205026964081109010673686f702d3181b883a1f7320101026e320207666430303a3a37e8393d18fde9'],
  ['decided', '012d0673686f702d3181b883a1f732050269640809010673686f702d3181b883a1f7320101026e320207666430303a3a37e83966b55337'],
  ['whole', '012e0673686f702d3181b883a1f73205026964080269640905010673686f702d3181b883a1f73207666430303a3a37e8390008a7d6d551'],
];

test('what was said before there were weights is read, and where all weights are 1 the same bytes are said', () => {
  for (const [type, hex] of BEFORE_WEIGHTS) {
    const envelope = decodeMembership(Buffer.from(hex, 'hex'));
    expect(envelope.message.type).toBe(type);
    expect(Buffer.from(encodeMembership(envelope)).toString('hex')).toBe(hex);
    const message = MESSAGES.find((each) => each.type === type);
    expect(envelope).toEqual(enveloped(message as MembershipMessage));
  }
});

test('weights that need not be said, or that no member may have, are no message', () => {
  const bytesOf = (message: MembershipMessage, change: (bytes: number[]) => number[]): Uint8Array => {
    const bytes = Uint8Array.from([...change([...encodeMembership(enveloped(message)).subarray(0, -4)]), 0, 0, 0, 0]);
    new DataView(bytes.buffer).setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
    return bytes;
  };
  const join = (weight: number): MembershipMessage => ({ type: 'join', cluster: 'c', settings: 's', address, to: address, weight });
  expect(() => decodeMembership(bytesOf(join(1), (bytes) => [...bytes, 0xe8, 7]))).toThrow('need not be said');
  expect(() => decodeMembership(bytesOf(join(1), (bytes) => [...bytes, 0xc1, 0x84, 0x3d]))).toThrow('1000001');
  expect(decodeMembership(bytesOf(join(1), (bytes) => [...bytes, 0xc0, 0x84, 0x3d])).message).toEqual(join(1000));
  const twice = { ...weighing, joined: [], weighed: [...weighing.weighed, ...weighing.weighed] };
  expect(() => decodeMembership(encodeMembership(enveloped({ type: 'decided', change: twice })))).toThrow('said twice');
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
  const record = { incarnation: 1_750_000_000_123, viewNumberMax: 300 };
  const bytes = encodeNodeRecord(record);
  expect(decodeNodeRecord(bytes)).toEqual(record);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(decodeNodeRecord(changed)).toBeUndefined();
  }
});

test('what a node of before remembered is read: it has known no view', () => {
  expect(decodeNodeRecord(Buffer.from('01fbb883a1f732a625d14e', 'hex'))).toEqual({ incarnation: 1_750_000_000_123, viewNumberMax: 0 });
});
