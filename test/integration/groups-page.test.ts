/** The example of `docs/groups.md` prints what its comments say, in a project of its own that has the package installed. And its limits are those of the code. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { filesOf, projectOf, readPage, saidBy } from '../documented-code.js';
import * as L from '../../dist/layout/generated/layout.js';
import { GROUP_MEMBERS_MAX, GROUP_NAME_LENGTH_MAX, GROUPS_OF_AGENT_MAX } from '../../dist/ts-src/model/group.js';
import { POINTS_OF_MEMBER } from '../../dist/ts-src/routing/hash-ring.js';

const page = readPage('docs/groups.md');

test('the example of the page on groups prints what its comments say', () => {
  const files = filesOf(page);
  expect([...files.keys()]).toEqual(['pricing.js', 'main.js']);
  const folder = projectOf(files);
  const said = saidBy(files.get('main.js') ?? '').map((comment) => `${comment}\n`);
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
