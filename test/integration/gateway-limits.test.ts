import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Gateway, type GatewayOptions, startGateway } from '../../dist/ts-src/gateway/index.js';
import { type AgentRef, createNexus, type Nexus } from '../../dist/ts-src/index.js';
import { http, json, raw, until } from '../fixtures/gateway-client.mjs';

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
const jsonType = { 'content-type': 'application/json' };

describe('bodies', () => {
  const tenMegabytes = Buffer.from(JSON.stringify('x'.repeat(10_000_000)));

  test('a body over the limit is 413 and the connection is closed, whether its length is announced or not', async () => {
    const url = await start();
    const headers = { ...jsonType, connection: 'keep-alive' };
    const announced = await http(`${url}/agents/e/echo?kind=counter`, { method: 'POST', headers, body: tenMegabytes });
    expect([announced.status, JSON.parse(announced.text).error.code, announced.headers.connection]).toEqual([413, 'GATEWAY_BODY_TOO_LARGE', 'close']);
    const chunks = Array.from({ length: 160 }, (_, index) => tenMegabytes.subarray(index * 65_536, (index + 1) * 65_536));
    const chunked = await http(`${url}/agents/e/echo?kind=counter`, { method: 'POST', headers, body: chunks });
    expect([chunked.status, JSON.parse(chunked.text).error.code, chunked.headers.connection]).toEqual([413, 'GATEWAY_BODY_TOO_LARGE', 'close']);
    expect(nexus?.find('e')).toBeUndefined();
    expect((await http(`${url}/health`, { headers: { connection: 'keep-alive' } })).headers.connection).toBe('keep-alive');
  });

  test('a client that reads nothing before it has sent all still gets to see the 413', async () => {
    await start();
    const socket = connect((gateway as Gateway).port, '127.0.0.1')
      .pause()
      .setEncoding('utf8');
    let received = '';
    socket.on('data', (chunk) => (received += chunk)).pause();
    const closed = new Promise((resolve, reject) => socket.once('close', resolve).once('error', reject));
    const head = `POST /agents/e/echo?kind=counter HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${tenMegabytes.length}\r\n\r\n`;
    socket.write(Buffer.concat([Buffer.from(head), tenMegabytes]), () => socket.resume());
    await closed;
    expect(received).toMatch(/^HTTP\/1\.1 413 .*GATEWAY_BODY_TOO_LARGE/s);
  });

  test('a client that never ends its body is cut off', async () => {
    await start();
    expect(await raw((gateway as Gateway).port, 'POST /agents/e/echo?kind=counter HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n1')).toMatch(
      /^HTTP\/1\.1 413 .*GATEWAY_BODY_TOO_LARGE/s,
    );
  });

  test('a body of exactly the limit is taken, one byte more is not', async () => {
    const url = await start({ bodyBytesMax: 1000 });
    const post = (bytes: number) =>
      http(`${url}/agents/e/echo?kind=counter`, { method: 'POST', headers: jsonType, body: JSON.stringify('x'.repeat(bytes - 2)) });
    expect((await post(1000)).status).toBe(200);
    expect((await post(1001)).status).toBe(413);
  });

  test('10 MB pass where they are allowed', async () => {
    const url = await start({ bodyBytesMax: 16_000_000 });
    const answer = await http(`${url}/agents/e/echo?kind=counter`, { method: 'POST', headers: jsonType, body: tenMegabytes });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text).reply).toHaveLength(10_000_000);
  });

  test('a client that asks first sends no body in vain', async () => {
    const url = await start({ bodyBytesMax: 100 });
    const ask = (length: number) => ({
      method: 'POST',
      headers: { ...jsonType, expect: '100-continue', 'content-length': String(length) },
      body: '1'.repeat(length),
    });
    const small = await http(`${url}/agents/e/echo?kind=counter`, ask(10));
    expect([small.status, small.continued, small.text]).toEqual([200, true, '{"reply":1111111111}\n']);
    const large = await http(`${url}/agents/e/echo?kind=counter`, ask(101));
    expect([large.status, large.continued]).toEqual([413, false]);
  });
});

