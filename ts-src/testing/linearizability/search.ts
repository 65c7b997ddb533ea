/**
 * Looks for an order in which the operations of one part of a history could have happened one after the other, each at a moment between its call and its return: the search of Wing and Gong ("Testing and
 * Verifying Concurrent Objects", 1993) with the memory of visited configurations that Lowe added ("Testing for Linearizability", 2017), as in Porcupine. Pure but for the clock that it is given.
 *
 * Operations of unknown outcome may happen at any time after their call, or never. An order is therefore looked for as a sequence of known operations, each with the unknown ones that are put right before it: those
 * that follow the last known one do not matter. That keeps the states few that are reached. A configuration is the known operations done, the state, and the unknown ones used; one that differs from a visited one only by
 * having used more of them cannot lead anywhere that the other did not, and is left out. Of unknown operations with the same input only the first unused one is tried.
 */
import { canonicalText, type HistoryOperation } from './history.js';
import { InternedStates } from './interned-states.js';
import type { SequentialModel } from './sequential-model.js';

export type SearchLimit = 'stepsMax' | 'timeMs' | 'configurationsMax';

/** What is left of what the whole check may take; the search takes from it. */
export interface SearchBudget {
  steps: number;
  configurations: number;
  readonly untilMs: number;
  nowMs(): number;
}

/** An order that could not be continued. */
export interface DeadEnd {
  /** Operations in an order in which they may have happened. */
  readonly order: readonly HistoryOperation[];
  readonly state: unknown;
  /** Those one of which would have to come next, and none of which can: the first is the one that returned first. */
  readonly next: readonly HistoryOperation[];
}

export type SearchResult =
  | { readonly outcome: 'found'; readonly order: readonly HistoryOperation[] }
  | { readonly outcome: 'none'; readonly deadEnds: readonly DeadEnd[] }
  | { readonly outcome: 'limit'; readonly limit: SearchLimit; readonly deadEnds: readonly DeadEnd[] };

/** Of the longest orders that could not be continued so many are told. */
const DEAD_ENDS_MAX = 8;
/** The clock is looked at once in so many steps. */
const STEPS_BETWEEN_LOOKS = 4096;

export function search(model: SequentialModel<unknown, unknown, unknown>, operations: readonly HistoryOperation[], budget: SearchBudget): SearchResult {
  return new Search(model, operations, budget).run();
}

/** An operation that has been put in its place, with the unknown ones before it. */
interface Placed {
  readonly index: number;
  readonly unknown: readonly number[];
  readonly before: Placed | undefined;
}

interface Successor {
  /** Of the known operations. */
  readonly index: number;
  readonly state: number;
  readonly used: bigint;
  readonly unknown: readonly number[];
}

/** A configuration whose successors are being tried. */
interface Frame {
  readonly state: number;
  readonly used: bigint;
  readonly placed: Placed | undefined;
  successors: readonly Successor[];
  next: number;
  /** Unknown operations are brought in only when nothing else has led on. */
  isWidened: boolean;
}

class LimitReached {
  readonly limit: SearchLimit;

  constructor(limit: SearchLimit) {
    this.limit = limit;
  }
}

class Search {
  readonly #model: SequentialModel<unknown, unknown, unknown>;
  readonly #budget: SearchBudget;
  readonly #states: InternedStates<unknown>;
  readonly #known: readonly HistoryOperation[];
  /** Of the known operations: whether it leaves every state as it is. */
  readonly #isRead: readonly boolean[];
  readonly #unknown: readonly HistoryOperation[];
  /** For each unknown operation the one before it with the same input, or -1. */
  readonly #sameBefore: readonly number[];
  readonly #done: Uint32Array;
  /** The known operations that are not done, in order of their calls: a list with a head at the end of the array, whose links are restored in the reverse order of their removal. */
  readonly #after: Int32Array;
  readonly #before: Int32Array;
  #doneCount = 0;
  /** No operation behind this one is done. */
  #doneMax: number[] = [-1];
  /** For each visited configuration without its used unknown operations: the sets of those, none of which contains another. */
  readonly #visited = new Map<string, bigint[]>();
  #longest = -1;
  #deadEnds: { placed: Placed | undefined; state: number; next: number[] }[] = [];

