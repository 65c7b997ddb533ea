/** `nexus top` in a real terminal: against a real service, and against a gateway that does what the test says. The terminal is as it was before, on every way out. */
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { busySnapshot } from '../unit/cli/snapshots.js';
import { until } from '../until.js';
import { type FakeAnswers, type FakeConsole, fakeConsole } from './fake-console.js';
import { killCommands, NEXUS, nexusCommand, type RunningCommand } from './nexus-command.js';
import { closeTerminals, noTerminal, PseudoTerminal } from './pseudo-terminal.js';

const counter = fileURLToPath(new URL('../fixtures/counter.mjs', import.meta.url));
const throws = new URL('../fixtures/throws-on-signal.mjs', import.meta.url).href;
const consoles: FakeConsole[] = [];

afterEach(async () => {
  closeTerminals();
  killCommands();
  for (const each of consoles.splice(0)) await each.stop();
});

async function console(answers: FakeAnswers): Promise<FakeConsole> {
  const started = await fakeConsole(answers);
  consoles.push(started);
  return started;
}

const top = (
  url: string,
  { args = [], env = {}, columns = 80, rows = 24 }: { args?: string[]; env?: Record<string, string>; columns?: number; rows?: number } = {},
): PseudoTerminal => new PseudoTerminal(columns, rows, [process.execPath, NEXUS, 'top', '--url', url, ...args], env);

async function serving(port: number): Promise<RunningCommand & { url: string }> {
  const command = nexusCommand(['run', counter, '--threads', '2', '--port', String(port), '--json']);
  await until(() => {
    if (command.child.exitCode !== null) throw new Error(command.err());
    return command.out().includes('\n');
  });
  return { ...command, url: JSON.parse(command.out()).url as string };
}

const ask = (url: string, id: string, action: string, input?: unknown): Promise<Response> =>
  fetch(`${url}/agents/${id}/${action}?kind=counter`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ...(input === undefined ? {} : { body: JSON.stringify(input) }),
  });

function left(terminal: PseudoTerminal): void {
  expect(terminal.screen.isAlternate).toBe(false);
  expect(terminal.screen.isCursorShown).toBe(true);
  expect(terminal.screen.wraps).toBe(true);
}

