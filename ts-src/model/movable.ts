/**
 * What of an agent's state can move to another thread and be the same there: plain objects, arrays, maps, sets, dates, typed arrays, errors, references to agents and the
 * like. The codec of messages takes an instance of a class for a plain object and an object that is met twice for two; a state would not survive that. So this walk
 * refuses the first, with its path, and tells of the second, so that the encoder keeps identity. What the codec itself refuses (functions, symbols) is not looked for here.
 */

export interface Movability {
  /** What cannot move, as a sentence that names its path; undefined if everything can. */
  readonly refusal: string | undefined;
  /** Some object is reached in two ways. */
  readonly isShared: boolean;
}

/** Of a state with more parts than this nobody looks further: it is encoded with identity kept, which is always right. */
const PARTS_MAX = 100_000;

const PLAIN: ReadonlySet<unknown> = new Set<unknown>([Object.prototype, Array.prototype, Map.prototype, Set.prototype, null]);
const LEAVES: readonly (abstract new (...values: never[]) => object)[] = [Date, RegExp, Error, ArrayBuffer, SharedArrayBuffer, URL];

/** @param isReference tells references to agents, which the codec knows, from other instances. */
export function movabilityOf(state: unknown, isReference: (value: object) => boolean): Movability {
  if (typeof state !== 'object' || state === null) return { refusal: undefined, isShared: false };
  const seen = new Set<object>();
  let isShared = false;
  const waiting: { readonly value: unknown; readonly path: string }[] = [{ value: state, path: 'state' }];
  while (waiting.length > 0) {
    const { value, path } = waiting.pop() as (typeof waiting)[number];
    if (typeof value !== 'object' || value === null || isReference(value)) continue;
    if (seen.has(value)) {
      isShared = true;
      continue;
    }
    seen.add(value);
    if (seen.size > PARTS_MAX) return { refusal: undefined, isShared: true };
    if (ArrayBuffer.isView(value) || LEAVES.some((leaf) => value instanceof leaf)) continue;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (!PLAIN.has(prototype)) return { refusal: `${path} is an instance of ${nameOf(prototype)}, which would arrive as a plain object`, isShared };
    if (value instanceof Map) {
      let index = 0;
      for (const [key, each] of value) {
        waiting.push({ value: key, path: `${path}.keys()[${index}]` }, { value: each, path: `${path}.get(${String(typeof key === 'object' ? index : key)})` });
        index++;
      }
    } else if (value instanceof Set) {
      for (const each of value) waiting.push({ value: each, path: `${path}.values()` });
    } else {
      for (const key of Object.keys(value)) {
        waiting.push({ value: (value as Record<string, unknown>)[key], path: Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}` });
      }
    }
  }
  return { refusal: undefined, isShared };
}

function nameOf(prototype: unknown): string {
  const name = (prototype as { readonly constructor?: { readonly name?: unknown } }).constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'a class';
}
