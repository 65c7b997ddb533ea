/** Directories for stores of tests, removed when the file of tests is done. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const made: string[] = [];

/** A path where nothing is, in a directory of its own. */
export function storePath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-store-'));
  made.push(folder);
  return join(folder, 'store');
}

afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});