describe('time', () => {
  test('headers that do not come are 408', async () => {
    await start({ headersTimeoutMs: 500 });
    const received = await raw(gateway?.port as number, 'GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    expect(received).toMatch(/^HTTP\/1\.1 408 /);
    expect(received).toContain('GATEWAY_REQUEST_TIMEOUT');
  });

  test('a body that does not come is 408', async () => {
    const url = await start({ headersTimeoutMs: 500, requestTimeoutMs: 1000 });
    await json(`${url}/agents/e`, 'PUT', { kind: 'counter' });
    const received = await raw(gateway?.port as number, 'POST /agents/e/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12');
    expect(received).toMatch(/^HTTP\/1\.1 408 /);
    expect(received).toContain('GATEWAY_REQUEST_TIMEOUT');
  });

  test('a client that does not read its answer is cut off', async () => {
    const url = await start({ requestTimeoutMs: 2000, bodyBytesMax: 16_000_000 });
    await json(`${url}/agents/e`, 'PUT', { kind: 'counter' });
    const body = JSON.stringify('x'.repeat(12_000_000));
    const socket = connect((gateway as Gateway).port, '127.0.0.1');
    socket.on('error', () => undefined).pause();
    socket.write(`POST /agents/e/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await until('the exchange is over', async () =>
      /_count\{method="POST",route="\/agents\/:id\/:action",status="200"\} 1/.test((await http(`${url}/metrics`)).text),
    );
    socket.destroy();
  });

  test('an action that takes too long is 504', async () => {
    const url = await start({}, 500);
    const answer = await json(`${url}/agents/slow/hold`, 'POST');
    expect([answer.status, answer.body.error.code, answer.body.error.timeoutMs]).toEqual([504, 'NEXUS_ASK_TIMEOUT', 500]);
  });
});

describe('requests', () => {
  test('a URL that is too long, headers that are too large, and what is not HTTP', async () => {
    const url = await start();
    const long = await json(`${url}/agents/${'x'.repeat(8192)}`);
    expect([long.status, long.body.error.code]).toEqual([414, 'GATEWAY_URL_TOO_LONG']);
    const { port } = gateway as Gateway;
    expect(await raw(port, `GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 .*GATEWAY_REQUEST_INVALID/s,
    );
    expect(await raw(port, 'GET /kinds HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 .*GATEWAY_HOST_REFUSED/s);
    expect(await raw(port, 'GET /kinds HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 .*GATEWAY_HOST_REFUSED/s);
    expect(await raw(port, 'what is this\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*GATEWAY_REQUEST_INVALID/s);
    expect(await raw(port, 'GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 .*GATEWAY_URL_INVALID/s,
    );
  });

  test('one request too many is 503, and probes are still answered', async () => {
    const url = await start({ requestsMax: 2 });
    const first = json(`${url}/agents/slow/hold`, 'POST');
    await held(url, 1);
    // The gate is asked through the nexus: the gateway is full now.
    const second = json(`${url}/agents/slow2/hold?kind=slow`, 'POST');
    await until('two held', async () => (await gate('held')) === 2);
    const third = await json(`${url}/agents/gate/held`, 'POST');
    expect([third.status, third.body.error.code, third.headers['retry-after']]).toEqual([503, 'GATEWAY_BUSY', '1']);
    for (const path of ['/health', '/ready', '/metrics']) expect((await http(`${url}${path}`)).status, path).toBe(200);
    await gate('open');
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
    expect((await json(`${url}/agents/gate/held`, 'POST')).status).toBe(200);
  });

  test('a full mailbox is 503 with Retry-After, and what was taken is answered', async () => {
    const url = await start();
    const running = json(`${url}/agents/slow/hold`, 'POST');
    await held(url, 1);
    const answers = await Promise.all([
      // Two wait, the others find the mailbox full.
      ...Array.from({ length: 6 }, () => json(`${url}/agents/slow/hold`, 'POST')),
      until('four refused', () => nexus?.threads()[1]?.counters['dead_mailbox_full'] === 4)
        .then(() => json(`${url}/agents/gate/open`, 'POST'))
        .then(async () => {
          // Each of the two that waited is held again, by the next gate.
          for (let turn = 0; turn < 2; turn++) {
            await held(url, 1);
            await json(`${url}/agents/gate/open`, 'POST');
          }
        }),
    ]);
    const refused = answers.slice(0, 6).filter((answer) => answer?.status !== 200);
    expect((await running).status).toBe(200);
    expect(refused.map((answer) => [answer?.status, answer?.body.error.code, answer?.headers['retry-after']])).toEqual(
      Array(4).fill([503, 'NEXUS_MAILBOX_FULL', '1']),
    );
  });

  test('the loss of a thread is 503 with Retry-After, and afterwards the agent answers again', async () => {
    const url = await start();
    await json(`${url}/agents/c`, 'PUT', { kind: 'counter', init: { start: 7 } });
    const answer = await json(`${url}/agents/c/exit`, 'POST', 1);
    expect([answer.status, answer.body.error.code, answer.headers['retry-after']]).toEqual([503, 'NEXUS_THREAD_LOST', '1']);
    await until('ready again', async () => (await http(`${url}/ready`)).status === 200);
    expect((await json(`${url}/agents/c/read`, 'POST')).body).toEqual({ reply: 7 });
  });

  test('a thread that does not come back makes the gateway not ready, and says which', async () => {
    nexus = await createNexus({ agents: [counter], threads: 2, workers: { restart: { intensity: 0 } }, logger: quiet });
    gateway = await startGateway(nexus, { port: 0, logger: quiet });
    const made = await json(`${gateway.url}/agents/c`, 'PUT', { kind: 'counter' });
    await json(`${gateway.url}/agents/c/exit`, 'POST', 1);
    const ready = await json(`${gateway.url}/ready`);
    expect([ready.status, ready.body]).toEqual([503, { ready: false, missing: [`thread ${made.body.thread} is failed`] }]);
    expect((await http(`${gateway.url}/health`)).status).toBe(200);
  });

  test('a client that goes away gives up its ask', async () => {
    const url = await start();
    const leaving = new AbortController();
    const call = http(`${url}/agents/slow/hold`, { method: 'POST', signal: leaving.signal });
    await held(url, 1);
    leaving.abort();
    await expect(call).rejects.toThrow();
    await until('seen as 499', async () => /_count\{method="POST",route="\/agents\/:id\/:action",status="499"\} 1/.test((await http(`${url}/metrics`)).text));
    const lateBefore = nexus?.threads()[0]?.counters['late_replies'] ?? 0;
    await json(`${url}/agents/gate/open`, 'POST');
    await until('its reply is late', () => nexus?.threads()[0]?.counters['late_replies'] === lateBefore + 1);
  });
});

describe('who may ask', () => {
  test('on loopback only requests that name it are served', async () => {
    const url = await start();
    const ask = async (headers: Record<string, string>) => {
      const { status, text } = await http(`${url}/kinds`, { headers });
      return status === 200 ? '200' : `${status} ${JSON.parse(text).error.code}`;
    };
    for (const host of ['localhost', 'LOCALHOST:1234', '127.0.0.1', '127.0.0.1:1', '[::1]:80', 'localhost.']) expect(await ask({ host }), host).toBe('200');
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80', 'evil.example:127', '127.0.0.1@evil.example'])
      expect(await ask({ host }), host).toBe('403 GATEWAY_HOST_REFUSED');
    for (const origin of ['http://evil.example', 'null', 'https://localhost.evil.example'])
      expect(await ask({ origin }), origin).toBe('403 GATEWAY_ORIGIN_REFUSED');
    expect(await ask({ origin: 'http://localhost:3000' })).toBe('200');
    expect((await http(`${url}/kinds`, { headers: { origin: 'http://localhost:3000' } })).headers['access-control-allow-origin']).toBeUndefined();
  });

  test('further names can be allowed', async () => {
    const url = await start({ hostsAllowed: ['agents.example'] });
    expect((await http(`${url}/kinds`, { headers: { host: 'agents.example:8080', origin: 'https://agents.example' } })).status).toBe(200);
    expect((await http(`${url}/kinds`, { headers: { host: 'other.example' } })).status).toBe(403);
  });

  test('on all addresses any name is served', async () => {
    const url = await start({ host: '0.0.0.0' });
    expect(url).toBe(`http://127.0.0.1:${gateway?.port}`);
    expect((await http(`${url}/kinds`, { headers: { host: 'agents.example' } })).status).toBe(200);
  });
});

describe('options', () => {
  test.each([
    [{ prot: 1 }, 'NEXUS_OPTION_UNKNOWN', "did you mean 'port'?"],
    [{ port: 65_536 }, 'NEXUS_OPTION_INVALID', 'port'],
    [{ port: '80' }, 'NEXUS_OPTION_INVALID', 'port'],
    [{ host: '' }, 'NEXUS_OPTION_INVALID', 'host'],
    [{ hostsAllowed: 'a' }, 'NEXUS_OPTION_INVALID', 'hostsAllowed'],
    [{ bodyBytesMax: -1 }, 'NEXUS_OPTION_INVALID', 'bodyBytesMax'],
    [{ requestTimeoutMs: 0 }, 'NEXUS_OPTION_INVALID', 'requestTimeoutMs'],
    [{ headersTimeoutMs: 500, requestTimeoutMs: 400 }, 'NEXUS_OPTION_INVALID', 'headersTimeoutMs'],
    [{ requestsMax: 1.5 }, 'NEXUS_OPTION_INVALID', 'requestsMax'],
    [{ logger: {} }, 'NEXUS_OPTION_INVALID', 'logger'],
  ])('%j is refused', async (options, code, message) => {
    nexus = await createNexus({ agents: [counter], threads: 0 });
    await expect(startGateway(nexus, options as unknown as GatewayOptions)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test('a port in use is refused, and stop has its own options', async () => {
    await start();
    const again = startGateway(nexus as Nexus, { port: gateway?.port as number });
    await expect(again).rejects.toMatchObject({ code: 'GATEWAY_LISTEN_FAILED', message: expect.stringContaining('is in use') });
    await expect(gateway?.stop({ deadline: 1 } as object)).rejects.toThrow("did you mean 'deadlineMs'?");
    await expect(gateway?.stop({ deadlineMs: -1 })).rejects.toThrow('deadlineMs');
  });
});
