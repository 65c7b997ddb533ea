/** The example of `docs/observing.md` prints what the page says, in a project of its own that has the package installed; its limits are those of the code. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import * as observation from '../../dist/ts-src/model/observation.js';
import { TIMED_PER_SECOND } from '../../dist/ts-src/model/sampling-pace.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/observing.md'), 'utf8');

test('the example of the page on observing prints what the page says', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-observing-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const files = [...page.matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```/g)];
  expect(files.map(([, name]) => name)).toEqual(['shop.js', 'main.js']);
  const loop = /```js\n(for await[\s\S]*?)```/.exec(page)?.[1] as string;
  for (const [, name, text] of files) writeFileSync(join(folder, name as string), text as string);
  // The loop of the page, left after its first turn.
  writeFileSync(
    join(folder, 'loop.js'),
    `import { createNexus } from 'nexus-agents';\nconst nexus = await createNexus({ agents: [], threads: 0 });\n${loop.trimEnd().replace(/\) console/, ') { console')}; break; }\nawait nexus.stop();\n`,
  );
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/nexus-agents'));
  const said = /```\n(handled[\s\S]*?)```/.exec(page)?.[1];
  const run = (file: string): string => execFileSync(process.execPath, [file], { cwd: folder, encoding: 'utf8', stdio: 'pipe', timeout: 30_000 });
  expect(run('main.js')).toBe(said);
  expect(run('loop.js')).toBe('0 0\n');
});

test('the limits on the page on observing are those of the code', () => {
  const { SNAPSHOT_KINDS_MAX, SNAPSHOT_ACTIONS_MAX, SNAPSHOT_FLOWS_MAX, SNAPSHOT_MAILBOXES_MAX, SNAPSHOT_RECENT_MAX, INSPECTED_MESSAGES_MAX } = observation;
  expect(page.replace(/\s+/g, ' ')).toContain(
    `at most ${SNAPSHOT_KINDS_MAX} kinds, ${SNAPSHOT_ACTIONS_MAX} actions, ${SNAPSHOT_FLOWS_MAX} flows, ${SNAPSHOT_MAILBOXES_MAX} mailboxes and ${SNAPSHOT_RECENT_MAX} events`,
  );
  expect(page).toContain(`first ${INSPECTED_MESSAGES_MAX} messages that wait, the next ${INSPECTED_MESSAGES_MAX} timers`);
  expect(page).toContain(`about ${TIMED_PER_SECOND.toLocaleString('en')} messages a second of each thread`);
});
