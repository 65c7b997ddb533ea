/**
 * Errors taken apart and put together. An error travels as the number of its class, its name where that is not the name of the class, its
 * message, and its properties: `stack`, `cause`, `errors`, then the enumerable ones.
 */

import { NexusError, NexusTypeError } from '../errors.js';

/** The order is the wire format. A subclass arrives as the last class here that it extends. */
const CLASSES = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
  NexusError,
  NexusTypeError,
  DOMException,
] as const;

/** Not enumerable on the errors that the engine makes. */
const HIDDEN_KEYS = ['stack', 'cause', 'errors'] as const;

export interface ErrorParts {
  readonly errorClass: number;
  readonly name: string | undefined;
  readonly message: string;
  /** key, value, key, value. */
  readonly properties: unknown[];
}

/** Reads getters, which may throw. */
export function takeApart(error: object): ErrorParts {
  let errorClass = CLASSES.length - 1;
  while (errorClass > 0 && !(error instanceof (CLASSES[errorClass] as (typeof CLASSES)[number]))) errorClass--;
  const { name, message } = error as Error;
  const properties: unknown[] = [];
  for (const key of HIDDEN_KEYS) {
    if (!Object.hasOwn(error, key)) continue;
    const value = (error as Record<string, unknown>)[key];
    // Error.prepareStackTrace can make anything of it.
    if (key !== 'stack' || typeof value === 'string') properties.push(key, value);
  }
  for (const key of Object.keys(error)) {
    if (isSpecial(key)) continue;
    properties.push(key, (error as Record<string, unknown>)[key]);
  }
  const defaultName = errorClass === CLASSES.length - 1 ? undefined : (CLASSES[errorClass] as ErrorConstructor).prototype.name;
  return { errorClass, name: name === defaultName ? undefined : String(name), message: String(message), properties };
}

/** An error with its class, name and message; undefined if there is no such class. The properties are given to `setErrorProperty`. */
export function putTogether(errorClass: number, name: string | undefined, message: string): Error | undefined {
  let error: Error;
  switch (CLASSES[errorClass]) {
    case undefined:
      return undefined;
    case AggregateError:
      error = new AggregateError([], message);
      break;
    case NexusError:
      error = new NexusError('NEXUS_MESSAGE_CORRUPT', message);
      break;
    case NexusTypeError:
      error = new NexusTypeError('NEXUS_MESSAGE_CORRUPT', message);
      break;
    case DOMException:
      return new DOMException(message, name);
    default:
      error = new (CLASSES[errorClass] as ErrorConstructor)(message);
  }
  if (name !== undefined) hide(error, 'name', name);
  return error;
}

export function setErrorProperty(error: object, key: string, value: unknown): void {
  if (isSpecial(key)) hide(error, key, value);
  else Object.defineProperty(error, key, { value, writable: true, enumerable: true, configurable: true });
}

function isSpecial(key: string): boolean {
  return key === 'name' || key === 'message' || (HIDDEN_KEYS as readonly string[]).includes(key);
}

function hide(error: object, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, enumerable: false, configurable: true });
}
