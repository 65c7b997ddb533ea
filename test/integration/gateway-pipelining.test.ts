/** Many requests of one connection at once, and headers that are read in two ways. */
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type Gateway, startGateway } from '../../dist/ts-src/gateway/index.js';
import { type AgentRef, createNexus, type Nexus } from '../../dist/ts-src/index.js';
import { http, json, raw, until } from '../fixtures/gateway-client.mjs';

const agents = new URL('../fixtures/gateway-agents.mjs', import.meta.url);
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
/** Of one connection, as docs/gateway.md says. */
const SERVED_MAX = 16;
let nexus: Nexus;
let gateway: Gateway;
let client: Socket | undefined;

afterEach(async () => {
  client?.destroy();
  await gateway.stop({ deadlineMs: 0 });
  await nexus.stop({ deadlineMs: 200 });
});

async function start(): Promise<void> {
  nexus = await createNexus({ agents: [agents], threads: 1, messages: { askTimeoutMs: 60_000 }, logger: quiet });
  gateway = await startGateway(nexus, { port: 0, logger: quiet });
  await json(`${gateway.url}/agents/gate`, 'PUT', { kind: 'gate' });
}

/** Asks the gate past the gateway. */
const gate = (action: string): Promise<unknown> => (nexus.find('gate') as AgentRef).ask(action as never) as Promise<unknown>;
const hold = (index: number): string => `POST /agents/s${index}/hold HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const handled = (received: string): number => received.split('HTTP/1.1 200 ').length - 1;

test('of the requests that one connection sends at once only so many are served at a time, and all are answered in order', async () => {
  await start();
  const count = 40;
  for (let index = 0; index < count; index++) await json(`${gateway.url}/agents/s${index}`, 'PUT', { kind: 'slow' });
  let received = '';
  client = connect(gateway.port, '127.0.0.1').setEncoding('utf8');
  client.on('data', (chunk) => (received += chunk));
  client.write(Array.from({ length: count }, (_, index) => hold(index)).join(''));
  for (let served = 0; served < count; served += SERVED_MAX) {
    const expected = Math.min(SERVED_MAX, count - served);
    await until(`${expected} held`, async () => (await gate('held')) === expected);
    // Other connections are served meanwhile, and no more of this one.
    for (let turn = 0; turn < 20; turn++) expect((await http(`${gateway.url}/health`)).status).toBe(200);
    expect(await gate('held')).toBe(expected);
    await gate('open');
    await until('their answers', () => handled(received) === served + expected);
  }
  // A body behind them is read when its turn comes.
  const body = JSON.stringify({ kind: 'slow' });
  client.write(`${hold(0)}PUT /agents/last HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`);
  await until('held', async () => (await gate('held')) === 1);
  client.write(body);
  await gate('open');
  await until('made', () => received.includes('HTTP/1.1 201 '));
});

test('nothing more is read from a connection whose requests wait', async () => {
  await start();
  for (let index = 0; index < SERVED_MAX; index++) await json(`${gateway.url}/agents/s${index}`, 'PUT', { kind: 'slow' });
  const socket = connect(gateway.port, '127.0.0.1');
  client = socket;
  socket.on('error', () => undefined).resume();
  socket.write(Array.from({ length: SERVED_MAX }, (_, index) => hold(index)).join(''));
  // More than the buffers of both sides hold.
  socket.write(Buffer.from('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(800_000)));
  await until('all held', async () => (await gate('held')) === SERVED_MAX);
  for (let turn = 0; turn < 200; turn++) expect((await http(`${gateway.url}/health`)).status).toBe(200);
  expect(socket.writableLength).toBeGreaterThan(0);
  await gate('open');
  socket.destroy();
  await until('it is over', async () => (await json(`${gateway.url}/agents/s0`)).status === 200);
});

test('a request with two Host headers is refused', async () => {
  await start();
  const request = (headers: string): Promise<string> => raw(gateway.port, `GET /kinds HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`);
  expect(await request('Host: localhost')).toMatch(/^HTTP\/1\.1 200 /);
  for (const headers of ['Host: localhost\r\nHost: evil.example', 'Host: localhost\r\nhOST: localhost', 'Host: evil.example\r\nHost: localhost'])
    expect(await request(headers)).toMatch(/^HTTP\/1\.1 400 .*GATEWAY_REQUEST_INVALID/s);
});
