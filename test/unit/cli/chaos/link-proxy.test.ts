/** The proxy between nodes: who dials is read from the handshake, and each direction is held, delayed, damaged, narrowed or let through as it is told. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { GOOD_STREAM, type StreamConditions } from '../../../../dist/ts-src/cli/chaos/network.js';
import { LinkProxy } from '../../../../dist/ts-src/cli/chaos/proxy/link-proxy.js';
import { decodeHandshake } from '../../../../dist/ts-src/protocols/wire/handshake-messages.js';
import { until } from '../../../until.js';
import { freePort } from '../../../integration/free-port.js';
import { RawPeer } from '../../protocols/wire/raw-peer.js';

/** What came, with when. */
interface Received {
  readonly bytes: Buffer[];
  readonly socket: Socket;
  isEnded: boolean;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

/** An echo behind a proxy, where node 1 dials node 2. */
async function proxied(
  random: () => number = () => 0.5,
): Promise<{ readonly proxy: LinkProxy; readonly port: number; dial(): Promise<Received>; readonly there: Received[] }> {
  const there: Received[] = [];
  const node = createServer({ allowHalfOpen: true }, (socket) => {
    const received: Received = { bytes: [], socket, isEnded: false };
    there.push(received);
    socket.on('data', (chunk) => {
      received.bytes.push(chunk);
      socket.write(chunk);
    });
    socket.on('end', () => {
      received.isEnded = true;
      socket.end();
    });
    socket.on('error', () => undefined);
  });
  const target = { host: '127.0.0.1', port: await listen(node) };
  const proxy = new LinkProxy(random);
  const port = await freePort();
  await proxy.listen([{ host: '127.0.0.1', port, target, to: 2, from: 1 }]);
  onTestFinished(() => {
    proxy.close();
    node.close();
  });
  const dial = (): Promise<Received> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      const received: Received = { bytes: [], socket, isEnded: false };
      socket.on('data', (chunk) => received.bytes.push(chunk)).on('error', () => undefined);
      socket.on('end', () => (received.isEnded = true));
      socket.once('connect', () => resolve(received));
    });
  return { proxy, port, dial, there };
}

const set = (proxy: LinkProxy, from: number, to: number, conditions: Partial<StreamConditions>) =>
  proxy.set({ from, to, conditions: { ...GOOD_STREAM, ...conditions } });
const text = ({ bytes }: Received): string => Buffer.concat(bytes).toString();

test('what is sent over a cut link comes when it has healed, its end as well; the other direction goes on', async () => {
  const { proxy, dial, there } = await proxied();
  const caller = await dial();
  caller.socket.write('one');
  await until(() => text(caller) === 'one');
  set(proxy, 1, 2, { isHeld: true });
  caller.socket.end('two');
  there[0]?.socket.write('other way');
  await until(() => text(caller) === 'oneother way');
  expect([text(there[0] as Received), there[0]?.isEnded]).toEqual(['one', false]);
  set(proxy, 1, 2, {});
  await until(() => there[0]?.isEnded === true);
  expect(text(there[0] as Received)).toBe('onetwo');
  await until(() => caller.isEnded);
});

test('a link takes the time that it is told, and carries no more bytes than it is told', async () => {
  const { proxy, dial } = await proxied();
  set(proxy, 1, 2, { delayMs: { from: 80, to: 120 } });
  const caller = await dial();
  let startedMs = performance.now();
  caller.socket.write('late');
  await until(() => text(caller) === 'late');
  expect(performance.now() - startedMs).toBeGreaterThan(95);
  set(proxy, 1, 2, { bytesPerSecond: 100_000 });
  startedMs = performance.now();
  caller.socket.write(Buffer.alloc(20_000));
  await until(() => text(caller).length === 20_004);
  expect(performance.now() - startedMs).toBeGreaterThan(190);
});

test('what is lost comes after the time of a retransmission, and bits are flipped in a share', async () => {
  // The place within the delay, lost, not lost again.
  const drawn = [0.5, 0.05];
  const { proxy, dial, there } = await proxied(() => drawn.shift() ?? 0.5);
  set(proxy, 1, 2, { loss: 0.1, corruption: 0.6 });
  const caller = await dial();
  const startedMs = performance.now();
  caller.socket.write('lost');
  await until(() => there[0] !== undefined && text(there[0]).length === 4);
  expect(performance.now() - startedMs).toBeGreaterThan(190);
  expect(text(there[0] as Received)).not.toBe('lost');
  const flipped = Buffer.concat((there[0] as Received).bytes).map((byte, index) => byte ^ ('lost'.charCodeAt(index) as number));
  expect([...flipped].map((byte) => byte.toString(2).replace(/0/g, '').length).reduce((a, b) => a + b)).toBe(1);
});

test('a connection that is reset is reset on the other side, and a node that does not listen refuses', async () => {
  const { dial, there } = await proxied();
  const caller = await dial();
  caller.socket.write('one');
  await until(() => there.length === 1);
  const closed = new Promise((resolve) => there[0]?.socket.once('close', resolve));
  caller.socket.resetAndDestroy();
  await closed;
  const proxy = new LinkProxy(() => 0.5);
  const port = await freePort();
  await proxy.listen([{ host: '127.0.0.1', port, target: { host: '127.0.0.1', port: await freePort() }, to: 2, from: 1 }]);
  onTestFinished(() => proxy.close());
  const refused = connect({ host: '127.0.0.1', port });
  refused.on('error', () => undefined);
  await new Promise((resolve) => refused.once('close', resolve));
});

const nameIn = (frame: Buffer): string | undefined => {
  const message = decodeHandshake(frame);
  return message.type === 'hello' ? message.introduction.identity.name : undefined;
};

test('who dials is read from the handshake where addresses do not say it', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  const frames: Buffer[] = [];
  server.on('connection', (webSocket) => webSocket.on('message', (frame) => frames.push(frame as Buffer)));
  const proxy = new LinkProxy(() => 0.5);
  const port = await freePort();
  await proxy.listen([{ host: '127.0.0.1', port, target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port }, to: 2, from: undefined }]);
  onTestFinished(() => {
    proxy.close();
    server.close();
    for (const client of server.clients) client.terminate();
  });
  const dial = (name: string): Promise<WebSocket> =>
    new Promise((resolve) => {
      const webSocket = new WebSocket(`ws://127.0.0.1:${port}/nexus`, { generateMask: (mask) => mask.fill(7) });
      webSocket.on('error', () => undefined);
      webSocket.once('open', () => {
        webSocket.send(new RawPeer({ identity: { name, incarnation: 1 } }).hello());
        resolve(webSocket);
      });
    });
  set(proxy, 3, 2, { isHeld: true });
  const cut = await dial('n3');
  await dial('n1');
  await until(() => frames.length === 1);
  // That of n3 was sent before.
  expect(nameIn(frames[0] as Buffer)).toBe('n1');
  cut.send('more');
  set(proxy, 3, 2, {});
  await until(() => frames.length === 3);
  expect(frames.at(-1)?.toString()).toBe('more');
});
