/** The long run of migration, short: the same program as by hand. How long asks take is not judged here, where other tests run beside it. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const command = fileURLToPath(new URL('./migration.mjs', import.meta.url));

test('thousands of agents move under load: no message is lost, handled twice or out of order', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [command, '--agents', '3000', '--seconds', '1', '--factor', '0']);
  expect(stdout).toMatch(/moving: \d+ asks/);
  expect(stdout).toMatch(/times 3000 agents in \d+ ms/);
  expect(stdout).toMatch(/nothing was wrong/);
});

test('a number that is none is refused', async () => {
  const refused = promisify(execFile)(process.execPath, [command, '--agents', 'many']);
  await expect(refused).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('--agents many is not') });
});