  constructor(model: SequentialModel<unknown, unknown, unknown>, operations: readonly HistoryOperation[], budget: SearchBudget) {
    this.#model = model;
    this.#budget = budget;
    this.#states = new InternedStates(model as SequentialModel<unknown, never, never>);
    const byCall = (a: HistoryOperation, b: HistoryOperation): number => a.invokedAt - b.invokedAt || (a.returnedAt ?? 0) - (b.returnedAt ?? 0);
    this.#known = operations.filter(({ outcome }) => outcome === 'ok').sort(byCall);
    this.#isRead = this.#known.map(({ input, output }) => model.isRead?.(input, { output }) === true);
    this.#unknown = operations.filter(({ outcome }) => outcome === 'unknown').sort((a, b) => a.invokedAt - b.invokedAt);
    const lastOf = new Map<string, number>();
    this.#sameBefore = this.#unknown.map(({ input }, index) => {
      const text = canonicalText(input);
      const last = lastOf.get(text) ?? -1;
      lastOf.set(text, index);
      return last;
    });
    const count = this.#known.length;
    this.#done = new Uint32Array((count >>> 5) + 1);
    this.#after = Int32Array.from({ length: count + 1 }, (_, index) => (index === count ? 0 : index + 1));
    this.#before = Int32Array.from({ length: count + 1 }, (_, index) => (index === 0 ? count : index - 1));
    if (count === 0) this.#after[0] = 0;
  }

  run(): SearchResult {
    const frames: Frame[] = [];
    try {
      const start = this.#states.numberOf(this.#model.init());
      frames.push(this.#frame(start, 0n, undefined));
      for (;;) {
        const frame = frames.at(-1);
        if (frame === undefined) return { outcome: 'none', deadEnds: this.#told() };
        if (this.#doneCount === this.#known.length) return { outcome: 'found', order: this.#orderOf(frame.placed) };
        const successor = frame.successors[frame.next++];
        if (successor !== undefined) {
          const { index, state, used, unknown } = successor;
          this.#remove(index);
          if (this.#isNew(state, used)) frames.push(this.#frame(state, used, { index, unknown, before: frame.placed }));
          else this.#restore(index);
        } else if (!frame.isWidened) {
          frame.successors = this.#widened(frame);
          frame.next = 0;
          frame.isWidened = true;
        } else {
          this.#noteDeadEnd(frame);
          frames.pop();
          if (frame.placed !== undefined) this.#restore(frame.placed.index);
        }
      }
    } catch (error) {
      if (!(error instanceof LimitReached)) throw error;
      return { outcome: 'limit', limit: error.limit, deadEnds: this.#told() };
    }
  }

  #frame(state: number, used: bigint, placed: Placed | undefined): Frame {
    const successors: Successor[] = [];
    for (const index of this.#candidates()) {
      const after = this.#step(state, this.#known[index] as HistoryOperation);
      if (after < 0) continue;
      const successor = { index, state: after, used, unknown: [] };
      // What changes no state can as well come now as later: an order that has it later is one with it here, too. Nothing else need be tried.
      if (this.#isRead[index]) return { state, used, placed, successors: [successor], next: 0, isWidened: true };
      successors.push(successor);
    }
    return { state, used, placed, successors, next: 0, isWidened: false };
  }

  /** The known operations that may come next: those called before any of the rest has returned. */
  #candidates(): number[] {
    const head = this.#known.length;
    const indices: number[] = [];
    let earliestReturn = Number.POSITIVE_INFINITY;
    for (let index = this.#after[head] as number; index !== head; index = this.#after[index] as number) {
      const { invokedAt, returnedAt } = this.#known[index] as HistoryOperation;
      // In order of their calls: those behind it cannot return earlier.
      if (invokedAt > earliestReturn) break;
      indices.push(index);
      earliestReturn = Math.min(earliestReturn, returnedAt as number);
    }
    return indices;
  }

  /** Successors with at least one unknown operation before the known one; those with the fewest first. */
  #widened({ state, used }: Frame): Successor[] {
    const candidates = this.#candidates();
    const earliestReturn = Math.min(...candidates.map((index) => (this.#known[index] as HistoryOperation).returnedAt as number));
    const reached = new Map<number, bigint[]>([[state, [used]]]);
    const successors: Successor[] = [];
    let level: { readonly state: number; readonly used: bigint; readonly unknown: readonly number[] }[] = [{ state, used, unknown: [] }];
    while (level.length > 0) {
      const nextLevel: typeof level = [];
      for (const from of level) {
        for (let index = 0; index < this.#unknown.length; index++) {
          const operation = this.#unknown[index] as HistoryOperation;
          if (operation.invokedAt > earliestReturn) break;
          const bit = 1n << BigInt(index);
          if ((from.used & bit) !== 0n) continue;
          const same = this.#sameBefore[index] as number;
          if (same >= 0 && (from.used & (1n << BigInt(same))) === 0n) continue;
          const after = this.#step(from.state, operation);
          if (after < 0 || !addMinimal(reached, after, from.used | bit)) continue;
          const unknown = [...from.unknown, index];
          nextLevel.push({ state: after, used: from.used | bit, unknown });
          for (const candidate of candidates) {
            const last = this.#step(after, this.#known[candidate] as HistoryOperation);
            if (last >= 0) successors.push({ index: candidate, state: last, used: from.used | bit, unknown });
          }
        }
      }
      level = nextLevel;
    }
    return successors;
  }

  /** The number of the state after the operation, or -1 if it cannot have happened in this one. */
  #step(state: number, { input, output, outcome }: HistoryOperation): number {
    const budget = this.#budget;
    if (--budget.steps < 0) throw new LimitReached('stepsMax');
    if (budget.steps % STEPS_BETWEEN_LOOKS === 0 && budget.nowMs() > budget.untilMs) throw new LimitReached('timeMs');
    const stepped = this.#model.step(this.#states.state(state), input, outcome === 'ok' ? { output } : undefined);
    return stepped === undefined ? -1 : this.#states.numberOf(stepped.state);
  }

  /** Whether no visited configuration leads at least as far. */
  #isNew(state: number, used: bigint): boolean {
    const isNew = addMinimal(this.#visited, this.#configuration(state), used);
    if (isNew && --this.#budget.configurations < 0) throw new LimitReached('configurationsMax');
    return isNew;
  }

  /** State and known operations done, as text: all before the first open one are done, and few are behind it. */
  #configuration(state: number): string {
    const first = this.#after[this.#known.length] as number;
    let text = `${state.toString(36)} ${first.toString(36)}`;
    const last = (this.#doneMax.at(-1) as number) >>> 5;
    for (let word = first >>> 5; word <= last; word++) text += ` ${(this.#done[word] as number).toString(36)}`;
    return text;
  }

  #remove(index: number): void {
    const [before, after] = [this.#before[index] as number, this.#after[index] as number];
    this.#after[before] = after;
    this.#before[after] = before;
    this.#done[index >>> 5] = ((this.#done[index >>> 5] as number) | (1 << (index & 31))) >>> 0;
    this.#doneCount++;
    this.#doneMax.push(Math.max(index, this.#doneMax.at(-1) as number));
  }

  #restore(index: number): void {
    this.#after[this.#before[index] as number] = index;
    this.#before[this.#after[index] as number] = index;
    this.#done[index >>> 5] = ((this.#done[index >>> 5] as number) & ~(1 << (index & 31))) >>> 0;
    this.#doneCount--;
    this.#doneMax.pop();
  }

  #noteDeadEnd({ placed, state }: Frame): void {
    if (this.#doneCount < this.#longest) return;
    if (this.#doneCount > this.#longest) this.#deadEnds = [];
    this.#longest = this.#doneCount;
    if (this.#deadEnds.length < DEAD_ENDS_MAX) this.#deadEnds.push({ placed, state, next: this.#candidates() });
  }

  #told(): DeadEnd[] {
    const byReturn = (a: HistoryOperation, b: HistoryOperation): number => (a.returnedAt as number) - (b.returnedAt as number);
    return this.#deadEnds.map(({ placed, state, next }) => ({
      order: this.#orderOf(placed),
      state: this.#states.state(state),
      next: next.map((index) => this.#known[index] as HistoryOperation).sort(byReturn),
    }));
  }

  #orderOf(placed: Placed | undefined): HistoryOperation[] {
    const order: HistoryOperation[] = [];
    for (let at = placed; at !== undefined; at = at.before)
      order.push(this.#known[at.index] as HistoryOperation, ...[...at.unknown].reverse().map((index) => this.#unknown[index] as HistoryOperation));
    return order.reverse();
  }
}

/** Adds a set to those of a key, unless one of them is a part of it; those that it is a part of go. */
function addMinimal<Key>(sets: Map<Key, bigint[]>, key: Key, added: bigint): boolean {
  const known = sets.get(key);
  if (known === undefined) {
    sets.set(key, [added]);
    return true;
  }
  if (known.some((set) => (set & added) === set)) return false;
  sets.set(key, [...known.filter((set) => (set & added) !== added), added]);
  return true;
}
