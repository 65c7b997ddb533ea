/**
 * A copy of plain data: lists, plain objects, maps, sets, dates and typed arrays, to any depth. What is not data (functions, instances of classes, references
 * to agents) cannot be copied in general and is shared. Used to keep the `init` of an agent of the calling thread as it was when it was spawned; on other threads
 * the codec makes the copy. Pure.
 */

/** What lies deeper is shared. */
const DEPTH_MAX = 1000;

export function plainCopy<T>(value: T): T {
  return typeof value === 'object' && value !== null ? (copyOf(value, new Map(), 0) as T) : value;
}

function copyOf(value: unknown, copies: Map<object, unknown>, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  const inner = (part: unknown): unknown => copyOf(part, copies, depth + 1);
  if (Array.isArray(value)) {
    const copy: unknown[] = value.slice();
    copies.set(value, copy);
    for (let index = 0; index < copy.length; index++) if (index in copy) copy[index] = inner(copy[index]);
    return copy;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    const copy = (prototype === null ? Object.create(null) : {}) as Record<string, unknown>;
    copies.set(value, copy);
    for (const name of Object.keys(value)) define(copy, name, inner((value as Record<string, unknown>)[name]));
    return copy;
  }
  if (prototype === Map.prototype) {
    const copy = new Map<unknown, unknown>();
    copies.set(value, copy);
    for (const [key, part] of value as Map<unknown, unknown>) copy.set(inner(key), inner(part));
    return copy;
  }
  if (prototype === Set.prototype) {
    const copy = new Set<unknown>();
    copies.set(value, copy);
    for (const part of value as Set<unknown>) copy.add(inner(part));
    return copy;
  }
  if (prototype === Date.prototype) return new Date(value as unknown as number);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView) && value.buffer instanceof ArrayBuffer) return Uint8Array.prototype.slice.call(value);
  return value;
}

/** Assigning to `__proto__` would set the prototype. */
function define(copy: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(copy, name, { value, writable: true, enumerable: true, configurable: true });
  else copy[name] = value;
}
