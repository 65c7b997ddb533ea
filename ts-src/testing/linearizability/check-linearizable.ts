/**
 * `checkLinearizable`: whether what several processes have seen of an object could have come from one that does one operation after the other, each at a moment between its call and its return (Herlihy and
 * Wing, "Linearizability: A Correctness Condition for Concurrent Objects", 1990). The history is cut into parts that do not influence each other (Horn and Kroening, "Faster linearizability checking via
 * P-compositionality", 2015); each is judged by `search.ts`.
 */
import { NexusTypeError, optionError, valueText } from '../../errors.js';
import { checkNames } from '../../model/nearest-name.js';
import { canonicalText, checkHistory, type HistoryOperation } from './history.js';
import { type DeadEnd, search, type SearchBudget, type SearchLimit } from './search.js';
import type { SequentialModel } from './sequential-model.js';

/** What a check may take: then the verdict is `unknown`. */
export interface LinearizabilityOptions {
  /** Operations that are tried. Default 50,000,000. */
  readonly stepsMax?: number;
  /** Default 60,000. */
  readonly timeMs?: number;
  /** Configurations that are remembered, which is what memory is for: some hundred bytes each. Default 2,000,000. */
  readonly configurationsMax?: number;
}

/** A part of a history that no order explains. */
export interface LinearizabilityFailure {
  /** What the model calls the part; empty if there is one only. */
  readonly part: string;
  /** All operations of the part that may have happened. */
  readonly operations: readonly HistoryOperation[];
  /** The longest orders that were found, at most 8: each with the state it ends in, and the operations one of which would have to come next and none of which can. */
  readonly prefixes: readonly DeadEnd[];
}

/** What `checkLinearizable` says. */
export type LinearizabilityResult = {
  /** For people: what was found, with the operations. */
  readonly text: string;
  readonly parts: number;
  readonly operations: number;
  /** Operations that were tried. */
  readonly steps: number;
} & (
  | {
      readonly verdict: 'linearizable';
      /** For each part an order in which it may have happened. */
      readonly orders: ReadonlyMap<string, readonly HistoryOperation[]>;
    }
  | { readonly verdict: 'notLinearizable'; readonly failures: readonly LinearizabilityFailure[] }
  /** Neither was found within the limit. */
  | { readonly verdict: 'unknown'; readonly limit: SearchLimit; readonly undecided: readonly string[] }
);

const DEFAULTS = { stepsMax: 50_000_000, timeMs: 60_000, configurationsMax: 2_000_000 };
const FAILURES_MAX = 8;
const TEXT_OPERATIONS = 5;

/**
 * Judges a history by a model. Operations that are `failed` are left out; those that are `unknown` may have happened at any time after they were called, or not at all.
 * @throws NexusTypeError NEXUS_OPTION_INVALID for what is no history, and for operations that the model does not know
 */
