import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runDemo } from '../../examples/rate-limiter/run-demo.mjs';

const DEMO = fileURLToPath(new URL('../../examples/rate-limiter/demo.mjs', import.meta.url));
const SAMPLE = fileURLToPath(new URL('../../examples/rate-limiter/sample/access.log', import.meta.url));
const LEDGER = new URL('../../examples/rate-limiter/ledger.mjs', import.meta.url);

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...argv: string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return { child, ended: new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr }))) };
}

const demo = (...argv: string[]) => run(DEMO, ...argv);

describe('the demo as a process', () => {
  test('answers every request correctly and says so as JSON alone', async () => {
    const { code, stdout, stderr } = await demo('--duration', '2', '--clients', '1500', '--threads', '2', '--connections', '16', '--json').ended;
    expect(stderr).toMatch(/1 s .* requests\/s/);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({
      ok: true,
      mode: 'load',
      problems: { count: 0, first: [] },
      threads: { workers: 2 },
      engine: { kind: expect.stringMatching(/^(native|wasm|portable)$/) },
      log: null,
      topAbusers: null,
    });
    const { requests, latencyMs, clients, agents, messages } = result;
    expect(requests.admitted + requests.refused).toBe(requests.total);
    expect(requests.total).toBeGreaterThan(100);
    expect(latencyMs.p50).toBeGreaterThan(0);
    expect(latencyMs.p50).toBeLessThanOrEqual(latencyMs.p99);
    expect(latencyMs.p99).toBeLessThanOrEqual(latencyMs.p999);
    expect(agents.live + agents.ended).toBe(clients.seen);
    expect(agents.perThread.map(({ thread }: { thread: number }) => thread)).toEqual([1, 2]);
    expect(Math.abs(agents.perThread[0].agents - agents.perThread[1].agents)).toBeLessThan(agents.live * 0.2);
    // A request and a reply each, and the same to start an agent.
    expect(messages.otherThread).toBeGreaterThanOrEqual(2 * (requests.total + agents.live));
    expect(code).toBe(0);
  });

  test('replays the sample log, the same way every time', async () => {
    const { code, stdout } = await demo('--log', SAMPLE, '--json').ended;
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({
      ok: true,
      mode: 'replay',
      requests: { total: 1065, admitted: 745, refused: 320 },
      clients: { seen: 66, refused: 3, blocked: 3 },
      log: { path: SAMPLE, lines: 1069, requests: 1065, malformed: 4 },
    });
    expect(result.log.malformedFirst.map(({ line }: { line: number }) => line)).toEqual([12, 149, 286, 423]);
    expect(result.topAbusers.slice(0, 3).map(({ client, refused }: { client: string; refused: number }) => [client, refused])).toEqual([
      ['203.0.113.200', 220],
      ['2001:db8:dead::1', 67],
      ['198.51.100.77', 33],
    ]);
    expect(code).toBe(0);
  });

  test('prints a table, for a log in disorder with agents on the calling thread too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'demo-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'access.log');
    const line = (second: number, status: number) =>
      `2001:db8::7 - - [01/Jan/2026:00:00:${second} +0000] "GET /%zz?\\"\\x1b[31m HTTP/1.1" ${status} 1 "-" "-"\r\n`;
    writeFileSync(path, `${line(30, 200)}${line(10, 404)}${line(59, 401)}${line(20, 200)}nothing\r\n`.repeat(12));
    const { code, stdout } = await demo('--log', path, '--threads', '0', '--duration', '1').ended;
    for (const text of [
      'requests/s',
      'p50',
      'p99.9',
      'agents',
      'messages',
      'memory per agent',
      'refused clients',
      'threads',
      'engine',
      'top abusers',
      '2001:db8::7',
    ])
      expect(stdout).toContain(text);
    expect(stdout).toMatch(/malformed +12: line 5 /);
    expect(stdout).toMatch(/All 48 requests were answered correctly/);
    expect(stdout).not.toContain('\x1b');
    expect(code).toBe(0);
  });

  test('has nothing to do for an empty log', async () => {
    const { code, stdout } = await demo('--log', '/dev/null').ended;
    expect([code, stdout]).toEqual([2, '']);
    const folder = mkdtempSync(join(tmpdir(), 'demo-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'empty.log'), '');
    const empty = await demo('--log', join(folder, 'empty.log')).ended;
    expect(empty.stdout).toMatch(/There was nothing to ask/);
    expect(empty.code).toBe(0);
  });

  test.each([
    [['--clients', 'many'], /--clients is 'many'/],
    [['--frobnicate'], /--frobnicate/],
    [['--log', '/there/is/nothing'], /there is no file/],
    [['--log', tmpdir()], /is a directory/],
  ])('refuses %j with exit code 2', async (argv, message) => {
    const { code, stdout, stderr } = await demo(...argv).ended;
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, '']);
  });

  test('helps', async () => {
    const { code, stdout } = await demo('--help').ended;
    expect(code).toBe(0);
    for (const option of ['--duration', '--clients', '--threads', '--connections', '--log', '--json', '--help']) expect(stdout).toContain(option);
  });

  test('ends in order when it is interrupted', async () => {
    const { child, ended } = demo('--duration', '60', '--clients', '100', '--json');
    await new Promise<void>((resolve) => child.stderr!.on('data', (text: string) => text.includes('2 s') && resolve()));
    child.kill('SIGINT');
    const { code, stdout } = await ended;
    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
    expect(code).toBe(130);
  });
});

