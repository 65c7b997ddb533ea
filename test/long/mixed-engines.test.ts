/** The long runs, short: the same programs as by hand, so that they are known to work when they are needed. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const command = fileURLToPath(new URL('./mixed-engines.mjs', import.meta.url));

test('a million operations of four threads with mixed engines, and twenty thousand cycles of parking and waking', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [command, '--operations', '1000000', '--cycles', '20000']);
  expect(stdout).toMatch(/^seed \d+/);
  expect(stdout).toMatch(/1000000 operations on .* in .* s/);
  expect(stdout).toMatch(/cycles of portable waiters in .* s/);
  expect(stdout).toMatch(/nothing was wrong, /);
});

test('a number that is none is refused', async () => {
  const refused = promisify(execFile)(process.execPath, [command, '--operations', 'many']);
  await expect(refused).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('--operations many is not a whole number') });
});