describe.skipIf(noTerminal !== undefined)(`nexus top on a terminal${noTerminal === undefined ? '' : `: skipped, ${noTerminal}`}`, () => {
  test('shows a real service, follows keys and the size of the terminal, waits for a service that was restarted, and leaves the terminal as it was', async () => {
    const service = await serving(0);
    for (const id of ['a', 'b', 'c']) expect((await ask(service.url, id, 'add', 1)).status).toBe(200);
    await ask(service.url, 'a', 'fail');
    const terminal = top(service.url, { args: ['--interval', '250'] });
    await until(() => terminal.shows('nexus top  http://127.0.0.1') && terminal.shows('  1  ready') && terminal.shows('  2  ready'));
    expect(terminal.screen.isAlternate).toBe(true);
    expect(terminal.screen.isCursorShown).toBe(false);
    await until(() => terminal.shows('agents 3 +'));
    // While it looks, messages come.
    const busy = setInterval(() => void ask(service.url, 'b', 'slow', 5).catch(() => undefined), 20);
    await until(() => terminal.screen.texts().some((line) => /^counter\s+slow/.test(line)));
    clearInterval(busy);
    terminal.type('2');
    await until(() => terminal.screen.texts().some((line) => /^counter +3 /.test(line)) && terminal.shows('agents▾'));
    terminal.type('s');
    await until(() => terminal.shows('/s▾'));
    terminal.type('r');
    await until(() => terminal.shows('/s▴'));
    await ask(service.url, 'a', 'fail');
    terminal.type('6');
    await until(() => terminal.shows('boom'));
    terminal.resize(120, 40);
    await until(() => (terminal.screen.texts()[39] ?? '').startsWith('q quit'));
    expect(terminal.shows('sent out')).toBe(true);
    terminal.resize(40, 10);
    await until(() => (terminal.screen.texts()[9] ?? '').startsWith('q quit') && terminal.screen.texts().every((line) => line.length <= 40));
    terminal.resize(100, 24);
    await until(() => (terminal.screen.texts()[23] ?? '').startsWith('q quit'));

    service.child.kill('SIGTERM');
    await service.exit;
    await until(() => terminal.shows('no connection') && terminal.shows('nothing listens'));
    expect(terminal.shows('nexus top')).toBe(true);
    await serving(Number(new URL(service.url).port));
    await until(() => !terminal.shows('no connection') && terminal.shows('agents 0 +'));

    terminal.type('q');
    expect(await terminal.ended).toEqual({ code: 0, keysAsBefore: true });
    left(terminal);
  });

  test('one changed number is a few bytes, and nothing is sent where nothing has changed', async () => {
    const fake = await console({ first: [{ type: 'snapshot', snapshot: busySnapshot() }] });
    const terminal = top(fake.url, { args: ['--no-color'] });
    await until(() => terminal.shows('handled 1.00M/s'));
    const all = terminal.bytes;
    fake.send({ type: 'snapshot', snapshot: busySnapshot() });
    const snapshot = busySnapshot();
    fake.send({ type: 'snapshot', snapshot: { ...snapshot, messages: { ...snapshot.messages, handledPerSecond: 2_002_331 } } });
    await until(() => terminal.shows('handled 2.00M/s'));
    expect(terminal.bytes - all).toBe('\x1b[3;9H2'.length);
    expect(all).toBeGreaterThan(1500);
  });

  test('space holds the picture and goes on, help comes and goes', async () => {
    const fake = await console({ first: [{ type: 'snapshot', snapshot: busySnapshot() }] });
    const terminal = top(fake.url);
    await until(() => terminal.shows('handled 1.00M/s'));
    terminal.type(' ');
    await until(() => terminal.shows('paused'));
    fake.send({ type: 'snapshot', snapshot: { ...busySnapshot(), agents: { live: 7, spawnedPerSecond: 0, stoppedPerSecond: 0 } } });
    terminal.type('?');
    await until(() => terminal.shows('Keys of nexus top'));
    terminal.type('q');
    await until(() => terminal.shows('paused') && terminal.shows('agents 1.00M'));
    terminal.type(' ');
    await until(() => terminal.shows('agents 7 +0/s') && !terminal.shows('paused'));
    terminal.type('\x1b[Z');
    await until(() => terminal.shows('this nexus is no node of a cluster'));
    terminal.type('\x03');
    expect(await terminal.ended).toEqual({ code: 0, keysAsBefore: true });
    left(terminal);
  });

  test.each([
    ['SIGTERM', 15, 143],
    ['SIGHUP', 1, 129],
    ['SIGINT', 2, 0],
  ])('%s leaves the terminal as it was', async (_name, signal, code) => {
    const fake = await console({ first: [{ type: 'snapshot', snapshot: busySnapshot() }] });
    const terminal = top(fake.url);
    await until(() => terminal.shows('handled'));
    terminal.signal(signal);
    expect(await terminal.ended).toEqual({ code, keysAsBefore: true });
    left(terminal);
  });

  test('an error that nobody caught leaves the terminal as it was, and stands on it', async () => {
    const fake = await console({ first: [{ type: 'snapshot', snapshot: busySnapshot() }] });
    const terminal = top(fake.url, { env: { NODE_OPTIONS: `--import=${throws}` } });
    await until(() => terminal.shows('handled'));
    terminal.signal(12);
    expect(await terminal.ended).toEqual({ code: 1, keysAsBefore: true });
    left(terminal);
    expect(terminal.written.indexOf('an error that nobody caught')).toBeGreaterThan(terminal.written.indexOf('\x1b[?1049l'));
  });

  test('a gateway of another version is an error on the terminal as it was', async () => {
    const fake = await console({ first: [{ type: 'snapshot', snapshot: busySnapshot() }] });
    const terminal = top(fake.url);
    await until(() => terminal.shows('handled'));
    fake.send({ type: 'snapshot', snapshot: { threads: 7 } });
    expect(await terminal.ended).toEqual({ code: 1, keysAsBefore: true });
    left(terminal);
    expect(terminal.written).toContain('not a snapshot that this version reads');
  });

  test('ctrl-z gives the terminal back to the shell, and it is drawn again afterwards', async () => {
    const fake = await console({ first: [{ type: 'snapshot', snapshot: busySnapshot() }] });
    const terminal = top(fake.url);
    await until(() => terminal.shows('handled'));
    terminal.type('\x1a');
    await until(() => terminal.written.includes('[stopped'));
    expect(terminal.written).toContain('[stopped, keys as before]');
    expect(terminal.written.lastIndexOf('\x1b[?1049l')).toBeLessThan(terminal.written.indexOf('[stopped'));
    await until(() => terminal.screen.isAlternate && terminal.shows('handled'));
    terminal.type('q');
    expect(await terminal.ended).toEqual({ code: 0, keysAsBefore: true });
  });

  test('a terminal that goes ends it', async () => {
    const fake = await console({ first: [{ type: 'snapshot', snapshot: busySnapshot() }] });
    const terminal = top(fake.url);
    await until(() => terminal.shows('handled'));
    terminal.hangUp();
    expect((await terminal.ended).code).toBe(129);
    await until(() => fake.sockets.size === 0);
  });

  test('where nobody listens it never takes the screen, and on a terminal that cannot be drawn on it says so', async () => {
    const gone = await fakeConsole();
    await gone.stop();
    const nobody = top(gone.url);
    expect(await nobody.ended).toEqual({ code: 1, keysAsBefore: true });
    expect(nobody.written).toMatch(/^nexus: nothing listens at /);
    const dumb = top(gone.url, { env: { TERM: 'dumb' } });
    expect(await dumb.ended).toEqual({ code: 2, keysAsBefore: true });
    expect(dumb.written).toContain("the terminal cannot be drawn on (TERM is 'dumb'): use --once");
  });

  test('NO_COLOR sends no colours, and a locale without UTF-8 nothing but ASCII', async () => {
    const fake = await console({ first: [{ type: 'snapshot', snapshot: busySnapshot() }] });
    const colored = top(fake.url);
    const plain = top(fake.url, { env: { NO_COLOR: '1', LANG: 'C' } });
    for (const terminal of [colored, plain]) await until(() => terminal.shows('handled'));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what a terminal reads
    const color = /\x1b\[(?:1;)?3[0-7]m/;
    expect(colored.written).toMatch(color);
    expect(colored.written).toContain('█');
    expect(plain.written).not.toMatch(color);
    expect([...plain.written].filter((character) => character > '~')).toEqual([]);
    for (const terminal of [colored, plain]) terminal.type('q');
    for (const terminal of [colored, plain]) expect((await terminal.ended).code).toBe(0);
  });

  test('ids that would control the terminal do not', async () => {
    const snapshot = busySnapshot();
    const evil = '\x1b]0;mine\x07\x1b[2J\x9b31m\r\n';
    const mailboxes = [{ id: `x${evil}`, kind: evil, thread: 1, waiting: 5, capacity: 10 }];
    const fake = await console({ first: [{ type: 'snapshot', snapshot: { ...snapshot, mailboxes } }] });
    const terminal = top(fake.url, { args: ['--sort', 'waiting'], columns: 120 });
    await until(() => terminal.shows('x\\x1b]0;mine\\x07\\x1b[2J'));
    expect(terminal.written).not.toContain('\x1b]0;');
    expect(terminal.written).not.toContain('\x9b');
    terminal.type('q');
    // The emulated terminal refuses every sequence that is not one of ours.
    expect((await terminal.ended).code).toBe(0);
  });
});