const options = { seconds: 1, clients: 100, threads: 1, connections: 12, log: undefined };
const quiet = { progress: () => undefined };

describe('the demo with clients that end when they are idle', () => {
  test('still accounts for every request', async () => {
    const result = await runDemo({ ...options, seconds: 3, clients: 4000 }, { ...quiet, service: { policy: { rate: 50, burst: 5, idleMs: 250 } } });
    expect(result.problems.first).toEqual([]);
    expect(result.agents.ended).toBeGreaterThan(100);
    expect(result.ok).toBe(true);
  });
});

describe('the demo fails with an agent that', () => {
  test.each([
    ['off-by-one', /more often than burst \+ rate|remaining where/],
    ['wrong-client', /got the answer for 'somebody-else'/],
    ['handles-twice', /sequence number 7 never came|its agent counted/],
    ['never-answers', /answered 503/],
    ['refuses', /answered 200, and admitted: false|refused although/],
    ['forgets', /in a time that allows/],
    ['fast-clock', /in a time that allows/],
    ['wrong-books', /its agent counted \d+ requests/],
    ['fails', /answered 500/],
  ])('is broken: %s', async (name, message) => {
    const modules = [new URL(`../unit/examples/broken/${name}.mjs`, import.meta.url), LEDGER];
    const result = await runDemo(options, { ...quiet, modules, service: { askTimeoutMs: 300 } });
    expect(result.ok).toBe(false);
    expect(result.problems.first.join('\n')).toMatch(message);
  });

  test('is broken, and the process ends with exit code 1 and says why', async () => {
    const modules = [new URL('../unit/examples/broken/handles-twice.mjs', import.meta.url), LEDGER].map((url) => `new URL('${url.href}')`);
    const start = `import(${JSON.stringify(pathToFileURL(DEMO).href)}).then(({ demo }) => demo(['--duration', '1', '--clients', '50'], { modules: [${modules}] }))`;
    const { code, stdout } = await run('--eval', `${start}.then((code) => { process.exitCode = code; })`).ended;
    expect(stdout).toMatch(/NOT CORRECT: .* problems \(.*sequence/);
    expect(stdout).toMatch(/client 'abuser-0': .*sequence number 7 never came/);
    expect(code).toBe(1);
  });
});
