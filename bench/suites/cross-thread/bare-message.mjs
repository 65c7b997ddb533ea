/** What `raw-ring` moves: the header that the ring needs and words, written and read in place. Used by `curve` too. */
import * as L from '../../../dist/layout/generated/layout.js';

export const HEADER_BYTES = 16;
/** Up to here words are stored one by one, which is faster than a call that copies. */
const WORDS_MAX = 32;

/**
 * Commits a message with the words of `source`. False if the ring is full.
 * @param {{ words: Int32Array, bytes: Uint8Array }} memory
 * @param {number} mark for the receiver
 */
export function writeBare({ words, bytes }, writer, type, source, mark) {
  const at = writer.begin();
  if (at < 0) return false;
  const word = at >> 2;
  const messageBytes = (HEADER_BYTES + source.byteLength + 7) & ~7;
  words[word + L.MESSAGE_WORD_BYTES] = messageBytes;
  words[word + L.MESSAGE_WORD_TYPE] = type;
  words[word + L.MESSAGE_WORD_SLOT] = mark;
  if (source.length <= WORDS_MAX) for (let index = 0; index < source.length; index++) words[word + 4 + index] = source[index];
  else bytes.set(new Uint8Array(source.buffer), at + HEADER_BYTES);
  writer.commit(messageBytes);
  return true;
}

/** The mark of a tell: a size that is no multiple of 8 was rounded up. */
export function markOf(source) {
  return source.length & 1;
}

/** The last word of the payload of a tell. */
export function lastWord(words, at) {
  const word = at >> 2;
  const end = word + (words[word + L.MESSAGE_WORD_BYTES] >> 2);
  return words[end - 1 - (words[word + L.MESSAGE_WORD_SLOT] & 1)];
}