export function checkLinearizable<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  history: readonly HistoryOperation<Input, Output>[],
  options: LinearizabilityOptions = {},
): LinearizabilityResult {
  checkHistory(history);
  checkNames('checkLinearizable', options, Object.keys(DEFAULTS));
  const limits = { ...DEFAULTS, ...options };
  for (const [name, value] of Object.entries(limits))
    if (!(typeof value === 'number' && value > 0)) throw optionError(name, `is ${valueText(value)}; it must be a number above 0`);
  const general = model as unknown as SequentialModel<unknown, unknown, unknown>;
  const parts = partsOf(general, history);
  const nowMs = (): number => performance.now();
  const budget: SearchBudget = { steps: limits.stepsMax, configurations: limits.configurationsMax, untilMs: nowMs() + limits.timeMs, nowMs };
  const orders = new Map<string, readonly HistoryOperation[]>();
  const failures: LinearizabilityFailure[] = [];
  const undecided: string[] = [];
  let limit: SearchLimit | undefined;
  for (const [part, operations] of parts) {
    if (limit !== undefined) {
      undecided.push(part);
      continue;
    }
    const result = told(general, () => search(general, operations, budget));
    if (result.outcome === 'found') orders.set(part, result.order);
    else if (result.outcome === 'limit') {
      limit = result.limit;
      undecided.push(part);
    } else if (failures.push({ part, operations, prefixes: result.deadEnds }) === FAILURES_MAX) break;
  }
  const facts = { parts: parts.size, operations: history.length, steps: limits.stepsMax - Math.max(0, budget.steps) };
  const what = `${history.length} operations${parts.size === 1 ? '' : ` in ${parts.size} parts`}`;
  if (failures.length > 0)
    return {
      verdict: 'notLinearizable',
      failures,
      ...facts,
      text: `not linearizable as ${model.name}: ${what}\n${failures.map((failure) => failureText(general, failure)).join('\n')}`,
    };
  if (limit !== undefined)
    return {
      verdict: 'unknown',
      limit,
      undecided,
      ...facts,
      text: `not decided within ${limit} = ${limits[limit]}: ${what}, of which ${undecided.length} ${undecided.length === 1 ? 'part is' : 'parts are'} undecided`,
    };
  return { verdict: 'linearizable', orders, ...facts, text: `linearizable as ${model.name}: ${what}` };
}

/** An operation as people read it. */
export function operationText(model: SequentialModel<never, never, never>, { input, output, outcome }: HistoryOperation): string {
  const reply = outcome === 'ok' ? { output } : undefined;
  const describe = model.describe as ((input: unknown, reply: unknown) => string) | undefined;
  return describe?.(input, reply) ?? `${canonicalText(input)}${reply === undefined ? ' ?' : ` → ${canonicalText(output)}`}`;
}

/** In the order of their first operations. */
function partsOf(model: SequentialModel<unknown, unknown, unknown>, history: readonly HistoryOperation[]): Map<string, HistoryOperation[]> {
  const parts = new Map<string, HistoryOperation[]>();
  for (const operation of history) {
    const part = told(model, () => model.partition?.(operation.input) ?? '');
    const operations = parts.get(part) ?? [];
    parts.set(part, operations);
    if (operation.outcome !== 'failed') operations.push(operation);
  }
  return parts;
}

function failureText(model: SequentialModel<unknown, unknown, unknown>, { part, operations, prefixes }: LinearizabilityFailure): string {
  const [prefix] = prefixes as readonly [DeadEnd];
  const text = (operation: HistoryOperation): string =>
    `    ${operationText(model as SequentialModel<never, never, never>, operation)}, process ${operation.process}, ${timeText(operation)}`;
  const last = prefix.order.slice(-TEXT_OPERATIONS);
  return [
    `  ${part === '' ? '' : `${part}: `}${prefix.order.length} of ${operations.length} operations have an order, after which the state is ${canonicalText(prefix.state).slice(0, 200)}`,
    ...(last.length === 0 ? [] : [`  the last of them:`, ...last.map(text)]),
    '  one of these would have to come next, and none can:',
    ...prefix.next.slice(0, TEXT_OPERATIONS).map(text),
    ...(prefix.next.length > TEXT_OPERATIONS ? [`    and ${prefix.next.length - TEXT_OPERATIONS} more`] : []),
  ].join('\n');
}

function timeText({ invokedAt, returnedAt, outcome }: HistoryOperation): string {
  return outcome === 'ok' ? `from ${invokedAt} to ${returnedAt}` : `from ${invokedAt} on`;
}

/** What a model throws is a mistake in the history, or in the model: it is said whose. */
function told<T>(model: SequentialModel<unknown, unknown, unknown>, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new NexusTypeError(
      'NEXUS_OPTION_INVALID',
      `history: the model '${model.name}' does not understand it: ${(error as Error)?.message ?? String(error)}`,
      {
        option: 'history',
      },
    );
  }
}
