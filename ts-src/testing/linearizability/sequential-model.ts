/**
 * What an object does when it is used by one process alone: the meaning of its operations, against which a concurrent history is judged. The built-in ones are here; users write theirs as a plain object.
 * A model is pure: the state that it is given stays as it is.
 */
import { canonicalText } from './history.js';

/** What an operation makes of an object that nobody else uses meanwhile. */
export interface SequentialModel<State = unknown, Input = unknown, Output = unknown> {
  /** As people call it. */
  readonly name: string;
  /** The state before the first operation, of each part. */
  init(): State;
  /**
   * The state after the operation, or undefined if the object would not have answered so.
   * @param reply what it answered; undefined if nobody knows, and any answer will do
   */
  step(state: State, input: Input, reply: { readonly output: Output | undefined } | undefined): { readonly state: State } | undefined;
  /**
   * Operations of different parts do not influence each other, so that each part is judged alone (P-compositionality), which is faster by far. Default: there is one part.
   */
  partition?(input: Input): string;
  /**
   * Whether an operation that was answered so leaves every state as it is in which it may have been answered so. Such operations need not be tried in all orders, which is faster by far. A write of what is there already is
   * none: in another state it would have changed it. Default: no operation is.
   */
  isRead?(input: Input, reply: { readonly output: Output | undefined }): boolean;
  /** Whether two states are the same. Default: they have the same content. */
  equals?(a: State, b: State): boolean;
  /** Equal for equal states. Default: their content as text; give it together with `equals` where that is slow. */
  hash?(state: State): string | number;
  /** An operation as people read it. Default: its input and output as text. */
  describe?(input: Input, reply: { readonly output: Output | undefined } | undefined): string;
}

/** An operation on a register: `value` is what is written; of `cas` the pair of what is expected and what is written in its place. */
export type RegisterInput =
  | { readonly f: 'read' }
  | { readonly f: 'write'; readonly value: unknown }
  | { readonly f: 'cas'; readonly value: readonly [expected: unknown, value: unknown] };

/** An operation on a map: as on a register, of one key. `append` makes a list longer by a value, `remove` takes the key away. What is not there reads as null. */
export type MapInput = { readonly key: string } & (RegisterInput | { readonly f: 'append'; readonly value: unknown } | { readonly f: 'remove' });

/** A register: `write` a value, `read` the last one that was written. */
export function registerModel(initial: unknown = null): SequentialModel<unknown, RegisterInput, unknown> {
  return { name: 'register', init: () => initial, step: stepRegister, isRead, describe: describeCall };
}

/** A register that also compares and sets: `cas` answers whether the value was the expected one, and then it is the new one. An answer other than `false` counts as yes. */
export function casRegisterModel(initial: unknown = null): SequentialModel<unknown, RegisterInput, unknown> {
  return { ...registerModel(initial), name: 'compare-and-set register' };
}

/** Registers and lists by key; each key is judged alone. */
export function keyValueModel(): SequentialModel<unknown, MapInput, unknown> {
  return { name: 'key-value map', init: () => null, step: stepMap, isRead, partition: ({ key }) => key, describe: describeCall };
}

type Reply = { readonly output: unknown } | undefined;

function stepRegister(state: unknown, input: RegisterInput, reply: Reply): { readonly state: unknown } | undefined {
  switch (input.f) {
    case 'read':
      return reply === undefined || isSame(nullish(reply.output), state) ? { state } : undefined;
    case 'write':
      return { state: nullish(input.value) };
    case 'cas': {
      const isExpected = isSame(nullish(input.value[0]), state);
      // Of one whose answer nobody knows it may have found another value, which is as if it had never happened.
      if (reply !== undefined && (reply.output !== false) !== isExpected) return undefined;
      return isExpected ? { state: nullish(input.value[1]) } : { state };
    }
    default:
      throw new TypeError(`a register has no operation '${String((input as { f: unknown }).f)}': it has read, write and cas`);
  }
}

function stepMap(state: unknown, input: MapInput, reply: Reply): { readonly state: unknown } | undefined {
  switch (input.f) {
    case 'append':
      return { state: [...(Array.isArray(state) ? state : state === null ? [] : [state]), nullish(input.value)] };
    case 'remove':
      return { state: null };
    case 'read':
    case 'write':
    case 'cas':
      return stepRegister(state, input, reply);
    default:
      throw new TypeError(`a map has no operation '${String((input as { f: unknown }).f)}': it has read, write, cas, append and remove`);
  }
}

/** A `cas` that was refused has seen that the value is another one. */
function isRead({ f }: RegisterInput | MapInput, { output }: { readonly output: unknown }): boolean {
  return f === 'read' || (f === 'cas' && output === false);
}

/** Such as `write 3`, `read → 3`, `cas 1 → 2 false`. */
function describeCall(input: RegisterInput | MapInput, reply: Reply): string {
  const key = 'key' in input ? ` ${input.key}` : '';
  const answer = reply === undefined ? ' ?' : '';
  switch (input.f) {
    case 'read':
      return `read${key}${reply === undefined ? ' ?' : ` → ${canonicalText(nullish(reply.output))}`}`;
    case 'cas':
      return `cas${key} ${canonicalText(input.value[0])} → ${canonicalText(input.value[1])}${reply?.output === false ? ' refused' : answer}`;
    case 'remove':
      return `remove${key}${answer}`;
    default:
      return `${input.f}${key} ${canonicalText(input.value)}${answer}`;
  }
}

/** What is not there and null are one value: logs have only one of them. */
function nullish(value: unknown): unknown {
  return value ?? null;
}

function isSame(a: unknown, b: unknown): boolean {
  return Object.is(a, b) || (typeof a === 'object' && typeof b === 'object' && canonicalText(a) === canonicalText(b));
}
