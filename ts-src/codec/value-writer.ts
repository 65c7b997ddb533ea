/**
 * Writes any value that can be copied, as a tree: without looking for cycles, at most TREE_DEPTH_MAX deep. The methods return the position
 * after what they wrote, or FULL, REFUSED or DEEP; what the caller does about these is in `value-encoder.ts`.
 */

import { takeApart } from './error-values.js';
import { DEEP, Extension, FULL, REFUSED, Tag, TREE_DEPTH_MAX, TYPED_ARRAYS } from './extensions.js';
import { brandOf, kindOf, type ObjectKind } from './object-kinds.js';
import { PrimitiveWriter } from './primitive-writer.js';
import type { NodeReferenceDescription, ReferenceCodec } from './reference-codec.js';
import type { WriteProperties } from './shape-code.js';
import { type ShapeNode, ShapeTree } from './shapes.js';

const OBJECT_PROTOTYPE = Object.prototype;
const BOXED_PROTOTYPES: readonly object[] = [Number.prototype, String.prototype, Boolean.prototype, BigInt.prototype];
const EMPTY = {};
const NO_BYTES = new Uint8Array(0);

export class ValueWriter extends PrimitiveWriter {
  /** undefined when the values are to be readable on their own. */
  readonly tree: ShapeTree | undefined;
  /** True while somebody has added enumerable properties to Object.prototype, which `for in` would show. */
  protected inherits = false;

  constructor(
    protected readonly references: ReferenceCodec,
    shapes: boolean,
  ) {
    super();
    this.tree = shapes ? new ShapeTree() : undefined;
  }

  /** Before a message that is an object. Returns what `rollback` wants if the message is not sent. */
  begin(): number {
    this.inherits = false;
    for (const _ in EMPTY) this.inherits = true;
    const tree = this.tree;
    if (tree === undefined) return 0;
    tree.begin();
    return tree.shapes.length;
  }

  rollback(shapeCount: number): void {
    this.tree?.rollback(shapeCount);
  }

  /** Lets go of the memory. */
  end(): void {
    this.aim(NO_BYTES, 0);
  }

  write(value: unknown, position: number, depth: number): number {
    switch (typeof value) {
      case 'number':
        return this.writeNumber(value, position);
      case 'string':
        return this.writeString(value, position);
      case 'object':
        if (value === null) return this.writeConstant(value, position);
        if (Array.isArray(value)) return this.writeArray(value, position, depth);
        if (Object.getPrototypeOf(value) === OBJECT_PROTOTYPE && !this.inherits) return this.writePlain(value, position, depth);
        return this.writeObject(value, position, depth);
      case 'boolean':
      case 'undefined':
        return this.writeConstant(value, position);
      case 'bigint':
        return this.writeBigint(value, position);
      case 'function':
        return this.references.isReference(value) ? this.writeReference(value, position) : REFUSED;
      default:
        return REFUSED;
    }
  }

  private writeArray(value: readonly unknown[], position: number, depth: number): number {
    if (depth >= TREE_DEPTH_MAX) return DEEP;
    const length = value.length;
    let at = this.writeArrayHeader(length, position);
    // Every element takes a byte at least: an array too long is found before its elements are read.
    if (at < 0 || this.limit - at < length) return FULL;
    for (let index = 0; index < length; index++) {
      at = this.write(value[index], at, depth + 1);
      if (at < 0) return at;
    }
    return at;
  }

  /** An object whose prototype is Object.prototype: `for in` shows its own properties, and does not allocate. */
  private writePlain(value: object, position: number, depth: number): number {
    if (depth >= TREE_DEPTH_MAX) return DEEP;
    const tree = this.tree;
    if (tree === undefined) return this.writeKeyed(value, Object.keys(value), position, depth);
    let node = tree.root;
    for (const key in value) {
      if (node.lastKey === key) {
        node = node.lastChild as typeof node;
      } else {
        const next = tree.step(node, key);
        if (next === undefined) return this.writeKeyed(value, Object.keys(value), position, depth);
        node = next;
      }
    }
    if (node.shape < 0) return this.writeUnknownShape(value, Object.keys(value), node, position, depth);
    return this.writeShaped(value, node, position, depth);
  }

