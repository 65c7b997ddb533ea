/** The pages on Express, Fastify and NestJS: the code of each page is the server, and is asked over real HTTP. */
import { Agent, get } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { end, filesOf, freePort, projectOf, readPage, runIn, type Running, start } from '../documented-code.js';
import { until } from '../until.js';

const PACKAGES = {
  express: ['express'],
  fastify: ['fastify'],
  nestjs: ['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', 'reflect-metadata', 'rxjs', 'typescript-api', '@types/node', '@types/express'],
} as const;

interface Server extends Running {
  readonly url: string;
}

async function serve(name: keyof typeof PACKAGES): Promise<Server> {
  const files = filesOf(readPage(`docs/how-to/${name}.md`));
  const folder = projectOf(files, PACKAGES[name]);
  let main = 'server.js';
  if (files.has('tsconfig.json')) {
    const compiled = await runIn(folder, 'node node_modules/typescript-api/bin/tsc');
    expect(compiled).toEqual({ status: 0, text: '' });
    main = 'dist/main.js';
  }
  const port = await freePort();
  const running = start(folder, `exec node ${main}`, { PORT: String(port) });
  onTestFinished(() => end(running.child, 'SIGKILL'));
  await until(() => {
    if (running.hasEnded()) throw new Error(running.text());
    return running.text().includes('listening on');
  }, 30_000);
  return { ...running, url: `http://127.0.0.1:${port}` };
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

async function call(url: string, method = 'GET', body?: unknown): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url, { method, ...(body === undefined ? {} : { body: text, headers: { 'content-type': 'application/json' } }) });
  const answer = await response.text();
  return { status: response.status, headers: response.headers, body: answer.startsWith('{') ? JSON.parse(answer) : answer };
}

describe.each(Object.keys(PACKAGES) as (keyof typeof PACKAGES)[])('the page on %s', (name) => {
  test('answers what agents answer, and says what went wrong by the status', { timeout: 120_000 }, async () => {
    const { url } = await serve(name);
    expect(await call(`${url}/lots/lamp`, 'PUT', { title: 'A brass lamp', price: 10 })).toMatchObject({ status: 201, body: { id: 'lamp' } });
    expect(await call(`${url}/lots/lamp/bids`, 'POST', { bidder: 'ann', amount: 12 })).toMatchObject({ status: 200, body: { accepted: true, price: 12 } });
    expect(await call(`${url}/lots/lamp/bids`, 'POST', { bidder: 'bob', amount: 12 })).toMatchObject({ status: 409, body: { accepted: false, price: 12 } });
    expect(await call(`${url}/lots/lamp`)).toMatchObject({ status: 200, body: { title: 'A brass lamp', price: 12, leader: 'ann' } });
    expect(await call(`${url}/lots/lamp/estimate`)).toMatchObject({ status: 200, body: { estimate: 24 } });

    expect(await call(`${url}/lots/lamp/estimate?withinMs=20`)).toMatchObject({ status: 504, body: { error: { code: 'NEXUS_ASK_TIMEOUT' } } });
    expect(await call(`${url}/lots/lamp/bids`, 'POST', { bidder: 'bob' })).toMatchObject({ status: 422, body: { error: { code: 'NEXUS_SHAPE_MISMATCH' } } });
    expect(await call(`${url}/lots/rug`, 'PUT', { title: 'A rug' })).toMatchObject({ status: 422, body: { error: { code: 'NEXUS_START_FAILED' } } });
    expect(await call(`${url}/lots/vase/bids`, 'POST', { bidder: 'ann', amount: 1 })).toMatchObject({ status: 404 });
    expect(await call(`${url}/lots/lamp/bids`, 'POST', '{')).toMatchObject({ status: 400 });
    expect(await call(`${url}/nowhere`)).toMatchObject({ status: 404 });
  });

  test('has health, readiness and metrics', { timeout: 120_000 }, async () => {
    const { url } = await serve(name);
    expect(await call(`${url}/health`)).toMatchObject({ status: 200, body: { alive: true } });
    expect(await call(`${url}/ready`)).toMatchObject({ status: 200, body: { ready: true } });
    await call(`${url}/lots/lamp`, 'PUT', { title: 'A brass lamp', price: 10 });
    const { body, headers } = await call(`${url}/metrics`);
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    expect(body).toMatch(/^nexus_agents\{thread="[12]"\} 1$/m);
    if (name !== 'nestjs') expect(body).toMatch(/nexus_http_request_duration_seconds_count\{method="PUT",route="\/lots\/:id",status="201"\} 1$/m);
  });

  test('answers what is in flight when it is told to end, takes nothing new, and ends cleanly', { timeout: 120_000 }, async () => {
    const server = await serve(name);
    const { url } = server;
    await call(`${url}/lots/lamp`, 'PUT', { title: 'A brass lamp', price: 10 });
    const agent = new Agent({ keepAlive: true }); // an idle connection of which must not hold up the end
    await new Promise<void>((resolve, reject) => get(`${url}/health`, { agent }, (response) => response.resume().once('end', resolve)).once('error', reject));
    const inFlight = new Promise<number | undefined>((resolve, reject) =>
      get(`${url}/lots/lamp/estimate`, { agent: false }, (response) => response.resume().once('end', () => resolve(response.statusCode))).once('error', reject),
    );
    await until(async () => String((await call(`${url}/metrics`)).body).includes('nexus_asks_total{thread="0"} 1\n')); // it has asked the lot, which takes its time
    end(server.child, 'SIGTERM');
    expect(await inFlight).toBe(200);
    expect(await server.ended).toMatchObject({ status: 0 });
    await expect(fetch(`${url}/health`)).rejects.toThrow();
    agent.destroy();
  });
});
