/** The example of `docs/resilience.md` prints what its comments say, in a project of its own that has the package installed. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { filesOf, projectOf, readPage, saidBy } from '../documented-code.js';

const page = readPage('docs/resilience.md');

test('the example of the page on resilience prints what its comments say', () => {
  const files = filesOf(page);
  expect([...files.keys()]).toEqual(['prices.js', 'main.js']);
  const folder = projectOf(files);
  const said = saidBy(files.get('main.js') ?? '', /^(?: *console\.log|breaker\.).*; \/\/ (.*)$/gm).map((comment) => `${comment}\n`);
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
