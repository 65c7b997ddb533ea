/** CloudEvents into the gateway, and out of it as a stream. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { createNexus, defineAgent, type Nexus, type Signal } from 'nexus-agents';
import { type Gateway, type GatewayOptions, startGateway } from 'nexus-agents/gateway';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { http, json } from '../fixtures/gateway-client.mjs';
import { fixture, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const event = { specversion: '1.0', id: 'e1', source: '/shop', type: 'orders.created' };
let nexus: Nexus;
let gateway: Gateway;

beforeAll(async () => {
  nexus = await createNexus({ agents: [fixture('subscribers.mjs')], threads: 1, logger: recorder() });
  gateway = await startGateway(nexus, { port: 0, logger: recorder() });
});
afterAll(async () => {
  await gateway?.stop({ deadlineMs: 1000 });
  await nexus?.stop({ deadlineMs: 1000 });
});

const collect = (pattern = '>'): Signal[] => {
  const seen: Signal[] = [];
  onTestFinished(nexus.subscribe(pattern, (signal) => void seen.push(signal)));
  return seen;
};
const post = async (headers: Record<string, string>, body?: string | Uint8Array) => {
  const answer = await http(`${gateway.url}/signals`, { method: 'POST', headers, ...(body === undefined ? {} : { body }) });
  return { status: answer.status, body: JSON.parse(answer.text) };
};
const code = (answer: { status: number; body: { error: { code: string } } }): string => `${answer.status} ${answer.body.error.code}`;

describe('POST /signals', () => {
  test('publishes a structured event', async () => {
    const seen = collect();
    const sent = { ...event, time: '2020-01-01T00:00:00Z', subject: 'o1', traceparent: '00-ab', data: { total: 5 } };
    expect(await post({ 'content-type': 'application/cloudevents+json; charset=utf-8' }, JSON.stringify(sent))).toEqual({
      status: 202,
      body: { published: 1 },
    });
    expect(seen).toEqual([
      {
        id: 'e1',
        topic: 'orders.created',
        data: { total: 5 },
        source: undefined,
        epochMs: Date.UTC(2020, 0, 1),
        attributes: { source: '/shop', subject: 'o1', traceparent: '00-ab' },
      },
    ]);
  });

  test('publishes all events of a batch, or none', async () => {
    const seen = collect();
    const batch = [event, { ...event, id: 'e2', data_base64: 'AQI=' }];
    const headers = { 'content-type': 'application/cloudevents-batch+json' };
    expect(await post(headers, JSON.stringify(batch))).toEqual({ status: 202, body: { published: 2 } });
    expect(seen.map(({ id, data }) => [id, data])).toEqual([
      ['e1', undefined],
      ['e2', new Uint8Array([1, 2])],
    ]);
    const refused = await post(headers, JSON.stringify([event, { ...event, id: '' }]));
    expect([code(refused), refused.body.error.index, refused.body.error.attribute]).toEqual(['422 NEXUS_EVENT_INVALID', 1, 'id']);
    expect(code(await post(headers, JSON.stringify(event)))).toBe('422 GATEWAY_BODY_INVALID');
    expect(code(await post(headers, JSON.stringify(Array(1001).fill(event))))).toBe('422 GATEWAY_BODY_INVALID');
    expect(await post(headers, '[]')).toEqual({ status: 202, body: { published: 0 } });
    expect(seen).toHaveLength(2);
  });

  test('publishes an event in binary mode: JSON, text, bytes or nothing', async () => {
    const seen = collect();
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': 'b1',
      'ce-source': '/shop',
      'ce-type': 'orders.created',
      'ce-subject': 'Gr%C3%BC%C3%9Fe',
      'ce-level': '5',
    };
    expect((await post({ ...headers, 'content-type': 'application/json' }, '{"a":1}')).status).toBe(202);
    expect((await post({ ...headers, 'content-type': 'text/plain' }, 'hello')).status).toBe(202);
    expect((await post({ ...headers, 'content-type': 'application/octet-stream' }, new Uint8Array([0, 255]))).status).toBe(202);
    expect((await post(headers)).status).toBe(202);
    expect(seen.map(({ data }) => data)).toEqual([{ a: 1 }, 'hello', new Uint8Array([0, 255]), undefined]);
    expect(seen[1]).toMatchObject({
      id: 'b1',
      topic: 'orders.created',
      attributes: { source: '/shop', subject: 'Grüße', level: '5', datacontenttype: 'text/plain' },
    });
  });

  test('reaches agents on other threads', async () => {
    const agent = await nexus.spawn((await import('../fixtures/subscribers.mjs')).Declared, { thread: 1 });
    onTestFinished(() => agent.stop());
    await nexus.subscribed();
    await post({ 'content-type': 'application/cloudevents+json' }, JSON.stringify({ ...event, type: 'orders.paid', data: 7 }));
    await until(async () => ((await agent.ask('log')) as unknown[]).length === 1);
  });

  test('what is no event is refused, with the reason', async () => {
    const structured = { 'content-type': 'application/cloudevents+json' };
    const binary = { 'ce-specversion': '1.0', 'ce-id': 'b1', 'ce-source': '/shop', 'ce-type': 'orders.created' };
    expect(code(await post({ 'content-type': 'application/json' }, '{}'))).toBe('415 GATEWAY_CONTENT_TYPE');
    expect(code(await post({}))).toBe('415 GATEWAY_CONTENT_TYPE');
    expect(code(await post({ 'content-type': 'application/cloudevents+json; charset=latin1' }, '{}'))).toBe('415 GATEWAY_CONTENT_TYPE');
    expect(code(await post(structured, '{'))).toBe('422 GATEWAY_BODY_INVALID');
    expect(code(await post(structured, '{"data":{"__proto__":1}}'))).toBe('422 GATEWAY_BODY_INVALID');
    expect(code(await post(structured, '{}'))).toBe('422 NEXUS_EVENT_INVALID');
    expect(code(await post({ ...binary, 'ce-type': 'a.*' }))).toBe('422 NEXUS_EVENT_INVALID');
    expect(code(await post({ ...binary, 'ce-subject': '%ff' }))).toBe('400 GATEWAY_REQUEST_INVALID');
    expect(code(await post({ ...binary, 'ce-data': 'x' }))).toBe('400 GATEWAY_REQUEST_INVALID');
    expect(code(await post({ ...binary, 'content-type': 'application/json' }, '{'))).toBe('422 GATEWAY_BODY_INVALID');
    expect(code(await post({ ...binary, 'content-type': 'text/plain' }, new Uint8Array([255])))).toBe('422 GATEWAY_BODY_INVALID');
    expect(code(await post({ ...binary, 'content-type': 'text/plain' }, 'x'.repeat(1_048_577)))).toBe('413 GATEWAY_BODY_TOO_LARGE');
  });
});

interface Stream {
  readonly response: IncomingMessage;
  /** What has come so far, block by block. */
  readonly blocks: () => string[];
  readonly ended: () => boolean;
  close(): void;
}

