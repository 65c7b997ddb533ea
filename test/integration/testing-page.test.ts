/** The examples of `docs/testing.md` run as they stand, with the test runners they are written for, in a project of its own that has the package installed. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { filesOf, projectOf, readPage } from '../documented-code.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const files = filesOf(readPage('docs/testing.md'));
const project = (): string => projectOf(files, ['vitest']);

function run(folder: string, ...parameters: string[]): { readonly status: number | null; readonly text: string } {
  // Without what this test runner tells its own workers.
  const { NODE_TEST_CONTEXT: _context, NEXUS_TEST_SEED: _seed, VITEST: _vitest, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, parameters, { cwd: folder, env, encoding: 'utf8', timeout: 50_000 });
  return { status, text: stdout + stderr };
}

const vitest = join(root, 'node_modules/vitest/vitest.mjs');

test('the examples of the page on testing run with node:test', () => {
  expect([...files.keys()]).toEqual(['cart.js', 'cart.test.js', 'orders.test.js', 'cluster.test.js', 'clock.js']);
  const { status, text } = run(project(), '--test', '--test-reporter=tap', 'cart.test.js');
  expect(text).toContain('# pass 3\n');
  expect(status).toBe(0);
});

test('the examples of the page on testing run with Vitest', () => {
  const { status, text } = run(project(), vitest, 'run', '--root', '.', 'orders.test.js', 'cluster.test.js');
  expect(text).toMatch(/Tests.*5 passed/);
  expect(status).toBe(0);
});

test('the clock of the page prints what its comments say', () => {
  expect(run(project(), 'clock.js').text).toBe('[ { dueMs: 1000, delayMs: 1000 } ]\na second later\n');
});

test('a test that fails under either test runner prints the seed that shows it again', () => {
  const folder = project();
  const body = (use: string): string =>
    `import { withNexus, nexusFor } from 'nexus-agents/testing';\nimport { Stock } from './cart.js';\n${use}\nconst options = { agents: [Stock], seed: 99 };\n` +
    `test('fails', () => withNexus(options, async (nexus) => { const stock = await nexus.spawn(Stock); await stock.ask('take', 1); }));\n`;
  writeFileSync(join(folder, 'node.test.js'), body(`import { test } from 'node:test';`));
  writeFileSync(
    join(folder, 'vitest.test.js'),
    `${body(`import { test } from 'vitest';`)}test('fails too', async (context) => { await nexusFor(context, { ...options, seed: 98 }); throw new Error('mine'); });\n`,
  );
  const node = run(folder, '--test', '--test-reporter=tap', 'node.test.js');
  expect(node.status).toBe(1);
  expect(node.text).toContain('sold out');
  expect(node.text).toContain('NEXUS_TEST_SEED=99 runs it again in the same order');
  const other = run(folder, vitest, 'run', '--root', '.', 'vitest.test.js');
  expect(other.status).toBe(1);
  expect(other.text).toContain('NEXUS_TEST_SEED=99 runs it again in the same order');
  expect(other.text).toContain('NEXUS_TEST_SEED=98 runs it again in the same order');
});