  /** A class instance, an object without prototype: its own enumerable properties. */
  private writeInstance(value: object, position: number, depth: number): number {
    if (depth >= TREE_DEPTH_MAX) return DEEP;
    const keys = Object.keys(value);
    const tree = this.tree;
    if (tree === undefined) return this.writeKeyed(value, keys, position, depth);
    let node = tree.root;
    for (const key of keys) {
      const next = node.lastKey === key ? node.lastChild : tree.step(node, key);
      if (next === undefined) return this.writeKeyed(value, keys, position, depth);
      node = next;
    }
    if (node.shape < 0) return this.writeUnknownShape(value, keys, node, position, depth);
    return this.writeShaped(value, node, position, depth);
  }

  private writeShaped(value: object, node: ShapeNode, position: number, depth: number): number {
    if (this.limit - position < 2) return FULL;
    const shape = node.shape;
    this.bytes[position] = 0xd4 | (shape >> 8);
    this.bytes[position + 1] = shape;
    return (node.write as WriteProperties)(this, value, position + 2, depth + 1);
  }

  private writeUnknownShape(value: object, keys: string[], node: ShapeNode, position: number, depth: number): number {
    const tree = this.tree as ShapeTree;
    if (keys.length === 0 || keys.length !== node.depth || !tree.admits(node)) return this.writeKeyed(value, keys, position, depth);
    if (this.limit - position < 4) return FULL;
    const shape = tree.define(node);
    this.bytes[position] = 0xd8;
    this.view.setUint16(position + 1, shape);
    this.bytes[position + 3] = keys.length;
    let at = position + 4;
    for (const key of keys) {
      at = this.writeString(key, at);
      if (at < 0) return at;
    }
    return (node.write as WriteProperties)(this, value, at, depth + 1);
  }

  private writeKeyed(value: object, keys: readonly string[], position: number, depth: number): number {
    let at = this.writeMapHeader(keys.length, position);
    if (at < 0) return at;
    for (const key of keys) {
      at = this.writeString(key, at);
      if (at < 0) return at;
      at = this.write((value as Record<string, unknown>)[key], at, depth + 1);
      if (at < 0) return at;
    }
    return at;
  }

  /** Everything that is not an array and not plain. */
  private writeObject(value: object, position: number, depth: number): number {
    if (this.references.isReference(value)) return this.writeReference(value, position);
    if (ArrayBuffer.isView(value)) return this.writeView(value, position);
    const kind = kindOf(value);
    if (kind === 'instance') return this.writeInstance(value, position, depth);
    if (typeof kind === 'object') return REFUSED;
    // Object.create(Map.prototype) is not a Map, and neither is a Proxy of one.
    if (kind !== 'error' && brandOf(value) !== kind) return REFUSED;
    switch (kind) {
      case 'map':
        return this.writeMap(value as Map<unknown, unknown>, position, depth);
      case 'set':
        return this.writeSet(value as Set<unknown>, position, depth);
      case 'error':
        return this.writeError(value, position, depth);
      default:
        return this.writeLeaf(value, kind, position);
    }
  }

  private writeMap(value: Map<unknown, unknown>, position: number, depth: number): number {
    if (depth >= TREE_DEPTH_MAX) return DEEP;
    const size = value.size;
    let at = this.writeTag(Tag.map, position);
    if (at < 0) return at;
    at = this.writeUint32(size, at);
    if (at < 0) return at;
    let count = 0;
    for (const entry of value) {
      at = this.write(entry[0], at, depth + 1);
      if (at < 0) return at;
      at = this.write(entry[1], at, depth + 1);
      if (at < 0) return at;
      count++;
    }
    return count === size ? at : REFUSED;
  }

  private writeSet(value: Set<unknown>, position: number, depth: number): number {
    if (depth >= TREE_DEPTH_MAX) return DEEP;
    const size = value.size;
    let at = this.writeTag(Tag.set, position);
    if (at < 0) return at;
    at = this.writeUint32(size, at);
    if (at < 0) return at;
    let count = 0;
    for (const entry of value) {
      at = this.write(entry, at, depth + 1);
      if (at < 0) return at;
      count++;
    }
    return count === size ? at : REFUSED;
  }

