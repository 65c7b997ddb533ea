/** Histories for the tests of the checker: short to write, random from a register that is linearizable by construction, and a checker that tries every order, as slow as it is plain. */
import type { HistoryOperation, SequentialModel } from 'nexus-agents/testing';
import { SeededRandom } from '../../../../dist/ts-src/model/seeded-random.js';

/** `ok(0, 1, 5, { f: 'read' }, 3)`: process 0, from 1 to 5. */
export function ok<I>(process: number, invokedAt: number, returnedAt: number, input: I, output?: unknown): HistoryOperation<I> {
  return { process, invokedAt, returnedAt, input, output, outcome: 'ok' };
}

export function unknown<I>(process: number, invokedAt: number, input: I): HistoryOperation<I> {
  return { process, invokedAt, input, outcome: 'unknown' };
}

/** Whether any order of the known operations and of some of the unknown ones is allowed by their times and by the model. */
export function isLinearizableByForce<I>(model: SequentialModel<unknown, I, unknown>, history: readonly HistoryOperation<I>[]): boolean {
  const operations = history.filter(({ outcome }) => outcome !== 'failed');
  const extend = (state: unknown, left: readonly HistoryOperation<I>[]): boolean => {
    if (left.every(({ outcome }) => outcome === 'unknown')) return true;
    return left.some((operation) => {
      if (left.some(({ outcome, returnedAt }) => outcome === 'ok' && (returnedAt as number) < operation.invokedAt)) return false;
      const stepped = model.step(state, operation.input, operation.outcome === 'ok' ? { output: operation.output } : undefined);
      return (
        stepped !== undefined &&
        extend(
          stepped.state,
          left.filter((each) => each !== operation),
        )
      );
    });
  };
  return extend(model.init(), operations);
}

export interface RegisterRun {
  readonly seed: number;
  readonly processes: number;
  readonly operations: number;
  /** Share of the operations whose outcome nobody knows; half of them have happened, at once or later. */
  readonly unknown?: number;
  /** Share of reads; of the rest half are compare-and-set. */
  readonly reads?: number;
  readonly keys?: number;
}

type Input = { readonly f: 'read' | 'write' | 'cas' | 'append'; readonly key: string; readonly value?: unknown };

/** What processes see of registers that are linearizable: each operation takes effect at one moment between its call and its return, or, if its outcome is unknown, later or never. */
export function simulateRegisters({ seed, processes, operations, unknown: share = 0, reads = 0.5, keys = 1 }: RegisterRun): HistoryOperation<Input>[] {
  const random = new SeededRandom(seed, 'registers');
  const states = new Map<string, unknown>();
  const history: HistoryOperation<Input>[] = [];
  const late: { readonly at: number; readonly input: Input }[] = [];
  const names = Array.from({ length: processes }, (_, index) => index);
  const freeAt = names.map(() => 0);
  let next = processes;
  // Effects in order of their moments; calls and returns lie around them.
  const pending = names.map((index) => planned(index, 0));
  let value = 0;
  function planned(index: number, from: number): { index: number; invokedAt: number; at: number; returnedAt: number } {
    const invokedAt = from + 1 + Math.floor(random.next() * 20);
    const at = invokedAt + random.next() * 30;
    return { index, invokedAt, at, returnedAt: at + random.next() * 30 };
  }
  while (history.length < operations) {
    const step = pending.sort((a, b) => a.at - b.at)[0] as ReturnType<typeof planned>;
    for (const each of late.filter(({ at }) => at <= step.at)) {
      apply(each.input);
      late.splice(late.indexOf(each), 1);
    }
    const key = `k${Math.floor(random.next() * keys)}`;
    const kind = random.next();
    const input: Input =
      kind < reads
        ? { f: 'read', key }
        : kind < reads + (1 - reads) / 2
          ? { f: 'write', key, value: ++value }
          : { f: 'cas', key, value: [random.next() < 0.7 ? (states.get(key) ?? null) : -1, ++value] };
    const process = names[step.index] as number;
    const isUnknown = random.next() < share;
    if (isUnknown) {
      history.push({ process, input, invokedAt: step.invokedAt, outcome: 'unknown' });
      const fate = random.next();
      if (fate < 0.3) apply(input);
      else if (fate < 0.5) late.push({ at: step.at + random.next() * 500, input });
      names[step.index] = next++;
    } else history.push({ process, input, output: apply(input), invokedAt: step.invokedAt, returnedAt: step.returnedAt, outcome: 'ok' });
    freeAt[step.index] = step.returnedAt;
    pending[pending.indexOf(step)] = planned(step.index, step.returnedAt);
  }
  return history;

  function apply({ f, key, value: given }: Input): unknown {
    const state = states.get(key) ?? null;
    if (f === 'read') return state;
    if (f === 'write') states.set(key, given);
    else {
      const [expected, wanted] = given as [unknown, unknown];
      if (expected !== state) return false;
      states.set(key, wanted);
      return true;
    }
    return undefined;
  }
}
