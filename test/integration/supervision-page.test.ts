/** The example of docs/supervision.md, run as it stands there. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { blocksOf, projectOf, readPage } from '../documented-code.js';

test('the example of the page on supervision prints what its comments say', () => {
  const [shop = '', main = ''] = blocksOf(readPage('docs/supervision.md')).flatMap(({ language, text }) => (language === 'js' ? [text] : []));
  const folder = projectOf(
    new Map([
      ['shop.mjs', shop],
      ['main.mjs', main],
    ]),
  );
  const printed = execFileSync(process.execPath, ['main.mjs'], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  expect(printed.trim().split('\n')).toEqual(['9', '1', "[ 'fruit/stock running 1', 'fruit/cart running 1' ]"]);
});
