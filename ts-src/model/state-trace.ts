/**
 * Tells whether a function that must not change a state has changed it: what a state holds, written down before and compared after. It sees own properties, elements,
 * entries of maps and sets, dates and bytes of typed arrays; not private fields of classes. Used in development only, because it reads what it is given. Pure.
 */

/** Values of a state that are looked at. What lies behind is not. */
export const TRACE_VALUES_MAX = 1000;

/** What a state holds, in the order of a walk through it. */
export type StateTrace = readonly unknown[];

export function traceOf(state: unknown): StateTrace {
  const trace: unknown[] = [];
  walk(state, (value) => {
    trace.push(value);
    return trace.length < TRACE_VALUES_MAX;
  });
  return trace;
}

/** The path to what is not as it was any more, or undefined. */
export function changeIn(state: unknown, before: StateTrace): string | undefined {
  let at = 0;
  let changed: string | undefined;
  walk(state, (value, path) => {
    if (!Object.is(value, before[at])) changed = path.join('');
    at++;
    return changed === undefined && at < TRACE_VALUES_MAX;
  });
  return changed ?? (at < before.length ? 'its end' : undefined);
}

type Visit = (value: unknown, path: readonly string[]) => boolean;

function walk(state: unknown, visit: Visit): void {
  const seen = new Set<object>();
  const path: string[] = ['state'];
  const inner = (step: string, value: unknown): boolean => {
    path.push(step);
    const goOn = look(value);
    if (goOn) path.pop();
    return goOn;
  };
  const look = (value: unknown): boolean => {
    if (!visit(value, path)) return false;
    if (typeof value !== 'object' || value === null || seen.has(value)) return true;
    seen.add(value);
    if (value instanceof Date) return inner('', value.getTime());
    if (value instanceof Map) {
      // The number first: what is added at the end, or taken from there, is a change at the map and not behind it.
      if (!inner('.size', value.size)) return false;
      for (const [key, part] of value)
        if (!inner(' key', key) || !inner(`.get(${typeof key === 'string' || typeof key === 'number' ? key : '...'})`, part)) return false;
      return true;
    }
    if (value instanceof Set) {
      if (!inner('.size', value.size)) return false;
      for (const part of value) if (!inner(' element', part)) return false;
      return true;
    }
    if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, Math.min(value.byteLength, TRACE_VALUES_MAX));
      for (const [index, byte] of bytes.entries()) if (!inner(`[${index}]`, byte)) return false;
      return true;
    }
    if (Array.isArray(value)) {
      if (!inner('.length', value.length)) return false;
      for (const [index, part] of value.entries()) if (!inner(`[${index}]`, part)) return false;
      return true;
    }
    const names = Object.keys(value);
    if (!inner(' (number of properties)', names.length)) return false;
    for (const name of names) {
      if (!inner(`.${name}`, name)) return false;
      // A getter may compute something new each time, and is no part of the state.
      const property = Object.getOwnPropertyDescriptor(value, name);
      if (property !== undefined && 'value' in property && !inner(`.${name}`, property.value)) return false;
    }
    return true;
  };
  look(state);
}
