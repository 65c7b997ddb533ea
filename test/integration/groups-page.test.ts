/** The example of `docs/groups.md` prints what its comments say, in a project of its own that has the package installed. And its limits are those of the code. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import * as L from '../../dist/layout/generated/layout.js';
import { GROUP_MEMBERS_MAX, GROUP_NAME_LENGTH_MAX, GROUPS_OF_AGENT_MAX } from '../../dist/ts-src/model/group.js';
import { POINTS_OF_MEMBER } from '../../dist/ts-src/routing/hash-ring.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/groups.md'), 'utf8');

test('the example of the page on groups prints what its comments say', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-groups-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const files = [...page.matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```/g)];
  expect(files.map(([, name]) => name)).toEqual(['pricing.js', 'main.js']);
  for (const [, name, text] of files) writeFileSync(join(folder, name as string), text as string);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/nexus-agents'));
  const main = files[1]?.[2] as string;
  const said = [...main.matchAll(/^ *console\.log.*; \/\/ (.*)$/gm)].map(([, comment]) => `${comment}\n`);
  expect(said).toHaveLength(10);
  expect(execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', stdio: 'pipe', timeout: 30_000 })).toBe(said.join(''));
});

test('the limits on the page are those of the code', () => {
  const figure = (value: number): string => value.toLocaleString('en-US');
  for (const sentence of [
    `| characters of a name | 1 to ${GROUP_NAME_LENGTH_MAX} |`,
    `| groups of an agent | ${GROUPS_OF_AGENT_MAX}, then`,
    `| members of a group | ${figure(GROUP_MEMBERS_MAX)} (as`,
    `| names that take turns by round robin | ${figure(L.ROTATIONS)} in`,
    `a ring with ${POINTS_OF_MEMBER} points a member`,
  ])
    expect(page).toContain(sentence);
});
