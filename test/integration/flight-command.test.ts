/** `nexus flight`: what it prints of a record, where it gets it, and what it says about files that are none. And the page on it, whose example runs. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { FLIGHT_DEAD_LETTER_REASONS, FLIGHT_STOP_REASONS, FLIGHT_TYPES } from '../../dist/ts-src/model/flight-event.js';
import { actionOf, cellOf, sample } from '../unit/flight/flight-samples.js';
import { until } from '../until.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = join(root, 'dist/ts-src/cli/nexus.js');
const page = readFileSync(join(root, 'docs/flight-recorder.md'), 'utf8');

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-flight-command-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Two threads, two agents; the second thread died in a message. */
function recordOfTwo(): Buffer {
  const { recorders, table, clock, capture } = sample();
  const [a, b] = ['o-7', 'shelf'].map((name, kind) => table.insert(name, kind, undefined, 0)) as [number, number];
  recorders[0]?.threadStarted(0);
  clock.ms += 1;
  recorders[0]?.beginRun(cellOf(a, 1, 0), actionOf(0), undefined, 0);
  recorders[0]?.endRun(3);
  clock.ms += 1;
  recorders[1]?.beginRun(cellOf(b, 1, 1), actionOf(0), { slot: a } as never, 0);
  clock.ms += 1;
  recorders[0]?.threadLost(1, true);
  return capture({ reason: 'threadLost', thread: 1, note: 'thread 1 ended with exit code 1: Error: out of stock\n    at somewhere' });
}

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function flight(...args: string[]): Promise<Outcome> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [bin, 'flight', ...args], { timeout: 30_000 });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

test('a record is printed as what it is about and a line for each event, with times relative to the dump', async () => {
  const file = join(temporary(), 'two.nxf');
  writeFileSync(file, recordOfTwo());
  expect((await flight(file)).out).toBe(`flight record of process 42 on here, 2023-11-14T22:13:21.003Z
nexus-agents 1.2.3, Node v20, linux x64, portable engine
written because a thread was lost, on or about thread 1
  thread 1 ended with exit code 1: Error: out of stock
      at somewhere
thread 0: empty, 3 events
thread 1: empty, 1 event

        -3.000 ms    0  threadStarted  this thread serves
        -2.000 ms    0  messages       order 'o-7' add, 3 messages
        -1.000 ms    1  messages       stock 'shelf' take, RUNNING, from 'o-7'
         0.000 ms    0  threadLost     thread 1, which is replaced
`);
  const lines = async (...args: string[]): Promise<string[]> => (await flight(file, ...args)).out.trimEnd().split('\n').slice(8);
  expect(await lines('--thread', '1')).toEqual(["        -1.000 ms    1  messages       stock 'shelf' take, RUNNING, from 'o-7'"]);
  expect(await lines('--agent', 'o-7')).toEqual(["        -2.000 ms    0  messages       order 'o-7' add, 3 messages"]);
  expect(await lines('--last', '1')).toEqual(['         0.000 ms    0  threadLost     thread 1, which is replaced']);
});

test('a record as JSON has its events, and as a trace the slices of its messages', async () => {
  const folder = temporary();
  const file = join(folder, 'two.nxf');
  writeFileSync(file, recordOfTwo());
  const json = JSON.parse((await flight(file, '--json')).out);
  expect(json).toMatchObject({
    reason: 'threadLost',
    thread: 1,
    head: { pid: 42 },
    threads: [
      { thread: 0, events: 3 },
      { thread: 1, events: 1 },
    ],
  });
  expect(json.events).toMatchObject([
    { type: 'threadStarted' },
    { type: 'messages', agent: { id: 'o-7', kind: 'order' }, action: 'add', count: 3 },
    { type: 'messages', agent: { id: 'shelf' }, action: 'take', thread: 1 },
    { type: 'threadLost', other: 1, replaced: true },
  ]);
  expect(json.events[2].count).toBeUndefined();
  const trace = join(folder, 'trace.json');
  expect(await flight(file, '--chrome-trace', trace)).toMatchObject({ code: 0, out: expect.stringContaining('ui.perfetto.dev') });
  const events = JSON.parse(readFileSync(trace, 'utf8')).traceEvents as { ph: string; name: string }[];
  expect(events.filter(({ ph }) => ph === 'X').map(({ name }) => name)).toEqual(['order.add', 'stock.take']);
});

