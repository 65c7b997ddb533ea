/** The page docs/console.md says what is true: its example runs as it stands, its options are those of the command. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { http } from '../fixtures/gateway-client.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/console.md'), 'utf8');
const TOKEN = 'a-token-for-this-example';

test('the example of the page on the console prints what the page says', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-console-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const files = [...page.matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```/g)];
  expect(files.map(([, name]) => name)).toEqual(['agents.js', 'main.js']);
  for (const [, name, text] of files) writeFileSync(join(folder, name as string), text as string);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/nexus-agents'));
  const said = /```\n(200 default[\s\S]*?)```/.exec(page)?.[1];
  const env = { ...process.env, NEXUS_CONSOLE_TOKEN: TOKEN };
  expect(execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', stdio: 'pipe', timeout: 30_000, env })).toBe(said);
});

test('`nexus run` serves the console, read-only unless its environment has a token, and not with --no-console', async () => {
  const act = (url: string) => http(`${url}/console/agents/nobody/stop`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } });
  const readOnly = await run([], {});
  expect([(await http(`${readOnly}/console`)).status, (await act(readOnly)).status]).toEqual([200, 403]);
  const withToken = await run([], { NEXUS_CONSOLE_TOKEN: TOKEN });
  expect([(await http(`${withToken}/console`)).status, (await act(withToken)).status]).toEqual([200, 404]);
  const without = await run(['--no-console'], { NEXUS_CONSOLE_TOKEN: TOKEN });
  expect([(await http(`${without}/console`)).status, (await http(`${without}/health`)).status]).toEqual([404, 200]);
  await expect(run([], { NEXUS_CONSOLE_TOKEN: 'short' })).rejects.toThrow(/^1 nexus: NEXUS_CONSOLE_TOKEN must be/);
});

/** The URL of a `nexus run` that ends with the test. */
async function run(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<string> {
  const { NEXUS_CONSOLE_TOKEN: _unused, ...rest } = process.env;
  const command = [join(root, 'dist/ts-src/cli/nexus.js'), 'run', join(root, 'test/fixtures/counter.mjs'), '--port', '0', '--threads', '0', '--json', ...args];
  const child = spawn(process.execPath, command, { env: { ...rest, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (line) => resolve((JSON.parse(line) as { url: string }).url));
    child.once('close', (status) => reject(new Error(`${status} ${errors}`)));
  });
}
