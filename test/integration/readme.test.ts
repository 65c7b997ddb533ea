/** The code in the README runs as it stands, in a project of its own that has the package installed. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { filesOf, projectOf, readPage } from '../documented-code.js';

test('the example of the README prints what its comments say', () => {
  const files = filesOf(readPage('README.md'));
  expect([...files.keys()]).toEqual(['counter.js', 'main.js']);
  expect(execFileSync(process.execPath, ['main.js'], { cwd: projectOf(files), encoding: 'utf8', timeout: 30_000 })).toBe('1\nc1\n');
});
