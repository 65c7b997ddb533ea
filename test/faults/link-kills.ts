/** One side of a link between threads, killed at each of its steps, and what the other side and the successor make of it. Takes any build, also a broken one. */
import { createSharedMemory } from '../../dist/bindings/shared-memory.js';
import { DIST, inLanes, killAtStep, Peer, stepsOf, type Told } from './kill-at-step.js';

export interface LinkOutcome {
  readonly kills: number;
  readonly steps: number;
  readonly wrong: readonly string[];
}

/** A producer sends as many as the ring takes and more; a consumer receives what is in a full ring. */
const MESSAGES = { producer: 24, consumer: 40 };

const SAME_STRIDE = 4;
/** A broken ring may make its reader go round for ever. */
const BROKEN_DEADLINE_MS = 6000;

export async function killLink(role: 'producer' | 'consumer', dist = DIST, onlyFirst = false): Promise<LinkOutcome> {
  const messages = MESSAGES[role];
  const wrong: string[] = [];
  const survivors = [0, 1].map(() => new Peer('./link-survivor.mjs', { dist }, onlyFirst ? BROKEN_DEADLINE_MS : undefined));
  const run = async (stopAt: number, lane: number, what: string): Promise<Told> => {
    const { memory } = createSharedMemory({ threadCount: 2, recordCapacity: 2 ** 12, ringBytes: 2 ** 14 }, [1, 2]);
    const ask = async (request: object): Promise<void> => {
      const answer = await (survivors[lane] as Peer).ask<{ wrong: string[] }>({ memory, messages, ...request }, what);
      for (const each of answer.wrong) wrong.push(`${what}: ${each}`);
    };
    if (role === 'consumer') await ask({ type: 'fill' });
    const told = await killAtStep('./link-victim.mjs', { dist, memory, role, stopAt, messages }, (at) => at);
    if ((told['corrupt'] as string[]).length > 0) wrong.push(`${what}: corrupt for the one that died: ${told['corrupt']}`);
    if (stopAt > 0) await ask({ type: `${role}Died`, published: told['published'], handled: told['handled'], isLate: stopAt % 2 === 0 });
    return told;
  };
  try {
    const measured = await run(0, 0, `${role} measured`);
    const distinct = new Set(stepsOf(measured));
    // What was handled is not in the memory: some of the steps that leave the same one, too.
    const steps = Array.from({ length: measured.measured ?? 0 }, (_, step) => step + 1).filter((step) => distinct.has(step) || step % SAME_STRIDE === 0);
    await inLanes(steps, survivors.length, async (step, lane) => {
      if (!onlyFirst || wrong.length === 0) await run(step, lane, `${role} killed at step ${step}`);
    });
    return { kills: steps.length, steps: measured.measured ?? 0, wrong: wrong.slice(0, 10) };
  } finally {
    await Promise.all(survivors.map((survivor) => survivor.end()));
  }
}
