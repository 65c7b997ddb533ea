/**
 * The code in the pages: cuts the fenced blocks out of a Markdown file, writes them into a project of their own that has the built package installed, and runs what the page
 * runs. Used by the tests of the pages, so that what a reader pastes is what is tested; it knows nothing of what any page says.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * A fenced block. A page names the file that a block is by a comment in its first line, as in `// main.js`, which stays in the file; of JSON, which has no comments, in the line
 * of the fence, as in "```json tsconfig.json".
 */
export interface Block {
  readonly language: string;
  /** What follows the language in the line of the fence: `server` in "```console server". */
  readonly role: string;
  readonly text: string;
  readonly file: string | undefined;
  readonly line: number;
}

export function readPage(name: string): string {
  return readFileSync(join(root, name), 'utf8');
}

export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```(\w*) *(.*)\n([\s\S]*?)^```$/gm)].map((match) => {
    const [, language = '', role = '', text = ''] = match;
    const named = /^(?:js|ts|mjs)$/.test(language) ? /^\/\/ ([\w./-]+\.\w+)\n/.exec(text)?.[1] : undefined;
    const file = language === 'json' && role !== '' ? role.trim() : named;
    return { language, role: role.trim(), text, file, line: page.slice(0, match.index).split('\n').length };
  });
}

/** The blocks that are files, the last one of each name. */
export function filesOf(page: string): ReadonlyMap<string, string> {
  return new Map(blocksOf(page).flatMap(({ file, text }) => (file === undefined ? [] : [[file, text] as const])));
}

/** What the comments behind `console.log(...);` at the ends of lines say is printed, line by line. */
export function saidBy(text: string, calls = /^ *console\.log.*; \/\/ (.*)$/gm): string[] {
  return [...text.matchAll(calls)].map(([, comment]) => comment as string);
}

/** A folder with these files where `nexus-agents`, its command and some more packages are installed; it is gone after the test. */
export function projectOf(files: ReadonlyMap<string, string>, packages: readonly string[] = []): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-page-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "name": "page", "private": true, "type": "module" }');
  for (const name of packages) {
    const installed = join(root, 'node_modules', name);
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(installed, join(modules, name));
    const { bin = {} } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { bin?: Readonly<Record<string, string>> | string };
    for (const [command, file] of Object.entries(typeof bin === 'string' ? { [name]: bin } : bin))
      symlinkSync(join(installed, file), join(modules, '.bin', command));
  }
  symlinkSync(root, join(modules, 'nexus-agents'));
  const command = join(modules, '.bin/nexus');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'dist/ts-src/cli/nexus.js')}' "$@"\n`);
  chmodSync(command, 0o755);
  for (const [name, text] of files) writeInto(folder, name, text);
  return folder;
}

export interface Printed {
  readonly status: number | string | null;
  readonly text: string;
}

/** Runs a line of a shell in the folder, and resolves with what a terminal would show. */
export function runIn(folder: string, line: string, variables: Readonly<Record<string, string>> = {}): Promise<Printed> {
  const running = start(folder, line, variables);
  const overdue = setTimeout(() => end(running.child, 'SIGKILL'), 60_000);
  return running.ended.finally(() => clearTimeout(overdue));
}

const PORTS = ['8080', '8081', '8082', '7401', '7402'];
const PORT = new RegExp(`\\b(?:${PORTS.join('|')})\\b`, 'g');

/**
 * Does what a page says, from its first line to its last: writes the files, runs the commands (`$ `) of `console` blocks and compares what they print with what the page shows.
 * `...` in the page stands for anything. A block `console server` is a command that goes on running; `console shows` is what the one that was started last prints later, and
 * `console stop` ends it with Ctrl-C. Blocks of other languages are not run. The ports 8080, 8081, 8082, 7401 and 7402 are replaced by free ones wherever they are written, and commands that ask a service by
 * themselves are told so.
 */
