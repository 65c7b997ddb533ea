/** The catalogue of errors is whole and true: what docs/errors.md says is what is thrown, and nothing else is. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CATALOGUE, MEANINGS } from '../../../dist/ts-src/error-catalogue/catalogue.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const isCatalogue = (file: string): boolean =>
  file.startsWith('ts-src/error-catalogue/') || ['ts-src/errors.ts', 'ts-src/gateway/gateway-error.ts', 'ts-src/gateway/error-answer.ts'].includes(file);
const sources = tracked.filter((file) => /^(ts-src|bindings)\/.*\.ts$/.test(file) && !isCatalogue(file));
const sourceText = sources.map(read).join('\n');
/** Names of environment variables, and of constants, that begin as codes do. */
const otherNames = new Set(
  tracked
    .filter((file) => /\.(ts|mjs)$/.test(file) && file !== 'test/unit/errors/catalogue.test.ts')
    .flatMap((file) =>
      [...read(file).matchAll(/(?:\benv(?:\.|\[['"])|\benvironment\[['"]|\bconst |_VARIABLE = ')((?:NEXUS|GATEWAY)_[A-Z_]+)/g)].map(
        ([, name]) => name as string,
      ),
    ),
);
const entries = CATALOGUE.flatMap((section) => section.entries);

test('docs/errors.md is what its catalogue says, and every code has an entry', () => {
  const check = spawnSync(process.execPath, [join(root, 'scripts/errors-page.mjs'), '--check'], { cwd: root, encoding: 'utf8' });
  expect(check.stderr).toBe('');
  expect(check.status).toBe(0);
});

test('every code of the catalogue is thrown somewhere', () => {
  // The gateway's own answers are made where errors become answers.
  const thrown = `${sourceText}${read('ts-src/gateway/error-answer.ts').replaceAll(/^ {2}'?NEXUS_.*$/gm, '')}`;
  const unused = Object.keys(MEANINGS).filter((code) => !thrown.includes(`'${code}'`) && !(code === 'NEXUS_OPTION_INVALID' && thrown.includes('optionError(')));
  expect(unused, 'codes that nothing throws: take them out of ts-src/errors.ts and ts-src/error-catalogue/').toEqual([]);
});

test('the class in the catalogue is the one that is thrown', () => {
  const wrong: string[] = [];
  for (const [, errorClass, code] of sourceText.matchAll(/new (NexusError|NexusTypeError|GatewayError)\(\s*'([A-Z_]+)'/g)) {
    const entry = entries.find((each) => each.code === code);
    // An error that arrives from another thread is given its code afterwards.
    if (code === 'NEXUS_MESSAGE_CORRUPT' || entry === undefined) continue;
    if (!new RegExp(`\\b${errorClass}\\b`).test(entry.errorClass)) wrong.push(`${code} is thrown as ${errorClass}, and the catalogue says ${entry.errorClass}`);
  }
  expect(wrong).toEqual([]);
});

test('no page and no source names a code that there is not', () => {
  const wrong: string[] = [];
  for (const file of tracked.filter((each) => /^(README|CHANGELOG|docs\/).*\.md$/.test(each) || /^(ts-src|bindings)\/.*\.ts$/.test(each))) {
    for (const [code] of read(file).matchAll(/\b(NEXUS|GATEWAY)_[A-Z]+(_[A-Z]+)*\b(?!_)/g)) {
      if (!(code in MEANINGS) && !otherNames.has(code)) wrong.push(`${file}: ${code}`);
    }
  }
  expect(wrong, 'add the code to ts-src/errors.ts (or gateway/gateway-error.ts) and its entry to ts-src/error-catalogue/').toEqual([]);
});
test('entries say what to do, and what to know before trying again', () => {
  for (const { code, meaning, causes, remedy, retryable, retry } of entries) {
    expect(meaning.length, code).toBeGreaterThan(10);
    for (const text of [causes, remedy, ...(retry === undefined ? [] : [retry])]) {
      expect(text, code).toMatch(/^[A-Z0-9`].*\.$/s);
      for (const [, link] of text.matchAll(/\]\(([a-z-]+\.md)/g)) expect(existsSync(join(root, 'docs', link as string)), `${code}: ${link}`).toBe(true);
    }
    if (retryable !== 'no') expect(retry, `${code} may be tried again: say when`).toBeTypeOf('string');
  }
});

test('nexus explain prints an entry, and suggests the nearest code', () => {
  const nexus = (...args: string[]) => spawnSync(process.execPath, [join(root, 'dist/ts-src/cli/nexus.js'), 'explain', ...args], { encoding: 'utf8' });
  const found = nexus('ask_timeout');
  expect(found.status).toBe(0);
  expect(found.stdout).toContain('NEXUS_ASK_TIMEOUT');
  expect(found.stdout).toContain('What to do:');
  expect(nexus('GATEWAY_BUSY').stdout).toContain('HTTP status: 503');
  const misspelt = nexus('NEXUS_ASK_TIMOUT');
  expect(misspelt.status).toBe(2);
  expect(misspelt.stderr).toContain("did you mean 'NEXUS_ASK_TIMEOUT'?");
  expect(nexus().stderr).toContain('which code?');
  expect(nexus('a', 'b').status).toBe(2);
  expect(nexus('--help').stdout).toContain('nexus explain CODE');
});
