/**
 * `nexus init`, and what comes of it: the package as npm packs it is put into the project, with the packages it needs linked from here instead of a registry (`scripts/check-package.mjs` does
 * it with one), and then the project's own scripts test it, serve it and develop it.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { nearestPackageName, packageNameFault } from '../../dist/ts-src/cli/init/package-name.js';
import { until } from '../until.js';
import { freePort } from './free-port.js';
import { killCommands, nexusCommand } from './nexus-command.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'nexus-init-'));
const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};
const groups = new Set<number>();

afterEach(() => {
  killCommands();
  for (const group of groups) killGroup(group);
  groups.clear();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    // It has ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** What runs in a folder. */
function commandsIn(folder: string): { pid: number; command: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      if (!/^\d+$/.test(name) || readlinkSync(`/proc/${name}/cwd`) !== realpathSync(folder)) return [];
      return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').join(' ').trim() }];
    } catch {
      return []; // it has ended meanwhile, or is somebody else's
    }
  });
}

async function init(...args: string[]): Promise<{ code: number | string; out: string; err: string }> {
  const command = nexusCommand(['init', ...args], { cwd: folder });
  return { code: await command.exit, out: command.out(), err: command.err() };
}

describe('nexus init', () => {
  test('makes the files, says what comes next, and overwrites nothing', async () => {
    const { code, out, err } = await init('first-one');
    expect([code, err]).toEqual([0, '']);
    const files = /^nexus: made first-one: (.*)$/m.exec(out)?.[1]?.split(', ');
    expect(files?.sort()).toEqual(['.gitignore', 'README.md', 'dev.mjs', 'package.json', 'src/counter.ts', 'test/counter.test.ts', 'tsconfig.json']);
    expect(out).toContain('\n  cd first-one\n  npm install\n  npm test\n  npm start\n');
    const made = JSON.parse(readFileSync(join(folder, 'first-one/package.json'), 'utf8'));
    expect(made).toMatchObject({ name: 'first-one', dependencies: { 'nexus-agents': `^${own.version}` } });
    // What the project is compiled with is what this package is compiled with.
    for (const [name, range] of Object.entries(made.devDependencies)) expect([name, range]).toEqual([name, own.devDependencies[name]]);
    expect(readFileSync(join(folder, 'first-one/README.md'), 'utf8')).toMatch(/^# first-one\n/);

    const before = statSync(join(folder, 'first-one/src/counter.ts')).mtimeMs;
    const again = await init('first-one');
    expect([again.code, again.out]).toEqual([1, '']);
    expect(again.err).toBe(
      `nexus: ${join(folder, 'first-one')} is not empty: there is .gitignore, README.md, dev.mjs, package.json, src, test, tsconfig.json. Give a new folder; nothing was changed\n`,
    );
    expect(statSync(join(folder, 'first-one/src/counter.ts')).mtimeMs).toBe(before);
  });

  test('takes an empty folder, one with a repository, and a name', async () => {
    mkdirSync(join(folder, 'Mine/.git'), { recursive: true });
    const { code, out } = await init('Mine', '--name', '@me/its-name');
    expect(code).toBe(0);
    expect(out).toContain('nexus: made @me/its-name');
    expect(JSON.parse(readFileSync(join(folder, 'Mine/package.json'), 'utf8')).name).toBe('@me/its-name');
    mkdirSync(join(folder, 'here'));
    const here = nexusCommand(['init', '.'], { cwd: join(folder, 'here') });
    expect(await here.exit).toBe(0);
    expect(here.out()).not.toContain('cd ');
  });

  test('refuses a file, a link that leads nowhere, and names that are none', async () => {
    writeFileSync(join(folder, 'a-file'), 'x');
    expect(await init('a-file')).toMatchObject({ code: 1, err: expect.stringContaining('is a file') });
    expect(await init('a-file/below')).toMatchObject({ code: 1, err: expect.stringContaining('is a file, or something on the way to it is') });
    symlinkSync(join(folder, 'nowhere'), join(folder, 'a-link'));
    expect(await init('a-link')).toMatchObject({ code: 1, out: '' });
    expect(await init('My Project')).toMatchObject({
      code: 2,
      err: expect.stringContaining("the folder's name 'My Project' cannot be the name of a package: it has capitals. Give one with --name, such as my-project"),
    });
    expect(await init('x', '--name', 'fs')).toMatchObject({
      code: 2,
      err: expect.stringContaining("--name 'fs' cannot be the name of a package: it is the name of a module of Node"),
    });
    // Where an entry cannot be made, that is said, and there is an end to it.
    if (process.platform === 'linux') expect(await init('/proc/mine')).toMatchObject({ code: 1, err: expect.stringContaining('could not be written: ENOENT') });
    expect(await init()).toMatchObject({ code: 2, err: expect.stringContaining('which folder?') });
    expect(await init('a', 'b')).toMatchObject({ code: 2, err: expect.stringContaining("'b' is not expected") });
  });

  test.each([
    ['my-service', undefined],
    ['@scope/my.service', undefined],
    ['a'.repeat(214), undefined],
    ['a'.repeat(215), 'it has 215 characters'],
    ['', 'it is empty'],
    ['.hidden', 'letters a to z'],
    ['_private', 'letters a to z'],
    ['a b', 'letters a to z'],
    ['ä', 'letters a to z'],
    ['@scope', 'a scope is followed by'],
    ['@/name', 'letters a to z'],
    ['a/b', 'letters a to z'],
    ['node_modules', 'npm keeps it'],
    ['nexus-agents', 'could not depend on'],
  ])('the name %j: %s', (name, fault) => {
    if (fault === undefined) expect(packageNameFault(name)).toBeUndefined();
    else expect(packageNameFault(name)).toContain(fault);
  });

  test('a name that is near is suggested, if there is one that is allowed', () => {
    expect(['My Project', 'Größe', '_x_', '世界', 'fs'].map(nearestPackageName)).toEqual(['my-project', 'gro-e', 'x', undefined, undefined]);
  });
});

describe('a project of nexus init', () => {
  const project = join(folder, 'service');

  beforeAll(() => {
    execFileSync(process.execPath, [join(root, 'dist/ts-src/cli/nexus.js'), 'init', project]);
    const packed = JSON.parse(execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: root, encoding: 'utf8' })) as {
      filename: string;
    }[];
    const target = join(project, 'node_modules/nexus-agents');
    mkdirSync(target, { recursive: true });
    execFileSync('tar', ['-xzf', join(folder, packed[0]?.filename as string), '-C', target, '--strip-components=1']);
    for (const name of [...Object.keys(own.dependencies), 'typescript', '@types/node']) link(name);
    // As npm does it.
    mkdirSync(join(project, 'node_modules/.bin'));
    for (const [name, file] of [
      ['nexus', '../nexus-agents/dist/ts-src/cli/nexus.js'],
      ['tsc', '../typescript/bin/tsc'],
    ])
      symlinkSync(file as string, join(project, 'node_modules/.bin', name as string));
    execFileSync('chmod', ['+x', join(target, 'dist/ts-src/cli/nexus.js')]);
  }, 180_000);

  function link(name: string): void {
    const place = join(project, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), place);
  }

  /** In a process group of its own, as a terminal would have it: npm, its shell and what they start. */
  function script(...args: string[]): { readonly exit: Promise<number | null>; readonly group: number; out(): string } {
    const child = spawn('npm', args, { cwd: project, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    groups.add(child.pid as number);
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (out += text));
    return { exit: new Promise((resolve) => child.once('close', resolve)), group: child.pid as number, out: () => out };
  }

  const add = async (port: number, id: string, by: unknown): Promise<{ status: number; body: unknown }> => {
    const answer = await fetch(`http://127.0.0.1:${port}/agents/${id}/add?kind=counter`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(by),
    });
    return { status: answer.status, body: await answer.json() };
  };

  test('npm test compiles it and runs its tests, and a mistake in a type or in the agent fails them', () => {
    const passed = spawnSync('npm', ['test'], { cwd: project, encoding: 'utf8' });
    expect(passed.status, `${passed.stdout}${passed.stderr}`).toBe(0);
    expect(passed.stdout).toMatch(/# pass 2\n# fail 0/);
    const file = join(project, 'src/counter.ts');
    const text = readFileSync(file, 'utf8');
    const failing = (changed: string): string => {
      writeFileSync(file, changed);
      const { status, stdout } = spawnSync('npm', ['test'], { cwd: project, encoding: 'utf8' });
      writeFileSync(file, text);
      expect(status).not.toBe(0);
      return stdout;
    };
    expect(failing(text.replace('state.value += by', "state.value += 'one'"))).toContain('error TS2322');
    expect(failing(text.replace('state.value += by', 'state.value -= by'))).toMatch(/# fail 1/);
  }, 180_000);

  test('npm start serves it, with options of nexus run, and ends cleanly', async () => {
    const port = await freePort();
    const service = script('start', '--', '--port', String(port), '--threads', '1');
    await until(() => service.out().includes('nexus: serving counter'), 120_000);
    expect(await add(port, 'first', 2)).toEqual({ status: 200, body: { reply: 2 } });
    expect(await add(port, 'another', 5)).toEqual({ status: 200, body: { reply: 5 } });
    expect(await add(port, 'first', 'two')).toMatchObject({ status: 422, body: { error: { code: 'NEXUS_SHAPE_MISMATCH' } } });
    process.kill(-service.group, 'SIGINT');
    await service.exit;
    expect(service.out()).toContain('"stopped"');
  }, 180_000);

  test('npm run dev starts it again with what was changed', async () => {
    const port = await freePort();
    const service = script('run', 'dev', '--', '--port', String(port), '--threads', '1');
    await until(() => service.out().includes('nexus: serving counter'), 120_000);
    expect((await add(port, 'first', 2)).body).toEqual({ reply: 2 });
    const file = join(project, 'src/counter.ts');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('state.value += by', 'state.value += 100 * by'));
    await until(async () => {
      const answer = await add(port, 'changed', 1).catch(() => undefined);
      return (answer?.body as { reply?: number } | undefined)?.reply === 100;
    }, 120_000);
    writeFileSync(file, text);
    if (process.platform === 'linux') {
      // A signal that only `dev.mjs` gets, as from a supervisor: the compiler, which is two processes, goes with it.
      const dev = commandsIn(project).find(({ command }) => command.startsWith('node dev.mjs'));
      process.kill(dev?.pid as number, 'SIGTERM');
      await until(() => commandsIn(project).length === 0, 20_000);
    } else process.kill(-service.group, 'SIGINT');
    await service.exit;
    expect(service.out()).not.toContain('second signal');
  }, 180_000);
});