export async function followPage(page: string, packages: readonly string[] = []): Promise<string> {
  const ports = new Map<string, string>();
  for (const port of PORTS) ports.set(port, String(await freePort()));
  const here = (text: string): string => text.replace(PORT, (port) => ports.get(port) as string);
  const port = ports.get('8080') as string;
  const folder = projectOf(new Map(), packages);
  const variables = { NEXUS_URL: `http://127.0.0.1:${port}` };
  const servers: { readonly running: Running; shown: number }[] = [];
  onTestFinished(() => {
    for (const { running } of servers) end(running.child, 'SIGKILL');
  });
  for (const block of blocksOf(page)) {
    if (block.file !== undefined) writeInto(folder, block.file, here(block.text));
    if (block.language !== 'console') continue;
    if (block.role === 'stop' || block.role === 'shows') {
      const server = servers.at(-1);
      if (server === undefined) throw new Error(`line ${block.line}: no server is running`);
      if (block.role === 'shows') {
        await shows(server, block, here(block.text));
        continue;
      }
      servers.pop();
      end(server.running.child, 'SIGINT');
      const { text } = await server.running.ended;
      compare(block, here(block.text.replace(/^\^C\n/, '')), text.slice(server.shown));
      continue;
    }
    for (const { line, expected } of commandsOf(block.text)) {
      if (block.role === 'server') {
        const server = { running: start(folder, here(line), variables), shown: 0 };
        servers.push(server);
        await shows(server, block, here(expected));
      } else compare(block, here(expected), (await runIn(folder, here(line), variables)).text, line);
    }
  }
  if (servers.length > 0) throw new Error('the page does not stop what it has started');
  return folder;
}

function commandsOf(text: string): { readonly line: string; readonly expected: string }[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [line = ''] = /^(?:.*\\\n)*.*\n/.exec(part) ?? [];
      return { line: line.trim(), expected: part.slice(line.length) };
    });
}

/** A line of nothing but `...` may also stand for no line at all. */
function matches(expected: string, printed: string): boolean {
  const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const lines = expected
    .trim()
    .split('\n')
    .map((line) => (line.trim() === '...' ? '(?:[^\\n]*\\n)*?' : `${line.split('...').map(literal).join('[^\\n]*?')}\\n`));
  return new RegExp(`^${lines.join('')}$`).test(`${printed.trim()}\n`);
}

function compare({ line }: Block, expected: string, printed: string, command = ''): void {
  if (!matches(expected, printed))
    throw new Error(`block of line ${line}: ${command}\n--- the page shows\n${expected.trim()}\n--- it printed\n${printed.trim()}\n---`);
}

/** Waits until what was printed since the last time is what the page shows. */
async function shows(server: { readonly running: Running; shown: number }, block: Block, expected: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  const since = (): string => server.running.text().slice(server.shown);
  while (!since().endsWith('\n') || !matches(expected, since())) {
    if (server.running.hasEnded() || performance.now() > deadline) compare(block, expected, since());
    await new Promise<void>((resolve) => setTimeout(resolve, 5));
  }
  server.shown = server.running.text().length;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Printed>;
  hasEnded(): boolean;
  text(): string;
}

/** A process group of its own, so that Ctrl-C reaches what the shell has started, as in a terminal. Ends with the test at the latest. */
export function start(folder: string, line: string, variables: Readonly<Record<string, string>> = {}): Running {
  // Without what this test runner tells its own workers.
  const { NODE_TEST_CONTEXT: _context, NEXUS_TEST_SEED: _seed, VITEST: _vitest, NODE_ENV: _environment, FORCE_COLOR: _color, ...env } = process.env;
  const path = [join(folder, 'node_modules/.bin'), dirname(process.execPath), process.env['PATH']].join(delimiter);
  const child = spawn('/bin/sh', ['-c', `exec 2>&1\n${line.replace(/^npx /, '')}`], {
    cwd: folder,
    env: { ...env, NO_COLOR: '1', ...variables, PATH: path },
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  let hasEnded = false;
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const ended = new Promise<Printed>((resolve) =>
    child.once('close', (code, signal) => {
      hasEnded = true;
      resolve({ status: signal ?? code, text });
    }),
  );
  return { child, ended, hasEnded: () => hasEnded, text: () => text };
}

/** Signals the whole process group of what was started. */
export function end(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, signal);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function writeInto(folder: string, name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}
