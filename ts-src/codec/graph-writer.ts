/**
 * Writes a value as a graph: every object gets a number in the order in which it is met, and is a back reference from then on, so cycles and
 * shared objects arrive as such. Used only when `value-writer.ts` found more than TREE_DEPTH_MAX levels. Keeps its own stack, because
 * DEPTH_MAX levels would not fit on that of a thread, and writes no shapes.
 */

import { takeApart } from './error-values.js';
import { DEEP, DEPTH_MAX, FULL, REFUSED, Tag } from './extensions.js';
import { brandOf, kindOf } from './object-kinds.js';
import { ValueWriter } from './value-writer.js';

/** The values of a container that are still to be written, in order. */
interface Frame {
  readonly parts: readonly unknown[];
  next: number;
}

export class GraphWriter extends ValueWriter {
  private numbers = new Map<object, number>();
  private frames: Frame[] = [];

  writeGraph(value: unknown, position: number): number {
    this.numbers = new Map();
    this.frames = [];
    try {
      let at = this.writeTag(Tag.graph, position);
      if (at < 0) return at;
      at = this.writeNode(value, at);
      for (let frame = this.frames.at(-1); at >= 0 && frame !== undefined; frame = this.frames.at(-1)) {
        if (frame.next === frame.parts.length) this.frames.pop();
        else at = this.writeNode(frame.parts[frame.next++], at);
      }
      return at;
    } finally {
      this.numbers = new Map();
      this.frames = [];
    }
  }

  /** A primitive, a leaf, a back reference, or the header of a container whose parts are then on the stack. */
  private writeNode(value: unknown, position: number): number {
    if (typeof value !== 'object' || value === null) return this.write(value, position, 0);
    const isArray = Array.isArray(value);
    if (!isArray && this.references.isReference(value)) return this.writeReference(value, position);
    const number = this.numbers.get(value);
    if (number !== undefined) {
      const at = this.writeTag(Tag.backReference, position);
      return at < 0 ? at : this.writeUint32(number, at);
    }
    this.numbers.set(value, this.numbers.size);
    // A sparse array can be longer than memory; each element takes a byte at least.
    if (isArray && value.length > this.limit - position) return FULL;
    if (isArray) return this.open(Array.from(value), this.writeArrayHeader(value.length, position));
    if (ArrayBuffer.isView(value)) return this.writeView(value, position);
    const kind = kindOf(value);
    if (typeof kind === 'object') return REFUSED;
    if (kind !== 'instance' && kind !== 'error' && brandOf(value) !== kind) return REFUSED;
    switch (kind) {
      case 'instance': {
        const parts = Object.keys(value).flatMap((key): unknown[] => [key, (value as Record<string, unknown>)[key]]);
        return this.open(parts, this.writeMapHeader(parts.length / 2, position));
      }
      case 'map': {
        const parts = [...(value as Map<unknown, unknown>)].flat(1);
        return this.open(parts, this.writeCounted(Tag.map, parts.length / 2, position));
      }
      case 'set': {
        const parts = [...(value as Set<unknown>)];
        return this.open(parts, this.writeCounted(Tag.set, parts.length, position));
      }
      case 'error': {
        const parts = takeApart(value);
        return this.open(parts.properties, this.writeErrorHeader(parts, position));
      }
      default:
        return this.writeLeaf(value, kind, position);
    }
  }

  private writeCounted(tag: number, count: number, position: number): number {
    const at = this.writeTag(tag, position);
    return at < 0 ? at : this.writeUint32(count, at);
  }

  private open(parts: readonly unknown[], position: number): number {
    if (position < 0) return position;
    if (this.frames.length >= DEPTH_MAX) return DEEP;
    this.frames.push({ parts, next: 0 });
    return position;
  }
}
