/** Strangers at the port of a node: what they send or hold back is refused with a code and counted, they are cut off, and the node serves others all the while. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { NexusError } from '../../../dist/ts-src/errors.js';
import type { WebsocketWireLimits } from '../../../dist/ts-src/adapters/websocket/wire-limits.js';
import type { WebsocketWire } from '../../../dist/ts-src/adapters/websocket/websocket-wire.js';
import type { NodeAddress } from '../../../dist/ts-src/model/node-identity.js';
import type { CloseReason, Wire, WireConnection } from '../../../dist/ts-src/ports/wire.js';
import { until } from '../../until.js';
import { HOST, websocketNetwork, type WebsocketNetwork } from './websocket-network.js';

let network: WebsocketNetwork | undefined;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await network?.close();
  network = undefined;
});

interface Server {
  readonly wire: WebsocketWire;
  readonly address: NodeAddress;
  readonly accepted: WireConnection[];
  readonly frames: number[];
  readonly reasons: CloseReason[];
}

async function serve(limits: Partial<WebsocketWireLimits> = {}): Promise<Server> {
  network = websocketNetwork();
  const { wire } = network.open(undefined, { limits });
  const server = { wire, accepted: [] as WireConnection[], frames: [] as number[], reasons: [] as CloseReason[] };
  const listener = await wire.listen({ host: HOST, port: 0 }, (connection) => {
    server.accepted.push(connection);
    connection.listen({ received: (bytes) => server.frames.push(bytes.length), drained: () => undefined, closed: (reason) => server.reasons.push(reason) });
  });
  return { ...server, address: listener.address };
}

/** A socket that never fails the test by an error of its own. */
async function stranger({ address }: Server): Promise<Socket> {
  const socket = connect(address.port, HOST);
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function answerTo(server: Server, text: string): Promise<string> {
  const socket = await stranger(server);
  let answer = '';
  socket.setEncoding('latin1').on('data', (more: string) => {
    answer += more;
  });
  socket.write(text, 'latin1');
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return answer;
}

function request(path = '/nexus', headers: Readonly<Record<string, string>> = {}): string {
  const all = {
    host: 'node',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-protocol': 'nexus',
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== '');
  return `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`;
}

function dial(wire: Wire, address: NodeAddress): Promise<WireConnection> {
  return new Promise((resolve, reject) => wire.dial(address, 5_000, { opened: resolve, failed: reject }));
}

/** A node can connect, and be heard. */
async function expectServed(server: Server): Promise<void> {
  const { wire } = (network as WebsocketNetwork).open();
  const connection = await dial(wire, server.address);
  const before = server.frames.length;
  connection.listen({ received: () => undefined, drained: () => undefined, closed: () => undefined });
  connection.send(new Uint8Array(7), 'ordered');
  await until(() => server.frames.slice(before).includes(7));
}

/** A stranger who has become a connection, as the bytes of a socket. */
async function upgraded(server: Server): Promise<Socket> {
  const socket = await stranger(server);
  socket.write(request());
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString('latin1')).toMatch(/^HTTP\/1.1 101 /);
  return socket;
}

