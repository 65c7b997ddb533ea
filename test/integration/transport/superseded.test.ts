/** What was on its way on a connection that its sender has given up: it comes before what is sent next, or not at all. */
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../../dist/ts-src/adapters/system-clock.js';
import { openProcessLinks } from '../../../dist/bindings/process-links.js';
import { openTransport } from '../../../dist/ts-src/cluster/transport/session-transport.js';
import type { TransportSurroundings } from '../../../dist/ts-src/cluster/cluster-surroundings.js';
import type { TransportOptions } from '../../../dist/ts-src/cluster/transport/transport-options.js';
import type { NodeIdentity } from '../../../dist/ts-src/model/node-identity.js';
import type { Clock } from '../../../dist/ts-src/ports/clock.js';
import type { Transport } from '../../../dist/ts-src/ports/transport.js';
import { createManualClock, type ManualClock } from '../../../dist/ts-src/testing/manual-clock.js';
import { FrameType } from '../../../dist/ts-src/protocols/wire/frame-format.js';
import { decodeHandshake, FEATURE_SUPERSEDED } from '../../../dist/ts-src/protocols/wire/handshake-messages.js';
import type { CloseReason, WireConnection } from '../../../dist/ts-src/ports/wire.js';
import { RawPeer } from '../../unit/protocols/wire/raw-peer.js';
import { until } from '../../until.js';
import { type HandConnection, HandLinks, HandNetwork } from './hand-wire.js';

const A = { name: 'a', incarnation: 1 };
const B = { name: 'b', incarnation: 1 };
const CHANNEL = 1;
const STREAM = 5;
/** No frame: whoever gets it ends the session. */
const GARBAGE = Uint8Array.of(1, 2, 3);
const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const { reason: unavailableBecause } = openProcessLinks(0);

let transports: Transport[] = [];
let clock: ManualClock;

afterEach(async () => {
  const ended = Promise.all(transports.map((transport) => transport.close(0)));
  transports = [];
  await clock.advance(1);
  await ended;
});

/** A network, and nodes on it. */
function world(time?: Clock, options: Pick<TransportOptions, 'limits'> = {}) {
  clock = createManualClock();
  const network = new HandNetwork();
  const open = async (self: NodeIdentity, more: Pick<TransportSurroundings, 'sameHost'> = {}): Promise<Transport> => {
    const events = { opened: () => undefined, closed: () => undefined };
    const transport = await openTransport(
      { ...{ self: () => self, cluster: 'test', listen: { host: 'here', port: 0 }, logger, events }, ...options },
      { ...{ clock: time ?? clock, random: () => 0.5, wire: network.wire() }, ...more },
    );
    transports.push(transport);
    return transport;
  };
  return { network, open };
}

/** Two nodes that know each other, a of which sends. */
async function pair({ congestedBytes, time, sharesMemory = false }: { congestedBytes?: number; time?: Clock; sharesMemory?: boolean } = {}) {
  const { network, open } = world(time, congestedBytes === undefined ? {} : { limits: { congestedBytes } });
  const memory = { a: new HandLinks(), b: new HandLinks() };
  const linksOf = (hand: HandLinks) => {
    const { links } = sharesMemory ? openProcessLinks(20) : { links: undefined };
    return links === undefined ? {} : { sameHost: { links: hand.over(links) } };
  };
  const a = await open(A, linksOf(memory.a));
  const b = await open(B, linksOf(memory.b));
  const received: unknown[] = [];
  b.listen(CHANNEL, ({ value }) => received.push(value));
  a.admit(B, b.address);
  b.admit(A, a.address);
  const send = (value: unknown, stream = STREAM) => expect(a.send(B, 'normal', { channel: CHANNEL, value, stream })).toBe('accepted');
  const lost = () => a.statistics()[0]?.lostMessages;
  return { network, memory, send, received, lost };
}

test('what was on its way on a connection that its sender has given up is not handled after what was sent by the next one', async () => {
  const { network, send, received, lost } = await pair();
  send(0);
  await clock.advance(100);
  const [first] = network.connections as [HandConnection];
  first.toAcceptor.holdAfter(0);
  for (const value of [1, 2, 3]) send(value);
  await clock.advance(1);
  first.toDialler.inject(GARBAGE);
  for (const value of [4, 5]) send(value);
  await clock.advance(200);
  expect([network.connections.length, received, lost()]).toEqual([2, [0, 4, 5], 3]);
  first.toAcceptor.release();
  await clock.advance(200);
  send(6);
  await clock.advance(200);
  expect(received).toEqual([0, 4, 5, 6]);
});

test('what is there before what was sent by the next connection is handled, though its sender has given the connection up', async () => {
  const { network, send, received } = await pair();
  send(0);
  await clock.advance(100);
  const [first] = network.connections as [HandConnection];
  first.toAcceptor.holdAfter(0);
  send(1);
  await clock.advance(1);
  first.toDialler.inject(GARBAGE);
  send(2);
  first.toAcceptor.release();
  await clock.advance(200);
  expect(received).toEqual([0, 1, 2]);
});

test('a connection that is open beside the one that was given up takes what follows at once, and nothing of the other one comes after it', async () => {
  const { network, send, received, lost } = await pair({ congestedBytes: 1 });
  send('opens one');
  await clock.advance(100);
  for (const stream of [1, 2]) send(`one each of ${stream}`, stream);
  await clock.advance(100);
  expect([network.connections.length, received.length]).toEqual([2, 3]);
  for (const { toAcceptor } of network.connections) toAcceptor.holdAfter(0);
  send('held up');
  await clock.advance(1);
  const [used, other] = [...network.connections].sort((x, y) => y.toAcceptor.waiting - x.toAcceptor.waiting) as [HandConnection, HandConnection];
  other.toAcceptor.release();
  used.toDialler.inject(GARBAGE);
  send('next');
  await clock.advance(1);
  expect([network.connections.length, received.slice(3), lost()]).toEqual([2, ['next'], 1]);
  used.toAcceptor.release();
  await clock.advance(200);
  expect(received.slice(3)).toEqual(['next']);
});

