import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { http, json, until } from '../fixtures/gateway-client.mjs';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const bin = path('../../dist/ts-src/cli/nexus.js');
const counter = path('../fixtures/counter.mjs');
const setup = path('../fixtures/gateway-setup.mjs');
const agents = path('../fixtures/gateway-agents.mjs');
const durable = path('../fixtures/durable.mjs');
const folder = mkdtempSync(join(tmpdir(), 'nexus-cli-'));
const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Command {
  readonly child: ChildProcess;
  readonly exit: Promise<number | string>;
  out(): string;
  err(): string;
  log(): { level: string; message: string; [field: string]: unknown }[];
}

function nexus(...args: string[]): Command {
  const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk) => (err += chunk));
  const exit = new Promise<number | string>((resolve) =>
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve(signal ?? (code as number));
    }),
  );
  return {
    child,
    exit,
    out: () => out,
    err: () => err,
    log: () =>
      err
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
  };
}

interface Serving extends Command {
  readonly url: string;
  readonly announced: { event: string; url: string; port: number; kinds: string[]; threads: number; engine: string; pid: number };
}

async function serving(...args: string[]): Promise<Serving> {
  const command = nexus('run', ...args, '--port', '0', '--json');
  await until('it serves', () => {
    if (command.child.exitCode !== null) throw new Error(command.err());
    return command.out().includes('\n');
  });
  const announced = JSON.parse(command.out());
  return { ...command, announced, url: announced.url };
}

