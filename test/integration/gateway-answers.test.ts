import { createNexus, type Nexus } from '../../dist/ts-src/index.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gateway, startGateway } from '../../dist/ts-src/gateway/index.js';
import { http, json } from '../fixtures/gateway-client.mjs';

const counter = new URL('../fixtures/counter.mjs', import.meta.url);
const agents = new URL('../fixtures/gateway-agents.mjs', import.meta.url);
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let nexus: Nexus;
let gateway: Gateway;
let url: string;

beforeAll(async () => {
  nexus = await createNexus({ agents: [counter, agents], threads: 1, logger: quiet });
  gateway = await startGateway(nexus, { port: 0, logger: quiet });
  url = gateway.url;
});

afterAll(async () => {
  await gateway?.stop({ deadlineMs: 1000 });
  await nexus?.stop({ deadlineMs: 1000 });
});

const code = (answer: { status: number; body: { error: { code: string } } }): string => `${answer.status} ${answer.body.error.code}`;

describe('replies', () => {
  beforeAll(async () => {
    await json(`${url}/agents/v`, 'PUT', { kind: 'values' });
  });

  test.each([
    ['nothing', null],
    ['bigint', { n: '100000000000000000000' }],
    [
      'map',
      [
        ['a', 1],
        [{ k: 1 }, [['2', null]]],
      ],
    ],
    ['set', ['a', 'b']],
    ['bytes', { bytes: 'AQL/', buffer: 'AQL/' }],
    ['floats', [[1.5, null], ['-1']]],
    ['odd', { list: [null, null], date: '1970-01-01T00:00:00.000Z', pattern: '/a+/g', error: { name: 'RangeError', message: 'r', code: 'R' } }],
    ['self', { kind: 'values', id: 'v' }],
  ])('%s is written as documented', async (action, reply) => {
    expect(await json(`${url}/agents/v/${action}`, 'POST')).toMatchObject({ status: 200, body: { reply } });
  });

  test('one that JSON cannot express is an error with a code, and the gateway lives on', async () => {
    expect(code(await json(`${url}/agents/v/cycle`, 'POST'))).toBe('500 GATEWAY_REPLY_NOT_JSON');
    expect((await json(`${url}/agents/v/deep`, 'POST')).status).toBe(500);
    expect((await json(`${url}/agents/v/proto`, 'POST')).status).toBe(200);
    expect((await json(`${url}/agents/v/set`, 'POST')).status).toBe(200);
  });
});

describe('an action that declares its shapes', () => {
  beforeAll(async () => {
    await json(`${url}/agents/typed-one`, 'PUT', { kind: 'typed' });
    await json(`${url}/agents/typed-other`, 'PUT', { kind: 'typed' });
  });

  test('answers an input that does not fit with 422 and the field', async () => {
    expect(await json(`${url}/agents/typed-one/add`, 'POST', { by: 4 })).toMatchObject({ status: 200, body: { reply: 4 } });
    const refused = await json(`${url}/agents/typed-one/add`, 'POST', { by: 'x' });
    expect(code(refused)).toBe('422 NEXUS_SHAPE_MISMATCH');
    expect(refused.body.error.message).toBe(`'add' of 'typed': input.by is "x", not an int32`);
    expect(code(await json(`${url}/agents/typed-one/add`, 'POST'))).toBe('422 NEXUS_SHAPE_MISMATCH');
  });

  test('answers a mistake of the handler with 500', async () => {
    expect(code(await json(`${url}/agents/typed-one/lie`, 'POST'))).toBe('500 NEXUS_SHAPE_MISMATCH');
    expect(code(await json(`${url}/agents/typed-one/nested`, 'POST'))).toBe('500 NEXUS_SHAPE_MISMATCH');
  });
});

describe('status', () => {
  test('health and readiness', async () => {
    const health = await json(`${url}/health`);
    expect(health.status).toBe(200);
    expect(health.body).toMatchObject({ status: 'alive', engine: { kind: nexus.engine.kind }, agents: nexus.agentCount });
    expect(health.body.threads.map(({ thread, state }: { thread: number; state: string }) => [thread, state])).toEqual([
      [0, 'ready'],
      [1, 'ready'],
    ]);
    expect(await json(`${url}/ready`)).toMatchObject({ status: 200, body: { ready: true } });
  });

  test('HEAD is answered as GET is, without the body', async () => {
    await json(`${url}/agents/h1`, 'PUT', { kind: 'counter' });
    for (const path of ['/agents/h1', '/agents?limit=1', '/kinds', '/ready', '/agents/nobody', '/nowhere']) {
      const [get, head] = [await http(`${url}${path}`), await http(`${url}${path}`, { method: 'HEAD' })];
      expect([head.status, head.headers['content-length'], head.headers['content-type'], head.text]).toEqual([
        get.status,
        get.headers['content-length'],
        get.headers['content-type'],
        '',
      ]);
    }
    expect((await http(`${url}/metrics`, { method: 'HEAD' })).status).toBe(200);
  });

  test('a nexus that has stopped is 503 and not ready, and the gateway still answers', async () => {
    const other = await createNexus({ agents: [counter], threads: 1 });
    await using gate = await startGateway(other, { port: 0 });
    await json(`${gate.url}/agents/a`, 'PUT', { kind: 'counter' });
    await other.stop();
    for (const [path, method] of [
      ['/agents/a', 'GET'],
      ['/agents/a/read', 'POST'],
      ['/agents/a/read?kind=counter', 'POST'],
      ['/agents/a', 'DELETE'],
      ['/agents', 'GET'],
    ] as const) {
      const answer = await json(`${gate.url}${path}`, method);
      expect([code(answer), answer.headers['retry-after']], path).toEqual(['503 NEXUS_STOPPED', '1']);
    }
    const ready = await json(`${gate.url}/ready`);
    expect(ready.status).toBe(503);
    expect(ready.body.missing).toContain('the nexus is stopping');
    expect((await json(`${gate.url}/health`)).status).toBe(200);
    expect((await http(`${gate.url}/metrics`)).status).toBe(200);
  });
});

test('a gateway without a nexus is refused, and nothing listens', async () => {
  for (const value of [undefined, {}]) {
    await expect(startGateway(value as unknown as Nexus, { port: 0 })).rejects.toMatchObject({
      code: 'NEXUS_OPTION_INVALID',
      message: expect.stringContaining('createNexus'),
    });
  }
});
