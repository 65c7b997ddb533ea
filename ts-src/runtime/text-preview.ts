/**
 * Any value as a short text for people: what an operator sees of states and messages. Runs nothing of the value (no getters, no `toJSON`, no traps of proxies, no methods that it or its class
 * brings), changes nothing, and never throws; its length, depth and breadth are limited. Not a format: nobody reads it back.
 */
import { types } from 'node:util';
import type { TextPreview } from '../model/observation.js';

const DEPTH_MAX = 6;
/** Entries of one container. */
const ENTRIES_MAX = 64;
const STRING_CHARACTERS_MAX = 512;
const KEY_CHARACTERS_MAX = 128;
/** Prototypes that are looked at for the name of a class. */
const PROTOTYPES_MAX = 8;

/** @param describe the text for what this module does not know, such as references to agents; must not run anything of the value */
export function textPreview(value: unknown, bytesMax: number, describe: (value: object) => string | undefined = () => undefined): TextPreview {
  const writer = new PreviewWriter(bytesMax, describe);
  try {
    writer.value(value, 0);
  } catch (error) {
    // What remains are engine limits, such as the depth of the stack.
    writer.put(`[not shown: ${error instanceof Error ? error.name : 'error'}]`);
    writer.isCut = true;
  }
  return writer.done();
}

class PreviewWriter {
  isCut = false;
  #text = '';
  readonly #bytesMax: number;
  readonly #describe: (value: object) => string | undefined;
  readonly #path: object[] = [];

  constructor(bytesMax: number, describe: (value: object) => string | undefined) {
    this.#bytesMax = bytesMax;
    this.#describe = describe;
  }

  put(text: string): void {
    this.#text += text;
  }

  done(): TextPreview {
    if (Buffer.byteLength(this.#text) <= this.#bytesMax) return { text: this.#text, isCut: this.isCut };
    // A character that is cut in two becomes one that says so, which goes too.
    const cut = Buffer.from(this.#text.slice(0, this.#bytesMax)).subarray(0, this.#bytesMax).toString();
    return { text: cut.replace(/\uFFFD+$/, ''), isCut: true };
  }

  value(value: unknown, depth: number): void {
    if (this.#isFull()) return;
    switch (typeof value) {
      case 'string':
        return this.put(this.#quoted(value, STRING_CHARACTERS_MAX));
      case 'bigint':
        return this.put(`${this.#digits(value)}n`);
      case 'symbol':
        return this.put(this.#shortened(String(value), KEY_CHARACTERS_MAX));
      case 'function':
        return this.put(types.isProxy(value) ? '[Proxy]' : `[Function ${this.#shortened(ownText(value, 'name') || '(anonymous)', KEY_CHARACTERS_MAX)}]`);
      case 'object':
        return value === null ? this.put('null') : this.#object(value, depth);
      default:
        return this.put(Object.is(value, -0) ? '-0' : String(value));
    }
  }

  #object(value: object, depth: number): void {
    // Before anything else is asked of it.
    if (types.isProxy(value)) return this.put('[Proxy]');
    const described = this.#describe(value);
    if (described !== undefined) return this.put(this.#shortened(described, STRING_CHARACTERS_MAX));
    const short = shortTextOf(value);
    if (short !== undefined) return this.put(this.#shortened(short, STRING_CHARACTERS_MAX));
    if (this.#path.includes(value)) return this.put('[Circular]');
    if (depth >= DEPTH_MAX) {
      this.isCut = true;
      return this.put(Array.isArray(value) ? '[…]' : '{…}');
    }
    this.#path.push(value);
    if (Array.isArray(value)) this.#array(value, depth);
    else if (types.isMap(value)) this.#map(value, depth);
    else if (types.isSet(value)) this.#set(value, depth);
    else if (types.isTypedArray(value)) this.#typedArray(value, depth);
    else this.#properties(value, depth);
    this.#path.pop();
  }

  #array(value: readonly unknown[], depth: number): void {
    const length = (Object.getOwnPropertyDescriptor(value, 'length') as { readonly value: number }).value;
    this.#entries('[', ']', length, (index) => {
      const descriptor = Object.getOwnPropertyDescriptor(value, index);
      if (descriptor === undefined) this.put('<empty>');
      else this.#described(descriptor, depth);
    });
  }

  #map(value: Map<unknown, unknown>, depth: number): void {
    const entries = Map.prototype.entries.call(value);
    this.#entries(`Map(${sizeOfMap.call(value)}) {`, '}', sizeOfMap.call(value), () => {
      const [key, each] = entries.next().value as [unknown, unknown];
      this.value(key, depth + 1);
      this.put(' => ');
      this.value(each, depth + 1);
    });
  }

  #set(value: Set<unknown>, depth: number): void {
    const values = Set.prototype.values.call(value);
    this.#entries(`Set(${sizeOfSet.call(value)}) {`, '}', sizeOfSet.call(value), () => this.value(values.next().value, depth + 1));
  }

  #typedArray(value: NodeJS.TypedArray, depth: number): void {
    const length = lengthOfTypedArray.call(value);
    // Numbered elements of such an array are never accessors.
    this.#entries(`${nameOfTypedArray.call(value) ?? 'TypedArray'}(${length}) [`, ']', length, (index) => this.value(value[index], depth + 1));
  }

