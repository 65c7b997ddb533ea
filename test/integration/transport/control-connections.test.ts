/** Control connections over WebSockets: small messages between the memberships of nodes, over connections that come and go. */
import { afterEach, expect, test } from 'vitest';
import { type ControlConnections, type ControlLimits, openControlConnections } from '../../../dist/ts-src/cluster/control-connections.js';
import { resolveClusterOptions, type ResolvedCluster } from '../../../dist/ts-src/cluster/resolve-cluster-options.js';
import { systemClock } from '../../../dist/ts-src/adapters/system-clock.js';
import { addressText, type NodeAddress } from '../../../dist/ts-src/model/node-identity.js';
import type { WireConnection } from '../../../dist/ts-src/ports/wire.js';
import { createManualClock } from '../../../dist/ts-src/testing/manual-clock.js';
import { RawPeer } from '../../unit/protocols/wire/raw-peer.js';
import { until } from '../../until.js';
import { HOST, websocketNetwork, type WebsocketNetwork } from './websocket-network.js';

let network: WebsocketNetwork | undefined;
const opened: ControlConnections[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((connections) => connections.close()));
  await network?.close();
  network = undefined;
});

interface Node {
  readonly connections: ControlConnections;
  readonly address: NodeAddress;
  /** Such as `127.0.0.1:5 text`. */
  readonly received: string[];
  /** Names of those who have sent them. */
  readonly senders: (string | undefined)[];
  readonly refused: string[];
  readonly accepted: WireConnection[];
}

interface Setup {
  readonly cluster?: string;
  readonly limits?: Partial<ControlLimits>;
  readonly clock?: typeof systemClock;
  readonly tls?: boolean;
}

async function node(name: string, { cluster = 'test', limits = {}, clock = systemClock, tls = false }: Setup = {}): Promise<Node> {
  network ??= websocketNetwork();
  const { wire } = network.open(tls ? name : undefined);
  const [received, refused, accepted]: [string[], string[], WireConnection[]] = [[], [], []];
  const senders: (string | undefined)[] = [];
  const connections = await openControlConnections({
    wire: {
      listen: (address, accept) => wire.listen(address, (connection) => (accepted.push(connection), accept(connection))),
      dial: (...dial) => wire.dial(...dial),
      close: () => wire.close(),
    },
    clock,
    options: resolveClusterOptions({ name: cluster, node: name, listen: { port: 0 } }) as ResolvedCluster,
    advertise: HOST,
    self: () => ({ name, incarnation: 1 }),
    events: {
      received: (from, bytes, sender) => {
        received.push(`${addressText(from)} ${Buffer.from(bytes).toString()}`);
        senders.push(sender);
      },
      refused: (address, error) => refused.push(`${addressText(address)} ${(error as { code?: string }).code}`),
    },
    limits,
  });
  opened.push(connections);
  return { connections, address: connections.address, received, senders, refused, accepted };
}

const send = (from: Node, to: Node, text: string): void => from.connections.send(to.address, Buffer.from(text));

test('datagrams go both ways over one connection, and say where an answer goes to', async () => {
  const [a, b] = [await node('a'), await node('b')];
  for (let index = 0; index < 10; index++) send(a, b, `first ${index}`);
  await until(() => b.received.length === 10);
  expect(b.received).toEqual(Array.from({ length: 10 }, (_, index) => `${addressText(a.address)} first ${index}`));
  send(b, a, 'answer');
  await until(() => a.received.length === 1);
  expect(a.received).toEqual([`${addressText(b.address)} answer`]);
  expect([a.connections.connectionCount, b.connections.connectionCount, a.accepted.length, b.accepted.length]).toEqual([1, 1, 0, 1]);
  expect([a.senders, new Set(b.senders)]).toEqual([['b'], new Set(['a'])]);
});

test('datagrams of up to 1 MiB go whole, larger ones are a mistake', async () => {
  const [a, b] = [await node('a'), await node('b')];
  const large = Buffer.alloc(1_048_576, 'x');
  a.connections.send(b.address, large);
  await until(() => b.received.length === 1);
  expect(b.received[0]?.length).toBe(large.length + addressText(a.address).length + 1);
  expect(() => a.connections.send(b.address, Buffer.alloc(1_048_577))).toThrowError(expect.objectContaining({ code: 'NEXUS_MESSAGE_TOO_LARGE' }));
});

