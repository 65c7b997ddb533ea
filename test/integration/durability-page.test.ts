/** The example of `docs/durability.md` prints what its comments say, in a project of its own that has the package installed; and the figures on the page are those of the code. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { resolveDurable } from '../../dist/ts-src/model/durable-options.js';
import { REMINDERS_PER_AGENT_MAX } from '../../dist/ts-src/runtime/durable/reminders.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/durability.md'), 'utf8');

test('the example of the page on durable agents prints what its comments say', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-durability-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const files = [...page.matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```/g)];
  expect(files.map(([, name]) => name)).toEqual(['orders.js', 'main.js', 'orders.test.js']);
  for (const [, name, text] of files) writeFileSync(join(folder, name as string), text as string);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/nexus-agents'));
  const said = [...(files[1]?.[2] as string).matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(([, comment]) => `${comment}\n`);
  expect(said).toHaveLength(6);
  expect(execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', stdio: 'pipe', timeout: 30_000 })).toBe(said.join(''));
  // Without what this test runner tells its own workers.
  const { NODE_TEST_CONTEXT: _context, NEXUS_TEST_SEED: _seed, ...env } = process.env;
  const tested = execFileSync(process.execPath, ['--test', '--test-reporter=tap', 'orders.test.js'], {
    cwd: folder,
    env,
    encoding: 'utf8',
    stdio: 'pipe',
    timeout: 30_000,
  });
  expect(tested).toContain('# pass 1\n');
});

test('the figures on the page on durable agents are those of the code', () => {
  const { writes, lossMaxMs, schemaVersion, snapshotEvery } = resolveDurable({});
  for (const text of [
    `| \`${writes}\` |`,
    `| ${lossMaxMs}; 2 to`,
    `| ${schemaVersion}; 1 to`,
    `| ${snapshotEvery}; 1 to`,
    `At most ${REMINDERS_PER_AGENT_MAX.toLocaleString('en-US')} an agent`,
  ])
    expect(page).toContain(text);
});
