/** The example of `docs/durability.md` prints what its comments say, in a project of its own that has the package installed; and the figures on the page are those of the code. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { filesOf, projectOf, readPage, saidBy } from '../documented-code.js';
import { resolveDurable } from '../../dist/ts-src/model/durable-options.js';
import { REMINDERS_PER_AGENT_MAX } from '../../dist/ts-src/runtime/durable/reminders.js';

const page = readPage('docs/durability.md');

test('the example of the page on durable agents prints what its comments say', () => {
  const files = filesOf(page);
  expect([...files.keys()]).toEqual(['orders.js', 'main.js', 'orders.test.js']);
  const folder = projectOf(files);
  const said = saidBy(files.get('main.js') ?? '').map((comment) => `${comment}\n`);
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