test('an address where nobody listens, and a node that refuses, are reported; what was sent is dropped and counted', async () => {
  const [a, b, other] = [await node('a'), await node('b'), await node('c', { cluster: 'another' })];
  await b.connections.close();
  send(a, b, 'anybody');
  send(a, b, 'there');
  await until(() => a.refused.length === 1);
  send(a, other, 'hello');
  await until(() => a.refused.length === 2);
  expect(a.refused).toEqual([`${addressText(b.address)} NEXUS_CONNECT_FAILED`, `${addressText(other.address)} NEXUS_HANDSHAKE_REFUSED`]);
  expect(a.connections.droppedDatagrams).toBe(3);
  await until(() => other.connections.refusals().get('NEXUS_HANDSHAKE_REFUSED') === 1);
  expect([a.connections.connectionCount, other.received]).toEqual([0, []]);
  // Left alone for a moment, not for ever.
  send(a, other, 'hello');
  expect(a.connections.droppedDatagrams).toBe(4);
  await until(() => (send(a, other, 'hello'), a.refused.length === 3));
});

test('what waits for a handshake is bounded, the rest is dropped and counted', async () => {
  const [a, b] = [await node('a', { limits: { waitingMax: 3, waitingBytesMax: 20 } }), await node('b')];
  for (const text of ['123456789', '123456789', '123456789', '1', '2']) send(a, b, text);
  expect(a.connections.droppedDatagrams).toBe(2);
  await until(() => b.received.length === 3);
});

test('when a connection is backed up, datagrams are dropped and counted, and nothing grows', async () => {
  const [a, b] = [await node('a'), await node('b')];
  send(a, b, 'hello');
  await until(() => b.received.length === 1);
  const large = Buffer.alloc(200_000);
  for (let count = 0; count < 200; count++) a.connections.send(b.address, large);
  const dropped = a.connections.droppedDatagrams;
  expect(dropped).toBeGreaterThan(150);
  await until(() => b.received.length === 201 - dropped);
  send(a, b, 'again');
  await until(() => b.received.at(-1)?.endsWith(' again') === true);
});

test('no more connections than the limit: the one that was used longest ago goes, strangers before it', async () => {
  const hub = await node('hub', { limits: { connectionsMax: 3 } });
  const nodes = [];
  for (const name of ['a', 'b', 'c', 'd']) {
    const other = await node(name);
    nodes.push(other);
    send(hub, other, 'hello');
    await until(() => other.received.length === 1);
  }
  expect(hub.connections.connectionCount).toBe(3);
  const [a, b] = nodes as [Node, Node];
  await until(() => a.connections.connectionCount === 0);
  expect(b.connections.connectionCount).toBe(1);
  const { wire } = (network as WebsocketNetwork).open();
  for (let count = 0; count < 10; count++)
    await new Promise<void>((resolve, reject) => wire.dial(hub.address, 5_000, { opened: () => resolve(), failed: reject }));
  await until(() => (hub.connections.refusals().get('NEXUS_CONNECTIONS_TOO_MANY') ?? 0) >= 9);
  // Of the nodes one at most made room.
  expect(nodes.filter(({ connections }) => connections.connectionCount === 1).length).toBeGreaterThanOrEqual(2);
  send(hub, a, 'once more');
  await until(() => a.received.length === 2);
});

test('addresses that do not answer make room before nodes that do', async () => {
  const hub = await node('hub', { limits: { connectionsMax: 8 } });
  const others = [await node('a'), await node('b')];
  for (const other of others) send(hub, other, 'hello');
  await until(() => others.every(({ received }) => received.length === 1));
  // Documentation addresses: nobody is there, and nobody says so.
  for (let index = 1; index <= 40; index++) hub.connections.send({ host: `192.0.2.${index}`, port: 9 }, Buffer.from('anybody?'));
  expect(others.map(({ connections }) => connections.connectionCount)).toEqual([1, 1]);
  for (const other of others) send(hub, other, 'again');
  await until(() => others.every(({ received }) => received.length === 2));
  expect(others.map(({ accepted }) => accepted.length)).toEqual([1, 1]);
});

