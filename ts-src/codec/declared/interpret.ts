/**
 * Writes and reads declared messages by walking the layout: for processes that forbid code generation from strings, and the plain twin that the generated code
 * is tested against. An order of magnitude slower.
 */
import { corrupt } from '../primitive-reader.js';
import type { ReferenceCodec } from '../reference-codec.js';
import type { CodecFunctions } from './compile.js';
import { defineField, fieldOf, hasField, isFieldHolder, undeclaredField } from './declared-fields.js';
import { ACCEPTS, readFixed, writeFixed } from './fixed-values.js';
import type { MemoryViews } from './memory-views.js';
import { Choice, type ChoicePart, type FieldPart, type Part, type Section } from './message-layout.js';
import { bytesStart, FULL, MISFIT, readBytes, readReference, readText, writeBytes, writeReference, writeText } from './text.js';

export function interpret(root: Section, references: ReferenceCodec, fits: (value: unknown) => boolean, fail: (value: unknown) => never): CodecFunctions {
  return {
    write(value, views, offset, limit) {
      if (limit - offset < root.bytes) return FULL;
      const end = new Writer(views, references, limit).write(root.part, value, offset, offset + root.bytes);
      return end === MISFIT ? fail(value) : end;
    },
    read(views, offset, end) {
      if (end - offset < root.bytes) throw corrupt('it is too short or too long');
      const reader = new Reader(views, references, end, offset + root.bytes);
      const value = reader.read(root.part, offset);
      if (reader.tail !== end) throw corrupt('it is longer than its value');
      return value;
    },
    check(value) {
      if (!fits(value)) fail(value);
    },
  };
}

class Writer {
  constructor(
    private readonly views: MemoryViews,
    private readonly references: ReferenceCodec,
    private readonly limit: number,
  ) {}

  /** `start` is that of the section. Returns the end of the tail, FULL or MISFIT. */
  write(part: Part, value: unknown, start: number, tail: number): number {
    const { views, references, limit } = this;
    switch (part.type) {
      case 'none':
        return value === undefined ? tail : MISFIT;
      case 'string':
        return typeof value === 'string' ? writeText(views, value, (start + part.at) / 4, tail, limit) : MISFIT;
      case 'bytes':
        return writeBytes(views, value, (start + part.at) / 4, tail, limit);
      case 'agentRef':
        return writeReference(views, references, value, (start + part.at) / 4, tail, limit);
      case 'enumeration': {
        const index = part.values.indexOf(value as string);
        if (index < 0) return MISFIT;
        if (part.values.length <= 256) views.bytes[start + part.at] = index;
        else views.halves[(start + part.at) / 2] = index;
        return tail;
      }
      case 'array':
        return Array.isArray(value) && value.length <= part.lengthMax ? this.elements(part, value, start, tail) : MISFIT;
      case 'choice':
        if (value !== undefined) return this.given(part, value, start, tail);
        views.bytes[start + part.at] = Choice.undefined;
        return part.optional ? tail : MISFIT;
      case 'tuple': {
        if (!Array.isArray(value) || value.length !== part.elements.length) return MISFIT;
        let at = tail;
        for (const [index, element] of part.elements.entries()) {
          at = this.write(element, value[index], start, at);
          if (at < 0) return at;
        }
        return at;
      }
      case 'object':
        return typeof value === 'object' && value !== null ? this.fields(part.fields, value, start, tail) : MISFIT;
      default:
        if (!ACCEPTS[part.type](value)) return MISFIT;
        writeFixed(views, part.type, value, start + part.at);
        return tail;
    }
  }

  private elements(part: Part & { readonly type: 'array' }, value: readonly unknown[], start: number, tail: number): number {
    const { bytes, align } = part.element;
    const count = value.length;
    const first = alignUp(tail, align);
    if (count * bytes > this.limit - first) return FULL;
    this.views.words[(start + part.at) / 4] = count;
    let at = first + count * bytes;
    for (let index = 0; index < count; index++) {
      at = this.write(part.element.part, value[index], first + index * bytes, at);
      if (at < 0) return at;
    }
    return at;
  }

