/** The page about chaos does what it says. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { blocksOf, filesOf, projectOf, readPage, runIn } from '../../documented-code.js';

const page = readPage('docs/chaos.md');

test('the example of the page runs in real processes and in the simulator, and its history is judged again', { timeout: 180_000 }, async () => {
  const folder = projectOf(filesOf(page), ['lmdb']);
  const script = blocksOf(page).find(({ text }) => text.startsWith('# chaos.sh'))?.text as string;
  const lines = script.split('\n').filter((line) => line.startsWith('nexus '));
  expect(lines).toHaveLength(3);
  for (const line of lines) {
    const { status, text } = await runIn(folder, line);
    expect([line, status, status === 0 ? '' : text]).toEqual([line, 0, '']);
  }
  for (const [, name] of page.matchAll(/^\| `([\w.]+\.(?:md|svg|json|edn))`(?:, `timeline\.svg`)? \|/gm))
    if (name !== 'failure.svg') expect([name, existsSync(join(folder, 'report', name as string))]).toEqual([name, true]);
  expect(readFileSync(join(folder, 'report/report.md'), 'utf8')).toContain('**Everything that must hold held.**');
});
