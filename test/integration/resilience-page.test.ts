/** The example of `docs/resilience.md` prints what its comments say, in a project of its own that has the package installed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/resilience.md'), 'utf8');

test('the example of the page on resilience prints what its comments say', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-resilience-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const files = [...page.matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```/g)];
  expect(files.map(([, name]) => name)).toEqual(['prices.js', 'main.js']);
  for (const [, name, text] of files) writeFileSync(join(folder, name as string), text as string);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/nexus-agents'));
  const main = files[1]?.[2] as string;
  const said = [...main.matchAll(/^(?: *console\.log|breaker\.).*; \/\/ (.*)$/gm)].map(([, comment]) => `${comment}\n`);
  expect(said).toHaveLength(7);
  expect(execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', stdio: 'pipe', timeout: 30_000 })).toBe(said.join(''));
});

test('the defaults on the page are those of the code', async () => {
  const options = (await import('../../dist/ts-src/resilience/options.js')) as typeof import('../../dist/ts-src/resilience/options.js');
  const { attemptsMax, backoff, budget } = options.resolveRetry({});
  const breaker = options.resolveCircuitBreaker({});
  const rate = options.resolveCircuitBreaker({ failures: { rate: 1 } }).failures as { windowMs: number; callsMin: number };
  const slots = options.resolveBulkhead({});
  const figure = (value: number): string => value.toLocaleString('en-US');
  for (const sentence of [
    `| \`attemptsMax\` | ${attemptsMax} |`,
    `| ${backoff.initialMs}, ${figure(backoff.maxMs)}, ${backoff.factor} |`,
    `| \`backoff.jitter\` | \`${backoff.jitter}\` |`,
    `| ${budget.ratio}, ${budget.burst} |`,
    `| \`failures\` | ${breaker.failures} |`,
    `| \`successesToClose\` | ${breaker.successesToClose} |`,
    `| \`openMs\` | ${figure(breaker.openMs)} |`,
    `sliding window (${figure(rate.windowMs)} ms), of which there have to be \`callsMin\` (${rate.callsMin})`,
    `\`concurrencyMax\` (${slots.concurrencyMax}) calls run at once and \`queueMax\` (${slots.queueMax}) wait`,
    `\`queueTimeoutMs\` (${figure(slots.queueTimeoutMs)})`,
  ])
    expect(page).toContain(sentence);
});
