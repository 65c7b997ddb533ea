/** The example of `docs/balancing.md` prints what the page says, in a project of its own that has the package installed. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { blocksOf, projectOf, readPage } from '../documented-code.js';

test('the example of the page on balancing prints what the page says', () => {
  const [main = '', module = ''] = blocksOf(readPage('docs/balancing.md')).flatMap(({ language, text }) => (language === 'js' ? [text] : []));
  const folder = projectOf(
    new Map([
      ['spinner.js', module],
      ['main.js', main],
    ]),
  );
  const output = execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', timeout: 60_000 });
  expect(output.trim()).toBe(/\n\/\/ (\d .*)\n/.exec(main)?.[1]);
});
