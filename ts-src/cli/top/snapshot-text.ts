/** A snapshot as text that is printed once: everything that is in it, each column as wide as it needs. Pure. */
import type { ConsoleSnapshot } from '../../console/protocol.js';
import { harmless } from '../terminal-text.js';
import { textTable } from '../text-table.js';
import { headerLines } from './header.js';
import { PANEL_NAMES, PANELS } from './panels.js';
import { plainText } from './styled-line.js';
import { type Column, sorted } from './table.js';
import { THREAD_COLUMNS } from './thread-rows.js';
import type { ViewState } from './view-state.js';

const HEADER_COLUMNS = 120;
/** Bars and the like, that have no width of their own. */
const DRAWN_COLUMNS = 25;

export function snapshotText(snapshot: ConsoleSnapshot, url: string, { sorts }: ViewState, isAscii: boolean): string {
  const lines = headerLines(snapshot, url, HEADER_COLUMNS, Number.POSITIVE_INFINITY, isAscii).map(plainText);
  const table = <Row>(columns: readonly Column<Row>[], rows: readonly Row[], whole: number): string[] =>
    textTable(
      [
        columns.map(({ title }) => title),
        ...rows.map((row) =>
          columns.map((column) => harmless(column.text(row, { width: DRAWN_COLUMNS, isAscii, nowMs: snapshot.takenAtMs, whole }), isAscii).trimEnd()),
        ),
      ],
      columns.map(({ align = 'left' }) => align),
    );
  lines.push('', 'threads', ...table(THREAD_COLUMNS, snapshot.threads, 1));
  for (const name of PANEL_NAMES) {
    if (name === 'nodes' && snapshot.cluster === undefined) continue;
    const panel = PANELS[name];
    const rows = sorted(panel.rows(snapshot), panel.columns, sorts[name]);
    const note = panel.note(snapshot);
    lines.push('', `${name}${note === undefined ? '' : `, ${harmless(note, isAscii)}`}`);
    lines.push(...(rows.length === 0 ? [`  ${panel.empty}`] : table(panel.columns, rows, panel.whole(snapshot))));
  }
  return `${lines.join('\n')}\n`;
}
