/** The example of `docs/balancing.md` prints what the page says, in a project of its own that has the package installed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('the example of the page on balancing prints what the page says', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-balancing-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const page = readFileSync(join(root, 'docs/balancing.md'), 'utf8');
  const [main, module] = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, text]) => text as string);
  writeFileSync(join(folder, 'spinner.js'), module as string);
  writeFileSync(join(folder, 'main.js'), main as string);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/nexus-agents'));
  const output = execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', timeout: 60_000 });
  expect(output.trim()).toBe(/\n\/\/ (\d .*)\n/.exec(main as string)?.[1]);
});