test('a node that says it listens where another one does gets nothing of what is sent there', async () => {
  const [hub, a] = [await node('hub'), await node('a')];
  send(hub, a, 'one');
  await until(() => a.received.length === 1);
  const { wire } = (network as WebsocketNetwork).open();
  const stolen: string[] = [];
  const thief = await openControlConnections({
    wire: {
      // It says the port of the other one.
      listen: async () => ({ address: a.address, close: async () => undefined }),
      dial: (...dial) => wire.dial(...dial),
      close: () => wire.close(),
    },
    clock: systemClock,
    options: resolveClusterOptions({ name: 'test', node: 'thief', listen: { port: 0 } }) as ResolvedCluster,
    advertise: HOST,
    events: { received: (_from, bytes) => stolen.push(Buffer.from(bytes).toString()), refused: () => undefined },
  });
  opened.push(thief);
  thief.send(hub.address, Buffer.from('I am a'));
  await until(() => hub.received.length === 1);
  send(hub, a, 'two');
  await until(() => a.received.length === 2 || stolen.length > 0);
  expect([stolen, hub.senders]).toEqual([[], ['thief']]);
});

test('a stranger gets no memory for messages, which are not for control connections', async () => {
  const hub = await node('hub');
  const peer = new RawPeer({ purpose: 'control', address: { host: HOST, port: 9 } });
  const { wire } = (network as WebsocketNetwork).open();
  wire.dial(hub.address, 5_000, {
    opened(connection) {
      connection.listen({
        received(welcome) {
          // After it comes what was wrong.
          if (peer.node !== undefined) return;
          connection.send(peer.confirm(welcome), 'ordered');
          connection.send(peer.fragment({ total: 67_108_864, offset: 0, chunk: new Uint8Array(100) }), 'ordered');
        },
        drained: () => undefined,
        closed: () => undefined,
      });
      connection.send(peer.hello(), 'ordered');
    },
    failed: (error) => expect.unreachable(error.message),
  });
  await until(() => hub.connections.refusals().get('NEXUS_FRAME_INVALID') === 1);
  expect(hub.connections.connectionCount).toBe(0);
});

test('what is no host is an address where nobody is', async () => {
  const hub = await node('hub');
  for (const host of ['a\nb', '日本', 'a\0b', ' ']) hub.connections.send({ host, port: 9 }, Buffer.from('anybody?'));
  await until(() => hub.connections.droppedDatagrams === 4);
});

test('a connection that nobody uses is closed, and opened again when it is needed', async () => {
  const manual = createManualClock();
  const [a, b] = [await node('a', { clock: manual, limits: { idleMs: 1_000 } }), await node('b')];
  send(a, b, 'one');
  await until(() => b.received.length === 1);
  await manual.advance(900);
  send(a, b, 'two');
  await manual.advance(900);
  await until(() => b.received.length === 2);
  expect(a.connections.connectionCount).toBe(1);
  await manual.advance(2_000);
  await until(() => a.connections.connectionCount === 0 && b.connections.connectionCount === 0);
  send(a, b, 'three');
  await until(() => b.received.length === 3);
});

test('a connection over which nothing comes back is replaced', async () => {
  const manual = createManualClock();
  const [a, b] = [await node('a', { clock: manual }), await node('b')];
  send(a, b, 'one');
  await until(() => b.received.length === 1);
  await manual.advance(3_001);
  send(a, b, 'two');
  await until(() => b.received.length === 2);
  expect(b.accepted.length).toBe(2);
  send(b, a, 'answer');
  await until(() => a.received.length === 1);
  await manual.advance(3_001);
  send(a, b, 'three');
  await until(() => b.received.length === 3);
  expect(b.accepted.length).toBe(2);
});

test('when a connection breaks, the next datagram opens another one', async () => {
  const [a, b] = [await node('a'), await node('b')];
  send(a, b, 'one');
  await until(() => b.received.length === 1);
  for (const connection of b.accepted) connection.terminate();
  await until(() => a.connections.connectionCount === 0);
  expect(a.refused).toEqual([]);
  await until(() => (send(a, b, 'two'), b.received.length > 1));
});

test('with TLS a node must have the name of its certificate', async () => {
  const [a, b] = [await node('node-a', { tls: true }), await node('node-b', { tls: true })];
  send(a, b, 'hello');
  await until(() => b.received.length === 1);
  const { wire } = (network as WebsocketNetwork).open('node-b');
  const pretends = await openControlConnections({
    wire,
    clock: systemClock,
    options: resolveClusterOptions({ name: 'test', node: 'x', listen: { port: 0 } }) as ResolvedCluster,
    advertise: HOST,
    self: () => ({ name: 'node-c', incarnation: 1 }),
    events: { received: () => undefined, refused: () => undefined },
  });
  opened.push(pretends);
  pretends.send(a.address, Buffer.from('I am node-c'));
  await until(() => a.connections.refusals().get('NEXUS_HANDSHAKE_REFUSED') === 1);
  expect(a.received).toEqual([]);
});