function module(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('nexus run', () => {
  test('says what it serves, serves it, and ends cleanly', async () => {
    const command = nexus('run', counter, agents, '--threads', '1', '--port', '0', '--engine', 'portable');
    await until('it serves', () => command.out().includes('\n'));
    const line = /^nexus: serving counter, (.+) on (http:\/\/127\.0\.0\.1:(\d+)) with 1 thread \(portable engine\)\n$/.exec(command.out());
    expect(line, command.out()).not.toBeNull();
    expect(line?.[1]?.split(', ').sort()).toEqual(['fragile', 'gate', 'slow', 'strict', 'typed', 'values']);
    expect((await json(`${line?.[2]}/agents/a/add?kind=counter`, 'POST', 2)).body).toEqual({ reply: 2 });
    command.child.kill('SIGINT');
    expect(await command.exit).toBe(0);
    expect(command.log().map(({ level, message }) => [level, message])).toEqual([
      ['info', 'stopping'],
      ['info', 'stopped'],
    ]);
  });

  test('is machine readable, and takes its limits from the command line', async () => {
    const { announced, url, child, exit } = await serving(counter, '--threads', '2', '--body-limit', '100', '--ask-timeout', '500');
    expect(announced).toMatchObject({ event: 'serving', url: `http://127.0.0.1:${announced.port}`, kinds: ['counter'], threads: 2, pid: child.pid });
    expect((await json(`${url}/agents/a/echo?kind=counter`, 'POST', 'x'.repeat(200))).status).toBe(413);
    expect((await json(`${url}/agents/a/slow?kind=counter`, 'POST', 1000)).status).toBe(504);
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
  });

  test('calls setup once, before the port opens', async () => {
    const { url } = await serving(setup, '--threads', '2');
    expect((await json(`${url}/agents`)).body.agents).toMatchObject([{ id: 'first', kind: 'counter' }]);
    expect((await json(`${url}/agents/first/read`, 'POST')).body).toEqual({ reply: 41 });
  });

  test('keeps durable agents in the directory of --store, and says that it needs one', async () => {
    const store = join(folder, 'store');
    for (const reply of [2, 4]) {
      const { url, child, exit } = await serving(durable, '--threads', '1', '--store', store);
      expect((await json(`${url}/agents/a/add?kind=through`, 'POST', 2)).body).toEqual({ reply });
      child.kill('SIGTERM');
      expect(await exit).toBe(0);
    }
    const without = nexus('run', durable, '--port', '0');
    expect(await without.exit).toBe(1);
    expect(without.err()).toMatch(/^nexus: storage: kind '\w+' is durable and needs a place to be kept: give --store DIR\n$/);
    const wrong = nexus('run', durable, '--port', '0', '--store', durable);
    expect(await wrong.exit).toBe(1);
    expect(wrong.err()).toMatch(/^nexus: .*durable\.mjs is not a store of Nexus/);
  });

  test('a signal lets requests in flight finish', async () => {
    const { url, child, exit, err } = await serving(counter, '--threads', '1');
    const answers = Array.from({ length: 5 }, (_, index) => json(`${url}/agents/a${index}/slow?kind=counter`, 'POST', 500));
    await until('all are in flight', async () => (await json(`${url}/agents`)).body.agents.length === 5);
    child.kill('SIGTERM');
    await until('it stops', () => err().includes('"stopping"'));
    // Refused, or reset where the kernel had taken the connection before the port was closed.
    await expect(http(`${url}/health`)).rejects.toMatchObject({ code: expect.stringMatching(/^ECONN(?:REFUSED|RESET)$/) });
    expect((await Promise.all(answers)).map(({ status, body }) => [status, body.reply])).toEqual(Array(5).fill([200, 0]));
    expect(await exit).toBe(0);
  });

  test('a signal lets mailboxes empty that nobody waits for', async () => {
    const file = join(folder, 'handled');
    const slow = module(
      'tally.mjs',
      `import { appendFileSync } from 'node:fs';
      import { defineAgent } from ${JSON.stringify(new URL('../../dist/ts-src/index.js', import.meta.url).href)};
      export const Tally = defineAgent({ kind: 'tally', state: () => ({}), actions: {
        many: (_state, count, ctx) => { for (let n = 0; n < count; n++) ctx.self.tell('one'); },
        one: async () => { await new Promise((resolve) => setTimeout(resolve, 5)); appendFileSync(${JSON.stringify(file)}, 'x'); },
      } });`,
    );
    const { url, child, exit } = await serving(slow, '--threads', '1');
    await json(`${url}/agents/t/many?kind=tally`, 'POST', 40);
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(readFileSync(file, 'utf8')).toHaveLength(40);
  });

  test('what is not done by the deadline is reported with exit code 1', async () => {
    const { url, child, exit, log } = await serving(agents, '--threads', '1', '--shutdown-deadline', '100');
    const call = http(`${url}/agents/s/hold?kind=slow`, { method: 'POST' });
    const cut = expect(call).rejects.toThrow();
    await until('it is held', async () => (await json(`${url}/agents/g/held?kind=gate`, 'POST')).body.reply === 1);
    child.kill('SIGTERM');
    expect(await exit).toBe(1);
    await cut;
    expect(log().at(-1)).toMatchObject({ level: 'error', requestsAborted: 1 });
  });

  test('a second signal ends it at once', async () => {
    const { url, child, exit, err } = await serving(agents, '--threads', '1');
    const call = expect(http(`${url}/agents/s/hold?kind=slow`, { method: 'POST' })).rejects.toThrow();
    await until('it is held', async () => (await json(`${url}/agents/g/held?kind=gate`, 'POST')).body.reply === 1);
    child.kill('SIGTERM');
    await until('it stops', () => err().includes('"stopping"'));
    child.kill('SIGINT');
    expect(await exit).toBe(130);
    await call;
  });
});

describe('what cannot start', () => {
  const fails = async (...args: string[]): Promise<[code: number | string, text: string]> => {
    const command = nexus('run', ...args, '--port', '0');
    const code = await command.exit;
    expect(command.out()).toBe('');
    expect(command.err()).toMatch(/^nexus: /);
    expect(command.err()).not.toMatch(/agent-modules|run-command|node:internal|create-nexus/);
    return [code, command.err()];
  };

  test('a module that throws is shown with its own error', async () => {
    const file = module('bad.mjs', "export const a = 1;\nthrow new Error('no database');\n");
    const [code, text] = await fails(file);
    expect(code).toBe(1);
    expect(text).toContain(`${file} could not be imported`);
    expect(text).toContain('Error: no database');
    expect(text).toContain('bad.mjs:2:7');
  });

  test('a module with a syntax error is shown with its place', async () => {
    const [code, text] = await fails(module('syntax.mjs', 'export const a = 1;\nexport const b = {,};\n'));
    expect([code, text]).toEqual([1, expect.stringMatching(/syntax\.mjs:2\n[\s\S]*SyntaxError: Unexpected token ','/)]);
  });

  test('a module that is not there, imports what is not there, or has no agents', async () => {
    expect(await fails(join(folder, 'none.mjs'))).toEqual([1, `nexus: there is no file ${join(folder, 'none.mjs')}\n`]);
    expect(await fails(module('imports.mjs', "import './nowhere.mjs';\n"))).toEqual([1, expect.stringContaining('nowhere.mjs')]);
    expect(await fails(module('empty.mjs', 'export const x = 1;\n'))).toEqual([1, expect.stringContaining('exports no agent')]);
  });

  test('a durable kind without a store is told of the option of the command', async () => {
    const imported = `import { defineAgent } from ${JSON.stringify(path('../../dist/ts-src/index.js'))};\n`;
    const code = `${imported}export const Safe = defineAgent({ kind: 'safe', durable: {}, state: () => ({}), actions: {} });\n`;
    const [exit, text] = await fails(module('safe.mjs', code), '--threads', '1');
    expect([exit, text]).toEqual([1, "nexus: storage: kind 'safe' is durable and needs a place to be kept: give --store DIR\n"]);
  });

  test('a setup that fails is shown with its own error', async () => {
    const code = `export { Counter } from ${JSON.stringify(counter)};\nexport const setup = async () => { throw new Error('nothing to set up'); };\n`;
    const [exit, text] = await fails(module('setup.mjs', code), '--threads', '1');
    expect([exit, text]).toEqual([1, expect.stringMatching(/setup of .*setup\.mjs failed:\n {2}Error: nothing to set up\n.*setup\.mjs:2/)]);
  });

  test('a port in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await until('it listens', () => server.listening);
    const { port } = server.address() as { port: number };
    const command = nexus('run', counter, '--threads', '1', '--port', String(port));
    expect(await command.exit).toBe(1);
    expect(command.err()).toBe(`nexus: port ${port} of 127.0.0.1 is in use; choose another port, or 0 for any free one\n`);
    server.close();
  });
});

