/**
 * `nexus top` as a pure function: a snapshot, the size of a terminal and what somebody looks at make the lines of the screen, exactly as many as it has rows and none wider than it. Which
 * bytes bring them onto a terminal is decided in `frame.ts`; `nexus top --once` uses `snapshot-text.ts` instead.
 */
import type { ConsoleSnapshot } from '../../console/protocol.js';
import { ageText } from '../quantity-text.js';
import { harmless } from '../terminal-text.js';
import { headerLines } from './header.js';
import { PANEL_NAMES, PANELS, type PanelName } from './panels.js';
import { cutLine, plainText, type StyledLine, segment } from './styled-line.js';
import { headLine, rowLine, sizeColumns, sorted } from './table.js';
import { threadLines } from './thread-rows.js';
import type { Extent, ViewState } from './view-state.js';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** What the screen is about beside the snapshot. */
export interface ScreenState {
  readonly url: string;
  readonly connection:
    | { readonly type: 'live' }
    /** The service is there, and could not take a snapshot. */
    | { readonly type: 'unavailable'; readonly reason: string }
    | { readonly type: 'lost'; readonly reason: string; readonly attempt: number };
  /** Age of the snapshot by the clock of the terminal. */
  readonly ageMs: number;
  readonly isAscii: boolean;
}

export interface Screen {
  readonly lines: readonly StyledLine[];
  /** For the next key. */
  readonly extent: Extent;
}

/** @param snapshot undefined until the first one has come */
export function screenOf(snapshot: ConsoleSnapshot | undefined, size: ScreenSize, view: ViewState, state: ScreenState): Screen {
  const rows = Math.max(1, Math.floor(size.rows));
  const columns = Math.max(1, Math.floor(size.columns));
  const footer = rows >= 3 ? [footerLine(view, state)] : [];
  const body = bodyOf(snapshot, columns, rows - footer.length, view, state);
  const lines = [...body.lines.slice(0, rows - footer.length)];
  while (lines.length < rows - footer.length) lines.push([]);
  return { lines: [...lines, ...footer].map((line) => cutLine(line, columns, state.isAscii)), extent: body.extent };
}

function bodyOf(snapshot: ConsoleSnapshot | undefined, columns: number, rows: number, view: ViewState, state: ScreenState): Screen {
  const { isAscii } = state;
  if (view.isHelp) return { lines: HELP.map((text) => [segment(text)]), extent: { rows: 0, page: rows } };
  if (snapshot === undefined)
    return { lines: [[segment('nexus top', 'title'), segment(`  waiting for ${harmless(state.url, isAscii)}`)]], extent: { rows: 0, page: rows } };
  const top: StyledLine[] = [...headerLines(snapshot, state.url, columns, rows >= 20 ? 6 : rows >= 12 ? 3 : 1, isAscii)];
  // The panel is what one scrolls in: it has at least as much as the threads above it.
  if (view.hasThreads && rows >= 9) top.push(...spaceIf(rows >= 16), ...threadLines(snapshot.threads, columns, Math.floor((rows - top.length) * 0.4), isAscii));
  if (rows >= 6) top.push(...spaceIf(rows >= 16), tabsLine(view, columns));
  return panelBelow(top, snapshot, columns, rows, view, isAscii);
}

function panelBelow(top: readonly StyledLine[], snapshot: ConsoleSnapshot, columns: number, rows: number, view: ViewState, isAscii: boolean): Screen {
  const panel = PANELS[view.panel];
  const sort = view.sorts[view.panel];
  const sized = sizeColumns(panel.columns, columns, sort);
  const listed = sorted(panel.rows(snapshot), panel.columns, sort);
  const note = panel.note(snapshot);
  const lines = [...top, ...(note === undefined || rows < 12 ? [] : [[segment(harmless(note, isAscii), 'dim')]])];
  if (rows - lines.length >= 2) lines.push(headLine(sized, sort, isAscii));
  const page = Math.max(0, rows - lines.length);
  if (listed.length === 0) return { lines: [...lines, [segment(panel.empty, 'dim')]], extent: { rows: 0, page } };
  const first = Math.min(view.scrolled[view.panel], Math.max(0, listed.length - page));
  const drawing = { isAscii, nowMs: snapshot.takenAtMs, whole: panel.whole(snapshot) };
  return { lines: [...lines, ...listed.slice(first, first + page).map((row) => rowLine(sized, row, drawing))], extent: { rows: listed.length, page } };
}

function tabsLine({ panel }: ViewState, columns: number): StyledLine {
  const tabs = (name: (name: PanelName) => string): StyledLine =>
    PANEL_NAMES.map((each, index) => segment(` ${index + 1}${name(each)} `, each === panel ? 'marked' : 'dim'));
  const whole = tabs((name) => ` ${name}`);
  return plainText(whole).length <= columns ? whole : tabs((name) => (name === panel ? ` ${name}` : ''));
}

function footerLine(view: ViewState, { connection, ageMs, isAscii }: ScreenState): StyledLine {
  if (connection.type === 'lost') {
    return [segment(' no connection ', 'bad'), segment(` since ${ageText(ageMs)}, attempt ${connection.attempt}: ${harmless(connection.reason, isAscii)}`)];
  }
  if (connection.type === 'unavailable') return [segment(' no snapshot ', 'bad'), segment(` since ${ageText(ageMs)}: ${harmless(connection.reason, isAscii)}`)];
  const keys = 'q quit  ? help  1-7 tab panel  s sort  r reverse  space pause';
  return view.isPaused ? [segment(` paused ${ageText(ageMs)} ago `, 'marked'), segment(`  space goes on  ${keys}`, 'dim')] : [segment(keys, 'dim')];
}

function spaceIf(isRoomy: boolean): StyledLine[] {
  return isRoomy ? [[]] : [];
}

const HELP: readonly string[] = [
  'Keys of nexus top (any key goes back)',
  '',
  '  1 to 7, tab, left, right   another panel; 7: the nodes of the cluster',
  '  s, S                       sort by the next, the previous column',
  '  r                          sort in reverse',
  '  up, down, j, k             scroll by a row',
  '  page up, page down         scroll by a page',
  '  home, end, g, G            to the first, to the last row',
  '  t                          show or hide the threads',
  '  space                      hold the picture, go on',
  '  ctrl-l                     draw all again',
  '  ctrl-z                     to the shell; fg comes back',
  '  q, ctrl-c                  end',
  '',
  'Rates are of one second, over the period between two pictures. Rates of',
  'actions and flows, and durations of actions, are from a sample.',
  'ask, turn, wait: median/99th percentile since the start.',
  'lag: how late the event loop of the thread is, from 1 ms to 1 s on a',
  'logarithmic scale. busy: the share of the time it does something.',
];
