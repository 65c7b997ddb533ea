/** Lines of a screen as values: texts with a style. What a style is on a terminal, `frame.ts` knows. Pure. */
import { cut, widthOf } from '../terminal-text.js';

export type Style = 'plain' | 'dim' | 'strong' | 'title' | 'good' | 'warn' | 'bad' | 'marked';

export interface Segment {
  readonly text: string;
  readonly style: Style;
}

/** Of one row of the screen. The texts are harmless. */
export type StyledLine = readonly Segment[];

export function segment(text: string, style: Style = 'plain'): Segment {
  return { text, style };
}

export function plainText(line: StyledLine): string {
  return line.map(({ text }) => text).join('');
}

/** The line in no more than `columns` columns. */
export function cutLine(line: StyledLine, columns: number, isAscii: boolean): StyledLine {
  const kept: Segment[] = [];
  let left = columns;
  for (const [index, { text, style }] of line.entries()) {
    const width = widthOf(text);
    // The text that does not fit says so itself; one that fits to the last column says so if there is more behind it.
    const isLastToFit = width === left && line.slice(index + 1).some((rest) => rest.text.trim() !== '');
    const shown = isLastToFit && width > 0 ? cut(text, width - 1, isAscii).concat(isAscii ? '~' : '…') : cut(text, left, isAscii);
    if (shown !== '') kept.push({ text: widthOf(shown) > left ? cut(shown, left, isAscii) : shown, style });
    left -= widthOf(shown);
    if (left <= 0) break;
  }
  return kept;
}

/** A share of a whole as a bar in exactly `columns` columns. What is none is empty, what is more than the whole is full. */
export function barText(share: number, columns: number, isAscii: boolean): string {
  if (columns <= 0) return '';
  const part = Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
  const eighths = part === 0 ? 0 : Math.max(1, Math.round(part * columns * 8));
  const full = Math.floor(eighths / 8);
  if (isAscii) return '#'.repeat(Math.min(columns, Math.ceil(eighths / 8))).padEnd(columns, '.');
  return (FULL.repeat(full) + (eighths % 8 === 0 ? '' : (PARTS[(eighths % 8) - 1] as string))).padEnd(columns, ' ');
}

/** Counts as a line of columns, the highest as high as the line. */
export function sparkText(counts: readonly number[], columns: number, isAscii: boolean): string {
  const steps = isAscii ? ASCII_STEPS : STEPS;
  const shown = counts.slice(0, Math.max(0, columns)).map((count) => (Number.isFinite(count) ? Math.max(0, count) : 0));
  const largest = Math.max(0, ...shown);
  return shown
    .map((count) => (count === 0 ? ' ' : (steps[Math.min(steps.length - 1, Math.floor((count / largest) * steps.length))] as string)))
    .join('')
    .padEnd(Math.max(0, columns), ' ');
}

const FULL = '█';
const PARTS = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;
const STEPS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
const ASCII_STEPS = ['.', ':', '-', '=', '+', '*', '#', '@'] as const;
