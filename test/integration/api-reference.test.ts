/** The pages of docs/api are what the docstrings say, and everything that is exported has one. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('docs/api is what the declarations and their docstrings say, and nothing that is exported is without one', () => {
  const script = fileURLToPath(new URL('../../scripts/api-reference.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8', timeout: 50_000 });
  expect(stderr.replace(/^.* is not built: no page\n/gm, '')).toBe('');
  expect(status).toBe(0);
});
