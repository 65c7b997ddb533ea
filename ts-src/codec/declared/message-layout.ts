/**
 * Where the parts of a shape are in a message. A section is a run of bytes of known size, sorted by alignment so that every number is reached through the
 * aligned view of its width; what varies follows in the tail, in the order of the declaration:
 *
 *     message    section, tail
 *     number     1 to 8 bytes in the section         boolean, enumeration   their index, 1 or 2 bytes in the section
 *     string     a word in the section (bytes * 4 + Encoding), its text in the tail
 *     bytes      a word in the section (length), the content in the tail
 *     agentRef   slot, generation, kind and the word of its id in the section, the id in the tail
 *     array      a word in the section (count); in the tail one section for each element, side by side, then what varies of the elements
 *     object, tuple        their parts, in the section around
 *     optional, nullable   one byte `Choice` in the section; the inner part in the section too, or in a section of the tail when it is an object or a tuple
 *
 * Sections in the tail start aligned for what is in them. All numbers are in the order of the machine: messages do not leave it in this form.
 */
import { ARRAY_LENGTH_MAX, type LeafType, type Shape } from '../../model/shape.js';

/** The byte of an optional or nullable part. */
export const Choice = { absent: 0, undefined: 1, null: 2, value: 3 } as const;

/** Low two bits of the word of a text. */
export const Encoding = { latin1: 0, utf8: 1, utf16: 2, none: 3 } as const;

export type FixedType = Exclude<LeafType, 'none' | 'string' | 'bytes' | 'agentRef'>;

/** A part of a shape with its place: `at` is the byte offset in the section. */
export type Part =
  | { readonly type: 'none' }
  | { readonly type: FixedType | 'string' | 'bytes' | 'agentRef'; readonly at: number }
  | { readonly type: 'enumeration'; readonly at: number; readonly values: readonly string[] }
  | { readonly type: 'array'; readonly at: number; readonly lengthMax: number; readonly element: Section }
  | ChoicePart
  | { readonly type: 'tuple'; readonly elements: readonly Part[] }
  | { readonly type: 'object'; readonly fields: readonly FieldPart[] };

export interface ChoicePart {
  readonly type: 'choice';
  readonly at: number;
  readonly optional: boolean;
  readonly nullable: boolean;
  /** A section when it is in the tail. */
  readonly inner: { readonly part: Part; readonly section: undefined } | { readonly part: Part; readonly section: Section };
}

export interface FieldPart {
  readonly name: string;
  readonly part: Part;
  /** Present or not: `part` is a choice whose byte says which. */
  readonly optional: boolean;
}

export interface Section {
  readonly part: Part;
  /** At least 1 for an element, so that no count of elements is larger than its message. */
  readonly bytes: number;
  readonly align: number;
  /** Something of it is in the tail. */
  readonly varies: boolean;
}

const BYTES: Readonly<Record<Exclude<LeafType, 'none'>, number>> = {
  uint8: 1,
  int8: 1,
  boolean: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  string: 4,
  bytes: 4,
  safeInteger: 8,
  float64: 8,
  bigint64: 8,
  biguint64: 8,
  date: 8,
  agentRef: 16,
};

export function layoutOf(shape: Shape): Section {
  return sectionOf(shape, 0);
}

interface Place {
  at: number;
  readonly bytes: number;
  readonly align: number;
}

class SectionBuilder {
  readonly places: Place[] = [];
  varies = false;

  place(bytes: number): Place {
    const place = { at: 0, bytes, align: bytes === 16 ? 4 : bytes };
    this.places.push(place);
    return place;
  }

  /** Gives every place its offset: the widest first, so that none needs padding. */
  arrange(): { bytes: number; align: number } {
    let bytes = 0;
    let align = 1;
    for (const place of this.places.toSorted((a, b) => b.align - a.align)) {
      place.at = bytes;
      bytes += place.bytes;
      align = Math.max(align, place.align);
    }
    return { bytes, align };
  }
}

function sectionOf(shape: Shape, bytesMin: number): Section {
  const builder = new SectionBuilder();
  const finish = partOf(shape, builder);
  const { bytes, align } = builder.arrange();
  return { part: finish(), bytes: Math.max(bytes, bytesMin), align, varies: builder.varies };
}

/** Reserves the places; the part is made when they are known. */
function partOf(shape: Shape, builder: SectionBuilder): () => Part {
  switch (shape.type) {
    case 'none':
      return () => ({ type: 'none' });
    case 'enumeration': {
      const place = builder.place(shape.values.length <= 256 ? 1 : 2);
      return () => ({ type: 'enumeration', at: place.at, values: shape.values });
    }
    case 'array': {
      const place = builder.place(4);
      builder.varies = true;
      const element = stride(sectionOf(shape.element, 1));
      return () => ({ type: 'array', at: place.at, lengthMax: shape.lengthMax ?? ARRAY_LENGTH_MAX, element });
    }
    case 'tuple': {
      const elements = shape.elements.map((element) => partOf(element, builder));
      return () => ({ type: 'tuple', elements: elements.map((finish) => finish()) });
    }
    case 'object': {
      const fields = Object.entries(shape.fields).map(([name, field]) => ({ name, optional: field.type === 'optional', finish: partOf(field, builder) }));
      return () => ({ type: 'object', fields: fields.map(({ name, optional, finish }) => ({ name, optional, part: finish() })) });
    }
    case 'optional':
      return shape.inner.type === 'nullable' ? choiceOf(shape.inner.inner, true, true, builder) : choiceOf(shape.inner, true, false, builder);
    case 'nullable':
      return choiceOf(shape.inner, false, true, builder);
    default: {
      const place = builder.place(BYTES[shape.type]);
      const { type } = shape;
      if (type === 'string' || type === 'bytes' || type === 'agentRef') builder.varies = true;
      return () => ({ type, at: place.at });
    }
  }
}

function choiceOf(inner: Shape, optional: boolean, nullable: boolean, builder: SectionBuilder): () => Part {
  const place = builder.place(1);
  if (inner.type === 'object' || inner.type === 'tuple') {
    builder.varies = true;
    const section = sectionOf(inner, 0);
    return () => ({ type: 'choice', at: place.at, optional, nullable, inner: { part: section.part, section } });
  }
  const finish = partOf(inner, builder);
  return () => ({ type: 'choice', at: place.at, optional, nullable, inner: { part: finish(), section: undefined } });
}

/** Elements are side by side, each as aligned as the first. */
function stride(element: Section): Section {
  return { ...element, bytes: Math.ceil(element.bytes / element.align) * element.align };
}