const GARBAGE: readonly (readonly [string, string, RegExp, string])[] = [
  ['a page is asked for', 'GET / HTTP/1.1\r\nhost: x\r\n\r\n', /^HTTP\/1.1 426 /, 'NEXUS_UPGRADE_REFUSED'],
  ['something is posted', 'POST /nexus HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc', /^HTTP\/1.1 426 /, 'NEXUS_UPGRADE_REFUSED'],
  ['another path', request('/'), /^HTTP\/1.1 404 /, 'NEXUS_UPGRADE_REFUSED'],
  ['a path with a query', request('/nexus?x=1'), /^HTTP\/1.1 404 /, 'NEXUS_UPGRADE_REFUSED'],
  ['the page of a browser', request('/nexus', { origin: 'http://evil.example' }), /^HTTP\/1.1 403 /, 'NEXUS_UPGRADE_REFUSED'],
  ['no subprotocol', request('/nexus', { 'sec-websocket-protocol': '' }), /^HTTP\/1.1 400 /, 'NEXUS_UPGRADE_REFUSED'],
  ['another subprotocol', request('/nexus', { 'sec-websocket-protocol': 'chat' }), /^HTTP\/1.1 400 /, 'NEXUS_UPGRADE_REFUSED'],
  ['another upgrade', request('/nexus', { upgrade: 'h2c' }), /^HTTP\/1.1 400 /, 'NEXUS_UPGRADE_REFUSED'],
  ['a key that is none', request('/nexus', { 'sec-websocket-key': 'x' }), /^HTTP\/1.1 400 /, 'NEXUS_UPGRADE_REFUSED'],
  ['another version of WebSockets', request('/nexus', { 'sec-websocket-version': '99' }), /^HTTP\/1.1 400 /, 'NEXUS_UPGRADE_REFUSED'],
  ['garbage', '\x17\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', /^HTTP\/1.1 400 /, 'NEXUS_UPGRADE_REFUSED'],
  ['the beginning of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', /^HTTP\/1.1 400 /, 'NEXUS_TLS_FAILED'],
  ['two lengths', 'POST /nexus HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n', /^HTTP\/1.1 400 /, 'NEXUS_UPGRADE_REFUSED'],
  ['headers of 100 kB', `GET /nexus HTTP/1.1\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`, /^(HTTP\/1.1 400 |$)/, 'NEXUS_UPGRADE_REFUSED'],
];

test.each(GARBAGE)('over HTTP: %s is refused, counted, and cut off', async (_name, text, answer, code) => {
  const server = await serve();
  expect(await answerTo(server, text)).toMatch(answer);
  await until(() => server.wire.refusals.get(code) === 1);
  expect([...server.wire.refusals]).toEqual([[code, 1]]);
  expect(server.accepted).toEqual([]);
  await expectServed(server);
});

test('who opens a connection and says nothing, or half of a request byte by byte, is cut off after the time for it', async () => {
  const server = await serve({ upgradeTimeoutMs: 60 });
  const silent = await stranger(server);
  const slow = await stranger(server);
  let at = 0;
  const writing = setInterval(() => slow.write(request().slice(at, ++at)), 5);
  try {
    await Promise.all([silent, slow].map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()).resume())));
  } finally {
    clearInterval(writing);
  }
  expect(at).toBeLessThan(request().length);
  expect(server.wire.refusals.get('NEXUS_HANDSHAKE_TIMEOUT')).toBe(2);
  await expectServed(server);
});

test('a flood of half-open connections holds no more than its bound, the oldest go first, and nodes get in meanwhile', async () => {
  const server = await serve({ pendingMax: 20, upgradeTimeoutMs: 60_000 });
  const flood: Socket[] = [];
  for (let count = 0; count < 100; count++) flood.push(await stranger(server));
  await until(() => server.wire.refusals.get('NEXUS_CONNECTIONS_TOO_MANY') === 80);
  await until(() => flood.slice(0, 80).every((socket) => socket.resume().destroyed || socket.readableEnded));
  await expectServed(server);
  expect(server.wire.refusals.get('NEXUS_CONNECTIONS_TOO_MANY')).toBe(81);
  expect(flood.slice(81).some(({ destroyed, readableEnded }) => destroyed || readableEnded)).toBe(false);
});

test('above its limit of connections a node refuses more of them and says why, until one has ended', async () => {
  const server = await serve({ connectionsMax: 2 });
  const { wire } = (network as WebsocketNetwork).open();
  const [first] = [await dial(wire, server.address), await dial(wire, server.address)];
  const error = await dial(wire, server.address).then(
    () => expect.unreachable(),
    (failure: NexusError) => failure,
  );
  expect(error.code).toBe('NEXUS_CONNECTIONS_TOO_MANY');
  expect(server.wire.refusals.get('NEXUS_CONNECTIONS_TOO_MANY')).toBe(1);
  first?.terminate();
  await until(() => server.reasons.length === 1);
  await dial(wire, server.address);
});

