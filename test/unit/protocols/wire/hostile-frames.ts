/**
 * What a hostile or broken peer may send, as a table: what a node is to say to each. For a session without a network (`hostile.test.ts`) and for one over real sockets. A case gives its frames
 * one after another; it may look at what the node has said so far. `quiet` ones only fail if the node has not answered between the frames.
 */
import { brotliCompressSync } from 'node:zlib';
import { FrameType } from '../../../../dist/ts-src/protocols/wire/frame-format.js';
import { encodeHandshake } from '../../../../dist/ts-src/protocols/wire/handshake-messages.js';
import type { RefusalReason } from '../../../../dist/ts-src/protocols/wire/refusal.js';
import { bytesOf, joined, RawPeer, withChecksum } from './raw-peer.js';

export interface HostileCase {
  readonly name: string;
  /**
   * `hello`: the node was dialled, and nothing was said. `welcomed`: it has said its welcome. `dialled`: the node dials, and has said hello. `open`: the handshake is done, the peer has dialled.
   */
  readonly stage: 'hello' | 'welcomed' | 'dialled' | 'open';
  readonly peer?: () => RawPeer;
  /** `said`: what the node has said last (hello, welcome). */
  frames(peer: RawPeer, said: Uint8Array): readonly Uint8Array[];
  /** Of the refusal; undefined: nothing is refused. */
  readonly code: string | undefined;
  /** `data.violation` or `data.reason`. */
  readonly detail?: string;
  readonly closes: boolean;
  /** What arrives all the same. */
  readonly delivers?: readonly unknown[];
  readonly quiet?: boolean;
}

/** The limits that the node of the table has; the rest are defaults. */
export const HOSTILE_LIMITS = { messageBytes: 1_048_576, credit: { normal: { bytes: 131_072, messages: 2048 }, bulk: { bytes: 2_097_152, messages: 2048 } } };
export const NODE_NAME = 'victim';
/** What the node says no to. */
export const UNKNOWN_NAME = 'stranger';
export const REMOVED_NAME = 'removed';

const INVALID = 'NEXUS_FRAME_INVALID';
const u32be = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

function refusedHello(name: string, overrides: ConstructorParameters<typeof RawPeer>[0], reason: RefusalReason): HostileCase {
  const code = reason === 'versionUnsupported' ? 'NEXUS_VERSION_UNSUPPORTED' : reason === 'malformed' ? INVALID : 'NEXUS_HANDSHAKE_REFUSED';
  return { name, stage: 'hello', peer: () => new RawPeer(overrides), frames: (peer) => [peer.hello()], code, detail: reason, closes: true };
}

function malformed(name: string, frames: HostileCase['frames'], stage: HostileCase['stage'] = 'hello'): HostileCase {
  return { name, stage, frames, code: INVALID, detail: 'malformed', closes: true };
}

function breaks(detail: string, name: string, frames: HostileCase['frames'], quiet = false): HostileCase {
  return { name, stage: 'open', frames, code: INVALID, detail, closes: true, quiet };
}

/** Replaces the first occurrence. */
function replaced(frame: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  return withChecksum(frame, (body) => {
    const at = Buffer.from(body).indexOf(Buffer.from(from));
    if (at < 0) throw new Error('the hello does not hold what was to be replaced');
    return joined(body.subarray(0, at), to, body.subarray(at + from.length));
  });
}

const RAW_NAME = bytesOf(3, 'raw');