test('a record is fetched from a gateway, kept with -o, and read again', async () => {
  const bytes = recordOfTwo();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`);
    if (/^(?:\/behind)?\/console\/flight$/.test(request.url ?? '')) response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bytes);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kept = join(temporary(), 'kept.nxf');
  expect(await flight(url, '-o', kept)).toMatchObject({ code: 0, err: '' });
  expect(readFileSync(kept).equals(bytes)).toBe(true);
  expect((await flight(`${url}/`, '--last', '1')).out).toContain('threadLost');
  // Behind a proxy with a path; and the address of the page is as good.
  for (const path of ['/behind', '/behind/', '/behind/console', '/console', '/console/flight']) expect((await flight(`${url}${path}`)).code, path).toBe(0);
  expect(asked.slice(2)).toEqual(['/behind', '/behind', '/behind', '', ''].map((path) => `${path}/console/flight undefined`));
  expect(await flight(`${url.replace('//', '//me:secret@')}/`)).toMatchObject({ code: 2, err: expect.not.stringContaining('secret') });
  server.close();
  server.closeAllConnections();
  expect(await flight(url)).toMatchObject({ code: 1, err: expect.stringContaining('/console/flight could not be fetched: ') });
});

test('what is no record, cut off, of a newer version or not there has a message of one line', async () => {
  const folder = temporary();
  const write = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const whole = recordOfTwo();
  const newer = Buffer.from(whole);
  newer.writeUInt32LE(9, 8);
  const cases: readonly [string[], number, string][] = [
    [[write('foreign', Buffer.from('hello'))], 1, 'NEXUS_FLIGHT_FOREIGN'],
    [[write('cut', whole.subarray(0, 3000))], 1, 'is cut off in the events'],
    [[write('newer', newer)], 1, 'has version 9'],
    [[join(folder, 'absent')], 1, 'could not be read: ENOENT'],
    [[folder], 1, 'could not be read'],
    [[write('whole', whole), '--thread', '7'], 1, 'there is no thread 7'],
    [[join(folder, 'whole'), '--chrome-trace', join(folder, 'absent', 'x')], 1, 'could not be written: ENOENT'],
    [[join(folder, 'whole'), '--lst', '7'], 2, "did you mean '--last'?"],
    [[], 2, 'which flight record?'],
  ];
  for (const [args, code, message] of cases) {
    const found = await flight(...args);
    expect(found, args.join(' ')).toMatchObject({ code, out: '' });
    expect(found.err).toContain(message);
    expect(found.err).not.toContain('    at ');
  }
  expect((await flight('--help')).out).toContain('--chrome-trace FILE');
});

test('nexus run leaves a flight record on SIGUSR2, where it was told to', async () => {
  const folder = temporary();
  const child = spawn(process.execPath, [bin, 'run', join(root, 'test/fixtures/counter.mjs'), '--threads', '1', '--port', '0', '--flight-directory', folder], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => (out += chunk));
  await until(() => out.includes('serving'));
  child.kill('SIGUSR2');
  await until(() => readdirSync(folder).length === 1 && readFileSync(join(folder, readdirSync(folder)[0] as string)).length > 0);
  await until(async () => (await flight(join(folder, readdirSync(folder)[0] as string))).out.includes('written on the signal SIGUSR2'));
  const exit = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  expect(await exit).toBe(0);
});

test('the example of the page on the flight recorder shows what the page says', () => {
  const folder = temporary();
  const files = [...page.matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```/g)];
  expect(files.map(([, name]) => name)).toEqual(['orders.js', 'main.js']);
  for (const [, name, text] of files) writeFileSync(join(folder, name as string), text as string);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/nexus-agents'));
  const path = execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', stdio: 'pipe', timeout: 30_000 }).trim();
  onTestFinished(() => rmSync(path, { force: true }));
  const shown = execFileSync(process.execPath, [bin, 'flight', path, '--agent', 'order'], { encoding: 'utf8' });
  const timeline = /```text\n([\s\S]*?)```/.exec(page)?.[1] as string;
  const happened = (text: string): string[] =>
    text
      .split('\n')
      .map((line) => / ms +\d+ +(.*)$/.exec(line)?.[1]?.replace(/ +/g, ' '))
      .filter((line) => line !== undefined);
  expect(happened(timeline)).toHaveLength(4);
  // A thread that takes the first of two messages before the second was sent has them in two rows.
  const together = (rows: readonly string[]): string[] => {
    const merged: string[] = [];
    for (const row of rows) {
      const [, what, count] = /^(messages .*, )(\d+) messages?$/.exec(row) ?? [];
      const [, whatBefore, countBefore] = /^(messages .*, )(\d+) messages$/.exec(merged.at(-1) ?? '') ?? [];
      if (what !== undefined && what === whatBefore) merged[merged.length - 1] = `${what}${Number(countBefore) + Number(count)} messages`;
      else merged.push(what === undefined ? row : `${what}${count} messages`);
    }
    return merged;
  };
  expect(together(happened(shown))).toEqual(together(happened(timeline)));
});

test('the page names every type of event and every reason', () => {
  for (const type of FLIGHT_TYPES.slice(1)) expect(page).toContain(`| \`${type}\` |`);
  for (const reason of [...FLIGHT_STOP_REASONS, ...FLIGHT_DEAD_LETTER_REASONS]) expect(page).toContain(`\`${reason}\``);
});
