/** The example of `docs/moving.md` prints what the page says, in a project of its own that has the package installed. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { filesOf, projectOf, readPage } from '../../documented-code.js';

test('the example of the page on agents in a cluster prints what the page says', () => {
  const files = filesOf(readPage('docs/moving.md'));
  const output = execFileSync(process.execPath, ['moving.js'], { cwd: projectOf(files), encoding: 'utf8', timeout: 50_000 });
  expect(output.trim().split('\n').at(-1)).toBe('1 3');
  expect(files.get('moving.js')).toContain('\n// 1 3\n');
});