const HANDSHAKES: readonly HostileCase[] = [
  malformed('an empty frame', () => [new Uint8Array(0)]),
  malformed('one byte', () => [bytesOf(0x4e)]),
  malformed('a request of HTTP', () => [bytesOf('GET / HTTP/1.1\r\nHost: x\r\n\r\n')]),
  malformed('a hello of TLS', () => [bytesOf([0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3])]),
  malformed('a magic and nothing', () => [bytesOf('NXSW')]),
  malformed('a magic with a checksum and nothing between', () => [withChecksum(bytesOf('NXSW', [0, 0, 0, 0]), (body) => body)]),
  ...[6, 20, 40, 60].map((length) => malformed(`a hello that ends after ${length} bytes`, (peer) => [peer.hello().subarray(0, length)])),
  ...[6, 20, 40, 60].map((length) =>
    malformed(`a hello that ends after ${length} bytes, with a right checksum`, (peer) => [withChecksum(peer.hello(), (body) => body.subarray(0, length))]),
  ),
  malformed('a hello with a wrong checksum', (peer) => [peer.hello().map((byte, index) => (index === 20 ? byte ^ 1 : byte))]),
  malformed('a frame of no type', (peer) => [withChecksum(peer.hello(), (body) => body.map((byte, index) => (index === 4 ? 9 : byte)))]),
  malformed('a hello of 5,000 bytes', (peer) => [withChecksum(peer.hello(), (body) => joined(body, new Uint8Array(5000)))]),
  malformed('a hello with something behind it', (peer) => [withChecksum(peer.hello(), (body) => joined(body, bytesOf(0)))]),
  malformed('a hello with 17 added fields', (peer) => [withChecksum(peer.hello(), (body) => joined(body.subarray(0, -1), bytesOf(17, new Array(34).fill(0))))]),
  malformed('a hello with an added field that is longer than it', (peer) => [
    withChecksum(peer.hello(), (body) => joined(body.subarray(0, -1), bytesOf(1, 1, 0xff, 0x1f))),
  ]),
  malformed('a hello with 2^40 added fields', (peer) => [
    withChecksum(peer.hello(), (body) => joined(body.subarray(0, -1), bytesOf([128, 128, 128, 128, 128, 32]))),
  ]),
  malformed('a name that is a path', (peer) => [replaced(peer.hello(), RAW_NAME, bytesOf(8, '../../x/'))]),
  malformed('no name', (peer) => [replaced(peer.hello(), RAW_NAME, bytesOf(0))]),
  malformed('a name that is not UTF-8', (peer) => [replaced(peer.hello(), RAW_NAME, bytesOf([3, 0x61, 0xff, 0xfe]))]),
  malformed('a name of 2^40 bytes', (peer) => [replaced(peer.hello(), RAW_NAME, bytesOf([128, 128, 128, 128, 128, 32]))]),
  malformed('a name of __proto__', (peer) => [replaced(peer.hello(), RAW_NAME, bytesOf(9, '__proto__'))]),
  malformed('an incarnation above 2^53', (peer) => [replaced(peer.hello(), bytesOf(RAW_NAME, 1), bytesOf(RAW_NAME, new Array(7).fill(255), 127))]),
  malformed('an incarnation of 9 bytes', (peer) => [replaced(peer.hello(), bytesOf(RAW_NAME, 1), bytesOf(RAW_NAME, new Array(8).fill(255), 1))]),
  malformed('an incarnation that is written longer than need be', (peer) => [replaced(peer.hello(), bytesOf(RAW_NAME, 1), bytesOf(RAW_NAME, 129, 0))]),
  malformed('a host with a line break', (peer) => [replaced(peer.hello(), bytesOf('127.0.0.1'), bytesOf('127.0\n0.1'))]),
  malformed('a nonce of 8 bytes', (peer) => [replaced(peer.hello(), bytesOf(16, new Array(16).fill(0x55)), bytesOf(8, new Array(8).fill(0x55)))]),
  malformed('a byte order of 2', (peer) => [withChecksum(peer.hello(), (body) => joined(body.subarray(0, -2), bytesOf(2, 0)))]),
  refusedHello('a port above 65,535', { address: { host: 'h', port: 70_000 } }, 'malformed'),
  refusedHello('versions from 3 to 2', { versionMin: 3, versionMax: 2 }, 'malformed'),
  refusedHello('frames of no bytes', { frameBytes: 0 }, 'malformed'),
  refusedHello('no credit', { credit: { normal: { bytes: 0, messages: 0 }, bulk: { bytes: 0, messages: 0 } } }, 'malformed'),
  refusedHello('only later versions', { versionMin: 2, versionMax: 9 }, 'versionUnsupported'),
  refusedHello('another cluster', { cluster: 'other' }, 'otherCluster'),
  refusedHello('another cluster of the same name', { clusterId: 'another' }, 'otherCluster'),
  refusedHello('another purpose', { purpose: 'control' }, 'otherPurpose'),
  refusedHello('a node that is not known', { identity: { name: UNKNOWN_NAME, incarnation: 1 } }, 'unknownNode'),
  refusedHello('a node that was removed', { identity: { name: REMOVED_NAME, incarnation: 1 } }, 'removedNode'),
  refusedHello('the identity of the node itself', { identity: { name: NODE_NAME, incarnation: 1 } }, 'selfConnection'),
  refusedHello('a call for an earlier incarnation', { expected: { name: NODE_NAME, incarnation: 0 } }, 'wrongNode'),
  refusedHello('another byte order', { littleEndian: false }, 'otherByteOrder'),
  malformed('a confirmation first', () => [encodeHandshake({ type: 'confirm', echo: new Uint8Array(16) })]),
  malformed('a welcome to whoever was called', (peer) => [
    encodeHandshake({ type: 'welcome', version: 1, echo: new Uint8Array(16), introduction: peer.introduction() }),
  ]),
  malformed('messages before the handshake', (peer) => [peer.value(1)]),
  malformed('a datagram before the handshake', (peer) => [peer.datagram(bytesOf('x'))]),
  malformed('a second hello', (peer) => [peer.hello()], 'welcomed'),
  malformed('messages before the confirmation', (peer) => [peer.value(1)], 'welcomed'),
  {
    ...{ name: 'a forged confirmation', stage: 'welcomed', code: 'NEXUS_HANDSHAKE_REFUSED', detail: 'nonceMismatch', closes: true },
    frames: () => [encodeHandshake({ type: 'confirm', echo: new Uint8Array(16).fill(1) })],
  },
  {
    ...{ name: 'a handshake that was recorded', stage: 'welcomed', code: 'NEXUS_HANDSHAKE_REFUSED', detail: 'nonceMismatch', closes: true },
    // What the same hello was answered with then, and the confirmation of that.
    frames: (peer) => [peer.confirm(new RawPeer({}, 0x66).welcome(peer.hello()))],
  },
  malformed('a hello in answer to a hello', (_peer, said) => [said], 'dialled'),
  malformed('a confirmation in answer to a hello', () => [encodeHandshake({ type: 'confirm', echo: new Uint8Array(16) })], 'dialled'),
  malformed('garbage in answer to a hello', () => [bytesOf('HTTP/1.1 400 Bad Request\r\n\r\n')], 'dialled'),
  {
    ...{ name: 'a welcome that was recorded', stage: 'dialled', code: 'NEXUS_HANDSHAKE_REFUSED', detail: 'nonceMismatch', closes: true },
    frames: (peer, said) => [peer.welcome(said, { echo: new Uint8Array(16).fill(9) })],
  },
  {
    ...{ name: 'a welcome in a version that was not offered', stage: 'dialled', code: 'NEXUS_VERSION_UNSUPPORTED', detail: 'versionUnsupported', closes: true },
    frames: (peer, said) => [peer.welcome(said, { version: 7 })],
  },
  {
    ...{ name: 'a welcome of another cluster', stage: 'dialled', code: 'NEXUS_HANDSHAKE_REFUSED', detail: 'otherCluster', closes: true },
    peer: () => new RawPeer({ cluster: 'other' }),
    frames: (peer, said) => [peer.welcome(said)],
  },
];

