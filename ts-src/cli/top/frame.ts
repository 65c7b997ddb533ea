/**
 * From the lines that a terminal shows to those it is to show, in as few bytes as can be told: only what has changed of each line, with the sequences of ECMA-48 that every terminal knows.
 * Pure: it makes a string, `terminal-screen.ts` writes it.
 */
import { widthOfCharacter } from '../terminal-text.js';
import { plainText, type Style, type StyledLine } from './styled-line.js';

export interface FrameLook {
  readonly isColored: boolean;
}

const RESET = '\x1b[0m';
const COLORED: Readonly<Record<Style, string>> = {
  plain: '',
  dim: '\x1b[2m',
  strong: '\x1b[1m',
  title: '\x1b[1;36m',
  good: '\x1b[32m',
  warn: '\x1b[33m',
  bad: '\x1b[1;31m',
  marked: '\x1b[7m',
};
/** Without colours: weight and reverse are none. */
const COLORLESS: Readonly<Record<Style, string>> = { ...COLORED, title: '\x1b[1m', good: '', warn: '\x1b[1m', bad: '\x1b[7m' };

interface Cell {
  readonly character: string;
  readonly style: Style;
}

/** @param shown what is on the terminal; undefined clears it first */
export function frameText(shown: readonly StyledLine[] | undefined, wanted: readonly StyledLine[], look: FrameLook): string {
  let text = shown === undefined ? `${RESET}\x1b[2J` : '';
  for (const [row, line] of wanted.entries()) text += lineText(shown === undefined ? [] : (shown[row] ?? []), line, row, look);
  for (let row = wanted.length; row < (shown?.length ?? 0); row++) text += `${at(row, 0)}\x1b[K`;
  return text;
}

function lineText(shown: StyledLine, wanted: StyledLine, row: number, look: FrameLook): string {
  const before = cellsOf(shown);
  const after = cellsOf(wanted);
  if (before === undefined || after === undefined) {
    // Where terminals differ in how wide a character is, positions inside of the line mean nothing: it is written whole.
    return sameLine(shown, wanted) ? '' : `${at(row, 0)}\x1b[2K${written(wanted, look)}`;
  }
  let first = 0;
  while (first < after.length && sameCell(before[first] ?? BLANK, after[first])) first++;
  let end = after.length;
  while (end > first && sameCell(before[end - 1] ?? BLANK, after[end - 1])) end--;
  const isShorter = before.slice(after.length).some((cell) => !sameCell(cell, BLANK));
  if (first === end && !isShorter) return '';
  const changed = first === end ? '' : `${at(row, first)}${written(segmentsOf(after.slice(first, end)), look)}`;
  return isShorter ? `${changed}${end === after.length && first !== end ? '' : at(row, after.length)}\x1b[K` : changed;
}

const BLANK: Cell = { character: ' ', style: 'plain' };

/** One cell for each column; undefined if a character could take another number of them than one. */
function cellsOf(line: StyledLine): Cell[] | undefined {
  const cells: Cell[] = [];
  for (const { text, style } of line) {
    for (const character of text) {
      if (!isSurelyOneColumn(character)) return undefined;
      cells.push({ character, style });
    }
  }
  return cells;
}

/** Latin letters and what this program draws itself. */
function isSurelyOneColumn(character: string): boolean {
  const code = character.codePointAt(0) as number;
  return code < 0x300 || (widthOfCharacter(character) === 1 && (code === 0x2026 || (code >= 0x2581 && code <= 0x258f) || code === 0x25b4 || code === 0x25be));
}

function segmentsOf(cells: readonly Cell[]): StyledLine {
  const segments: { text: string; style: Style }[] = [];
  for (const { character, style } of cells) {
    const last = segments.at(-1);
    if (last?.style === style) last.text += character;
    else segments.push({ text: character, style });
  }
  return segments;
}

/** Ends plain, as it began. */
function written(line: StyledLine, { isColored }: FrameLook): string {
  const styles = isColored ? COLORED : COLORLESS;
  return line.map(({ text, style }) => (styles[style] === '' ? text : `${styles[style]}${text}${RESET}`)).join('');
}

function at(row: number, column: number): string {
  return `\x1b[${row + 1};${column + 1}H`;
}

function sameCell(a: Cell | undefined, b: Cell | undefined): boolean {
  return a?.character === b?.character && (a?.style === b?.style || (a?.character === ' ' && !isReversed(a) && !isReversed(b)));
}

/** A blank looks the same in every style but those that a look may show in reverse. */
function isReversed(cell: Cell | undefined): boolean {
  return cell?.style === 'marked' || cell?.style === 'bad';
}

function sameLine(a: StyledLine, b: StyledLine): boolean {
  return plainText(a) === plainText(b) && JSON.stringify(segmentsWithText(a)) === JSON.stringify(segmentsWithText(b));
}

function segmentsWithText(line: StyledLine): StyledLine {
  return line.filter(({ text }) => text !== '');
}
