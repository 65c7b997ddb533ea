import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Gateway, type GatewayOptions, startGateway } from '../../dist/ts-src/gateway/index.js';
import { type AgentRef, createNexus, type Nexus } from '../../dist/ts-src/index.js';
import { http, json, until } from '../fixtures/gateway-client.mjs';

const counter = new URL('../fixtures/counter.mjs', import.meta.url);
const agents = new URL('../fixtures/gateway-agents.mjs', import.meta.url);
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let nexus: Nexus | undefined;
let gateway: Gateway | undefined;

afterEach(async () => {
  await gateway?.stop({ deadlineMs: 0 });
  await nexus?.stop({ deadlineMs: 200 });
  gateway = undefined;
  nexus = undefined;
});

/** One worker, one gate, one slow agent. */
async function start(options: GatewayOptions = {}, askTimeoutMs = 30_000): Promise<string> {
  nexus = await createNexus({ agents: [counter, agents], threads: 1, messages: { askTimeoutMs }, logger: quiet });
  gateway = await startGateway(nexus, { port: 0, logger: quiet, ...options });
  await json(`${gateway.url}/agents/gate`, 'PUT', { kind: 'gate' });
  await json(`${gateway.url}/agents/slow`, 'PUT', { kind: 'slow' });
  return gateway.url;
}

const held = (url: string, count: number) => until(`${count} held`, async () => (await json(`${url}/agents/gate/held`, 'POST')).body.reply === count);

/** Asks the gate past the gateway. */
const gate = (action: string): Promise<unknown> => ((nexus as Nexus).find('gate') as AgentRef).ask(action as never);

describe('stop', () => {
  test('requests in flight are answered, idle connections are closed, new ones are refused', async () => {
    const url = await start();
    const { port } = gateway as Gateway;
    const idle = connect(port, '127.0.0.1', () => idle.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'));
    await new Promise((resolve) => idle.once('data', resolve));
    const idleClosed = new Promise((resolve) => idle.once('close', resolve));
    const call = http(`${url}/agents/slow/hold`, { method: 'POST', headers: { connection: 'keep-alive' } });
    await held(url, 1);
    const stopping = (gateway as Gateway).stop({ deadlineMs: 10_000 });
    expect((gateway as Gateway).stop()).toBe(stopping);
    await idleClosed;
    await expect(http(`${url}/health`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await gate('open');
    const answer = await call;
    expect([answer.status, answer.headers.connection]).toEqual([200, 'close']);
    expect(await stopping).toEqual({ complete: true, aborted: 0 });
  });

  test('a new request on an old connection is 503 while others finish, but a probe learns why', async () => {
    const url = await start();
    const held1 = http(`${url}/agents/slow/hold`, { method: 'POST' });
    await held(url, 1);
    // A connection that has begun its next request is not idle.
    const ask = async (path: string): Promise<{ finish(): void; received: Promise<string> }> => {
      const socket = connect((gateway as Gateway).port, '127.0.0.1');
      let received = '';
      socket.setEncoding('utf8').on('data', (chunk) => (received += chunk));
      const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
      await new Promise<void>((resolve) => socket.write(`GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET ${path} HTTP/1.1\r\nHost: `, () => resolve()));
      await until('the first answer', () => received.includes('alive'));
      return { finish: () => socket.write('localhost\r\n\r\n'), received: closed };
    };
    const [kinds, ready] = [await ask('/kinds'), await ask('/ready')];
    const stopping = (gateway as Gateway).stop({ deadlineMs: 10_000 });
    kinds.finish();
    ready.finish();
    expect(await kinds.received).toMatch(/HTTP\/1\.1 503 .*GATEWAY_STOPPING/s);
    expect(await ready.received).toMatch(/HTTP\/1\.1 503 .*the gateway is stopping/s);
    await gate('open');
    expect((await held1).status).toBe(200);
    expect(await stopping).toEqual({ complete: true, aborted: 0 });
  });

  test('what is not done by the deadline is cut off and reported', async () => {
    const url = await start();
    const call = http(`${url}/agents/slow/hold`, { method: 'POST' });
    const cut = expect(call).rejects.toMatchObject({ code: 'ECONNRESET' });
    await held(url, 1);
    expect(await (gateway as Gateway).stop({ deadlineMs: 50 })).toEqual({ complete: false, aborted: 1 });
    await cut;
  });

  test('a connection serves many requests', async () => {
    const url = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    const statuses: (number | undefined)[] = [];
    for (const path of ['/health', '/nowhere', '/agents/gate', '/agents?limit=0', '/metrics']) {
      await new Promise<void>((resolve, reject) => {
        const request = httpRequest(`${url}${path}`, { agent }, (response) => {
          statuses.push(response.statusCode);
          ports.add(response.socket.localPort);
          response.resume().on('end', resolve);
        });
        request.on('error', reject).end();
      });
    }
    agent.destroy();
    expect(statuses).toEqual([200, 404, 200, 422, 200]);
    expect(ports.size).toBe(1);
  });
});
