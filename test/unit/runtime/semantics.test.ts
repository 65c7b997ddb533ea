/** `docs/semantics.md` promises nothing that is not tested. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const testFiles = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.test.ts') || file.endsWith('-conformance.ts'),
);
// Suites that are shipped.
const shipped = readdirSync(join(root, 'ts-src/testing/conformance')).map((file) => join('../ts-src/testing/conformance', file));
const sources = [...testFiles, ...shipped].map((file) => readFileSync(join(root, 'test', file), 'utf8')).join('\n');
const sentences = readFileSync(join(root, 'docs/semantics.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('- '));

/** The test names of a sentence: what is in backticks within parentheses. */
const namesOf = (sentence: string): string[] =>
  [...sentence.matchAll(/\((`[^`]+`(?:, `[^`]+`)*)\)/g)].flatMap(([, names]) =>
    [...(names as string).matchAll(/`([^`]+)`/g)].map(([, name]) => name as string),
  );

test('docs/semantics.md has sentences, each with a test', () => {
  expect(sentences.length).toBeGreaterThan(50);
  for (const sentence of sentences) expect({ sentence, tests: namesOf(sentence).length }).not.toMatchObject({ tests: 0 });
});

test('every test that docs/semantics.md names exists', () => {
  // A name may leave out the end of a title, where that says on which thread.
  const isTitle = (name: string): boolean => sources.includes(`'${name}`) || sources.includes(`"${name}`);
  expect(sentences.flatMap(namesOf).filter((name) => !isTitle(name))).toEqual([]);
});
