/** The examples of `docs/levels.md` and `docs/skills.md` print what the pages say, in a project of its own that has the package and zod installed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

test.each(['levels', 'skills'])('the example of docs/%s.md prints what the page says', (name) => {
  const folder = mkdtempSync(join(tmpdir(), `nexus-${name}-`));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const page = readFileSync(join(root, `docs/${name}.md`), 'utf8');
  const files = [...page.matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```/g)];
  expect(files.map(([, file]) => file)).toContain('main.js');
  for (const [, file, text] of files) writeFileSync(join(folder, file as string), text as string);
  const [, expected] = /```text\n([\s\S]*?)```/.exec(page) as RegExpExecArray;
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/nexus-agents'));
  symlinkSync(join(root, 'node_modules/zod'), join(folder, 'node_modules/zod'));
  expect(execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', timeout: 30_000 })).toBe(expected);
});
