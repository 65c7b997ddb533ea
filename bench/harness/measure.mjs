/**
 * The ways in which a case is measured. Each takes an operation that is over when its work is done at the other end, never when it was sent.
 * Runs in the process of one peer.
 */
import { percentile, sorted } from './statistics.mjs';

const GROWTH = 4;
const TURN = 400;

/**
 * Completions per second. `work(n)` resolves when n completions were counted. Warms up with growing n for `warmMs`, then takes one measurement of
 * about `runMs` with the n that the warm-up suggests.
 * @param {{ warmMs: number, runMs: number }} size
 * @param {(n: number) => unknown} work
 * @param {number} quantum n is a multiple of it
 */
export async function throughput(size, work, quantum = 1000) {
  const warmFrom = performance.now();
  let n = quantum;
  let rate = 0;
  do {
    const from = performance.now();
    await work(n);
    const elapsed = performance.now() - from;
    rate = n / elapsed;
    if (elapsed < size.warmMs / 4) n = Math.min(n * GROWTH, Math.max(quantum, roundUp((rate * size.warmMs) / 2, quantum)));
  } while (performance.now() - warmFrom < size.warmMs);
  settle();
  const count = Math.max(quantum, roundUp(rate * size.runMs, quantum));
  const from = performance.now();
  await work(count);
  return (count / (performance.now() - from)) * 1000;
}

/**
 * Round trips one after the other, in nanoseconds: the mean of a loop without clocks, and the median of round trips that were timed one by one
 * (each of those includes one reading of the clock, some 40 ns).
 * @param {{ warmMs: number, runMs: number, latencySamplesMax: number }} size
 * @param {(index: number) => unknown} operation returns a promise
 */
export async function roundTrip(size, operation) {
  const perSecond = await throughput(
    size,
    async (n) => {
      for (let index = 0; index < n; index++) await operation(index);
    },
    10,
  );
  const samples = new Float64Array(Math.max(10, Math.min(size.latencySamplesMax, Math.round((perSecond * size.runMs) / 1000))));
  settle();
  for (let index = 0; index < samples.length; index++) {
    const from = performance.now();
    await operation(index);
    samples[index] = performance.now() - from;
  }
  return { meanNs: 1e9 / perSecond, p50Ns: percentile(sorted(samples), 0.5) * 1e6 };
}

/**
 * The median of round trips before each of which everything had 2 to 5 ms to go to sleep, in nanoseconds.
 * @param {{ parkedSamples: number }} size
 * @param {(index: number) => unknown} operation returns a promise, or is done when it returns
 */
export async function parkedRoundTrip(size, operation) {
  const samples = new Float64Array(size.parkedSamples);
  for (let index = -2; index < samples.length; index++) {
    await new Promise((resolve) => setTimeout(resolve, 2 + ((index + 2) % 4)));
    const from = performance.now();
    await operation(index);
    if (index >= 0) samples[index] = performance.now() - from;
  }
  return percentile(sorted(samples), 0.5) * 1e6;
}

/**
 * Operations per second with `outstanding` of them under way at any time.
 * @param {{ warmMs: number, runMs: number }} size
 */
export function pipelined(size, outstanding, operation) {
  return throughput(size, async (n) => {
    let next = 0;
    const lane = async () => {
      while (next < n) await operation(next++);
    };
    await Promise.all(Array.from({ length: outstanding }, lane));
  });
}

/**
 * Latencies at a fixed rate, each from the time at which the operation was to start, whether or not the sender was in time: a stall counts for every
 * operation that it delays. In nanoseconds.
 * @param {number} perSecond
 */
export function openLoop(perSecond, durationMs, operation) {
  const count = Math.max(20, Math.round((perSecond * durationMs) / 1000));
  const perMs = perSecond / 1000;
  const latencies = new Float64Array(count);
  let sent = 0;
  let completed = 0;
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const complete = (index) => {
      latencies[index] = performance.now() - (startMs + index / perMs);
      if (++completed < count) return;
      const inOrder = sorted(latencies);
      resolve({ p50Ns: percentile(inOrder, 0.5) * 1e6, p99Ns: percentile(inOrder, 0.99) * 1e6, p999Ns: percentile(inOrder, 0.999) * 1e6 });
    };
    const sendDue = () => {
      const due = Math.min(count, Math.floor((performance.now() - startMs) * perMs) + 1);
      while (sent < due) {
        const index = sent++;
        operation(index).then(() => complete(index), reject);
      }
      if (sent < count) setImmediate(sendDue);
    };
    sendDue();
  });
}

/**
 * Several operations in turns of some hundreds each, so that what disturbs one disturbs all: what they differ by means more than with one after the other.
 * @param {{ warmMs: number, runMs: number }} size
 * @param {Record<string, () => unknown>} operations by name; each returns a promise
 * @returns {Promise<Record<string, number>>} the median of the turns, in nanoseconds an operation
 */
export async function inTurns(size, operations) {
  const names = Object.keys(operations);
  const times = Object.fromEntries(names.map((name) => [name, []]));
  const turn = async (name) => {
    const operation = operations[name];
    const from = performance.now();
    for (let index = 0; index < TURN; index++) await operation();
    return ((performance.now() - from) * 1e6) / TURN;
  };
  for (const until = performance.now() + size.warmMs * names.length; performance.now() < until; ) for (const name of names) await turn(name);
  settle();
  let round = 0;
  for (const until = performance.now() + size.runMs * names.length; performance.now() < until || round === 0; round++) {
    // Another one is first in each round.
    for (let index = 0; index < names.length; index++) {
      const name = names[(index + round) % names.length];
      times[name].push(await turn(name));
    }
  }
  return Object.fromEntries(names.map((name) => [name, percentile(sorted(times[name]), 0.5)]));
}

/** Collects garbage, so that a case does not pay for the one before it. */
export function settle() {
  globalThis.gc?.();
}

/** Stops the benchmark if the work was not done. @returns {asserts condition} */
export function assertDone(condition, message) {
  if (!condition) throw new Error(`the work was not done: ${message}`);
}

function roundUp(value, quantum) {
  return Math.ceil(value / quantum) * quantum;
}
