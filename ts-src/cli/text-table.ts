/** Rows of text as columns, each as wide as its widest cell. Pure; the cells are harmless already. For tables that are printed once: what fits a screen is in `top/`. */
import { padded, widthOf } from './terminal-text.js';

/** @returns lines with two blanks before and between the cells */
export function textTable(rows: readonly (readonly string[])[], aligns: readonly ('left' | 'right')[] = []): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? ''))));
  return rows.map((row) => `  ${widths.map((width, column) => padded(row[column] ?? '', width, aligns[column])).join('  ')}`.trimEnd());
}