  private writeError(value: object, position: number, depth: number): number {
    if (depth >= TREE_DEPTH_MAX) return DEEP;
    const parts = takeApart(value);
    let at = this.writeErrorHeader(parts, position);
    if (at < 0) return at;
    for (const part of parts.properties) {
      at = this.write(part, at, depth + 1);
      if (at < 0) return at;
    }
    return at;
  }

  /** Everything of an error up to its properties. */
  protected writeErrorHeader(parts: ReturnType<typeof takeApart>, position: number): number {
    let at = this.writeTag(Tag.error, position);
    if (at < 0) return at;
    at = this.writeNumber(parts.errorClass, at);
    if (at < 0) return at;
    at = parts.name === undefined ? this.writeConstant(null, at) : this.writeString(parts.name, at);
    if (at < 0) return at;
    at = this.writeString(parts.message, at);
    if (at < 0) return at;
    return this.writeUint32(parts.properties.length / 2, at);
  }

  /** An object that holds no others. */
  protected writeLeaf(value: object, kind: ObjectKind, position: number): number {
    switch (kind) {
      case 'date': {
        const at = this.writeTag(Tag.date, position);
        return at < 0 ? at : this.writeFloat64(Date.prototype.getTime.call(value), at);
      }
      case 'regExp': {
        const { source, flags } = value as RegExp;
        let at = this.writeTag(Tag.regExp, position);
        if (at < 0) return at;
        at = this.writeString(source, at);
        return at < 0 ? at : this.writeString(flags, at);
      }
      case 'boxed': {
        const at = this.writeTag(Tag.boxed, position);
        return at < 0 ? at : this.write(unbox(value), at, 0);
      }
      case 'arrayBuffer':
        return isDetached(value as ArrayBuffer) ? REFUSED : this.writeRun(Extension.arrayBuffer, new Uint8Array(value as ArrayBuffer), position);
      case 'view':
        return this.writeView(value as ArrayBufferView, position);
      default:
        return REFUSED;
    }
  }

  protected writeView(value: ArrayBufferView, position: number): number {
    if (value instanceof Uint8Array) {
      return isRefusedView(value) ? REFUSED : this.writeBinary(value, position);
    }
    if (isRefusedView(value)) return REFUSED;
    const extension = VIEW_EXTENSIONS.get((value as unknown as Record<symbol, unknown>)[Symbol.toStringTag]);
    if (extension === undefined) return REFUSED;
    return this.writeRun(extension, new Uint8Array(value.buffer, value.byteOffset, value.byteLength), position);
  }

  protected writeReference(value: object, position: number): number {
    const { slot, generation, kind, id, remote } = this.references.describe(value);
    if (remote !== undefined) return this.writeRemote(remote, position);
    const at = this.writeTag(Tag.reference, position);
    if (at < 0 || this.limit - at < 12) return FULL;
    this.view.setUint32(at, slot);
    this.view.setUint32(at + 4, generation);
    this.view.setUint32(at + 8, kind);
    return id === undefined ? this.writeConstant(null, at + 12) : this.writeString(id, at + 12);
  }

  private writeRemote({ node, incarnation, life, kind, id }: NodeReferenceDescription, position: number): number {
    let at = this.writeTag(Tag.nodeReference, position);
    if (at >= 0) at = this.writeString(node, at);
    if (at >= 0) at = this.writeNumber(incarnation, at);
    if (at >= 0) at = this.writeNumber(life, at);
    if (at >= 0) at = this.writeString(kind, at);
    return at < 0 ? at : this.writeString(id, at);
  }
}

/** By `Symbol.toStringTag`, which is right for subclasses and for other realms. */
const VIEW_EXTENSIONS = new Map<unknown, number>([
  ['DataView', Extension.dataView],
  ...TYPED_ARRAYS.map((typedArray, index): [string, number] => [typedArray.name, Extension.typedArrays + index]),
]);

function unbox(value: object): unknown {
  for (const prototype of BOXED_PROTOTYPES) {
    try {
      return prototype.valueOf.call(value);
    } catch {
      // Of another class.
    }
  }
  return undefined;
}

/** A view of shared memory would silently stop being shared; one of a detached buffer has no content. */
export function isRefusedView(value: ArrayBufferView): boolean {
  const buffer = value.buffer;
  return buffer instanceof SharedArrayBuffer || (value.byteLength === 0 && isDetached(buffer));
}

export function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}
