/** The console over HTTP and WebSockets: routes, limits, who may do what, and its end with the gateway. */
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { expect, onTestFinished, test } from 'vitest';
import { type ConsoleOptions, type Gateway, type GatewayOptions, startGateway } from '../../dist/ts-src/gateway/index.js';
import { createNexus, type Nexus } from '../../dist/ts-src/index.js';
import { http, json } from '../fixtures/gateway-client.mjs';
import { recorder } from '../start-nexus.js';
import { until } from '../until.js';

const TOKEN = 'the-token-of-this-test';
const town = new URL('../fixtures/console-town.mjs', import.meta.url);

interface World {
  readonly nexus: Nexus;
  readonly gateway: Gateway;
  readonly url: string;
  readonly logger: ReturnType<typeof recorder>;
}

async function start(console?: boolean | ConsoleOptions, options: GatewayOptions = {}): Promise<World> {
  const logger = recorder();
  const nexus = await createNexus({ agents: [town], threads: 1, logger });
  const gateway = await startGateway(nexus, { port: 0, logger, ...(console === undefined ? {} : { console }), ...options });
  onTestFinished(async () => {
    await gateway.stop({ deadlineMs: 0 });
    await nexus.stop({ deadlineMs: 500 });
  });
  return { nexus, gateway, url: gateway.url, logger };
}

const spawn = (nexus: Nexus, kind: string, id: string) => nexus.spawn({ kind } as never, { id } as never);

/** A WebSocket that keeps what it is sent. */
function socket(url: string, path: string, headers: Record<string, string> = {}) {
  const own = new WebSocket(`${url.replace('http', 'ws')}${path}`, { headers, perMessageDeflate: false });
  const messages: {
    type: string;
    sequence?: number;
    snapshot?: { periodMs: number };
    message?: { action: string; outcome: string };
    count?: number;
    actions?: string[];
  }[] = [];
  own.on('message', (data) => messages.push(JSON.parse(String(data))));
  own.on('error', () => undefined);
  const refused = new Promise<number | undefined>((resolve) => {
    own.once('unexpected-response', (_request, response) => {
      resolve(response.statusCode);
      response.destroy();
    });
    own.once('open', () => resolve(undefined));
  });
  const closed = new Promise<string>((resolve) => own.once('close', (code, reason) => resolve(`${code} ${reason}`)));
  onTestFinished(() => own.terminate());
  return { own, messages, refused, closed };
}

const code = (answer: { status: number; body: { error: { code: string } } }): string => `${answer.status} ${answer.body.error.code}`;
const act = (url: string, id: string, action: string, token?: string) =>
  http(`${url}/console/agents/${encodeURIComponent(id)}/${action}`, {
    method: 'POST',
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  }).then((answer) => ({
    status: answer.status,
    headers: answer.headers,
    body: JSON.parse(answer.text),
  }));