describe('the command line', () => {
  test.each([
    [['run', counter, '--prot', '1'], "unknown option '--prot'; did you mean '--port'?", 'nexus run --help'],
    [['run', counter, '--threads', 'two'], "--threads is 'two'", 'nexus run --help'],
    [['run', counter, '--threads', '128'], 'a whole number from 0 to 127', 'nexus run --help'],
    [['run', counter, '--threads=-1'], "--threads is '-1'", 'nexus run --help'],
    [['run', counter, '--port'], '--port needs a value', 'nexus run --help'],
    [['run', counter, '--json=yes'], '--json takes no value', 'nexus run --help'],
    [['run', counter, '--engine', 'diesel'], 'native, wasm or portable', 'nexus run --help'],
    [['run'], 'which module?', 'nexus run --help'],
    [['rnu', counter], "unknown command 'rnu'; did you mean 'run'?", 'nexus --help'],
    [['--versoin'], "did you mean '--version'?", 'nexus --help'],
    [[], 'which command?', 'nexus --help'],
  ])('%j is a mistake', async (args, message, see) => {
    const command = nexus(...args);
    expect(await command.exit).toBe(2);
    expect(command.err()).toContain(message);
    expect(command.err()).toContain(`See: ${see}\n`);
    expect(command.out()).toBe('');
  });

  test.each([
    [['--version'], `${JSON.parse(readFileSync(path('../../package.json'), 'utf8')).version}\n`],
    [['--help'], 'nexus run MODULE'],
    [['help'], 'nexus run MODULE'],
    [['help', 'run'], '--shutdown-deadline MS'],
    [['run', '--help'], '--shutdown-deadline MS'],
  ])('%j is answered', async (args, text) => {
    const command = nexus(...args);
    expect(await command.exit).toBe(0);
    expect(command.out()).toContain(text);
    expect(command.err()).toBe('');
  });
});