/** A value of a stream that is none: the session ends. */
const BROKEN_VALUES: readonly [string, readonly number[]][] = [
  ['no bytes', []],
  ['something behind the value', [1, 2]],
  ['an array of 2^32 - 1', [0xdd, ...u32be(0xffff_ffff)]],
  ['an object of 2^32 - 1 keys', [0xdf, ...u32be(0xffff_ffff)]],
  ['a text of 2^32 - 1 bytes', [0xdb, ...u32be(0xffff_ffff)]],
  ['bytes of 2^32 - 1', [0xc6, ...u32be(0xffff_ffff)]],
  ['an extension of 2^32 - 1 bytes', [0xc9, ...u32be(0xffff_ffff), 1]],
  ['a Map of 2^32 - 1', [0xc1, 3, ...u32be(0xffff_ffff)]],
  ['a Set of 2^32 - 1', [0xc1, 4, ...u32be(0xffff_ffff)]],
  ['50,000 arrays in each other', new Array(50_000).fill(0x91)],
  ['50,000 arrays in each other, as a graph', [0xc1, 8, ...new Array(50_000).fill(0x91)]],
  ['50,000 Maps in each other', new Array(8000).fill([0xc1, 3, 0, 0, 0, 1, 1]).flat()],
  ['a shape that was not defined', [0xd4, 0]],
  ['a shape with a number out of order', [0xd8, 0, 7, 1, 0xa1, 0x61, 1]],
  ['a shape of 65 keys', [0xd8, 0, 0, 65, ...new Array(65).fill([0xa1, 0x61]).flat(), ...new Array(65).fill(1)]],
  ['a shape whose key is a number', [0xd8, 0, 0, 1, 5, 1]],
  ['a lead byte that there is not', [0xca]],
  ['a tag that there is not', [0xc1, 99]],
  ['an extension that there is not', [0xc7, 1, 99, 0]],
  ['a text that is not UTF-8', [0xd9, 2, 0xc3, 0x28]],
  ['a key that is not UTF-8', [0x81, 0xd9, 2, 0xff, 0xff, 1]],
  ['a reference to an agent', [0xc1, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xc0]],
  ['a regular expression that is none', [0xc1, 2, 0xa1, 0x28, 0xa0]],
  ['a bigint without digits', [0xc7, 1, 3, 0]],
  ['a bigint of other characters', [0xc7, 3, 3, 0, 0x7a, 0x7a]],
  ['a typed array with a broken element', [0xc7, 3, 16 + 6, 1, 2, 3]],
  ['a reference to an object that did not come', [0xc1, 8, 0x91, 0xc1, 9, 0, 0, 0, 9]],
  ['an error of no class', [0xc1, 5, 99, 0xc0, 0xa0, 0, 0, 0, 0]],
  ['a boxed object', [0xc1, 6, 0x90]],
  ['a shape in a graph', [0xc1, 8, 0xd4, 0]],
];

