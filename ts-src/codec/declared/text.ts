/**
 * Texts, byte arrays and references of declared messages: what is too long for code that is generated for every field. The writing functions return the end of
 * the tail, FULL when that would pass the limit, or MISFIT when the value is not of the type; the reading ones copy, and check lengths against `end`.
 */
import { corrupt } from '../primitive-reader.js';
import { type NodeReferenceDescription, type ReferenceCodec, restoreRemote } from '../reference-codec.js';
import { SHORT_STRING_LENGTH_MAX, shortString } from '../short-string.js';
import { isRefusedView } from '../value-writer.js';
import type { MemoryViews } from './memory-views.js';
import { Encoding } from './message-layout.js';

export const FULL = -1;
export const MISFIT = -2;

/** From this length on a call of the native writer (70 ns) is cheaper than a loop over `charCodeAt` (2 ns a character). */
const LOOP_LENGTH_MAX = 31;
/** What the word of a text can say. */
const TEXT_BYTES_MAX = 2 ** 30 - 1;
/** From this length on bytes start at a multiple of 8: copying to and from shared memory is several times faster then. */
const ALIGNED_LENGTH_MIN = 256;

/** In Node 20, not yet in the ES2023 library types. */
interface WellFormed {
  isWellFormed(): boolean;
}

/** `word` is the index of the word that describes the text. */
export function writeText(views: MemoryViews, value: string, word: number, tail: number, limit: number): number {
  const length = value.length;
  if (length > LOOP_LENGTH_MAX) return writeLongText(views, value, word, tail, limit);
  if (limit - tail < length) return FULL;
  const bytes = views.bytes;
  let all = 0;
  let at = tail;
  let index = 0;
  // By fours: a quarter faster from 12 characters on. `text-writer.ts` has the same loop: one function for both makes texts here 5 to 8 % slower.
  for (const end = length & ~3; index < end; index += 4) {
    const a = value.charCodeAt(index);
    const b = value.charCodeAt(index + 1);
    const c = value.charCodeAt(index + 2);
    const d = value.charCodeAt(index + 3);
    all |= a | b | c | d;
    bytes[at] = a;
    bytes[at + 1] = b;
    bytes[at + 2] = c;
    bytes[at + 3] = d;
    at += 4;
  }
  for (; index < length; index++) {
    const unit = value.charCodeAt(index);
    all |= unit;
    bytes[at++] = unit;
  }
  if (all > 0xff) return writeWideText(views, value, word, tail, limit);
  views.words[word] = length << 2;
  return at;
}

/** One native call writes the text as UTF-8 and tells whether all of it was ASCII. */
function writeLongText(views: MemoryViews, value: string, word: number, tail: number, limit: number): number {
  const length = value.length;
  const room = Math.min(limit - tail, TEXT_BYTES_MAX);
  if (room < length) return FULL;
  // Without this much room the native writer may stop early, and the number it returns would say nothing.
  if (room < length * 3 && Buffer.byteLength(value) !== length) return writeWideText(views, value, word, tail, limit);
  const written = views.buffer.write(value, tail, Math.min(length * 3, room), 'utf8');
  if (written !== length && !(value as unknown as WellFormed).isWellFormed()) return writeWideText(views, value, word, tail, limit);
  views.words[word] = (written << 2) | (written === length ? Encoding.latin1 : Encoding.utf8);
  return tail + written;
}

/** UTF-8, or UTF-16 where lone surrogates would not survive that. */
function writeWideText(views: MemoryViews, value: string, word: number, tail: number, limit: number): number {
  const wellFormed = (value as unknown as WellFormed).isWellFormed();
  const length = wellFormed ? Buffer.byteLength(value) : value.length * 2;
  if (Math.min(limit - tail, TEXT_BYTES_MAX) < length) return FULL;
  views.buffer.write(value, tail, length, wellFormed ? 'utf8' : 'utf16le');
  views.words[word] = (length << 2) | (wellFormed ? Encoding.utf8 : Encoding.utf16);
  return tail + length;
}