test('every answer of the console carries a strict content security policy, and the page refers to nothing else', async () => {
  const { url } = await start();
  const page = await http(`${url}/console`);
  expect([page.status, page.headers['content-type'], page.headers['cache-control']]).toEqual([200, 'text/html; charset=utf-8', 'no-cache']);
  const assets = [...page.text.matchAll(/(?:src|href)="(console\/assets\/[^"]+)"/g)].map((match) => `/${match[1]}`);
  expect(assets.length).toBeGreaterThan(10);
  expect(page.text).not.toMatch(/<style|style=|https?:|<script(?![^>]*src=)|\bon\w+=/);
  const paths = [
    '/console',
    ...assets,
    '/console/',
    '/console/snapshot',
    '/console/tree',
    '/console/agents',
    '/console/agents/none',
    '/console/nothing',
    '/console/live',
    '/console?x=1',
  ];
  for (const path of paths) {
    const { headers, status } = await http(`${url}${path}`);
    expect([path, headers['content-security-policy'], headers['x-content-type-options'], headers['referrer-policy']]).toEqual([
      path,
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
      'nosniff',
      'no-referrer',
    ]);
    if (assets.includes(path)) expect([status, headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
  }
  const again = await http(`${url}/console`, { headers: { 'if-none-match': page.headers['etag'] as string } });
  expect([again.status, again.text, again.headers['etag']]).toEqual([304, '', page.headers['etag']]);
  expect((await http(`${url}/console/`)).headers.location).toBe('../console');
  expect((await http(`${url}/console/assets/another/main.js`)).status).toBe(404);
  expect((await http(`${url}${assets[0]}/../../../../../package.json`)).status).toBe(404);
  expect((await http(`${url}/console/assets/${assets[0]?.split('/')[3]}/..%2f..%2fgateway%2fgateway.js`)).status).toBe(404);
});

test('the flight record is a file, where the nexus writes one', async () => {
  const { nexus, url } = await start();
  const record = Uint8Array.from({ length: 256 }, (_, index) => index);
  const recording = new Proxy(nexus, {
    get(target, name) {
      if (name === 'flightRecord') return () => record;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const gateway = await startGateway(recording, { port: 0, logger: recorder() });
  onTestFinished(async () => void (await gateway.stop({ deadlineMs: 0 })));
  const answer = await fetch(`${gateway.url}/console/flight`);
  expect([answer.status, answer.headers.get('content-type'), answer.headers.get('content-disposition')]).toEqual([
    200,
    'application/octet-stream',
    `attachment; filename="nexus-${process.pid}.flight"`,
  ]);
  expect(new Uint8Array(await answer.arrayBuffer())).toEqual(record);
  const { messages } = socket(gateway.url, '/console/live');
  await until(() => messages.length > 0);
  expect(messages[0]).toMatchObject({ type: 'hello', hasFlightRecord: true });
  if (typeof (nexus as unknown as { flightRecord?: unknown }).flightRecord !== 'function') expect((await http(`${url}/console/flight`)).status).toBe(404);
});

test('a gateway without a console serves nothing below its path', async () => {
  const { url } = await start(false);
  for (const path of ['/console', '/console/snapshot', '/console/agents']) expect(code(await json(`${url}${path}`))).toBe('404 GATEWAY_ROUTE_UNKNOWN');
  expect(await socket(url, '/console/live').refused).toBe(404);
});

test('one snapshot, agents by kind and prefix, one agent, and the tree below one come as JSON', async () => {
  const { url, nexus } = await start();
  for (const id of ['cart-1', 'cart-2', 'other', 'a/b?c#d%&ü👍']) await spawn(nexus, 'cart', id);
  await spawn(nexus, 'desk', 'the-desk');
  const snapshot = await json(`${url}/console/snapshot`);
  expect(snapshot.status).toBe(200);
  expect(snapshot.body.periodMs).toBeGreaterThan(0);
  expect(snapshot.body.agents.live).toBe(8);
  const ids = async (query: string) => (await json(`${url}/console/agents${query}`)).body.agents.map(({ id }: { id: string }) => id);
  expect(await ids('?prefix=cart-')).toEqual(['cart-1', 'cart-2']);
  expect(await ids('?kind=desk')).toEqual(['the-desk']);
  const first = (await json(`${url}/console/agents?limit=1&prefix=cart-`)).body;
  expect([first.agents.length, first.next, await ids(`?limit=1&prefix=cart-&after=${first.next}`)]).toEqual([1, 'cart-1', ['cart-2']]);
  const agent = await json(`${url}/console/agents/${encodeURIComponent('a/b?c#d%&ü👍')}`);
  expect(agent.body).toMatchObject({ id: 'a/b?c#d%&ü👍', kind: 'cart', status: 'ready', groups: ['carts', 'shop-floor'] });
  const tree = (await json(`${url}/console/tree?depthMax=1`)).body;
  expect(tree.threads[1].agents.find(({ id }: { id: string }) => id === 'the-desk')).toMatchObject({ omitted: 3, children: [] });
  const below = (await json(`${url}/console/tree?root=the-desk`)).body.root;
  expect(below.children.map(({ id }: { id: string }) => id)).toEqual(['desk-orders', 'desk-payment', 'desk-stock']);
  expect(code(await json(`${url}/console/agents/nobody`))).toBe('404 NEXUS_AGENT_NOT_FOUND');
  expect(code(await json(`${url}/console/tree?root=nobody`))).toBe('404 NEXUS_AGENT_NOT_FOUND');
  expect(code(await json(`${url}/console/agents?kind=nothing`))).toBe('422 NEXUS_KIND_UNKNOWN');
  expect(code(await json(`${url}/console/agents?limit=5000`))).toBe('422 GATEWAY_QUERY_INVALID');
  expect(code(await json(`${url}/console/agents/${'x'.repeat(1025)}`))).toBe('422 GATEWAY_ID_INVALID');
  expect(code(await json(`${url}/console/live`))).toBe('426 GATEWAY_WEBSOCKET_REQUIRED');
});

test('nothing is done without the token of the console, and every attempt is logged', async () => {
  const { url, nexus, logger } = await start({ token: TOKEN });
  const agent = await spawn(nexus, 'cart', 'c');
  for (const action of ['pause', 'resume', 'stop']) {
    expect([code(await act(url, 'c', action)), code(await act(url, 'c', action, `${TOKEN}x`)), code(await act(url, 'c', action, TOKEN.slice(1)))]).toEqual(
      Array(3).fill('401 GATEWAY_TOKEN_INVALID'),
    );
  }
  expect((await act(url, 'c', 'stop')).headers['www-authenticate']).toBe('Bearer');
  expect([(await nexus.inspect('c')).status, nexus.find('c')?.equals(agent as never)]).toEqual(['ready', true]);
  const refusals = logger.lines.filter(({ message }) => message.startsWith('an action of the console was refused'));
  expect(refusals[0]).toMatchObject({ level: 'warn', data: { action: 'pause', id: 'c', remoteAddress: '127.0.0.1' } });
  expect(JSON.stringify(logger.lines)).not.toContain(TOKEN);

  expect((await act(url, 'c', 'pause', TOKEN)).body).toEqual({ id: 'c', kind: 'cart', action: 'pause', done: true });
  expect((await nexus.inspect('c')).status).toBe('paused');
  expect((await act(url, 'c', 'resume', TOKEN)).status).toBe(200);
  expect((await nexus.inspect('c')).status).toBe('ready');
  expect((await act(url, 'c', 'stop', TOKEN)).status).toBe(200);
  expect(nexus.find('c')).toBeUndefined();
  expect(code(await act(url, 'c', 'stop', TOKEN))).toBe('404 NEXUS_AGENT_NOT_FOUND');
  const done = logger.lines.filter(({ message }) => message === 'an action of the console');
  expect(done.map(({ data }) => [data['action'], data['id'], data['remoteAddress']])).toEqual([
    ['pause', 'c', '127.0.0.1'],
    ['resume', 'c', '127.0.0.1'],
    ['stop', 'c', '127.0.0.1'],
  ]);
});

test('a console without a token is read-only and says how to change that, one with some actions allows no others', async () => {
  const readOnly = await start();
  await spawn(readOnly.nexus, 'cart', 'c');
  const answer = await act(readOnly.url, 'c', 'stop', TOKEN);
  expect([code(answer), /NEXUS_CONSOLE_TOKEN/.test(answer.body.error.message)]).toEqual(['403 GATEWAY_ACTION_REFUSED', true]);
  expect(readOnly.nexus.find('c')).toBeDefined();
  const some = await start({ token: TOKEN, actions: ['pause'] });
  await spawn(some.nexus, 'cart', 'c');
  expect([(await act(some.url, 'c', 'pause', TOKEN)).status, code(await act(some.url, 'c', 'stop', TOKEN))]).toEqual([200, '403 GATEWAY_ACTION_REFUSED']);
  expect((await json(`${some.url}/console/agents/c/pause`)).status).toBe(405);
});

test('snapshots come over a WebSocket, in order, at the interval that was asked for', async () => {
  const { url, nexus } = await start({ token: TOKEN, actions: ['pause'] });
  await spawn(nexus, 'cart', 'c');
  const { messages, own } = socket(url, '/console/live?intervalMs=250');
  await until(() => messages.length >= 5);
  expect(messages[0]).toMatchObject({ type: 'hello', intervalMs: 250, actions: ['pause'] });
  expect(messages.slice(1, 5).map(({ type, sequence }) => [type, sequence])).toEqual([1, 2, 3, 4].map((number) => ['snapshot', number]));
  expect(messages.slice(2, 5).every(({ snapshot }) => (snapshot?.periodMs ?? 0) > 0)).toBe(true);
  own.close();
  expect(await socket(url, '/console/live?intervalMs=1').refused).toBe(422);
  expect(await socket(url, '/console/live?interval=1000').refused).toBe(422);
});

test('the messages of one agent are followed over a WebSocket until it ends', async () => {
  const { url, nexus } = await start();
  const agent = await spawn(nexus, 'cart', 'f/1');
  const { messages, closed } = socket(url, `/console/follow?id=${encodeURIComponent('f/1')}`);
  await until(() => messages.some(({ type }) => type === 'following'));
  await (agent.ask as unknown as (action: string, input: unknown) => Promise<unknown>).call(agent, 'add', { article: 'x' });
  await until(() => messages.some(({ type }) => type === 'message'));
  expect(messages.find(({ type }) => type === 'message')?.message).toMatchObject({ action: 'add', outcome: 'handled' });
  await agent.stop();
  expect(await closed).toBe('1001 the agent has ended');
  expect(messages.at(-1)).toEqual({ type: 'ended' });
  expect(await socket(url, '/console/follow?id=nobody').closed).toMatch(/^1001 .*no agent/);
  expect(await socket(url, '/console/follow').refused).toBe(422);
});

test('a page of another site opens no WebSocket of the console', async () => {
  const { url, gateway } = await start();
  const { port } = gateway;
  expect(await socket(url, '/console/live', { origin: 'http://evil.example' }).refused).toBe(403);
  expect(await socket(url, '/console/live', { origin: `http://127.0.0.1:${port + 1}` }).refused).toBe(403);
  expect(await socket(url, '/console/live', { origin: 'null' }).refused).toBe(403);
  expect(await socket(url, '/console/live', { host: 'evil.example', origin: 'http://evil.example' }).refused).toBe(403);
  expect(await socket(url, '/console/live', { origin: `http://127.0.0.1:${port}` }).refused).toBeUndefined();
  // The rules of the host guard are off where the gateway is for everybody; this one is not.
  const open = await start(true, { host: '0.0.0.0' });
  expect(await socket(open.url, '/console/live', { origin: 'http://evil.example' }).refused).toBe(403);
  expect(await socket(open.url, '/console/live', { host: 'nexus.example', origin: 'https://nexus.example' }).refused).toBeUndefined();
  expect((await http(`${open.url}/metrics`)).text).toContain('nexus_security_violations_total{reason="origin"} 1\n');
});

test('what asks for a WebSocket and is none is told so, with the headers of the console', async () => {
  const { url } = await start();
  const asked = await http(`${url}/console/live`, { headers: { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' } });
  expect([code({ status: asked.status, body: JSON.parse(asked.text) }), asked.headers['x-content-type-options']]).toEqual([
    '400 GATEWAY_REQUEST_INVALID',
    'nosniff',
  ]);
  const refused = await http(`${url}/console/live`, { headers: { connection: 'upgrade', upgrade: 'websocket', origin: 'http://evil.example' } });
  expect([refused.status, String(refused.headers['content-security-policy']).startsWith("default-src 'none'")]).toEqual([403, true]);
});

test('a connection whose WebSocket was refused is closed, also when its client keeps its side open', async () => {
  const { gateway } = await start();
  const head = 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n';
  const closed = ['Origin: http://elsewhere.example\r\n', 'Sec-WebSocket-Key: short\r\n'].map(async (line) => {
    const stream = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void stream.destroy());
    const answer = new Promise<string>((resolve) => stream.once('data', (data) => resolve(String(data))));
    stream.write(`GET /console/live HTTP/1.1\r\nHost: localhost\r\n${line}${head}and more`);
    return (await answer).slice(0, 12);
  });
  expect(await Promise.all(closed)).toEqual(['HTTP/1.1 403', 'HTTP/1.1 400']);
  // Resolves when no connection is left.
  expect(await gateway.stop({ deadlineMs: 0 })).toEqual({ complete: true, aborted: 0 });
}, 10_000);

test('there are no more WebSockets of the console than its option allows, and one that ends makes room', async () => {
  const { url } = await start({ clientsMax: 2 });
  const first = socket(url, '/console/live');
  expect([await first.refused, await socket(url, '/console/live').refused, await socket(url, '/console/live').refused]).toEqual([undefined, undefined, 503]);
  first.own.terminate();
  await until(async () => (await socket(url, '/console/live').refused) === undefined);
});

test('a client of the console that sends anything, or too much, is cut off', async () => {
  const { url } = await start();
  const talking = socket(url, '/console/live');
  await talking.refused;
  talking.own.send('hello');
  expect(await talking.closed).toMatch(/^1008 /);
  const flooding = socket(url, '/console/live');
  await flooding.refused;
  flooding.own.send('x'.repeat(1000));
  expect(await flooding.closed).toMatch(/^1009 /);
  const live = socket(url, '/console/live');
  await until(() => live.messages.length > 1);
});

test('a client of the console that does not read holds up nobody and no memory', async () => {
  const { url } = await start();
  const stalled = socket(url, '/console/live?intervalMs=250');
  const reading = socket(url, '/console/live?intervalMs=250');
  await stalled.refused;
  (stalled.own as unknown as { _socket: { pause(): void } })._socket.pause();
  await until(() => reading.messages.filter(({ type }) => type === 'snapshot').length >= 8);
  expect(stalled.messages.length).toBeLessThan(reading.messages.length);
});

test('the gateway stops with clients of the console connected, also with one that does not answer', async () => {
  const { url, gateway } = await start();
  const polite = socket(url, '/console/live');
  await until(() => polite.messages.length > 0);
  const silent = connect(gateway.port, '127.0.0.1', () =>
    silent.write(
      'GET /console/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    ),
  );
  silent.on('error', () => undefined);
  await new Promise((resolve) => silent.once('data', resolve));
  const startedMs = performance.now();
  expect(await gateway.stop({ deadlineMs: 5000 })).toEqual({ complete: true, aborted: 0 });
  expect(performance.now() - startedMs).toBeLessThan(4500);
  expect(await polite.closed).toBe('1001 the gateway is stopping');
  silent.destroy();
});

test('clients of the console learn that the nexus has ended', async () => {
  const { url, nexus } = await start();
  const { messages, closed } = socket(url, '/console/live?intervalMs=250');
  await until(() => messages.length > 1);
  await nexus.stop({ deadlineMs: 1000 });
  expect(await closed).toBe('1001 the nexus has ended');
  expect(await socket(url, '/console/live').refused).toBe(503);
  expect(code(await json(`${url}/console/snapshot`))).toBe('503 NEXUS_STOPPED');
  expect((await http(`${url}/console`)).status).toBe(200);
});

test('requests that offer another protocol are served as the ordinary requests they also are', async () => {
  const { url, gateway, nexus } = await start();
  await spawn(nexus, 'customer', 'c');
  const offer = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' };
  const health = await http(`${url}/health`, { headers: offer });
  expect([health.status, JSON.parse(health.text).status]).toEqual([200, 'alive']);
  const body = JSON.stringify('x'.repeat(100_000));
  const asked = await http(`${url}/agents/c/greet`, { method: 'POST', body, headers: { ...offer, 'content-type': 'application/json' } });
  expect([asked.status, asked.text]).toEqual([200, '{"reply":1}\n']);
  expect((await http(`${url}/nothing`, { headers: { connection: 'upgrade', upgrade: 'websocket' } })).status).toBe(404);
  // Twice on one connection, and then nothing is left of it.
  const raw = connect(gateway.port, '127.0.0.1');
  let received = '';
  raw.setEncoding('utf8').on('data', (text) => {
    received += text;
  });
  const closed = new Promise((resolve) => raw.once('close', resolve));
  const request = 'GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';
  raw.write(request);
  await until(() => received.includes('ready'));
  raw.write(request);
  await closed;
  expect(received.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
});

test('an upgrade behind a request that is being served does not write into its answer', async () => {
  const { gateway, nexus } = await start();
  await spawn(nexus, 'cart', 'c');
  const raw = connect(gateway.port, '127.0.0.1');
  let received = '';
  raw.setEncoding('utf8').on('data', (text) => {
    received += text;
  });
  raw.on('error', () => undefined);
  const closed = new Promise((resolve) => raw.once('close', resolve));
  raw.write(
    'GET /console/snapshot HTTP/1.1\r\nHost: localhost\r\n\r\nGET /console/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await closed;
  expect(received).not.toContain('101 Switching');
  expect((await http(`${gateway.url}/health`)).status).toBe(200);
});
