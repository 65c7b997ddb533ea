/** What whoever runs a simulation reads when it fails: what, with which seed and commit, what had gone wrong before, the last that happened, and how to see it again. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { NexusError } from '../../errors.js';
import { planText } from './plan.js';
import type { RunResult } from './simulation.js';

const TRACE_LINES = 25;
const FAULTS_SHOWN = 40;

export interface ReportOptions {
  /** What runs it again, such as `nexus sim shop.mjs --seed 7 --seeds 1`. */
  readonly command?: string;
}

/** @returns NexusError NEXUS_SIMULATION_FAILED */
export function simulationFailed(result: RunResult, options: ReportOptions = {}): NexusError {
  const { plan, failure } = result;
  return new NexusError('NEXUS_SIMULATION_FAILED', reportText(result, options), {
    cause: failure?.error,
    data: { seed: plan.seed, commit: commitText(), what: failure?.what, plan, hash: result.trace.hash },
  });
}

export function reportText({ plan, failure, trace }: RunResult, { command }: ReportOptions = {}): string {
  const [head, ...faults] = planText(plan).split('\n');
  const left = faults.length - FAULTS_SHOWN;
  return [
    `a simulation failed after ${((failure?.atMs ?? 0) / 1000).toFixed(3)} s: ${failure?.error.message ?? 'it did not'}`,
    `  ${head}`,
    ...faults.slice(0, FAULTS_SHOWN).map((fault) => `  ${fault}`),
    ...(left > 0 ? [`    and ${left} more`] : []),
    'the last that happened:',
    ...trace
      .tail(TRACE_LINES)
      .split('\n')
      .map((line) => `  ${line}`),
    `commit ${commitText()}; trace ${trace.hash}`,
    ...(command === undefined ? [] : ['again:', `  ${command}`]),
  ].join('\n');
}

let known: string | undefined;

/** Of the working directory, if it is in a repository; else the version of this package. */
export function commitText(): string {
  known ??= commitOf() ?? `none: nexus-agents ${packageVersion()}`;
  return known;
}

export function packageVersion(): string {
  return (JSON.parse(readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}

function commitOf(): string | undefined {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 5000 }).trim();
  try {
    const commit = git('rev-parse', 'HEAD');
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}, changed`;
  } catch {
    // No repository, or no git: nothing is to be said of it.
    return undefined;
  }
}
