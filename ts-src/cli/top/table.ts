/** A table in the width of a screen: which of its columns there is room for, how wide each is, and its rows as lines. Widths depend on the screen alone, not on what is in the rows, so that nothing jumps. Pure. */
import { harmless, padded } from '../terminal-text.js';
import { type Segment, type Style, type StyledLine, segment } from './styled-line.js';

/** What a cell is drawn with. */
export interface Drawing {
  readonly width: number;
  readonly isAscii: boolean;
  /** The time of the snapshot, for ages. */
  readonly nowMs: number;
  /** What a share is of. */
  readonly whole: number;
}

export interface Column<Row> {
  /** By which it is sorted, on the command line too. */
  readonly name: string;
  readonly title: string;
  /** The least it needs. */
  readonly width: number;
  /** Its part of the room that is left; default none. */
  readonly grow?: number;
  /** When there is no room for all, the columns with the lowest number go first. */
  readonly keep: number;
  readonly align?: 'left' | 'right';
  /** What it is sorted by: numbers the largest first, texts as in a dictionary. Columns without it cannot be sorted by. */
  value?(row: Row): number | string;
  /** Made harmless and as wide as the column afterwards. */
  text(row: Row, drawing: Drawing): string;
  style?(row: Row): Style;
}

export interface Sort {
  readonly column: string;
  readonly isReversed: boolean;
}

export interface SizedColumn<Row> {
  readonly column: Column<Row>;
  readonly width: number;
}

const GAP = 2;
/** What is kept longest: of each table the column that says what a row is about. */
export const KEEP_NAME = 10;

/** The columns that have room in the width, in their order; none if not even one has. That by which the rows are sorted goes last but one: a number without a name says nothing. */
export function sizeColumns<Row>(columns: readonly Column<Row>[], width: number, sort?: Sort): readonly SizedColumn<Row>[] {
  const keepOf = ({ name, keep }: Column<Row>): number => (name === sort?.column ? Math.max(keep, KEEP_NAME - 0.5) : keep);
  const kept = [...columns];
  const needed = (): number => kept.reduce((sum, column) => sum + column.width, 0) + GAP * (kept.length - 1);
  while (kept.length > 1 && needed() > width) {
    const least = Math.min(...kept.map(keepOf));
    kept.splice(
      kept.findLastIndex((column) => keepOf(column) === least),
      1,
    );
  }
  const [first] = kept;
  if (first === undefined || width <= 0) return [];
  if (needed() > width) return [{ column: first, width }];
  const left = width - needed();
  const shares = kept.reduce((sum, { grow = 0 }) => sum + grow, 0);
  return kept.map((column) => ({ column, width: column.width + (shares === 0 ? 0 : Math.floor((left * (column.grow ?? 0)) / shares)) }));
}

/** The titles, that of the sorted column marked with the direction. */
export function headLine<Row>(sized: readonly SizedColumn<Row>[], sort: Sort | undefined, isAscii: boolean): StyledLine {
  return spaced(
    sized.map(({ column, width }) => {
      const isSorted = sort?.column === column.name;
      const mark = !isSorted ? '' : sort.isReversed ? (isAscii ? '^' : '▴') : isAscii ? 'v' : '▾';
      return segment(padded(`${column.title}${mark}`, width, column.align, isAscii), isSorted ? 'title' : 'strong');
    }),
  );
}

export function rowLine<Row>(sized: readonly SizedColumn<Row>[], row: Row, drawing: Omit<Drawing, 'width'>): StyledLine {
  const { isAscii } = drawing;
  return spaced(
    sized.map(({ column, width }) =>
      segment(padded(harmless(column.text(row, { ...drawing, width }), isAscii), width, column.align, isAscii), column.style?.(row) ?? 'plain'),
    ),
  );
}

/** In a new array. Rows that are equal keep their order. */
export function sorted<Row>(rows: readonly Row[], columns: readonly Column<Row>[], { column, isReversed }: Sort): readonly Row[] {
  const value = columns.find(({ name }) => name === column)?.value;
  if (value === undefined) return rows;
  const sign = isReversed ? -1 : 1;
  return [...rows].sort((a, b) => sign * compare(value(a), value(b)));
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === 'string' || typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  // What is not a number comes last.
  return (Number.isFinite(b) ? b : Number.NEGATIVE_INFINITY) - (Number.isFinite(a) ? a : Number.NEGATIVE_INFINITY) || 0;
}

function spaced(cells: readonly Segment[]): StyledLine {
  return cells.flatMap((cell, index) => (index === 0 ? [cell] : [segment(' '.repeat(GAP)), cell]));
}
