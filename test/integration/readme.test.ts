/** The code in the README runs as it stands, in a project of its own that has the package installed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('the example of the README prints what its comments say', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-readme-'));
  try {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const files = [...readme.matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```/g)];
    expect(files.map((file) => file[1])).toEqual(['counter.js', 'main.js']);
    for (const [, name, text] of files) writeFileSync(join(folder, name as string), text as string);
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/nexus-agents'));
    expect(execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', timeout: 30_000 })).toBe('1\nc1\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
