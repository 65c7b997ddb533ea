/**
 * The codec of one declared shape: from values straight to bytes of shared memory and back. Sender and receiver compile the same shape, so nothing of its
 * structure travels. Keeps no state between messages, so that any number of streams may share it.
 *
 * What arrives equals what was sent, with these differences: -0 of a whole-number type arrives as 0; a float32 is rounded to the nearest; a Buffer arrives as a
 * Uint8Array, a class instance with the declared fields as a plain object; the properties of an object arrive in the order of the declaration; properties with
 * a symbol as their key, and properties of an array that are no elements, stay behind.
 */
import { fingerprint as fingerprintOf, checkShape, type Infer, type Shape } from '../../model/shape.js';
import type { ReferenceCodec } from '../reference-codec.js';
import { type CodecFunctions, compile } from './compile.js';
import { interpret } from './interpret.js';
import type { MemoryViews } from './memory-views.js';
import { layoutOf } from './message-layout.js';
import { explain, mismatch } from './mismatch.js';

export interface DeclaredCodec<T = unknown> {
  /** Of the shape: two codecs of the same fingerprint understand each other. */
  readonly fingerprint: number;
  /** Bytes of every value if all take the same, else undefined. */
  readonly fixedBytes: number | undefined;
  /** False where code generation from strings is forbidden: then the codec is an order of magnitude slower. */
  readonly compiled: boolean;
  /**
   * Writes into `target` from `offset`, a multiple of 8, on. Returns the end offset, or -1 if the value does not fit before `limit`: then, and when it throws,
   * the bytes up to the limit are garbage. What a getter of the value throws, it throws.
   *
   * @throws NexusTypeError NEXUS_SHAPE_MISMATCH, which names the field: a value that is not of the shape, also one with a property that is not declared
   */
  write(value: T, target: MemoryViews, offset: number, limit: number): number;
  /**
   * The value in `source` from `offset`, a multiple of 8, to `end` exactly. Nothing in it refers to this memory. It is of the shape, whatever the bytes were.
   *
   * @throws NexusError NEXUS_MESSAGE_CORRUPT
   */
  read(source: MemoryViews, offset: number, end: number): T;
  /** Accepts what `write` accepts. @throws NexusTypeError NEXUS_SHAPE_MISMATCH */
  check(value: unknown): void;
}

export interface CodecOptions {
  /** What a value is called in the message of a mismatch. Default `message`. */
  readonly subject?: string;
  /** The data of the error of a mismatch. */
  readonly data?: Record<string, unknown>;
}

/** @throws NexusTypeError NEXUS_DEFINITION_INVALID */
export function compileCodec<S extends Shape>(shape: S, references: ReferenceCodec, options: CodecOptions = {}): DeclaredCodec<Infer<S>> {
  return codecOf(shape, references, options, true);
}

/** The same without generated code. @throws NexusTypeError NEXUS_DEFINITION_INVALID */
export function interpretCodec<S extends Shape>(shape: S, references: ReferenceCodec, options: CodecOptions = {}): DeclaredCodec<Infer<S>> {
  return codecOf(shape, references, options, false);
}

function codecOf<S extends Shape>(
  shape: S,
  references: ReferenceCodec,
  { subject = 'message', data }: CodecOptions,
  compiled: boolean,
): DeclaredCodec<Infer<S>> {
  checkShape(shape);
  const root = layoutOf(shape);
  const fail = (value: unknown): never => {
    throw mismatch(shape, value, subject, references, data);
  };
  const generated = compiled ? compile(root, references, fail) : undefined;
  const fits = (value: unknown): boolean => explain(shape, value, subject, references) === undefined;
  const { write, read, check }: CodecFunctions = generated ?? interpret(root, references, fits, fail);
  return {
    fingerprint: fingerprintOf(shape),
    fixedBytes: root.varies ? undefined : root.bytes,
    compiled: generated !== undefined,
    write,
    read: read as DeclaredCodec<Infer<S>>['read'],
    check,
  };
}