/** The text ends at `tail + (head >>> 2)`. */
export function readText(views: MemoryViews, head: number, tail: number, end: number): string {
  const length = head >>> 2;
  if (end - tail < length) throw corrupt('a text is longer than the message');
  switch (head & 3) {
    case Encoding.latin1:
      return length <= SHORT_STRING_LENGTH_MAX ? shortString(views.bytes, tail, length) : views.buffer.latin1Slice(tail, tail + length);
    case Encoding.utf8:
      return views.buffer.utf8Slice(tail, tail + length);
    case Encoding.utf16:
      if ((length & 1) !== 0) throw corrupt('a text has half a character');
      return views.buffer.ucs2Slice(tail, tail + length);
    default:
      throw corrupt('a text has no encoding');
  }
}

export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && !isRefusedView(value);
}

export function writeBytes(views: MemoryViews, value: unknown, word: number, tail: number, limit: number): number {
  if (!isBytes(value)) return MISFIT;
  const length = value.length;
  const start = bytesStart(length, tail);
  if (limit - start < length) return FULL;
  views.bytes.set(value, start);
  views.words[word] = length;
  return start + length;
}

export function readBytes(views: MemoryViews, length: number, tail: number, end: number): Uint8Array {
  const start = bytesStart(length, tail);
  if (length < 0 || end - start < length) throw corrupt('bytes are longer than the message');
  return views.bytes.slice(start, start + length);
}

export function bytesStart(length: number, tail: number): number {
  return length < ALIGNED_LENGTH_MIN ? tail : (tail + 7) & ~7;
}

export function isReference(references: ReferenceCodec, value: unknown): value is object {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && references.isReference(value);
}

/** `word` is the index of the first of the four words of a reference. */
export function writeReference(views: MemoryViews, references: ReferenceCodec, value: unknown, word: number, tail: number, limit: number): number {
  if (!isReference(references, value)) return MISFIT;
  const { slot, generation, kind, id, remote } = references.describe(value);
  const words = views.words;
  if (remote !== undefined) {
    words[word] = 0;
    words[word + 1] = 0;
    words[word + 2] = KIND_OF_NODE;
    return writeText(views, remoteText(remote), word + 3, tail, limit);
  }
  words[word] = slot;
  words[word + 1] = generation;
  words[word + 2] = kind;
  if (id !== undefined) return writeText(views, id, word + 3, tail, limit);
  words[word + 3] = Encoding.none;
  return tail;
}

export function readReference(views: MemoryViews, references: ReferenceCodec, word: number, tail: number, end: number): object {
  const words = views.words;
  const head = words[word + 3] as number;
  const id = head === Encoding.none ? undefined : readText(views, head, tail, end);
  if (words[word + 2] === KIND_OF_NODE && id !== undefined && references.restoreRemote !== undefined) return restoreRemote(references, remoteOfText(id));
  return references.restore((words[word] as number) >>> 0, (words[word + 1] as number) >>> 0, (words[word + 2] as number) >>> 0, id);
}

/** In the place of a kind: the text is all of a reference to an agent of a node. No kind has this number. */
const KIND_OF_NODE = -1;

/** Names of nodes have no spaces; the length says where the name of the kind ends. */
function remoteText({ node, incarnation, life, kind, id }: NodeReferenceDescription): string {
  return `${node} ${incarnation} ${life} ${kind.length} ${kind}${id}`;
}

function remoteOfText(text: string): NodeReferenceDescription {
  const match = /^(\S+) (\d+) (-?\d+) (\d+) /.exec(text);
  if (match === null) throw corrupt('a reference to an agent of a node is none');
  const rest = text.slice(match[0].length);
  const kindLength = Number(match[4]);
  return { node: match[1] as string, incarnation: Number(match[2]), life: Number(match[3]), kind: rest.slice(0, kindLength), id: rest.slice(kindLength) };
}

/** Milliseconds, NaN for an invalid date; undefined when it is no Date. A Date of another realm is one. */
export function timeOf(value: unknown): number | undefined {
  try {
    return Date.prototype.getTime.call(value);
  } catch {
    return undefined;
  }
}
