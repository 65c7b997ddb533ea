/**
 * Times parts of a path: every stage runs a thousand operations, all stages in turn, many rounds, and the median counts. So what disturbs the machine for a while disturbs
 * all of them, and the code of each is as warm as that of the others. Knows nothing of what is measured.
 */
import { summary } from '../harness/statistics.mjs';

export const OPERATIONS = 1000;
const WARM_SHARE = 0.25;
/** Where results go, so that no work is left out because nobody wants them. */
const kept = { result: undefined };

/** Nanoseconds of one of the operations that `body` does. */
export function timed(body, operations = OPERATIONS) {
  const from = performance.now();
  body();
  return ((performance.now() - from) * 1e6) / operations;
}

/**
 * A loop over a body, which is given the numbers from 0 on. Each has code of its own: one loop for all of them would see many bodies and inline none.
 * @param {(index: number) => unknown} body
 */
export function loopOf(body, operations = OPERATIONS) {
  return new Function('body', 'operations', 'kept', 'return () => { for (let index = 0; index < operations; index++) kept.result = body(index); };')(
    body,
    operations,
    kept,
  );
}

/** A stage of nothing but that loop. */
export function timedLoop(body, operations = OPERATIONS) {
  const loop = loopOf(body, operations);
  return () => timed(loop, operations);
}

/** As `timed`, for a body that is over when its promise is. */
export async function timedUntil(body, operations = OPERATIONS) {
  const from = performance.now();
  await body();
  return ((performance.now() - from) * 1e6) / operations;
}

/**
 * @typedef {{ name: string, run: () => number | Promise<number>, share?: number, within?: boolean }} Stage `run` returns the nanoseconds of one operation; `share` is how much of
 *   an operation belongs to one message (default 1); `within` marks a part of the stage above it, which is not added again
 * @typedef {{ title: string, stages: readonly Stage[], whole: Stage, also?: readonly Stage[], rest?: string }} Path `whole` is the real thing; `rest` says what the difference is
 * @param {readonly Path[]} paths
 * @param {number} rounds
 * @returns {Promise<{ title: string, stages: { name: string, ns: number, within: boolean }[], sumNs: number, whole: { name: string, ns: number }, also: { name: string, ns: number }[], rest: string | undefined }[]>}
 */
export async function measurePaths(paths, rounds) {
  const all = paths.flatMap(({ stages, whole, also = [] }) => [...stages, whole, ...also]);
  const values = new Map(all.map((stage) => [stage, []]));
  const warm = Math.ceil(rounds * WARM_SHARE);
  for (let round = 0; round < warm + rounds; round++) {
    for (const stage of all) {
      const ns = await stage.run();
      if (round >= warm) values.get(stage).push(ns);
    }
  }
  const median = (stage) => summary(values.get(stage)).median * (stage.share ?? 1);
  return paths.map(({ title, stages, whole, also = [], rest }) => {
    const measured = stages.map((stage) => ({ name: stage.name, ns: median(stage), within: stage.within === true }));
    return {
      title,
      stages: measured,
      sumNs: measured.reduce((sum, { ns, within }) => (within ? sum : sum + ns), 0),
      whole: { name: whole.name, ns: median(whole) },
      also: also.map((stage) => ({ name: stage.name, ns: median(stage) })),
      rest,
    };
  });
}

/** What a stage of nothing takes: in every figure once. */
export const EMPTY = { title: 'the measurement itself', stages: [], whole: { name: 'an empty stage', run: timedLoop(() => undefined) } };

/** Measured paths as text. */
export function formatPaths(paths) {
  const lines = [];
  const width = 2 + Math.max(...paths.flatMap(({ stages, whole, also }) => [...stages, whole, ...also].map(({ name }) => name.length)), 30);
  const row = (name, ns, indent = '  ') => lines.push(`${indent}${name.padEnd(width - indent.length + 2)}${nanoseconds(ns).padStart(10)}`);
  for (const { title, stages, sumNs, whole, also, rest } of paths) {
    lines.push('', title);
    for (const { name, ns, within } of stages) row(name, ns, within ? '    ' : '  ');
    if (stages.length > 0) row('sum of the stages', sumNs);
    row(whole.name, whole.ns);
    if (stages.length > 0) row(`difference${rest === undefined ? '' : `: ${rest}`}`.slice(0, width), whole.ns - sumNs);
    for (const { name, ns } of also) row(name, ns);
  }
  return lines.join('\n').trimStart();
}

function nanoseconds(ns) {
  return `${ns.toFixed(Math.abs(ns) < 100 ? 1 : 0)} ns`;
}
