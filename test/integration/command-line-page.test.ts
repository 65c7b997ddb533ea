/** `docs/command-line.md` is true: its first steps are run as they stand, and its options, keys and columns are those there are. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { SORT_KEYS } from '../../dist/ts-src/cli/top/panels.js';
import { freePort } from './free-port.js';
import { NEXUS } from './nexus-command.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/command-line.md'), 'utf8');
const help = (...args: string[]): string => execFileSync(process.execPath, [NEXUS, ...args, '--help'], { encoding: 'utf8' });
const COMMANDS = [...help().matchAll(/^ {2}nexus ([a-z]+)/gm)].map((match) => match[1] as string);
const lacking = ['curl', 'bash'].find((name) => spawnSync(name, ['--version']).status !== 0);

test('the page has every command and every option of those it explains, and no other', () => {
  const listed = [...page.matchAll(/^\| \[`nexus (\w+)/gm)].map((match) => match[1]);
  expect(listed.sort()).toEqual([...COMMANDS].sort());
  for (const name of ['init', 'top', 'agents', 'inspect', 'trace', 'topology']) {
    const section = page.split(`\n## \`nexus ${name}\`\n`)[1]?.split('\n## ')[0] ?? '';
    const [usage = ''] = /`nexus [^`]*`/.exec(section) ?? [];
    const shared = ['--url', '--token', '--help'];
    const options = (text: string): string[] =>
      [...new Set([...text.matchAll(/--[a-z-]+/g)].map(([option]) => option))].filter((option) => !shared.includes(option)).sort();
    const own = [...help(name).matchAll(/^ {2}(--[a-z-]+)/gm)].map((match) => match[1] as string).filter((option) => !shared.includes(option));
    expect(options(usage), name).toEqual(own.sort());
  }
});

test('the page has the columns that can be sorted by', () => {
  const [, names = ''] = /sorted by it: ([^.]*)\./.exec(page) ?? [];
  expect([...names.matchAll(/`(\w+)`/g)].map((match) => match[1])).toEqual(SORT_KEYS);
});

test.skipIf(lacking !== undefined)(
  `the first steps of the page run as they stand${lacking === undefined ? '' : `: skipped, there is no ${lacking}`}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nexus-steps-'));
    let group: number | undefined;
    try {
      const [, steps = ''] = /```sh\n# first-steps\.sh\n([\s\S]*?)```/.exec(page) ?? [];
      const port = await freePort();
      // What stands for the network: an install that links the packages from here. And a port that is free.
      mkdirSync(join(folder, 'bin'));
      writeFileSync(join(folder, 'bin/nexus'), `#!/bin/sh\nexec "${process.execPath}" "${NEXUS}" "$@"\n`);
      chmodSync(join(folder, 'bin/nexus'), 0o755);
      mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
      symlinkSync(root, join(folder, 'node_modules/nexus-agents'));
      symlinkSync(join(root, 'node_modules/typescript'), join(folder, 'node_modules/typescript'));
      symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'));
      mkdirSync(join(folder, 'node_modules/.bin'));
      symlinkSync('../typescript/bin/tsc', join(folder, 'node_modules/.bin/tsc'));
      const script = steps
        .replace('npm install\n', 'ln -s ../node_modules node_modules\n')
        .replace('npm start &', `npm start -- --port ${port} --threads 1 > service.log 2>&1 &`)
        .replaceAll('localhost:8080', `localhost:${port}`);
      // In a process group of its own, which is ended as a whole: npm does not pass a signal on to what its shell has started.
      const shell = spawn('bash', ['-euc', script], {
        cwd: folder,
        detached: true,
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}`, NEXUS_URL: `http://127.0.0.1:${port}` },
      });
      group = shell.pid;
      let out = '';
      shell.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text;
      });
      const [code] = (await once(shell, 'close')) as [number | null];
      expect(code).toBe(0);
      expect(out).toContain('nexus: made my-service');
      expect(out).toMatch(/# pass 2\n# fail 0/);
      expect(out).toContain('{"reply":2}');
      expect(out).toMatch(/^first +counter +1$/m);
      expect(out).toMatch(/\nstate\n {2}\{ value: 2, wasUsed: true \}/);
      expect(out).toMatch(/\nkinds\n.*\n {2}counter +1 /);
    } finally {
      if (group !== undefined) process.kill(-group, 'SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    }
  },
  180_000,
);
