/**
 * Says where in a message the thing is that cannot be sent. A second walk, after the encoder has failed: the encoder itself does not pay for
 * knowing paths. Uses no recursion, because the message may be cyclic or deep.
 */

import { NexusTypeError } from '../errors.js';
import { DEPTH_MAX } from './extensions.js';
import { brandOf, kindOf } from './object-kinds.js';
import type { ReferenceCodec } from './reference-codec.js';
import { isDetached, isRefusedView } from './value-writer.js';

/** A value with the way to it. */
interface Place {
  readonly value: unknown;
  readonly parent: Place | undefined;
  /** `.name`, `[3]`, `.get("key")` ... */
  readonly step: string;
  readonly depth: number;
}

/** Names in the message are cut here: a key can be a megabyte. */
const PATH_LENGTH_MAX = 400;

/** The error to throw. `cause` is what a getter or a trap threw, if that is why the encoder failed. */
export function explainRefusal(message: unknown, references: ReferenceCodec, cause: unknown): NexusTypeError {
  const found = search(message, references);
  if (found !== undefined) return refusal(`${pathOf(found.place)} ${found.reason}`, found.cause);
  if (cause !== undefined) return refusal(`message could not be read: ${String(cause)}`, cause);
  return refusal('message changed while it was encoded, or holds something that cannot be sent', undefined);
}

/** The error of a frame around what somebody has sent, for whom that is the message. @param depth lists of the frame around it. Any other error as it is */
export function refusalWithin(error: unknown, depth: number, name = 'message'): unknown {
  if (!(error instanceof NexusTypeError) || error.code !== 'NEXUS_NOT_CLONEABLE') return error;
  let rest = error.message.slice('message'.length);
  for (let at = 0; at < depth; at++) rest = rest.replace(/^\[\d+\]/, '');
  return error.message.startsWith('message[') ? refusal(`${name}${rest}`, error.cause) : error;
}

function refusal(text: string, cause: unknown): NexusTypeError {
  const error = new NexusTypeError('NEXUS_NOT_CLONEABLE', text);
  if (cause !== undefined) Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true });
  return error;
}

const LOOKS: Readonly<Record<string, string>> = {
  map: 'a Map',
  set: 'a Set',
  date: 'a Date',
  regExp: 'a RegExp',
  arrayBuffer: 'an ArrayBuffer',
  view: 'a typed array',
  boxed: 'a boxed primitive',
};

interface Found {
  readonly place: Place;
  readonly reason: string;
  readonly cause?: unknown;
}

/** The first place, in the order of encoding. */
function search(message: unknown, references: ReferenceCodec): Found | undefined {
  const seen = new Set<object>();
  const todo: Place[] = [{ value: message, parent: undefined, step: '', depth: 0 }];
  for (let place = todo.pop(); place !== undefined; place = todo.pop()) {
    const { value } = place;
    if (typeof value === 'symbol') return { place, reason: 'is a symbol' };
    if (typeof value === 'function') {
      if (!references.isReference(value)) return { place, reason: 'is a function' };
      if (references.refusal !== undefined) return { place, reason: references.refusal };
      continue;
    }
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (!Array.isArray(value) && references.isReference(value)) {
      if (references.refusal !== undefined) return { place, reason: references.refusal };
      continue;
    }
    const reason = reasonAgainst(value);
    if (reason !== undefined) return { place, reason };
    if (place.depth >= DEPTH_MAX && isContainer(value)) return { place, reason: `is nested more than ${DEPTH_MAX} levels deep` };
    const inside: Place[] = [];
    try {
      list(value, place, inside);
    } catch (cause) {
      if (cause instanceof Unreadable) {
        return { place: child(place, cause.step, undefined), reason: `cannot be read: ${String(cause.thrown)}`, cause: cause.thrown };
      }
      return { place, reason: `cannot be read: ${String(cause)}`, cause };
    }
    for (let index = inside.length - 1; index >= 0; index--) todo.push(inside[index] as Place);
  }
  return undefined;
}

function reasonAgainst(value: object): string | undefined {
  if (Array.isArray(value)) return undefined;
  if (ArrayBuffer.isView(value)) {
    if (!isRefusedView(value)) return undefined;
    return value.buffer instanceof SharedArrayBuffer ? 'is a view of a SharedArrayBuffer' : 'is a view of a detached ArrayBuffer';
  }
  const kind = kindOf(value);
  if (typeof kind === 'object') return `is ${kind.refused}`;
  if (kind === 'instance' || kind === 'error') return undefined;
  const brand = brandOf(value);
  if (brand !== kind) return `is an object that only looks like ${LOOKS[kind]}, such as a Proxy`;
  if (kind === 'arrayBuffer' && isDetached(value as ArrayBuffer)) return 'is a detached ArrayBuffer';
  return undefined;
}

function isContainer(value: object): boolean {
  if (Array.isArray(value)) return true;
  if (ArrayBuffer.isView(value)) return false;
  const kind = kindOf(value);
  return kind === 'instance' || kind === 'map' || kind === 'set' || kind === 'error';
}

class Unreadable {
  constructor(
    readonly step: string,
    readonly thrown: unknown,
  ) {}
}

/** What the encoder would write of a container. */
function list(value: object, place: Place, inside: Place[]): void {
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      // Large arrays are mostly numbers, which are never the reason.
      const element: unknown = read(value, index, `[${index}]`);
      if (isSuspect(element)) inside.push(child(place, `[${index}]`, element));
    }
    return;
  }
  if (ArrayBuffer.isView(value)) return;
  const kind = kindOf(value);
  if (kind === 'map') {
    let index = 0;
    for (const [key, element] of value as Map<unknown, unknown>) {
      if (isSuspect(key)) inside.push(child(place, `.keys()[${index}]`, key));
      if (isSuspect(element)) inside.push(child(place, isPrimitive(key) ? `.get(${show(key)})` : `.values()[${index}]`, element));
      index++;
    }
  } else if (kind === 'set') {
    let index = 0;
    for (const element of value as Set<unknown>) {
      if (isSuspect(element)) inside.push(child(place, `.values()[${index}]`, element));
      index++;
    }
  } else if (kind === 'instance' || kind === 'error') {
    const keys = Object.keys(value);
    if (kind === 'error') {
      for (const key of ['errors', 'cause']) if (Object.hasOwn(value, key) && !keys.includes(key)) keys.unshift(key);
    }
    for (const key of keys) {
      const step = /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${show(key)}]`;
      const element = read(value, key, step);
      if (isSuspect(element)) inside.push(child(place, step, element));
    }
  }
}

function read(target: object, key: PropertyKey, step: string): unknown {
  try {
    return (target as Record<PropertyKey, unknown>)[key];
  } catch (thrown) {
    throw new Unreadable(step, thrown);
  }
}

function isSuspect(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol';
}

function isPrimitive(value: unknown): boolean {
  return (typeof value !== 'object' || value === null) && typeof value !== 'function' && typeof value !== 'symbol';
}

function show(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(key);
  return typeof key === 'bigint' ? `${key}n` : String(key);
}

function child(parent: Place, step: string, value: unknown): Place {
  return { value, parent, step, depth: parent.depth + 1 };
}

function pathOf(place: Place): string {
  const steps: string[] = [];
  for (let at: Place | undefined = place; at !== undefined; at = at.parent) steps.push(at.step);
  const path = `message${steps.reverse().join('')}`;
  return path.length <= PATH_LENGTH_MAX ? path : `${path.slice(0, PATH_LENGTH_MAX / 2)} ... ${path.slice(-PATH_LENGTH_MAX / 2)}`;
}
