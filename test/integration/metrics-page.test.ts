/** The example of `docs/metrics.md` prints what its comments say, in a project of its own that has the package installed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { ALERT_GROUPS } from '../../scripts/observability/alerts.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/metrics.md'), 'utf8');

test('the example of the page on metrics prints what its comments say', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-metrics-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const files = [...page.matchAll(/```js\n\/\/ (\S+\.js)\n([\s\S]*?)```/g)];
  expect(files.map(([, name]) => name)).toEqual(['shop.js', 'main.js']);
  for (const [, name, text] of files) writeFileSync(join(folder, name as string), text as string);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/nexus-agents'));
  const said = [...(files[1]?.[2] as string).matchAll(/^\/\/ (.*)$/gm)].map(([, comment]) => `${comment}\n`);
  expect(said).toHaveLength(5);
  expect(execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', stdio: 'pipe', timeout: 30_000 })).toBe(said.join(''));
});

test('every alert is on the page, and no other', () => {
  const named = [...page.matchAll(/`(Nexus[A-Z]\w+)`/g)].map(([, name]) => name);
  expect(named.sort()).toEqual(ALERT_GROUPS.flatMap(({ alerts }) => alerts.map(({ alert }) => alert)).sort());
});
