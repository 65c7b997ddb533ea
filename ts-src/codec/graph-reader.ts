/**
 * Reads what `graph-writer.ts` wrote: objects get numbers in the order in which they come, so that back references find them. Keeps its own
 * stack for the same reason as the writer.
 */

import { setErrorProperty } from './error-values.js';
import { DEPTH_MAX, Tag } from './extensions.js';
import { corrupt } from './primitive-reader.js';
import { setProperty } from './shapes.js';
import { ValueReader } from './value-reader.js';

/** A container that waits for `left` more values. Keys are values too. */
interface Frame {
  readonly target: unknown[] | Map<unknown, unknown> | Set<unknown> | Error | object;
  readonly type: 'array' | 'map' | 'set' | 'error' | 'object';
  left: number;
  key: unknown;
}

export class GraphReader extends ValueReader {
  private objects: object[] = [];
  private frames: Frame[] = [];

  /** One message: a tree or a graph that fills `bytes[offset..end)`. */
  readMessage(bytes: Uint8Array, offset: number, end: number): unknown {
    this.aim(bytes, offset, end);
    const shapeCount = this.shapes.length;
    try {
      if (end <= offset || end > bytes.length) throw corrupt('it is empty');
      const isGraph = bytes[offset] === 0xc1 && bytes[offset + 1] === Tag.graph;
      if (isGraph) this.position += 2;
      const value = isGraph ? this.readGraph() : this.read(0);
      if (this.position !== end) throw corrupt('it is longer or shorter than its value');
      return value;
    } catch (error) {
      this.shapes.length = shapeCount;
      throw error;
    }
  }

  /** After the tag. */
  private readGraph(): unknown {
    this.objects = [];
    this.frames = [];
    try {
      const root = this.readNode();
      for (let frame = this.frames.at(-1); frame !== undefined; frame = this.frames.at(-1)) {
        if (frame.left === 0) this.frames.pop();
        else this.put(frame);
      }
      return root;
    } finally {
      this.objects = [];
      this.frames = [];
    }
  }

  /** Reads the next value of the frame. */
  private put(frame: Frame): void {
    const isKey = frame.type !== 'array' && frame.type !== 'set' && frame.left % 2 === 0;
    frame.left--;
    const value = this.readNode();
    if (isKey) {
      if (frame.type !== 'map' && typeof value !== 'string') throw corrupt('there is no string where one belongs');
      frame.key = value;
      return;
    }
    switch (frame.type) {
      case 'array':
        (frame.target as unknown[]).push(value);
        break;
      case 'set':
        (frame.target as Set<unknown>).add(value);
        break;
      case 'map':
        (frame.target as Map<unknown, unknown>).set(frame.key, value);
        break;
      case 'object':
        setProperty(frame.target, frame.key as string, value);
        break;
      case 'error':
        setErrorProperty(frame.target, frame.key as string, value);
        break;
    }
  }

  /** A leaf, a known object, or a new container, which is empty until its frame has been read. */
  private readNode(): unknown {
    const lead = this.bytes[this.position] as number;
    if (lead >= 0x80 && lead < 0xa0) {
      this.position++;
      return lead < 0x90 ? this.open({}, 'object', (lead & 15) * 2) : this.open([], 'array', lead & 15);
    }
    switch (lead) {
      case 0xdc:
        this.position++;
        return this.open([], 'array', this.readUint16());
      case 0xdd:
        this.position++;
        return this.open([], 'array', this.readUint32());
      case 0xde:
        this.position++;
        return this.open({}, 'object', this.readUint16() * 2);
      case 0xdf:
        this.position++;
        return this.open({}, 'object', this.readUint32() * 2);
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        throw corrupt('there is a shape in a graph');
      case 0xc1:
        this.position++;
        return this.readGraphTagged(this.readUint8());
      default: {
        const value = this.read(0);
        if (typeof value === 'object' && value !== null) this.objects.push(value);
        return value;
      }
    }
  }

  private readGraphTagged(tag: number): unknown {
    switch (tag) {
      case Tag.map:
        return this.open(new Map(), 'map', this.readUint32() * 2);
      case Tag.set:
        return this.open(new Set(), 'set', this.readUint32());
      case Tag.error: {
        const error = this.readErrorHeader();
        return this.open(error, 'error', this.readUint32() * 2);
      }
      case Tag.backReference: {
        const value = this.objects[this.readUint32()];
        if (value === undefined) throw corrupt('it refers to an object that did not come');
        return value;
      }
      case Tag.undefined:
      case Tag.reference:
      case Tag.nodeReference:
        return this.readTaggedLeaf(tag);
      default: {
        const value = this.readTaggedLeaf(tag) as object;
        this.objects.push(value);
        return value;
      }
    }
  }

  private open(target: Frame['target'], type: Frame['type'], left: number): object {
    this.checkCount(left, 1);
    if (this.frames.length >= DEPTH_MAX) throw corrupt('it is nested too deep');
    this.objects.push(target);
    this.frames.push({ target, type, left, key: undefined });
    return target;
  }
}