/** Frames of RFC 6455 as a client that means no good writes them. */
const FRAMES: readonly (readonly [string, readonly number[]])[] = [
  ['a frame without a mask', [0x82, 0x01, 0x00]],
  ['an unknown opcode', [0x83, 0x80, 0, 0, 0, 0]],
  ['a reserved bit', [0xc2, 0x80, 0, 0, 0, 0]],
  ['text', [0x81, 0x81, 0, 0, 0, 0, 0x61]],
  ['a length of 2^63', [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['a length of 4 GB', [0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['one byte more than a frame may have', [0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 1, 0, 0, 0, 0]],
  ['a control frame of 126 bytes', [0x89, 0xfe, 0, 126, 0, 0, 0, 0]],
  ['a control frame in pieces', [0x09, 0x80, 0, 0, 0, 0]],
  ['a continuation of nothing', [0x80, 0x80, 0, 0, 0, 0]],
  ['a new message within another', [0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0]],
  ['a goodbye of one byte', [0x88, 0x81, 0, 0, 0, 0, 0]],
  ['a goodbye with a code that is none', [0x88, 0x82, 0, 0, 0, 0, 0, 1]],
  ['1,000 pieces of nothing', Array.from({ length: 1_000 }, (_, index) => [index === 0 ? 0x02 : 0x00, 0x80, 0, 0, 0, 0]).flat()],
];

test.each(FRAMES)('over a WebSocket: %s ends the connection, counted, and no other', async (_name, bytes) => {
  const server = await serve();
  const { wire } = (network as WebsocketNetwork).open();
  const neighbour = await dial(wire, server.address);
  await until(() => server.accepted.length === 1);
  const socket = await upgraded(server);
  socket.resume().write(Uint8Array.from(bytes));
  await until(() => server.reasons.length === 1);
  expect(server.reasons).toEqual([{ type: 'failed', error: expect.objectContaining({ code: 'NEXUS_FRAME_INVALID' }) }]);
  expect([...server.wire.refusals]).toEqual([['NEXUS_FRAME_INVALID', 1]]);
  await new Promise<void>((resolve) => (socket.destroyed ? resolve() : socket.once('close', () => resolve())));
  neighbour.send(new Uint8Array(3), 'ordered');
  await until(() => server.frames.includes(3));
});

test('who writes a frame byte by byte is cut off, and who is only quiet is not', async () => {
  const server = await serve({ frameTimeoutMs: 50 });
  const quiet = await upgraded(server);
  const slow = await upgraded(server);
  slow.resume().write(Uint8Array.of(0x82, 0xfe, 0x7f, 0xff, 0, 0, 0, 0));
  const writing = setInterval(() => slow.write(Uint8Array.of(0)), 5);
  try {
    await until(() => server.reasons.length === 1);
  } finally {
    clearInterval(writing);
  }
  expect(server.reasons).toEqual([{ type: 'failed', error: expect.objectContaining({ code: 'NEXUS_FRAME_STALLED' }) }]);
  expect([...server.wire.refusals]).toEqual([['NEXUS_FRAME_STALLED', 1]]);
  quiet.write(Uint8Array.of(0x82, 0x84, 0, 0, 0, 0, 1, 2, 3, 4));
  await until(() => server.frames.includes(4));
});

test('who never reads holds what waits for it and no more, and does not keep the node from ending', async () => {
  const server = await serve({ closeTimeoutMs: 50 });
  const deaf = await upgraded(server);
  deaf.pause();
  const [connection] = server.accepted as [WireConnection];
  while (connection.waitingBytes <= connection.roomBytes) {
    connection.send(new Uint8Array(65_536), 'ordered');
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  const waiting = connection.waitingBytes;
  for (let count = 0; count < 100; count++) connection.send(new Uint8Array(65_536), 'datagram');
  expect(connection.waitingBytes).toBe(waiting);
  await expectServed(server);
  await server.wire.close();
  expect(server.wire.connectionCount).toBe(0);
});

test('a connection that is reset in the middle of everything fails, and nothing else', async () => {
  const server = await serve();
  for (const text of ['', 'GET', request().slice(0, 60)]) {
    const socket = await stranger(server);
    if (text !== '') socket.write(text);
    socket.resetAndDestroy();
  }
  const socket = await upgraded(server);
  socket.resetAndDestroy();
  await until(() => server.reasons.length === 1);
  expect(server.reasons[0]?.type).toBe('failed');
  expect([...server.wire.refusals]).toEqual([]);
  await expectServed(server);
});
