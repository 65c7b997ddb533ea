/** The example of `docs/remote.md` prints what the page says, over sockets, in a project of its own that has the package installed. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { filesOf, projectOf, readPage, saidBy } from '../../documented-code.js';

test('the example of the page on agents of other nodes prints what the page says', () => {
  const files = filesOf(readPage('docs/remote.md'));
  const output = execFileSync(process.execPath, ['main.js'], { cwd: projectOf(files), encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'pipe', 'ignore'] });
  const said = saidBy(files.get('main.js') as string);
  expect(said).toHaveLength(2);
  expect(output.trim().split('\n')).toEqual(said);
}, 60_000);
