/** A nexus for the length of a test, with any test runner: it is stopped whatever becomes of the test, and a failure says with which seed to see it again. */
import { optionError, valueText } from '../errors.js';
import type { Nexus } from '../nexus.js';
import { expectNothingLeft } from './leftovers.js';
import { SEED_VARIABLE, seedFromEnvironment, seedOf, withSeed } from './seed.js';
import { createTestNexus, type TestNexus, type TestNexusOptions } from './test-nexus.js';
import { lineOf } from './transcript.js';

const STOP_DEADLINE_MS = 5000;
const STEPS_SHOWN = 30;
const SEEDS_MAX = 1_000_000;

/** What `withNexus`, `withSeeds` and `nexusFor` take: those of a test nexus, and what is checked at the end. */
export interface WithNexusOptions extends TestNexusOptions {
  /** Fails the test when agents, timers, asks or handlers are left at its end. Default false. */
  readonly nothingLeft?: boolean;
}

/** Gives the body a test nexus, and stops it afterwards. What the body throws is thrown, its message with the seed and the last steps. */
export async function withNexus<T>(options: WithNexusOptions, body: (nexus: TestNexus) => T | Promise<T>): Promise<T> {
  const { nothingLeft = false, ...given } = options;
  const nexus = await createTestNexus(given);
  let result: T;
  try {
    result = await body(nexus);
    if (nothingLeft) {
      await nexus.run();
      expectNothingLeft(nexus);
    }
  } catch (error) {
    throw withSeed(error, nexus.seed, `the last steps were\n${nexus.transcript.slice(-STEPS_SHOWN).map(lineOf).join('\n')}`);
  } finally {
    await nexus.stop({ deadlineMs: STOP_DEADLINE_MS });
  }
  return result;
}

/**
 * Runs the body with so many seeds, each with a nexus of its own: the first that fails is thrown, and names its seed. With NEXUS_TEST_SEED only that one.
 * @param options.seed of the first; the others count up from it. Default: drawn at random
 */
export async function withSeeds(count: number, options: WithNexusOptions, body: (nexus: TestNexus) => unknown): Promise<void> {
  if (!(Number.isInteger(count) && count >= 1 && count <= SEEDS_MAX))
    throw optionError('withSeeds', `count is ${valueText(count)}; it must be a whole number from 1 to ${SEEDS_MAX}`);
  const first = seedOf(options.seed) >>> 0;
  const seeds = seedFromEnvironment() === undefined ? count : 1;
  for (let index = 0; index < seeds; index++) await withNexus({ ...options, seed: (first + index) >>> 0 }, body);
}

/** What test runners give a test: `t` of node:test has `after`, the context of Vitest `onTestFinished`. */
export type TestContext =
  | { after(callback: () => Promise<void>): unknown }
  | { onTestFinished(callback: () => Promise<void>): unknown; onTestFailed?(callback: () => void): unknown };

/** Stops a nexus, real or simulated, when the test has ended. Returns it. */
export function stopAfter<N extends Nexus>(context: TestContext, nexus: N): N {
  const stop = async (): Promise<void> => {
    await nexus.stop({ deadlineMs: STOP_DEADLINE_MS });
  };
  if ('after' in context) context.after(stop);
  else context.onTestFinished(stop);
  return nexus;
}

/** A test nexus that is stopped when the test has ended; where the test runner tells that it has failed (Vitest), the seed is printed then. */
export async function nexusFor(context: TestContext, options: TestNexusOptions): Promise<TestNexus> {
  const nexus = stopAfter(context, await createTestNexus(options));
  if ('onTestFailed' in context) context.onTestFailed?.(() => process.stderr.write(`${SEED_VARIABLE}=${nexus.seed} runs it again in the same order\n`));
  return nexus;
}
