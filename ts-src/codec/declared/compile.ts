/** Generated code for a shape, as functions. Undefined where code generation from strings is forbidden. */
import { corrupt } from '../primitive-reader.js';
import type { ReferenceCodec } from '../reference-codec.js';
import { Constants } from './constants.js';
import { defineField, isFieldHolder, undeclaredField } from './declared-fields.js';
import type { MemoryViews } from './memory-views.js';
import type { Section } from './message-layout.js';
import { readCode } from './read-code.js';
import { bytesStart, isBytes, isReference, readBytes, readReference, readText, timeOf, writeBytes, writeReference, writeText } from './text.js';
import { checkCode, writeCode } from './write-code.js';

export interface CodecFunctions {
  /** The end offset, or -1. Values that do not fit are given to `fail`. */
  write(value: unknown, views: MemoryViews, offset: number, limit: number): number;
  read(views: MemoryViews, offset: number, end: number): unknown;
  /** Values that do not fit are given to `fail`. */
  check(value: unknown): void;
}

const hasOwn = Object.hasOwn;

export function compile(root: Section, references: ReferenceCodec, fail: (value: unknown) => never): CodecFunctions | undefined {
  const constants = new Constants();
  const code = `'use strict';
return {
write: function (value, m, o, limit) {
${writeCode(root, constants)}
},
read: function (m, o, end) {
${readCode(root, constants)}
},
check: function (value) {
${checkCode(root, constants)}
} };`;
  const bad = (reason: string): never => {
    throw corrupt(reason);
  };
  const known = {
    ...{ fail, bad, references, hasOwn, undeclaredField, isFieldHolder, defineField },
    ...{ writeText, writeBytes, writeReference, timeOf, readText, readBytes, bytesStart, readReference, isBytes, isReference },
  };
  let make: (...values: unknown[]) => CodecFunctions;
  try {
    make = new Function(...Object.keys(known), ...constants.names, code) as typeof make;
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
  return make(...Object.values(known), ...constants.values);
}
