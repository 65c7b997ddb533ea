/** What somebody is told to do for whom the native engine does not load: it can be done where they are. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nativeFix } from '../../dist/bindings/choose-engine.js';

test('an installed package, which has no sources, is not told to compile itself', () => {
  const { files } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { files: string[] };
  expect(files.filter((name) => /^(?:binding\.gyp|native|scripts)\b/.test(name))).toEqual([]);
  expect(nativeFix(false)).not.toContain('npm run build');
  expect(nativeFix(false)).toMatch(/Linux with glibc, on x64 and arm64; elsewhere, run `npm ci` in a clone/);
});

test('a checkout is', () => {
  expect(nativeFix(true)).toContain('`npm run build`');
});
