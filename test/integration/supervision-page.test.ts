/** The example of docs/supervision.md, run as it stands there. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('the example of the page on supervision prints what its comments say', () => {
  const folder = join(root, `test/.supervision-page-${process.pid}`);
  const blocks = [...readFileSync(join(root, 'docs/supervision.md'), 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map((match) => match[1] as string);
  mkdirSync(folder);
  try {
    writeFileSync(join(folder, 'shop.mjs'), blocks[0] as string);
    writeFileSync(join(folder, 'main.mjs'), blocks[1] as string);
    const printed = execFileSync(process.execPath, [join(folder, 'main.mjs')], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(printed.trim().split('\n')).toEqual(['9', '1', "[ 'fruit/stock running 1', 'fruit/cart running 1' ]"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
