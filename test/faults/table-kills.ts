/** One call of a routing table, killed at each of its steps, and what all engines make of what it left. Returns what was wrong; takes any build, also a broken one. */
import { createSharedMemory } from '../../dist/bindings/shared-memory.js';
import { loaded } from '../conformance/tables.js';
import { DIST, inLanes, killAtStep, Peer, stepsOf, type Told } from './kill-at-step.js';
import { CAPACITY, SEED, THREADS } from './table-scenarios.mjs';

export type VictimEngine = 'portable' | 'wasm';
export const SURVIVORS: readonly string[] = loaded.addon === undefined ? ['portable', 'wasm'] : ['portable', 'wasm', 'native'];

export interface TableKills {
  readonly engine: VictimEngine;
  readonly scenario: string;
  readonly steppedModule: Uint8Array;
  readonly dist?: string;
  readonly lanes?: number;
  /** Enough to know that something is wrong. */
  readonly onlyFirst?: boolean;
}

export interface Outcome {
  readonly kills: number;
  readonly steps: number;
  readonly wrong: readonly string[];
  /** Step of each kill, and whether others saw the name right after it. */
  readonly seen: readonly (readonly [step: number, isPresent: boolean])[];
  readonly result: unknown;
}

interface Answer {
  readonly wrong: readonly string[];
  readonly isPresent: boolean;
}

export async function killTableCall({ engine, scenario, steppedModule, dist = DIST, lanes = 2, onlyFirst = false }: TableKills): Promise<Outcome> {
  const run = <T>(stopAt: number, look: (told: Told, shared: ReturnType<typeof memory>) => Promise<T> | T): Promise<T> => {
    const shared = memory();
    return killAtStep('./table-victim.mjs', { dist, memory: shared.memory, engine, steppedModule, scenario, stopAt }, (told) => look(told, shared));
  };
  const measured = await run(0, (told) => told);
  const survivors = Array.from({ length: lanes }, () => new Peer('./table-survivor.mjs', { dist }));
  const wrong: string[] = [];
  const seen: [number, boolean][] = [];
  // Most mistakes show late in a call.
  const steps = onlyFirst ? [...stepsOf(measured)].reverse() : stepsOf(measured);
  try {
    await inLanes(steps, lanes, async (step, lane) => {
      if (onlyFirst && wrong.length > 0) return;
      const ask = async (request: { survivor: string; successor: string; isContended: boolean; isCopied: boolean; memory: unknown }): Promise<Answer> => {
        const what = `${scenario}, ${engine} killed at step ${step}, ${request.survivor} goes on, ${request.successor} succeeds${request.isContended ? ', contended' : ''}`;
        const answer = await (survivors[lane] as Peer).ask<Answer>({ scenario, ...request }, what);
        for (const each of answer.wrong) wrong.push(`${what}: ${each}`);
        return answer;
      };
      let left: Buffer | undefined;
      const shared = await run(step, async (_, memory) => {
        left = Buffer.from(memory.bytes);
        // While it stands there: a thread that is only slow must not be waited for, either. On copies, so that each engine finds the same.
        for (const survivor of SURVIVORS) {
          const request = { survivor, successor: survivor, isContended: true, isCopied: true, memory: memory.memory };
          const { isPresent } = await ask(request);
          if (survivor === 'portable') seen.push([step, isPresent]);
        }
        return memory;
      });
      if (left?.equals(shared.bytes) !== true) wrong.push(`step ${step}: a thread that was killed wrote something`);
      // And now that it is dead, with nobody who wants its name.
      for (const survivor of SURVIVORS)
        for (const successor of SURVIVORS) await ask({ survivor, successor, isContended: false, isCopied: true, memory: shared.memory });
    });
  } finally {
    await Promise.all(survivors.map((survivor) => survivor.end()));
  }
  seen.sort(([a], [b]) => a - b);
  return { kills: steps.length, steps: measured.measured ?? 0, wrong: wrong.slice(0, 10), seen, result: measured.result };
}

function memory() {
  return createSharedMemory({ threadCount: THREADS, recordCapacity: CAPACITY, ringBytes: 2 ** 14 }, SEED as [number, number]);
}
