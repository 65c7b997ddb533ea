import { createNexus, type Nexus } from '../../dist/ts-src/index.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gateway, startGateway } from '../../dist/ts-src/gateway/index.js';
import { http, json } from '../fixtures/gateway-client.mjs';

const counter = new URL('../fixtures/counter.mjs', import.meta.url);
const agents = new URL('../fixtures/gateway-agents.mjs', import.meta.url);
const COUNTER_ACTIONS = ['add', 'read', 'where', 'fail', 'exit', 'slow', 'echo'];
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
const text = (path: string, body: string | Uint8Array, headers: Record<string, string> = { 'content-type': 'application/json' }, method = 'POST') =>
  http(`${url}${path}`, { method, body, headers }).then((answer) => ({ ...answer, body: JSON.parse(answer.text) }));

describe('agents', () => {
  test('an agent is made once, and found after that', async () => {
    const made = await json(`${url}/agents/p1`, 'PUT', { kind: 'counter', init: { start: 5 } });
    expect(made.status).toBe(201);
    expect(made.headers.location).toBe('/agents/p1');
    expect(made.body).toEqual({ id: 'p1', kind: 'counter', thread: 1, actions: COUNTER_ACTIONS });
    const again = await json(`${url}/agents/p1`, 'PUT', { kind: 'counter', init: { start: 9 } });
    expect([again.status, again.body]).toEqual([200, made.body]);
    expect((await json(`${url}/agents/p1`)).body).toEqual(made.body);
    expect((await json(`${url}/agents/p1/read`, 'POST')).body).toEqual({ reply: 5 });
    expect(code(await json(`${url}/agents/p1`, 'PUT', { kind: 'gate' }))).toBe('409 NEXUS_KIND_MISMATCH');
  });

  test('an agent whose id no path can have is made, called, looked at and stopped by the id in the query', async () => {
    for (const id of ['.', '..']) {
      const made = await json(`${url}/agents/-?id=${id}`, 'PUT', { kind: 'counter', init: { start: 5 } });
      expect([made.status, made.headers.location, made.body.id]).toEqual([201, `/agents/-?id=${id}`, id]);
      expect((await json(`${url}/agents/-/add?id=${id}&kind=counter`, 'POST', 2)).body).toEqual({ reply: 7 });
      // There is an agent of the id that stands in the path too.
      expect((await json(`${url}/agents/-/add?kind=counter`, 'POST', 1)).body).toEqual({ reply: id === '.' ? 1 : 2 });
      expect((await json(`${url}/agents/-?id=${id}`)).body).toMatchObject({ id, kind: 'counter' });
      expect((await json(`${url}/agents/-?id=${id}`, 'DELETE')).body).toEqual({ id, kind: 'counter', stopped: true });
    }
    expect(code(await json(`${url}/agents/-/add?id=`, 'POST', 1))).toBe('422 GATEWAY_ID_INVALID');
    expect(code(await json(`${url}/agents/other?id=.`))).toBe('422 GATEWAY_QUERY_INVALID');
  });

  test('of many who make the same agent at once, one makes it', async () => {
    const answers = await Promise.all(Array.from({ length: 16 }, () => json(`${url}/agents/race`, 'PUT', { kind: 'counter' })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(15);
  });

  test('an action gets its input and answers with its reply', async () => {
    await json(`${url}/agents/c1`, 'PUT', { kind: 'counter' });
    expect(await json(`${url}/agents/c1/add`, 'POST', 3)).toMatchObject({ status: 200, body: { reply: 3 } });
    expect((await json(`${url}/agents/c1/add`, 'POST', 4)).body).toEqual({ reply: 7 });
    const value = { a: [1, 'ü', null, true, { b: 0.5 }], 'c d': '' };
    expect((await json(`${url}/agents/c1/echo`, 'POST', value)).body).toEqual({ reply: value });
  });

  test('no body, an empty one and white space are an undefined input', async () => {
    await json(`${url}/agents/c2`, 'PUT', { kind: 'counter' });
    expect((await json(`${url}/agents/c2/echo`, 'POST')).body).toEqual({ reply: null });
    expect((await text('/agents/c2/echo', '')).body).toEqual({ reply: null });
    expect((await text('/agents/c2/echo', ' \n')).body).toEqual({ reply: null });
    expect((await text('/agents/c2/echo', 'null')).body).toEqual({ reply: null });
  });

  test('JSON is taken under any JSON type, and without a type', async () => {
    await json(`${url}/agents/c3`, 'PUT', { kind: 'counter' });
    for (const type of ['application/json', 'Application/JSON; charset=UTF-8', 'application/vnd.some.thing+json', undefined]) {
      expect((await text('/agents/c3/echo', '[1]', type === undefined ? {} : { 'content-type': type })).body, String(type)).toEqual({ reply: [1] });
    }
  });

  test('ids and actions are percent-decoded', async () => {
    const id = 'a/b ü?#%41';
    expect((await json(`${url}/agents/${encodeURIComponent(id)}`, 'PUT', { kind: 'counter' })).body.id).toBe(id);
    expect((await json(`${url}/agents/${encodeURIComponent(id)}/re%61d`, 'POST')).body).toEqual({ reply: 0 });
    expect(nexus.find(id)?.id).toBe(id);
    expect(code(await json(`${url}/agents/%E0%A4/read`, 'POST'))).toBe('400 GATEWAY_URL_INVALID');
    expect(code(await json(`${url}/agents/${'x'.repeat(1025)}/read`, 'POST'))).toBe('422 GATEWAY_ID_INVALID');
    expect((await json(`${url}/agents/${'x'.repeat(1024)}/read?kind=counter`, 'POST')).status).toBe(200);
  });

  test('a call with a kind makes the agent if there is none, once', async () => {
    const answers = await Promise.all(Array.from({ length: 16 }, () => json(`${url}/agents/k1/add?kind=counter`, 'POST', 1)));
    expect(answers.map(({ body }) => body.reply).sort((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
    expect(code(await json(`${url}/agents/k1/open?kind=gate`, 'POST'))).toBe('409 NEXUS_KIND_MISMATCH');
  });

  test('a mistake in a call with a kind makes no agent', async () => {
    expect(code(await json(`${url}/agents/k2/raed?kind=counter`, 'POST'))).toBe('404 NEXUS_ACTION_UNKNOWN');
    expect(code(await text('/agents/k2/add?kind=counter', '{'))).toBe('422 GATEWAY_BODY_INVALID');
    expect(code(await json(`${url}/agents/k2/add?kind=conter`, 'POST'))).toBe('422 NEXUS_KIND_UNKNOWN');
    expect(code(await json(`${url}/agents/k2/add?kind=counter&kind=counter`, 'POST'))).toBe('422 GATEWAY_QUERY_INVALID');
    expect(nexus.find('k2')).toBeUndefined();
  });

  test('a kind that needs init says so when it is called without one', async () => {
    const called = await json(`${url}/agents/s1/name?kind=strict`, 'POST');
    expect(code(called)).toBe('422 NEXUS_START_FAILED');
    expect(called.body.error.message).toContain('init.name is missing');
    expect(code(await json(`${url}/agents/s1`, 'PUT', { kind: 'strict', init: {} }))).toBe('422 NEXUS_START_FAILED');
    expect((await json(`${url}/agents/s1`, 'PUT', { kind: 'strict', init: { name: 'n' } })).status).toBe(201);
    expect((await json(`${url}/agents/s1/name?kind=strict`, 'POST')).body).toEqual({ reply: 'n' });
  });

  test('an agent is stopped once', async () => {
    await json(`${url}/agents/d1`, 'PUT', { kind: 'counter' });
    expect(await json(`${url}/agents/d1`, 'DELETE')).toMatchObject({ status: 200, body: { id: 'd1', kind: 'counter', stopped: true } });
    expect(code(await json(`${url}/agents/d1`, 'DELETE'))).toBe('404 NEXUS_AGENT_NOT_FOUND');
    expect(code(await json(`${url}/agents/d1`))).toBe('404 NEXUS_AGENT_NOT_FOUND');
    expect(code(await json(`${url}/agents/d1/read`, 'POST'))).toBe('404 NEXUS_AGENT_NOT_FOUND');
  });

  test('the list has every agent once, in order, a page at a time', async () => {
    const ids = Array.from({ length: 25 }, (_, index) => `page-${String(index).padStart(2, '0')}`);
    await Promise.all(ids.map((id) => json(`${url}/agents/${id}`, 'PUT', { kind: 'gate' })));
    const seen: string[] = [];
    const sizes: number[] = [];
    let after = '';
    for (;;) {
      const { body } = await json(`${url}/agents?kind=gate&limit=10${after}`);
      seen.push(...body.agents.map((agent: { id: string }) => agent.id));
      sizes.push(body.agents.length);
      if (body.next === undefined) break;
      after = `&after=${encodeURIComponent(body.next)}`;
    }
    expect(seen).toEqual(ids);
    expect(sizes).toEqual([10, 10, 5]);
    expect((await json(`${url}/agents?limit=1000`)).body.agents).toContainEqual({ id: 'page-00', kind: 'gate', thread: 1 });
    expect((await json(`${url}/agents?kind=gate&limit=25`)).body.next).toBeUndefined();
  });

  test('the list refuses what it does not know', async () => {
    for (const query of ['limit=0', 'limit=1001', 'limit=ten', 'limit=', 'limt=5', 'limit=5&limit=6'])
      expect(code(await json(`${url}/agents?${query}`)), query).toBe('422 GATEWAY_QUERY_INVALID');
    expect((await json(`${url}/agents?limt=5`)).body.error.message).toContain("did you mean 'limit'?");
    expect(code(await json(`${url}/agents?kind=conter`))).toBe('422 NEXUS_KIND_UNKNOWN');
  });

  test('the kinds are listed with their actions', async () => {
    const { body } = await json(`${url}/kinds`);
    expect(body.kinds).toContainEqual({ kind: 'counter', actions: COUNTER_ACTIONS });
    expect(body.kinds).toHaveLength(7);
  });
});

describe('what is refused', () => {
  test('an unknown route names those there are', async () => {
    for (const path of ['/', '/agent', '/agents/', '/agents/a/b/c', '/agents//read', '/health/x']) {
      const answer = await json(`${url}${path}`);
      expect(code(answer), path).toBe('404 GATEWAY_ROUTE_UNKNOWN');
      expect(answer.body.error.message).toContain('POST /agents/:id/:action');
    }
  });

  test('an unknown action names those there are', async () => {
    await json(`${url}/agents/u1`, 'PUT', { kind: 'counter' });
    const answer = await json(`${url}/agents/u1/raed`, 'POST');
    expect(code(answer)).toBe('404 NEXUS_ACTION_UNKNOWN');
    expect(answer.body.error).toMatchObject({ kind: 'counter', known: COUNTER_ACTIONS });
    expect(answer.body.error.message).toContain("did you mean 'read'?");
    for (const name of ['constructor', '__proto__', 'toString']) expect(code(await json(`${url}/agents/u1/${name}`, 'POST'))).toBe('404 NEXUS_ACTION_UNKNOWN');
  });

  test.each([
    ['POST', '/agents', 'GET, HEAD'],
    ['POST', '/agents/x', 'GET, HEAD, PUT, DELETE'],
    ['GET', '/agents/x/read', 'POST'],
    ['OPTIONS', '/agents/x/read', 'POST'],
    ['DELETE', '/kinds', 'GET, HEAD'],
    ['PUT', '/metrics', 'GET, HEAD'],
    ['POST', '/health', 'GET, HEAD'],
    ['PATCH', '/ready', 'GET, HEAD'],
  ])('%s %s is 405 and Allow says what there is', async (method, path, allow) => {
    const answer = await json(`${url}${path}`, method);
    expect([code(answer), answer.headers.allow]).toEqual(['405 GATEWAY_METHOD_UNKNOWN', allow]);
  });

  test('a body of another type', async () => {
    await json(`${url}/agents/t1`, 'PUT', { kind: 'counter' });
    for (const headers of [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'application/json; charset=latin1' },
      { 'content-type': 'application/jsonp' },
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    ])
      expect(code(await text('/agents/t1/echo', '1', headers)), JSON.stringify(headers)).toBe('415 GATEWAY_CONTENT_TYPE');
  });

  test('a body that is not JSON, and where it is not', async () => {
    await json(`${url}/agents/t2`, 'PUT', { kind: 'counter' });
    const answer = await text('/agents/t2/echo', '{\n  "a": [1, 2,]\n}');
    expect(code(answer)).toBe('422 GATEWAY_BODY_INVALID');
    expect(answer.body.error).toMatchObject({ position: 15, line: 2, column: 14 });
    expect(answer.body.error.message).toContain('line 2, column 14');
    expect(code(await text('/agents/t2/echo', new Uint8Array([0x22, 0xff, 0x22])))).toBe('422 GATEWAY_BODY_INVALID');
  });

  test('keys that reach a prototype, however they are written', async () => {
    await json(`${url}/agents/v0`, 'PUT', { kind: 'values' });
    for (const body of [
      '{"__proto__":{"polluted":1}}',
      '{"a":[{"b":{"__proto__":1}}]}',
      '{"\\u005f_proto__":{"polluted":1}}',
      '{"constructor":{"prototype":{"polluted":1}}}',
    ])
      expect(code(await text('/agents/v0/merge', body)), body).toBe('422 GATEWAY_BODY_INVALID');
    expect((await text('/agents/v0/merge', '{"a":[{"b":{"__proto__":1}}]}')).body.error.path).toBe('a.0.b.__proto__');
    expect((await text('/agents/v0/merge', '{"constructor":"Renzo","proto":"\\u0041"}')).body).toEqual({ reply: { constructor: 'Renzo', proto: 'A' } });
    expect((await json(`${url}/agents/v0/global`, 'POST')).body).toEqual({ reply: 'clean' });
  });

  test('a body nested too deeply', async () => {
    await json(`${url}/agents/t3`, 'PUT', { kind: 'counter' });
    expect((await text('/agents/t3/echo', `${'['.repeat(256)}${']'.repeat(256)}`)).status).toBe(200);
    expect(code(await text('/agents/t3/echo', `${'['.repeat(257)}${']'.repeat(257)}`))).toBe('422 GATEWAY_BODY_INVALID');
    expect(code(await text('/agents/t3/echo', `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`))).toBe('422 GATEWAY_BODY_INVALID');
  });

  test('a creation that is not one', async () => {
    const bodies: unknown[] = [undefined, [], 'counter', {}, { kind: 1 }, { kind: 'counter', int: {} }];
    for (const body of bodies) expect(code(await json(`${url}/agents/n1`, 'PUT', body)), JSON.stringify(body)).toBe('422 GATEWAY_BODY_INVALID');
    expect((await json(`${url}/agents/n1`, 'PUT', { kind: 'counter', int: {} })).body.error.message).toContain("did you mean 'init'?");
    const unknown = await json(`${url}/agents/n1`, 'PUT', { kind: 'conter' });
    expect(code(unknown)).toBe('422 NEXUS_KIND_UNKNOWN');
    expect(unknown.body.error.known).toContain('counter');
    const large = { kind: 'counter', init: { start: 0, pad: 'x'.repeat(100_000) } };
    expect(code(await json(`${url}/agents/n1`, 'PUT', large))).toBe('413 NEXUS_MESSAGE_TOO_LARGE');
    expect(nexus.find('n1')).toBeUndefined();
  });

  test('what a handler throws is 500 without its stack, unless it chooses a status', async () => {
    await json(`${url}/agents/v1`, 'PUT', { kind: 'values' });
    const refuse = (error: object) => json(`${url}/agents/v1/refuse`, 'POST', error);
    const plain = await refuse({});
    expect(code(plain)).toBe('500 GATEWAY_HANDLER_FAILED');
    expect(plain.body.error).toEqual({ code: 'GATEWAY_HANDLER_FAILED', message: 'not enough', name: 'Error' });
    expect(code(await refuse({ statusCode: 409, code: 'FUNDS_LOW' }))).toBe('409 FUNDS_LOW');
    expect(code(await refuse({ statusCode: 422 }))).toBe('422 GATEWAY_HANDLER_FAILED');
    for (const statusCode of [200, 399, 600, 404.5, '404']) expect(code(await refuse({ statusCode, code: 'X' }))).toBe('500 GATEWAY_HANDLER_FAILED');
    expect(code(await refuse({ statusCode: 400, code: 'not a code' }))).toBe('400 GATEWAY_HANDLER_FAILED');
    const thrown = await json(`${url}/agents/v1/throwText`, 'POST');
    expect([code(thrown), thrown.body.error.message]).toEqual(['500 GATEWAY_HANDLER_FAILED', 'just text']);
  });

  test('an error of the runtime that a handler ran into is not taken for one of the request', async () => {
    await json(`${url}/agents/v2`, 'PUT', { kind: 'values' });
    // Nor is a failure that ended the agent taken for an agent that was not there.
    expect(code(await json(`${url}/agents/f1/fail?kind=fragile`, 'POST'))).toBe('500 GATEWAY_HANDLER_FAILED');
    expect(code(await json(`${url}/agents/v2/notFoundInside`, 'POST'))).toBe('500 NEXUS_AGENT_NOT_FOUND');
    const full = await json(`${url}/agents/v2/fullInside`, 'POST');
    expect([code(full), full.headers['retry-after']]).toEqual(['503 NEXUS_MAILBOX_FULL', '1']);
  });
});
