/** Whether an object has the fields that its shape declares, and no others. */
import { kindOf } from '../object-kinds.js';

/** Reading such a field without looking would find what every object inherits. */
export function isInheritedName(name: string): boolean {
  return name in Object.prototype;
}

/** Whether an optional field is there, perhaps as undefined; and for a name that every object inherits, whether the object has one of its own. */
export function hasField(value: object, name: string): boolean {
  return isInheritedName(name) ? Object.hasOwn(value, name) : name in value;
}

export function fieldOf(value: object, name: string): unknown {
  return isInheritedName(name) && !Object.hasOwn(value, name) ? undefined : (value as Record<string, unknown>)[name];
}

/** The first own enumerable property that is not declared. */
export function undeclaredField(value: object, names: ReadonlySet<string>): string | undefined {
  return Object.keys(value).find((name) => !names.has(name));
}

/** False for what only looks like an object without properties: arrays, Maps, Promises, and so on. */
export function isFieldHolder(value: object): boolean {
  return !Array.isArray(value) && kindOf(value) === 'instance';
}

/** Makes a property whatever its name: an assignment to `__proto__` would not. */
export function defineField(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
}
