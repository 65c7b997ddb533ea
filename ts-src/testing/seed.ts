/** The seed of a test: from the environment, which reproduces a failure; else the one that is given; else a new one. */
import { randomBytes } from 'node:crypto';
import { optionError, valueText } from '../errors.js';

export const SEED_VARIABLE = 'NEXUS_TEST_SEED';

export function seedOf(given: number | undefined): number {
  return seedFromEnvironment() ?? checkedSeed('seed', given) ?? randomBytes(4).readInt32LE() >>> 0;
}

export function seedFromEnvironment(): number | undefined {
  const text = process.env[SEED_VARIABLE];
  return text === undefined || text === '' ? undefined : checkedSeed(SEED_VARIABLE, Number(text));
}

function checkedSeed(name: string, seed: number | undefined): number | undefined {
  if (seed === undefined || (Number.isInteger(seed) && seed >= -(2 ** 31) && seed < 2 ** 32)) return seed;
  throw optionError(name, `is ${valueText(seed)}; it must be a whole number from ${-(2 ** 31)} to ${2 ** 32 - 1}`);
}

/** Says in the message of a failure how to see it again. What is no error cannot be told more, and stays as it is. */
export function withSeed(error: unknown, seed: number, details = ''): unknown {
  if (!(error instanceof Error) || error.message.includes(SEED_VARIABLE)) return error;
  const text = `\n${SEED_VARIABLE}=${seed} runs it again in the same order${details === '' ? '' : `\n${details}`}`;
  const before = error.message;
  error.message = `${before}${text}`;
  // The stack was made with the message, and is what test runners show.
  if (error.stack?.includes(before) === true) error.stack = error.stack.replace(before, () => error.message);
  return error;
}