  private given(part: ChoicePart, value: unknown, start: number, tail: number): number {
    const { bytes } = this.views;
    if (value === null && part.nullable) {
      bytes[start + part.at] = Choice.null;
      return tail;
    }
    bytes[start + part.at] = Choice.value;
    const { section } = part.inner;
    if (section === undefined) return this.write(part.inner.part, value, start, tail);
    const inner = alignUp(tail, section.align);
    if (this.limit - inner < section.bytes) return FULL;
    return this.write(section.part, value, inner, inner + section.bytes);
  }

  private fields(fields: readonly FieldPart[], value: object, start: number, tail: number): number {
    if (fields.every(({ part, optional }) => optional || part.type === 'none') && !isFieldHolder(value)) return MISFIT;
    let at = tail;
    for (const { name, part, optional } of fields) {
      const field = fieldOf(value, name);
      if (optional && field === undefined && !hasField(value, name)) this.views.bytes[start + (part as ChoicePart).at] = Choice.absent;
      else at = this.write(part, field, start, at);
      if (at < 0) return at;
    }
    return undeclaredField(value, new Set(fields.map(({ name }) => name))) === undefined ? at : MISFIT;
  }
}

class Reader {
  constructor(
    private readonly views: MemoryViews,
    private readonly references: ReferenceCodec,
    private readonly end: number,
    public tail: number,
  ) {}

  read(part: Part, start: number): unknown {
    const { views, references, end, tail } = this;
    switch (part.type) {
      case 'none':
        return undefined;
      case 'string': {
        const head = views.words[(start + part.at) / 4] as number;
        this.tail += head >>> 2;
        return readText(views, head, tail, end);
      }
      case 'bytes': {
        const length = views.words[(start + part.at) / 4] as number;
        this.tail = bytesStart(length, tail) + length;
        return readBytes(views, length, tail, end);
      }
      case 'agentRef':
        this.tail += (views.words[(start + part.at + 12) / 4] as number) >>> 2;
        return readReference(views, references, (start + part.at) / 4, tail, end);
      case 'enumeration': {
        const value = part.values[(part.values.length <= 256 ? views.bytes[start + part.at] : views.halves[(start + part.at) / 2]) as number];
        if (value === undefined) throw corrupt('an enumeration has no such value');
        return value;
      }
      case 'array': {
        const { bytes, align } = part.element;
        const count = views.words[(start + part.at) / 4] as number;
        const first = alignUp(tail, align);
        if (count < 0 || count > part.lengthMax || count * bytes > end - first) throw corrupt('an array is too long');
        this.tail = first + count * bytes;
        return Array.from({ length: count }, (_, index) => this.read(part.element.part, first + index * bytes));
      }
      case 'choice':
        return this.choice(part, start);
      case 'tuple':
        return part.elements.map((element) => this.read(element, start));
      case 'object': {
        const result = {};
        for (const { name, part: field, optional } of part.fields) {
          if (!optional || views.bytes[start + (field as ChoicePart).at] !== Choice.absent) defineField(result, name, this.read(field, start));
        }
        return result;
      }
      default: {
        const value = readFixed(views, part.type, start + part.at);
        if (value === undefined) throw corrupt(`there is no ${part.type} where one belongs`);
        return value;
      }
    }
  }

  private choice(part: ChoicePart, start: number): unknown {
    const chosen = this.views.bytes[start + part.at];
    if (chosen === Choice.undefined && part.optional) return undefined;
    if (chosen === Choice.null && part.nullable) return null;
    if (chosen !== Choice.value) throw corrupt('there is no such choice');
    const { section } = part.inner;
    if (section === undefined) return this.read(part.inner.part, start);
    const inner = alignUp(this.tail, section.align);
    if (this.end - inner < section.bytes) throw corrupt('it ends too early');
    this.tail = inner + section.bytes;
    return this.read(section.part, inner);
  }
}

function alignUp(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}
