/**
 * What an object that is neither an array nor a plain object is to the codec. Decided by the prototype, once for each prototype: checking
 * every object by every brand would cost more than encoding it. The writers verify the brand when they read it (`brandOf`).
 */

import { EventEmitter } from 'node:events';
import { types } from 'node:util';

export type ObjectKind =
  | 'instance'
  | 'map'
  | 'set'
  | 'date'
  | 'regExp'
  | 'arrayBuffer'
  | 'view'
  | 'error'
  | 'boxed'
  /** From another realm (`vm`): look at each object. */
  | 'foreign'
  | Refused;

/** Loses its meaning in a copy; `refused` is what to call it. */
export interface Refused {
  readonly refused: string;
}

/**
 * Objects of the platform whose content is not in their properties, by `Symbol.toStringTag` of a prototype: they would arrive as empty
 * objects. The tag and not the class, because looking at a global such as `Request` loads its implementation.
 */
const REFUSED_TAGS = new Set([
  'AbortController',
  'AbortSignal',
  'AsyncFunction',
  'AsyncGenerator',
  'Blob',
  'BroadcastChannel',
  'ByteLengthQueuingStrategy',
  'CompressionStream',
  'CountQueuingStrategy',
  'Crypto',
  'CryptoKey',
  'DecompressionStream',
  'Event',
  'EventEmitter',
  'EventTarget',
  'File',
  'FinalizationRegistry',
  'FormData',
  'Generator',
  'Headers',
  'Iterator',
  'KeyObject',
  'MessageChannel',
  'MessagePort',
  'Module',
  'Performance',
  'Promise',
  'ReadableStream',
  'Request',
  'Response',
  'SharedArrayBuffer',
  'SubtleCrypto',
  'Symbol',
  'TextDecoder',
  'TextDecoderStream',
  'TextEncoder',
  'TextEncoderStream',
  'TransformStream',
  'URL',
  'URLSearchParams',
  'WeakMap',
  'WeakRef',
  'WeakSet',
  'WebAssembly.Global',
  'WebAssembly.Instance',
  'WebAssembly.Memory',
  'WebAssembly.Module',
  'WebAssembly.Table',
  'WebSocket',
  'WritableStream',
]);

const TYPED_ARRAY_PROTOTYPE: object = Object.getPrototypeOf(Uint8Array.prototype);

const KINDS = new WeakMap<object, ObjectKind>([
  [Object.prototype, 'instance'],
  [Map.prototype, 'map'],
  [Set.prototype, 'set'],
  [Date.prototype, 'date'],
  [RegExp.prototype, 'regExp'],
  [ArrayBuffer.prototype, 'arrayBuffer'],
  [DataView.prototype, 'view'],
  [TYPED_ARRAY_PROTOTYPE, 'view'],
  [Error.prototype, 'error'],
  [Number.prototype, 'boxed'],
  [String.prototype, 'boxed'],
  [Boolean.prototype, 'boxed'],
  [BigInt.prototype, 'boxed'],
]);

export function kindOf(value: object): ObjectKind {
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null) return 'instance';
  const kind = KINDS.get(prototype) ?? learn(prototype);
  return kind === 'foreign' ? (brandOf(value) ?? 'instance') : kind;
}

/** Reads the chain of a prototype seen for the first time. */
function learn(prototype: object): ObjectKind {
  let kind: ObjectKind | undefined;
  for (let at: object | null = prototype; at !== null && kind === undefined; at = Object.getPrototypeOf(at)) {
    kind = KINDS.get(at) ?? refusal(at, prototype);
  }
  // The chain did not end at our Object.prototype.
  kind ??= 'foreign';
  KINDS.set(prototype, kind);
  return kind;
}

/** A refusal because of `ancestor`, named after the class itself. */
function refusal(ancestor: object, prototype: object): Refused | undefined {
  const tag = ancestor === EventEmitter.prototype ? 'EventEmitter' : valueOfProperty(ancestor, Symbol.toStringTag);
  if (typeof tag !== 'string') return undefined;
  if (!REFUSED_TAGS.has(tag) && !/ Iterator$|^Intl\./.test(tag)) return undefined;
  const type = valueOfProperty(prototype, 'constructor');
  const name = typeof type === 'function' && type !== Object && type.name !== '' ? type.name : plainName(tag);
  return { refused: `${/^[AEIOaeio]/.test(name) ? 'an' : 'a'} ${name}` };
}

/** 'Generator' is no class that anybody has seen. */
function plainName(tag: string): string {
  if (tag === 'Generator') return 'generator';
  return tag === 'AsyncGenerator' ? 'async generator' : tag;
}

function valueOfProperty(target: object, key: PropertyKey): unknown {
  return Object.getOwnPropertyDescriptor(target, key)?.value;
}

/** What the object is by its internal slots, wherever it comes from and whatever its prototype says. */
export function brandOf(value: object): ObjectKind | undefined {
  if (types.isMap(value)) return 'map';
  if (types.isSet(value)) return 'set';
  if (types.isDate(value)) return 'date';
  if (types.isRegExp(value)) return 'regExp';
  if (types.isArrayBuffer(value)) return 'arrayBuffer';
  if (ArrayBuffer.isView(value)) return 'view';
  if (types.isNativeError(value)) return 'error';
  if (types.isBoxedPrimitive(value)) return types.isSymbolObject(value) ? { refused: 'a Symbol object' } : 'boxed';
  if (types.isSharedArrayBuffer(value)) return { refused: 'a SharedArrayBuffer' };
  if (types.isPromise(value)) return { refused: 'a Promise' };
  if (types.isWeakMap(value)) return { refused: 'a WeakMap' };
  if (types.isWeakSet(value)) return { refused: 'a WeakSet' };
  if (types.isGeneratorObject(value)) return { refused: 'a generator' };
  if (types.isExternal(value)) return { refused: 'a pointer of a native module' };
  return undefined;
}