  #properties(value: object, depth: number): void {
    const keys = Object.keys(value);
    const name = classNameOf(value);
    this.#entries(name === 'Object' ? '{' : `${name} {`, '}', keys.length, (index) => {
      const key = keys[index] as string;
      this.put(`${/^[A-Za-z_$][\w$]{0,60}$/.test(key) ? key : this.#quoted(key, KEY_CHARACTERS_MAX)}: `);
      const descriptor = Object.getOwnPropertyDescriptor(value, key);
      if (descriptor !== undefined) this.#described(descriptor, depth);
    });
  }

  #described(descriptor: PropertyDescriptor, depth: number): void {
    if (descriptor.get !== undefined || descriptor.set !== undefined) this.put(descriptor.get === undefined ? '[Setter]' : '[Getter]');
    else this.value(descriptor.value, depth + 1);
  }

  #entries(open: string, close: string, count: number, put: (index: number) => void): void {
    const shown = Math.min(count, ENTRIES_MAX);
    const isSpaced = !open.endsWith('[') && count > 0;
    this.put(isSpaced ? `${open} ` : open);
    for (let index = 0; index < shown; index++) {
      if (this.#isFull()) return;
      if (index > 0) this.put(', ');
      put(index);
    }
    if (shown < count) {
      this.isCut = true;
      this.put(`, … ${count - shown} more`);
    }
    this.put(isSpaced ? ` ${close}` : close);
  }

  #quoted(text: string, charactersMax: number): string {
    if (text.length <= charactersMax) return JSON.stringify(text);
    this.isCut = true;
    return `${JSON.stringify(text.slice(0, charactersMax))}… ${text.length - charactersMax} more`;
  }

  #shortened(text: string, charactersMax: number): string {
    if (text.length <= charactersMax) return text;
    this.isCut = true;
    return `${text.slice(0, charactersMax)}…`;
  }

  /** One of a million bits takes seconds to write down. */
  #digits(value: bigint): string {
    const limit = 1n << 1024n;
    if (value < limit && value > -limit) return String(value);
    this.isCut = true;
    return `${value < 0n ? '-' : ''}0x…${BigInt.asUintN(64, value).toString(16)}`;
  }

  /** Characters are never fewer bytes than there are of them. */
  #isFull(): boolean {
    if (this.#text.length < this.#bytesMax) return false;
    this.isCut = true;
    return true;
  }
}

const sizeOfMap = getterOf(Map.prototype, 'size') as (this: Map<unknown, unknown>) => number;
const sizeOfSet = getterOf(Set.prototype, 'size') as (this: Set<unknown>) => number;
const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const lengthOfTypedArray = getterOf(typedArray, 'length') as (this: NodeJS.TypedArray) => number;
const nameOfTypedArray = getterOf(typedArray, Symbol.toStringTag) as (this: NodeJS.TypedArray) => string | undefined;
const bytesOfBuffer = getterOf(ArrayBuffer.prototype, 'byteLength') as (this: ArrayBufferLike) => number;
const bytesOfSharedBuffer = getterOf(SharedArrayBuffer.prototype, 'byteLength') as (this: ArrayBufferLike) => number;
const sourceOfRegExp = getterOf(RegExp.prototype, 'source') as (this: RegExp) => string;

function getterOf(prototype: object, name: string | symbol): unknown {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get;
}

/** Of what is shown as one word. */
function shortTextOf(value: object): string | undefined {
  if (types.isDate(value)) {
    const time = Date.prototype.getTime.call(value);
    return Number.isNaN(time) ? '[invalid Date]' : new Date(time).toISOString();
  }
  if (types.isRegExp(value)) return `/${sourceOfRegExp.call(value)}/`;
  if (types.isNativeError(value)) return `[${classNameOf(value)}: ${ownText(value, 'message')}]`;
  if (types.isPromise(value)) return '[Promise]';
  if (types.isWeakMap(value)) return '[WeakMap]';
  if (types.isWeakSet(value)) return '[WeakSet]';
  if (types.isGeneratorObject(value)) return '[Generator]';
  if (types.isModuleNamespaceObject(value)) return '[Module]';
  if (types.isExternal(value)) return '[External]';
  if (types.isDataView(value)) return '[DataView]';
  if (types.isArrayBuffer(value)) return `[ArrayBuffer: ${bytesOfBuffer.call(value)} bytes]`;
  if (types.isSharedArrayBuffer(value)) return `[SharedArrayBuffer: ${bytesOfSharedBuffer.call(value)} bytes]`;
  if (types.isNumberObject(value)) return `[Number: ${Number.prototype.valueOf.call(value)}]`;
  if (types.isStringObject(value)) return `[String: ${String.prototype.valueOf.call(value).slice(0, STRING_CHARACTERS_MAX)}]`;
  if (types.isBooleanObject(value)) return `[Boolean: ${Boolean.prototype.valueOf.call(value)}]`;
  if (types.isBigIntObject(value)) return '[BigInt]';
  if (types.isSymbolObject(value)) return '[Symbol]';
  return undefined;
}

/** Text of a property that is not computed; empty if there is none. */
function ownText(value: object, name: string): string {
  const text: unknown = Object.getOwnPropertyDescriptor(value, name)?.value;
  return typeof text === 'string' ? text : '';
}

function classNameOf(value: object): string {
  let prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return '[Object: null prototype]';
  for (let step = 0; step < PROTOTYPES_MAX; step++) {
    if (typeof prototype !== 'object' || prototype === null || types.isProxy(prototype)) break;
    const made: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
    if (typeof made === 'function' && !types.isProxy(made)) return ownText(made, 'name').slice(0, KEY_CHARACTERS_MAX) || '(anonymous)';
    prototype = Object.getPrototypeOf(prototype);
  }
  return '(unknown)';
}