function open(url: string): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { agent: false }, (response) => {
      let text = '';
      let hasEnded = false;
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('error', () => undefined);
      response.on('close', () => (hasEnded = true));
      resolve({ response, blocks: () => text.split('\n\n').filter(Boolean), ended: () => hasEnded, close: () => request.destroy() });
    });
    request.on('error', reject);
    request.end();
  });
}

describe('GET /signals', () => {
  const subscribed = async (url: string): Promise<Stream> => {
    const stream = await open(url);
    onTestFinished(() => stream.close());
    await until(() => stream.blocks().includes(': subscribed'));
    return stream;
  };
  const eventsIn = (stream: Stream): Record<string, unknown>[] =>
    stream
      .blocks()
      .filter((block) => /^(id: .*\n)?data: /.test(block))
      .map((block) => JSON.parse(block.slice(block.indexOf('data: ') + 6)));

  test('streams the signals that match as CloudEvents', async () => {
    const stream = await subscribed(`${gateway.url}/signals?pattern=orders.*`);
    expect([stream.response.statusCode, stream.response.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
    nexus.publish('orders.created', { total: 1n }, { id: 's1', epochMs: 0 });
    nexus.publish('other', 2);
    nexus.publish('orders.paid', new Uint8Array([1]), { id: 's2\nevent: end', epochMs: 0 });
    await until(() => eventsIn(stream).length === 2);
    expect(eventsIn(stream)).toEqual([
      {
        specversion: '1.0',
        id: 's1',
        source: '/',
        type: 'orders.created',
        time: '1970-01-01T00:00:00.000Z',
        datacontenttype: 'application/json',
        data: { total: '1' },
      },
      { specversion: '1.0', id: 's2\nevent: end', source: '/', type: 'orders.paid', time: '1970-01-01T00:00:00.000Z', data_base64: 'AQ==' },
    ]);
    expect(stream.blocks().filter((block) => block.startsWith('id: '))).toHaveLength(1);
  });

  test('a signal that JSON has no word for is named, and the stream goes on', async () => {
    const stream = await subscribed(`${gateway.url}/signals?pattern=loop`);
    const loop: { self?: unknown } = {};
    loop.self = loop;
    nexus.publish('loop', loop, { id: 'l1' });
    nexus.publish('loop', 1, { id: 'l2' });
    await until(() => eventsIn(stream).length === 1);
    expect(stream.blocks().find((block) => block.startsWith('event: error'))).toContain('GATEWAY_REPLY_NOT_JSON');
  });

  test('a pattern that is not usable, and an unknown parameter, are refused', async () => {
    expect(code(await json(`${gateway.url}/signals?pattern=a..b`))).toBe('422 GATEWAY_QUERY_INVALID');
    expect(code(await json(`${gateway.url}/signals?patern=a`))).toBe('422 GATEWAY_QUERY_INVALID');
    expect((await http(`${gateway.url}/signals`, { method: 'HEAD' })).status).toBe(200);
  });

  const withGateway = async (options: GatewayOptions): Promise<{ own: Nexus; ownGateway: Gateway }> => {
    const own = await startNexus({ agents: [defineAgent({ kind: 'x', state: () => 0, actions: {} })], threads: 0 });
    const ownGateway = await startGateway(own, { port: 0, logger: recorder(), ...options });
    onTestFinished(async () => void (await ownGateway.stop({ deadlineMs: 1000 })));
    return { own, ownGateway };
  };

  test('there are at most streamsMax at a time', async () => {
    const { ownGateway } = await withGateway({ streamsMax: 2 });
    const streams = [await subscribed(`${ownGateway.url}/signals`), await subscribed(`${ownGateway.url}/signals`)];
    expect(code(await json(`${ownGateway.url}/signals`))).toBe('503 GATEWAY_BUSY');
    streams[0]?.close();
    await until(async () => {
      const stream = await open(`${ownGateway.url}/signals`);
      stream.close();
      return stream.response.statusCode === 200;
    });
  });

  test('a client that does not read ends with a reason, and holds no more than its bound', async () => {
    const { own, ownGateway } = await withGateway({ streamBufferBytesMax: 65_536, requestTimeoutMs: 1000 });
    const socket = connect(ownGateway.port, '127.0.0.1', () => socket.write('GET /signals HTTP/1.1\r\nHost: localhost\r\n\r\n'));
    onTestFinished(() => void socket.destroy());
    socket.once('data', () => socket.pause());
    await until(() => socket.isPaused());
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().external;
    const text = 'x'.repeat(30_000);
    // Much more than what the kernel keeps for a connection.
    for (let n = 0; n < 2000; n++) {
      own.publish('big', text);
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(process.memoryUsage().arrayBuffers + process.memoryUsage().external - before).toBeLessThan(30_000_000);
    let received = '';
    socket.on('data', (chunk) => (received = (received + String(chunk)).slice(-200)));
    socket.resume();
    await until(() => socket.destroyed || received.includes('event: end'));
    expect(received).toContain('event: end\ndata: {"reason":"slow"}');
  });

  test('streams end when the gateway stops, and do not hold it up', async () => {
    const { ownGateway } = await withGateway({});
    const stream = await subscribed(`${ownGateway.url}/signals`);
    expect(await ownGateway.stop({ deadlineMs: 5000 })).toEqual({ complete: true, aborted: 0 });
    await until(() => stream.ended());
    expect(stream.blocks().at(-1)).toBe('event: end\ndata: {"reason":"stopping"}');
  });

  test('streams end when the nexus stops', async () => {
    const { own, ownGateway } = await withGateway({ requestTimeoutMs: 200 });
    const stream = await subscribed(`${ownGateway.url}/signals`);
    await own.stop();
    await until(() => stream.ended());
    expect(stream.blocks().at(-1)).toBe('event: end\ndata: {"reason":"stopped"}');
    expect(code(await json(`${ownGateway.url}/signals`))).toBe('503 NEXUS_STOPPED');
  });
});
