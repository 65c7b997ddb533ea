import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { admit, newAdmission } from '../../examples/rate-limiter/admission.mjs';
import { generateLoad } from '../../examples/rate-limiter/load/generator.mjs';
import { resolvePolicy } from '../../examples/rate-limiter/policy.mjs';

const policy = resolvePolicy();
type Handler = (request: IncomingMessage, response: ServerResponse, number: number, answer: () => void) => void;

/** A rate limiter of one thread and one map, that gives each request to `handle` together with the correct way to answer it. */
async function serve(handle: Handler): Promise<string> {
  const clients = new Map<string, { admission: ReturnType<typeof newAdmission>; sequence: number; firstMs: number }>();
  let number = 0;
  const server = createServer((request, response) => {
    const query = new URL(request.url!, 'http://localhost').searchParams;
    const client = query.get('client')!;
    handle(request, response, ++number, () => {
      const state = clients.get(client) ?? { admission: newAdmission(policy), sequence: 0, firstMs: 0 };
      clients.set(client, state);
      const status = query.get('status');
      const atMs = query.has('at') ? Number(query.get('at')) : performance.now();
      const { admission, decision } = admit(state.admission, policy, { atMs, status: status === null ? undefined : Number(status) });
      if (state.sequence === 0) state.firstMs = admission.atMs;
      state.admission = admission;
      state.sequence++;
      if (!decision.admitted) response.setHeader('Retry-After', Math.ceil(decision.retryAfterMs / 1000));
      response.statusCode = decision.admitted ? 200 : 429;
      response.end(JSON.stringify({ client, life: 1, sequence: state.sequence, elapsedMs: admission.atMs - state.firstMs, ...decision }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const load = (url: string) =>
  generateLoad({ url, connections: 8, policy: {}, source: { type: 'traffic', clients: 200, seconds: 0.5 } }, () => undefined).result;

describe('the load generator', () => {
  test('is content with a correct service, and gets an answer to every request', async () => {
    let requests = 0;
    const url = await serve((_request, _response, number, answer) => {
      requests = number;
      answer();
    });
    const result = await load(url);
    expect(result.problems.first).toEqual([]);
    expect(result.sent).toBe(requests);
    expect(result.answered).toBe(requests);
  });

  test('sees a connection that breaks', async () => {
    const url = await serve((_request, response, number, answer) => (number === 30 ? void response.destroy() : answer()));
    const { problems } = await load(url);
    expect(problems.byKind).toMatchObject({ unanswered: 1, totals: 1 });
  });

  test('sees an answer that comes in pieces as one', async () => {
    const url = await serve((_request, response, number, answer) => {
      if (number % 3 === 0) {
        const { end } = response;
        response.end = ((text: string) => {
          response.write(text.slice(0, 10));
          setImmediate(() => end.call(response, text.slice(10), 'utf8'));
          return response;
        }) as typeof end;
      }
      answer();
    });
    expect((await load(url)).problems.first).toEqual([]);
  });

  test('ends when there is no service', async () => {
    const { problems, admitted } = await load('http://127.0.0.1:1');
    expect(problems.count).toBeGreaterThan(0);
    expect(admitted).toBe(0);
  });

  test('replays the requests of each client in their order, however few or many there are', async () => {
    const seen: string[] = [];
    const url = await serve((request, _response, _number, answer) => {
      const query = new URL(request.url!, 'http://localhost').searchParams;
      seen.push(`${query.get('client')} ${query.get('at')} ${query.get('path')}`);
      answer();
    });
    const requests = Array.from({ length: 100 }, (_, index) => ({
      client: `c${index % 7}`,
      atMs: 5000 + ((index * 37) % 50),
      status: 200,
      path: `/é?${index}`,
    }));
    const result = await generateLoad({ url, connections: 16, policy: {}, source: { type: 'log', requests } }, () => undefined).result;
    expect(result.problems.first).toEqual([]);
    expect(result.answered).toBe(100);
    for (let client = 0; client < 7; client++) {
      const own = requests.filter((request) => request.client === `c${client}`).map((request) => `c${client} ${request.atMs} ${request.path}`);
      expect(seen.filter((text) => text.startsWith(`c${client} `))).toEqual(own);
    }
  });
});
