/**
 * Text of others on a terminal: what an id, a kind, an error or an input may hold must neither control the terminal nor take more room than it is given. Everything that a command
 * prints of what it was sent goes through here. Pure; what a style looks like is not decided here.
 */

/**
 * What a terminal could take for a command or show as something else than it is: controls (C0, DEL, C1), formats (marks of direction, joiners), separators of lines, halves of surrogate
 * pairs, private and unassigned characters, and the selector that makes the width of the character before it a matter of taste.
 */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}\p{Variation_Selector}]/u;
const HARMFUL_ALL = new RegExp(HARMFUL, 'gu');
const MARK = /\p{Mn}|\p{Me}/u;
/** More than these on one character run over the lines above and below. */
const MARKS_MAX = 2;
const WIDE_BY_ITSELF = /\p{Emoji_Presentation}/u;

/** East Asian Width W and F (UAX 11), as ranges of first and last code point; what lies between them and is not assigned yet counts as wide too. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x1aff0, 0x1b2ff],
  [0x1d300, 0x1d376],
  [0x1f200, 0x1f2ff],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1faff],
  [0x20000, 0x3fffd],
];

/** One line in which nothing controls a terminal: what would is shown as its escape in a JavaScript string. @param isAscii for terminals that do not read UTF-8: all else is `?` */
export function harmless(text: string, isAscii = false): string {
  if (isAscii) return text.replace(/[^\x20-\x7e]/gu, (character) => (HARMFUL.test(character) ? escaped(character) : '?'));
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  let marks = 0;
  let clean = '';
  for (const character of text.normalize('NFC')) {
    const isMark = MARK.test(character);
    marks = isMark ? marks + 1 : 0;
    if (HARMFUL.test(character)) clean += escaped(character);
    else if (!isMark || (marks <= MARKS_MAX && clean !== '')) clean += character;
  }
  return clean;
}

/** JSON that a terminal can be shown: the same value, with escapes for what `JSON.stringify` leaves as it is. */
export function harmlessJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(HARMFUL_ALL, (character) =>
    character === '\n' ? character : [...Array(character.length).keys()].map((index) => unit(character.charCodeAt(index))).join(''),
  );
}

/** How many columns a harmless text takes. Where terminals differ, the larger number. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

/** 0 for a mark that stands on the character before it. */
export function widthOfCharacter(character: string): 0 | 1 | 2 {
  const code = character.codePointAt(0) as number;
  if (code < 0x300) return 1;
  if (MARK.test(character)) return 0;
  return WIDE_BY_ITSELF.test(character) || WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}

/** The text, if it is too wide its beginning with `…` (or `~`), in no more than `columns` columns. */
export function cut(text: string, columns: number, isAscii = false): string {
  if (columns <= 0) return '';
  if (widthOf(text) <= columns) return text;
  let width = 1;
  let kept = '';
  for (const character of text) {
    width += widthOfCharacter(character);
    if (width > columns) break;
    kept += character;
  }
  return `${kept}${isAscii ? '~' : '…'}`;
}

/** The text in exactly `columns` columns. */
export function padded(text: string, columns: number, align: 'left' | 'right' = 'left', isAscii = false): string {
  const shown = cut(text, columns, isAscii);
  const blank = ' '.repeat(Math.max(0, columns - widthOf(shown)));
  return align === 'left' ? shown + blank : blank + shown;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) as number;
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code <= 0xffff ? unit(code) : `\\u{${code.toString(16)}}`;
}

function unit(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`;
}
