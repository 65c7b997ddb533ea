/**
 * A copy of the build in which some text is changed: what tests load to see that they notice a mistake, or to make rare things frequent. The binary is the same one. A
 * text that is not there exactly once is an error, so that a change of the source cannot turn a test of tests into nothing.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A portable waiter looks 50 times and for 0.2 ms before it parks; with these it parks at once, so that its steps are always the same, and parking is frequent. */
export const IMPATIENT = [
  { file: 'bindings/portable/waiter.js', from: 'const HOT_MS = 0.2;', to: 'const HOT_MS = 0;' },
  { file: 'bindings/portable/waiter.js', from: 'const HOT_TURNS = 50;', to: 'const HOT_TURNS = 1;' },
];

/** @param changes of { file, from, to }, files of dist/. Returns the URL of the copy, with a slash at its end, and what removes it. */
export function changedBuild(changes) {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-changed-'));
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  for (const name of ['build', 'node_modules']) symlinkSync(join(root, name), join(folder, name));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', version }));
  for (const { file, from, to } of changes) {
    const path = join(folder, 'dist', file);
    writeFileSync(path, changedText(file, readFileSync(path, 'utf8'), from, to));
  }
  return { dist: pathToFileURL(join(folder, 'dist/')).href, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export function changedText(file, text, from, to) {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} places with: ${from}`);
  return parts.join(to);
}