const FRAMES: readonly HostileCase[] = [
  breaks('truncated', 'an empty frame in a session', () => [new Uint8Array(0)]),
  breaks('truncated', 'a frame without its header', (peer) => [peer.value(1).subarray(0, 15)]),
  breaks('checksum', 'a frame with one bit changed', (peer) => [peer.value(1).map((byte, index) => (index === 20 ? byte ^ 16 : byte))]),
  breaks('checksum', 'a frame whose number was changed on the way', (peer) => [peer.value(1).map((byte, index) => (index === 8 ? byte ^ 1 : byte))]),
  breaks('checksum', 'a frame that was cut', (peer) => [peer.value(0x92, 1, 2).subarray(0, 23)]),
  breaks('checksum', 'a frame of a session before', (peer) => {
    const recorded = peer.value(1);
    const earlier = new RawPeer({}, 0x11);
    earlier.welcome(new RawPeer().hello());
    return [earlier.value(1), recorded];
  }),
  ...[0, 9, 99, 255].map((type) => breaks('unknownType', `a frame of type ${type}`, (peer) => [peer.frame(type, bytesOf(1))])),
  breaks('header', 'a lane that there is not', (peer) => [peer.frame(FrameType.batch, bytesOf([1, 0, 1, 0, 0, 0, 1]), { lane: 3 })]),
  breaks('header', 'a ping with a lane', (peer) => [peer.frame(FrameType.ping, bytesOf([1, 0, 0, 0]), { lane: 1 })]),
  breaks('header', 'flags that there are not', (peer) => [peer.frame(FrameType.batch, bytesOf([1, 0, 1, 0, 0, 0, 1]), { lane: 1, flags: 2 })]),
  breaks('sequence', 'a gap in the numbers', (peer) => [peer.value(1), peer.frame(FrameType.batch, bytesOf([1, 0, 1, 0, 0, 0, 1]), { lane: 1, sequence: 2 })]),
  breaks('sequence', 'a frame that comes twice', (peer) => {
    const frame = peer.value(1);
    return [frame, frame];
  }),
  breaks('tooLarge', 'a frame of 70,000 bytes', (peer) => [peer.frame(FrameType.batch, new Uint8Array(70_000), { lane: 1 })]),
  breaks('handshake', 'a handshake after the handshake', (peer) => [peer.hello()]),
  breaks('batch', 'a batch of nothing', (peer) => [peer.frame(FrameType.batch, new Uint8Array(0), { lane: 1 })]),
  breaks('batch', 'a batch that ends in a header', (peer) => [peer.frame(FrameType.batch, bytesOf([1, 0, 1]), { lane: 1 })]),
  breaks('batch', 'a message of 2^32 - 1 bytes in a small frame', (peer) => [peer.batch([{ payload: bytesOf(1), length: 0xffff_ffff }])]),
  breaks('batch', 'a message that is longer than its frame by one', (peer) => [peer.batch([{ payload: bytesOf(1), length: 2 }])]),
  breaks('batch', 'a declared message without its fingerprint', (peer) => [peer.batch([{ kind: 2, payload: bytesOf(1, 2) }])]),
  breaks('batch', '1,025 messages in a frame', (peer) => [peer.batch(new Array(1025).fill({ payload: bytesOf(1) }))]),
  breaks('message', 'a kind of message that there is not', (peer) => [peer.batch([{ kind: 3, payload: bytesOf(1) }])]),
  breaks('message', 'another kind of message that there is not', (peer) => [peer.batch([{ kind: 0x7f, payload: bytesOf(1) }])]),
  ...BROKEN_VALUES.map(([name, payload]) => breaks('message', name, (peer) => [peer.value(...payload)])),
  breaks('fragment', 'a fragment without content', (peer) => [peer.fragment({ total: 10, offset: 0, chunk: new Uint8Array(0) })]),
  breaks('fragment', 'a message whose beginning is missing', (peer) => [peer.fragment({ total: 100, offset: 10, chunk: new Uint8Array(10) })]),
  breaks('fragment', 'fragments that overlap', (peer) => [
    peer.fragment({ total: 100, offset: 0, chunk: new Uint8Array(10) }),
    peer.fragment({ total: 100, offset: 5, chunk: new Uint8Array(10) }),
  ]),
  breaks('fragment', 'a hole between fragments', (peer) => [
    peer.fragment({ total: 100, offset: 0, chunk: new Uint8Array(10) }),
    peer.fragment({ total: 100, offset: 20, chunk: new Uint8Array(10) }),
  ]),
  breaks('fragment', 'fragments of two messages', (peer) => [
    peer.fragment({ total: 100, offset: 0, chunk: new Uint8Array(10) }),
    peer.fragment({ channel: 2, total: 100, offset: 10, chunk: new Uint8Array(10) }),
  ]),
  breaks('fragment', 'a message that grows', (peer) => [
    peer.fragment({ total: 100, offset: 0, chunk: new Uint8Array(10) }),
    peer.fragment({ total: 1000, offset: 10, chunk: new Uint8Array(10) }),
  ]),
  breaks('fragment', 'a message of 4 GiB', (peer) => [peer.fragment({ total: 0xffff_ffff, offset: 0, chunk: new Uint8Array(10) })]),
  breaks('fragment', 'a fragment that reaches over the end', (peer) => [peer.fragment({ total: 5, offset: 0, chunk: new Uint8Array(10) })]),
  breaks('fragment', 'an end before the end', (peer) => [peer.fragment({ total: 100, offset: 0, chunk: new Uint8Array(10), isLast: true })]),
  breaks('fragment', 'a message that is whole and does not end', (peer) => [peer.fragment({ total: 10, offset: 0, chunk: new Uint8Array(10) })]),
  breaks('fragment', 'a message between the fragments of another', (peer) => [
    peer.fragment({ total: 100, offset: 0, chunk: new Uint8Array(10), lane: 1 }),
    peer.value(1),
  ]),
  breaks('fragment', 'a value of a stream in fragments', (peer) => [peer.fragment({ kind: 0, total: 100, offset: 0, chunk: new Uint8Array(10) })]),
  breaks('fragment', 'a fragment with a fingerprint and no shape', (peer) => [
    peer.fragment({ fingerprint: 9, total: 100, offset: 0, chunk: new Uint8Array(10) }),
  ]),
  breaks('credit', 'more bytes than were granted', (peer) => new Array(3).fill(0).map(() => peer.batch([{ kind: 1, payload: bin(50_000) }])), true),
  breaks(
    'credit',
    'more messages than were granted',
    (peer) => new Array(3).fill(0).map(() => peer.batch(new Array(1000).fill({ payload: bytesOf(1) }))),
    true,
  ),
  breaks('receipt', 'a receipt for what was not sent', (peer) => [peer.frame(FrameType.receipt, bytesOf([0, 0, 9, 1, 0, 0]))]),
  breaks('receipt', 'a receipt for nothing', (peer) => [peer.frame(FrameType.receipt, bytesOf([0, 0, 0, 0, 0, 0]))]),
  breaks('receipt', 'a receipt that ends too early', (peer) => [peer.frame(FrameType.receipt, bytesOf([0, 0, 0]))]),
  breaks('ping', 'a ping of 3 bytes', (peer) => [peer.frame(FrameType.ping, bytesOf([1, 0, 0]))]),
  breaks('ping', 'an answer to no ping', (peer) => [peer.frame(FrameType.pong, bytesOf([77, 0, 0, 0]))]),
  breaks('ping', 'a flood of pings', (peer) => new Array(101).fill(0).map((_, index) => peer.frame(FrameType.ping, bytesOf([index, 0, 0, 0])))),
  breaks('goodbye', 'a goodbye that is not UTF-8', (peer) => [peer.frame(FrameType.goodbye, bytesOf([1, 2, 0xff, 0xff]))]),
  breaks('goodbye', 'a goodbye of 4,000 bytes', (peer) => [peer.frame(FrameType.goodbye, bytesOf([1, 0xa0, 0x1f], 'x'.repeat(4000)))]),
  breaks('goodbye', 'two goodbyes', (peer) => [peer.frame(FrameType.goodbye, bytesOf([0, 0])), peer.frame(FrameType.goodbye, bytesOf([0, 0]))], true),
  breaks('afterGoodbye', 'a message after the goodbye', (peer) => [peer.frame(FrameType.goodbye, bytesOf([0, 0])), peer.value(1)], true),
  breaks('superseded', 'sessions that are superseded, which was not agreed', (peer) => [peer.frame(FrameType.superseded, new Uint8Array(16))]),
  breaks('compression', 'a bomb: 10 MB in a few bytes', (peer) => [bomb(peer, 10_000_000, 1_000_000)]),
  breaks('compression', 'a bomb that says what it is', (peer) => [bomb(peer, 10_000_000, 10_000_000)]),
  breaks('compression', 'a bomb that says it has 2^32 - 1 bytes', (peer) => [bomb(peer, 100_000, 0xffff_ffff)]),
  breaks('compression', 'less inflated than was said', (peer) => [bomb(peer, 1000, 2000)]),
  breaks('compression', 'compressed noise that is none', (peer) => [peer.batch([{ kind: 0x81, rawBytes: 1000, payload: new Uint8Array(100).fill(0xa5) }])]),
  breaks('compression', 'a compressed message that is cut', (peer) => [peer.batch([{ kind: 0x81, rawBytes: 1000, payload: brotli(1000).subarray(0, 8) }])]),
  breaks('compression', 'compressed to nothing', (peer) => [peer.batch([{ kind: 0x81, rawBytes: 1000, payload: new Uint8Array(0) }])]),
  breaks('compression', 'a message that is larger compressed', (peer) => [peer.batch([{ kind: 0x81, rawBytes: 3, payload: brotli(1000) }])]),
  {
    ...refusedOne('NEXUS_SHAPE_UNKNOWN', 'a shape that is not registered', (peer) => peer.batch([{ kind: 2, fingerprint: 0xdead_beef, payload: bytesOf(1) }])),
  },
  { ...refusedOne('NEXUS_MESSAGE_CORRUPT', 'a whole message that is none', (peer) => peer.batch([{ kind: 1, payload: bytesOf(0xdd, [255, 255, 255, 255]) }])) },
  {
    ...refusedOne(
      INVALID,
      'a datagram with one bit changed',
      (peer) => peer.datagram(bytesOf('hello')).map((byte, index) => (index === 17 ? byte ^ 1 : byte)),
      'checksum',
    ),
  },
  { ...refusedOne(INVALID, 'a datagram above its limit', (peer) => peer.datagram(new Uint8Array(1_048_577)), 'tooLarge') },
  { ...refusedOne(INVALID, 'a datagram with a number', (peer) => peer.frame(FrameType.datagram, bytesOf('x'), { sequence: 5 }), 'header') },
  {
    ...{ name: 'keys that would be the prototype of a careless decoder', stage: 'open', code: undefined, closes: false },
    // As a shape, as keys, and as a graph.
    frames: (peer) => [
      peer.value(0xd8, 0, 0, 1, 0xa9, ...Buffer.from('__proto__'), 0x81, 0xa1, 0x78, 1),
      peer.value(
        0x82,
        0xa9,
        ...Buffer.from('__proto__'),
        0x81,
        0xa1,
        0x78,
        1,
        0xab,
        ...Buffer.from('constructor'),
        0x81,
        0xa9,
        ...Buffer.from('prototype'),
        0x81,
        0xa1,
        0x78,
        1,
      ),
      peer.value(0xc1, 8, 0x81, 0xa9, ...Buffer.from('__proto__'), 0x81, 0xa1, 0x78, 1),
      peer.value(0xc1, 5, 0, 0xc0, 0xa0, 0, 0, 0, 1, 0xa9, ...Buffer.from('__proto__'), 0x81, 0xa1, 0x78, 1),
    ],
  },
  {
    ...{ name: 'numbers that are none', stage: 'open', code: undefined, closes: false, delivers: [Number.NaN, Number.NEGATIVE_INFINITY, new Date(Number.NaN)] },
    frames: (peer) => [
      peer.value(0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1),
      peer.value(0xcb, 0xff, 0xf0, 0, 0, 0, 0, 0, 0),
      peer.value(0xc1, 1, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0),
    ],
  },
];

/** One message is refused, and the next one arrives. */
function refusedOne(code: string, name: string, frame: (peer: RawPeer) => Uint8Array, detail?: string): HostileCase {
  return {
    name,
    stage: 'open',
    frames: (peer) => [frame(peer), peer.value(42)],
    code,
    ...(detail === undefined ? {} : { detail }),
    closes: false,
    delivers: [42],
  };
}

function brotli(bytes: number): Uint8Array {
  return brotliCompressSync(new Uint8Array(bytes));
}

function bomb(peer: RawPeer, bytes: number, rawBytes: number): Uint8Array {
  return peer.batch([{ kind: 0x81, rawBytes, payload: brotli(bytes) }]);
}

function bin(length: number): Uint8Array {
  return joined(bytesOf(0xc6, u32be(length)), new Uint8Array(length));
}

export const HOSTILE_CASES: readonly HostileCase[] = [...HANDSHAKES, ...FRAMES];