test('a connection that is given up before the other side knows that it is open brings nothing any more after what was sent by the next one', async () => {
  const { network, send, received } = await pair();
  // The hello.
  network.passesToAcceptor = 1;
  send(1);
  await clock.advance(1);
  const [first] = network.connections as [HandConnection];
  // The confirmation, and the message with what else goes first.
  expect(first.toAcceptor.waiting).toBeGreaterThanOrEqual(2);
  network.passesToAcceptor = Number.POSITIVE_INFINITY;
  first.toDialler.inject(GARBAGE);
  send(2);
  await clock.advance(200);
  expect(received).toEqual([2]);
  first.toAcceptor.release();
  await clock.advance(200);
  expect(received).toEqual([2]);
});

test('several connections that were given up one after the other are told on each that follows', async () => {
  const { network, send, received, lost } = await pair();
  for (let attempt = 0; attempt < 3; attempt++) {
    // The handshake is done on both sides.
    network.passesToAcceptor = 2;
    send(attempt);
    await clock.advance(1_000);
    network.connections[attempt]?.toDialler.inject(GARBAGE);
  }
  network.passesToAcceptor = Number.POSITIVE_INFINITY;
  send('arrives');
  await clock.advance(1_000);
  expect([network.connections.length, received, lost()]).toEqual([4, ['arrives'], 3]);
  for (const { toAcceptor } of network.connections) toAcceptor.release();
  await clock.advance(1_000);
  expect(received).toEqual(['arrives']);
});

/** A connection of a peer made by hand, with what has come on it. */
function rawSide(connection: WireConnection): { readonly send: (bytes: Uint8Array) => void; readonly received: Uint8Array[]; readonly ends: CloseReason[] } {
  const received: Uint8Array[] = [];
  const ends: CloseReason[] = [];
  connection.listen({ received: (bytes) => received.push(bytes), drained: () => undefined, closed: (reason) => ends.push(reason) });
  return { send: (bytes) => connection.send(bytes, 'ordered'), received, ends };
}

test('a session that is not open yet cannot have been ended by the other side: who names it ends nothing, and what waits in it goes', async () => {
  const { network, open } = world();
  const a = await open(A);
  const wire = network.wire();
  const called: ReturnType<typeof rawSide>[] = [];
  const { address } = await wire.listen({ host: 'here', port: 0 }, (connection) => called.push(rawSide(connection)));
  a.admit(B, address);
  const [caller, answerer] = [0x55, 0x66].map((nonce) => new RawPeer({ identity: B, features: FEATURE_SUPERSEDED }, nonce)) as [RawPeer, RawPeer];
  const first = await new Promise<ReturnType<typeof rawSide>>((resolve, failed) => {
    wire.dial(a.address, 1000, { opened: (connection) => resolve(rawSide(connection)), failed });
  });
  first.send(caller.hello());
  await clock.advance(1);
  first.send(caller.confirm(first.received[0] as Uint8Array));
  await clock.advance(1);

  // The lane has no connection of its own yet.
  for (const lane of ['normal', 'bulk'] as const) expect(a.send(B, lane, { channel: CHANNEL, value: lane, stream: STREAM })).toBe('accepted');
  await clock.advance(1);
  expect(called.length).toBe(1);
  const [second] = called as [ReturnType<typeof rawSide>];
  const hello = decodeHandshake(second.received[0] as Uint8Array);
  if (hello.type !== 'hello') throw new Error('it has not dialled');
  first.send(caller.frame(FrameType.superseded, hello.introduction.nonce));
  await clock.advance(1);
  second.send(answerer.welcome(second.received[0] as Uint8Array));
  await clock.advance(1);
  expect(second.received.map(([type]) => type)).toContain(FrameType.batch);
  expect([a.statistics()[0]?.connections, a.statistics()[0]?.lostMessages]).toEqual([2, 0]);
});

test.skipIf(unavailableBecause !== undefined)(
  'shared memory that takes the place of a connection which was given up is followed by nothing of it',
  async () => {
    const { network, send, received, lost } = await pair({ time: systemClock, sharesMemory: true });
    const [a] = transports as [Transport];
    network.passesToAcceptor = 2;
    send('held up');
    await until(() => a.statistics()[0]?.sharedMemory === true);
    const [first] = network.connections as [HandConnection];
    send('by memory');
    expect(received).toEqual([]);
    first.toDialler.inject(GARBAGE);
    await until(() => received.length === 1);
    first.toAcceptor.release();
    send('last');
    await until(() => received.includes('last'));
    expect([received, lost()]).toEqual([['by memory', 'last'], 1]);
  },
);

test.skipIf(unavailableBecause !== undefined)(
  'a connection that takes the place of shared memory which was given up is followed by nothing of it',
  async () => {
    const { memory, send, received } = await pair({ time: systemClock, sharesMemory: true });
    const [a] = transports as [Transport];
    send('over the network');
    await until(() => a.statistics()[0]?.sharedMemory === true && received.length === 1);
    send('by memory');
    await until(() => received.length === 2);
    memory.b.hold();
    send('held up');
    // It is in the memory, and the other side knows: nothing else is sent there.
    await until(() => memory.b.held > 0);
    memory.a.inject(1, GARBAGE);
    send('next');
    await until(() => received.length === 3);
    memory.b.release();
    send('last');
    await until(() => received.includes('last'));
    expect(received).toEqual(['over the network', 'by memory', 'next', 'last']);
  },
);
