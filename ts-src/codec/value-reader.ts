/**
 * Reads a value that was written as a tree (`value-writer.ts`), by recursion. Throws NEXUS_MESSAGE_CORRUPT for bytes that no writer made.
 */

import { putTogether, setErrorProperty } from './error-values.js';
import { Tag, TREE_DEPTH_MAX } from './extensions.js';
import { corrupt, PrimitiveReader } from './primitive-reader.js';
import { type ReferenceCodec, restoreRemote } from './reference-codec.js';
import { SHAPE_KEY_LENGTH_MAX, SHAPE_KEYS_MAX, SHAPES_MAX, Shape, setProperty } from './shapes.js';

const PREALLOCATED_LENGTH_MAX = 1_000_000;

export class ValueReader extends PrimitiveReader {
  readonly shapes: Shape[] = [];

  constructor(protected readonly references: ReferenceCodec) {
    super();
  }

  read(depth: number): unknown {
    const lead = this.bytes[this.position++] as number;
    if (lead < 0x80) return lead;
    if (lead >= 0xe0) return lead - 0x100;
    if (lead < 0xc0) {
      if (lead >= 0xa0) return this.readShortString(lead & 31);
      return lead >= 0x90 ? this.readArray(lead & 15, depth) : this.readKeyed(lead & 15, depth);
    }
    switch (lead) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xcb:
        return this.readFloat64();
      case 0xcc:
        return this.readUint8();
      case 0xcd:
        return this.readUint16();
      case 0xce:
        return this.readUint32();
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
        return this.readShaped(lead, depth);
      case 0xdc:
        return this.readArray(this.readUint16(), depth);
      case 0xdd:
        return this.readArray(this.readUint32(), depth);
      case 0xd8:
        return this.readDefinition(depth);
      case 0xde:
        return this.readKeyed(this.readUint16(), depth);
      case 0xdf:
        return this.readKeyed(this.readUint32(), depth);
      case 0xc1:
        return this.readTagged(this.readUint8(), depth);
      default:
        return this.readLeaf(lead);
    }
  }

  /** What is no container, and not in the first half of the lead bytes. */
  protected readLeaf(lead: number): unknown {
    switch (lead) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.readBinary(this.readUint8());
      case 0xc5:
        return this.readBinary(this.readUint16());
      case 0xc6:
        return this.readBinary(this.readUint32());
      case 0xc7:
        return this.readExtension(this.readUint8());
      case 0xc8:
        return this.readExtension(this.readUint16());
      case 0xc9:
        return this.readExtension(this.readUint32());
      case 0xcb:
        return this.readFloat64();
      case 0xcc:
        return this.readUint8();
      case 0xcd:
        return this.readUint16();
      case 0xce:
        return this.readUint32();
      case 0xcf:
        return this.view.getBigUint64(this.take(8));
      case 0xd0:
        return (this.readUint8() << 24) >> 24;
      case 0xd1:
        return (this.readUint16() << 16) >> 16;
      case 0xd2:
        return this.readUint32() | 0;
      case 0xd3:
        return this.view.getBigInt64(this.take(8));
      case 0xd9:
        return this.readUtf8(this.readUint8());
      case 0xda:
        return this.readUtf8(this.readUint16());
      case 0xdb:
        return this.readUtf8(this.readUint32());
      default:
        throw corrupt(`there is no lead byte ${lead}`);
    }
  }

  protected readString(): string {
    const value = this.read(TREE_DEPTH_MAX);
    if (typeof value !== 'string') throw corrupt('there is no string where one belongs');
    return value;
  }

  private readArray(count: number, depth: number): unknown[] {
    this.checkContainer(count, 1, depth);
    // A huge length would make a sparse array.
    const result: unknown[] = count < PREALLOCATED_LENGTH_MAX ? new Array(count) : [];
    for (let index = 0; index < count; index++) result[index] = this.read(depth + 1);
    return result;
  }

  private readShaped(lead: number, depth: number): object {
    const shape = this.shapes[((lead & 3) << 8) | (this.bytes[this.position++] as number)];
    if (shape === undefined) throw corrupt('it refers to a shape that was not defined');
    if (depth >= TREE_DEPTH_MAX) throw tooDeep();
    return shape.build(this, depth + 1);
  }

  private readDefinition(depth: number): object {
    const number = this.readUint16();
    const count = this.readUint8();
    if (number !== this.shapes.length || number >= SHAPES_MAX) throw corrupt('a shape has a number out of order');
    if (count > SHAPE_KEYS_MAX) throw corrupt('a shape has too many keys');
    this.checkContainer(count, 2, depth);
    const keys: string[] = [];
    for (let index = 0; index < count; index++) {
      const key = this.readString();
      if (key.length > SHAPE_KEY_LENGTH_MAX) throw corrupt('a shape has too long a key');
      keys.push(key);
    }
    const shape = new Shape(keys);
    this.shapes.push(shape);
    return shape.build(this, depth + 1);
  }

  private readKeyed(count: number, depth: number): object {
    this.checkContainer(count, 2, depth);
    const result = {};
    for (let index = 0; index < count; index++) {
      const key = this.readString();
      setProperty(result, key, this.read(depth + 1));
    }
    return result;
  }

  private readTagged(tag: number, depth: number): unknown {
    switch (tag) {
      case Tag.map: {
        const result = new Map<unknown, unknown>();
        for (let left = this.checkContainer(this.readUint32(), 2, depth); left > 0; left--) {
          const key = this.read(depth + 1);
          result.set(key, this.read(depth + 1));
        }
        return result;
      }
      case Tag.set: {
        const result = new Set<unknown>();
        for (let left = this.checkContainer(this.readUint32(), 1, depth); left > 0; left--) result.add(this.read(depth + 1));
        return result;
      }
      case Tag.error: {
        const error = this.readErrorHeader();
        for (let left = this.checkContainer(this.readUint32(), 2, depth); left > 0; left--) {
          const key = this.readString();
          setErrorProperty(error, key, this.read(depth + 1));
        }
        return error;
      }
      default:
        return this.readTaggedLeaf(tag);
    }
  }

  protected readTaggedLeaf(tag: number): unknown {
    switch (tag) {
      case Tag.undefined:
        return undefined;
      case Tag.date:
        return new Date(this.readFloat64());
      case Tag.regExp:
        return this.readRegExp();
      case Tag.boxed: {
        const value = this.read(TREE_DEPTH_MAX);
        if (value === null || value === undefined || typeof value === 'object') throw corrupt('there is no primitive where one belongs');
        return Object(value);
      }
      case Tag.reference: {
        const slot = this.readUint32();
        const generation = this.readUint32();
        const kind = this.readUint32();
        const id = this.read(TREE_DEPTH_MAX);
        if (id !== null && typeof id !== 'string') throw corrupt('the id of a reference is not a string');
        return this.references.restore(slot, generation, kind, id ?? undefined);
      }
      case Tag.nodeReference: {
        const node = this.readString();
        const incarnation = this.readNumber();
        const life = this.readNumber();
        const kind = this.readString();
        return restoreRemote(this.references, { node, incarnation, life, kind, id: this.readString() });
      }
      default:
        throw corrupt(`there is no tag ${tag}`);
    }
  }

  private readNumber(): number {
    const value = this.read(TREE_DEPTH_MAX);
    if (typeof value !== 'number') throw corrupt('there is no number where one belongs');
    return value;
  }

  /** An error without properties. */
  protected readErrorHeader(): Error {
    const errorClass = this.readUint8();
    const name = this.read(TREE_DEPTH_MAX);
    const message = this.readString();
    if (name !== null && typeof name !== 'string') throw corrupt('the name of an error is not a string');
    const error = putTogether(errorClass, name ?? undefined, message);
    if (error === undefined) throw corrupt('there is no such class of errors');
    return error;
  }

  private readRegExp(): RegExp {
    const source = this.readString();
    const flags = this.readString();
    try {
      return new RegExp(source, flags);
    } catch {
      throw corrupt('a regular expression is not one');
    }
  }

  private checkContainer(count: number, bytesEach: number, depth: number): number {
    if (depth >= TREE_DEPTH_MAX) throw tooDeep();
    return this.checkCount(count, bytesEach);
  }
}

function tooDeep(): Error {
  return corrupt('it is nested too deep');
}
