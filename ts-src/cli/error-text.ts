/** What a user reads when their module, or its `setup`, failed: their error with their files, not ours. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NexusError } from '../errors.js';

/** The folder of this package's code, as it stands in stacks. */
const OURS = new URL('../../', import.meta.url).href;

/** An error that `createNexus` failed with because of a module, as text; undefined if it is about something else. */
export function moduleFailureText(error: unknown): string | undefined {
  if (!(error instanceof NexusError)) return undefined;
  const module = error.data?.['module'];
  if (typeof module !== 'string') return undefined;
  const file = fileURLToPath(module);
  if (error.code === 'NEXUS_MODULE_EMPTY') return `${file} exports no agent: export what defineAgent returns`;
  if (!existsSync(file)) return `there is no file ${file}`;
  // The position of a syntax error is not in the error itself.
  const syntax = error.cause instanceof SyntaxError ? syntaxErrorIn(file) : undefined;
  return `${file} could not be imported:\n${syntax ?? errorText(error.cause ?? error.message)}`;
}

/** The error with its stack, as far as that is in the user's files. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error);
  const lines = text
    .replace(` imported from ${fileURLToPath(OURS)}ts-src/runtime/agent-modules.js`, '')
    .split('\n')
    .filter((line) => !/^\s+at /.test(line) || !(line.includes('node:internal') || line.includes(OURS)));
  return lines.map((line) => `  ${line}`).join('\n');
}

function syntaxErrorIn(file: string): string | undefined {
  const { stderr, status } = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8', timeout: 10_000 });
  if (status === 0 || typeof stderr !== 'string') return undefined;
  return errorText(stderr.replace(/\n\s*Node\.js v[\d.]+\s*$/, '').trimEnd());
}
