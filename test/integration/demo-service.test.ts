import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createNexus } from 'nexus-agents';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Client } from '../../examples/rate-limiter/client.mjs';
import { SERVICE_MODULES, type ServiceOptions, startService } from '../../examples/rate-limiter/service.mjs';

const PROGRAM = fileURLToPath(new URL('../../examples/rate-limiter/service.mjs', import.meta.url));
const LEDGER = new URL('../../examples/rate-limiter/ledger.mjs', import.meta.url);

/** What any of the answers may hold. */
interface Body {
  readonly client: string;
  readonly life: number;
  readonly sequence: number;
  readonly remaining: number;
  readonly retryAfterMs: number;
  readonly error: string;
  readonly ended: object;
}

async function start(options: ServiceOptions = {}, modules: readonly URL[] = SERVICE_MODULES) {
  const nexus = await createNexus({ agents: modules, threads: 2 });
  const service = await startService(nexus, options);
  onTestFinished(async () => {
    await service.close({ deadlineMs: 500 });
    await nexus.stop({ deadlineMs: 500 });
  });
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(service.url + path, init);
    return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
  };
  return { service, nexus, get };
}

const broken = (name: string) => [new URL(`../unit/examples/broken/${name}.mjs`, import.meta.url), LEDGER];

async function eventually<T>(look: () => Promise<T>, isRight: (value: T) => boolean): Promise<T> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const value = await look();
    if (isRight(value) || performance.now() > deadline) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('the rate limiter', () => {
  test('admits up to the burst and then says when to come again', async () => {
    const { get } = await start({ policy: { rate: 0.01, burst: 2 } });
    const answers = [await get('/check?client=a'), await get('/check', { headers: { 'x-client-id': 'a' } }), await get('/check?client=a')];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers.map(({ body }) => [body.client, body.sequence, body.remaining])).toEqual([
      ['a', 1, 1],
      ['a', 2, 0],
      ['a', 3, 0],
    ]);
    expect(answers[0]!.headers.get('retry-after')).toBeNull();
    expect(Number(answers[2]!.headers.get('retry-after'))).toBe(Math.ceil(answers[2]!.body.retryAfterMs / 1000));
    expect((await get('/check?client=b')).status).toBe(200);
    expect((await get('/stats?client=a')).body).toMatchObject({ client: 'a', sequence: 3, admitted: 2, refused: 1 });
    expect((await get('/stats')).body).toMatchObject({ requests: 6, admitted: 3, refused: 1, inFlight: 1, unavailable: 0, failed: 0 });
  });

  test('starts one agent for a client, however many requests come at once', async () => {
    const { get, nexus } = await start({ policy: { burst: 1000 } });
    const answers = await Promise.all(Array.from({ length: 200 }, () => get('/check?client=new')));
    expect(answers.map(({ body }) => body.sequence).sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    expect([...nexus.agents('client')]).toHaveLength(1);
  });

  test('spreads its clients over the worker threads', async () => {
    const { get, nexus } = await start();
    await Promise.all(Array.from({ length: 40 }, (_, index) => get(`/check?client=c${index}`)));
    const threads = [...nexus.agents('client')].map(({ thread }) => thread);
    expect(threads.filter((thread) => thread !== 1 && thread !== 2)).toEqual([]);
    // By the counts that the threads publish, which are a little behind.
    expect(Math.abs(threads.filter((thread) => thread === 1).length - 20)).toBeLessThan(10);
  });

  test('refuses what it does not understand', async () => {
    const { get } = await start();
    const statuses = [
      await get('/check'),
      await get('/check?client=a%20b'),
      await get('/nothing'),
      await get('/check?client=a', { method: 'POST', body: 'x' }),
    ];
    expect(statuses.map(({ status }) => status)).toEqual([400, 422, 404, 405]);
    expect(statuses[3]!.headers.get('allow')).toBe('GET');
    expect((await get('/stats?client=nobody')).status).toBe(404);
    expect((await get('/stats')).body).toMatchObject({ invalid: 4, admitted: 0 });
  });

  test('answers 503 when too many requests wait, and goes on', async () => {
    const { get } = await start({ inFlightMax: 2 }, broken('slow'));
    const answers = await Promise.all(Array.from({ length: 6 }, (_, index) => get(`/check?client=c${index}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 503, 503, 503, 503]);
    for (const { status, headers } of answers) expect(headers.get('retry-after')).toBe(status === 503 ? '1' : null);
    expect((await get('/check?client=c0')).status).toBe(200);
  });

  test('answers 503 to more clients than it may have, and serves those it has', async () => {
    const { get } = await start({ clientsMax: 2 });
    expect(
      [await get('/check?client=a'), await get('/check?client=b'), await get('/check?client=c'), await get('/check?client=a')].map(({ status }) => status),
    ).toEqual([200, 200, 503, 200]);
  });

  test('answers 503 when an agent does not', async () => {
    const { get } = await start({ askTimeoutMs: 50, policy: { burst: 100 } }, broken('never-answers'));
    for (let sequence = 1; sequence < 15; sequence++) expect((await get('/check?client=a')).status).toBe(200);
    const { status, headers, body } = await get('/check?client=a');
    expect([status, headers.get('retry-after'), body.error]).toEqual([503, '1', 'not now: NEXUS_ASK_TIMEOUT']);
  });

  test('forgets a client that is idle, and keeps its account', async () => {
    const { get } = await start({ policy: { rate: 1000, idleMs: 50 } });
    const before = (await get('/check?client=a')).body;
    expect(
      (
        await eventually(
          () => get('/stats?client=a'),
          ({ status }) => status === 404,
        )
      ).status,
    ).toBe(404);
    const { ended } = (
      await eventually(
        () => get('/stats'),
        ({ body }) => (body.ended as { clients: number }).clients > 0,
      )
    ).body;
    expect(ended).toEqual({ clients: 1, requests: 1, admitted: 1, refused: 0 });
    const after = (await get('/check?client=a')).body;
    expect(after.sequence).toBe(1);
    expect(after.life).toBeGreaterThan(before.life);
  });

  test('keeps no account of a client whose first request never came', async () => {
    const policy = { rate: 1000, idleMs: 50 };
    const { nexus, get } = await start({ policy });
    const [first] = await Promise.all(Array.from({ length: 10 }, (_, index) => nexus.spawn(Client, { id: `client/idle${index}`, init: policy })));
    expect(first?.id).toBe('client/idle0');
    expect((await get('/check?client=a')).status).toBe(200);
    const clients = async (): Promise<number> => [...nexus.agents('client')].length;
    expect(await eventually(clients, (count) => count === 0)).toBe(0);
    // All have told the ledger what they had to tell, before they ended.
    const { ended } = (
      await eventually(
        () => get('/stats'),
        ({ body }) => (body.ended as { requests: number }).requests > 0,
      )
    ).body;
    expect(ended).toEqual({ clients: 1, requests: 1, admitted: 1, refused: 0 });
  });

  test('does not forget a client that has something to remember', async () => {
    const { get } = await start({ policy: { rate: 0.001, burst: 5, idleMs: 20 } });
    await get('/check?client=a');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await get('/check?client=a')).body).toMatchObject({ sequence: 2, remaining: 3 });
  });

  test('answers what is under way when it closes, and takes nothing new', async () => {
    const { service, get } = await start({}, broken('slow'));
    const underWay = get('/check?client=a');
    await eventually(
      () => service.stats(),
      ({ inFlight }) => inFlight === 1,
    );
    const closed = service.close();
    const { status, headers } = await underWay;
    expect([status, headers.get('connection')]).toEqual([200, 'close']);
    await closed;
    const refused = await new Promise((resolve) => connect(service.port, '127.0.0.1').on('error', resolve).on('connect', resolve));
    expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test.each([
    [{ policy: { rate: 0 } }, /rate is 0/],
    [{ inFlightMax: 0 }, /inFlightMax is 0/],
    [{ askTimeoutMs: 1e9 }, /askTimeoutMs/],
  ])('refuses the options %j', async (options, message) => {
    const nexus = await createNexus({ agents: SERVICE_MODULES, threads: 0 });
    onTestFinished(async () => void (await nexus.stop()));
    await expect(startService(nexus, options)).rejects.toThrow(message);
  });
});

describe('the rate limiter as a process', () => {
  function program(...argv: string[]) {
    const child = spawn(process.execPath, [PROGRAM, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    const listeners: (() => void)[] = [];
    const add = (text: string) => {
      output += text;
      for (const listener of listeners) listener();
    };
    child.stdout.setEncoding('utf8').on('data', add);
    child.stderr.setEncoding('utf8').on('data', add);
    return {
      child,
      says: (pattern: RegExp) =>
        new Promise<RegExpExecArray>((resolve) => {
          const look = () => {
            const match = pattern.exec(output);
            if (match !== null) resolve(match);
          };
          listeners.push(look);
          look();
        }),
      ended: new Promise<{ code: number | null; output: string }>((resolve) => child.on('close', (code) => resolve({ code, output }))),
    };
  }

  test('serves until it is told to end', async () => {
    const { child, says, ended } = program('--port', '0', '--threads', '1', '--rate', '1', '--burst', '3');
    const [, url] = await says(/(http:\/\/\S+):? /);
    const address = url!.replace(/,$/, '');
    expect(await (await fetch(`${address}/check?client=a`)).json()).toMatchObject({ admitted: true, remaining: 2 });
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, output: expect.stringContaining('all requests were answered') });
  });

  test('ends with 1 when the port is taken', async () => {
    const { service } = await start();
    const { code, output } = await program('--port', String(service.port), '--threads', '0').ended;
    expect(output).toMatch(/EADDRINUSE/);
    expect(code).toBe(1);
  });

  test.each([[['--port', '99999']], [['--threads', 'two']], [['--verbose']], [['--burst', '1.5']]])('ends with 2 for %j', async (argv) => {
    expect((await program(...argv).ended).code).toBe(2);
  });
});
