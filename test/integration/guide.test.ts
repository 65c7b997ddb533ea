/** The guide, followed from its first line to its last in an empty project: every file is written, every command run, and what they print is what the guide shows. */
import { expect, test } from 'vitest';
import { blocksOf, followPage, readPage } from '../documented-code.js';

const page = readPage('docs/guide.md');

test('the guide does what it says, from its first line to its last', { timeout: 180_000 }, async () => {
  await followPage(page, ['lmdb', 'typescript', '@types/node', '@opentelemetry/api', '@opentelemetry/sdk-trace-node']);
});

test('every step of the guide has something to run, and every file in it is used', () => {
  const blocks = blocksOf(page);
  const steps = page.split(/^## /m).slice(1);
  for (const step of steps.slice(1, -1))
    expect(
      blocksOf(step).map(({ language }) => language),
      step.split('\n')[0],
    ).toContain('console');
  const ran = blocks
    .filter(({ language }) => language === 'console')
    .map(({ text }) => text)
    .join('');
  const sources = blocks.map(({ text }) => text).join('');
  for (const { file } of blocks) if (file !== undefined) expect(ran.includes(` ${file}`) || sources.includes(`./${file}`), file).toBe(true);
});
