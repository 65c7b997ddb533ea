/** What somebody looks at in `nexus top`, and what each key makes of it: a state machine over values. It knows nothing of terminals or sockets. */
import { PANEL_NAMES, PANELS, type PanelName, sortKeysOf } from './panels.js';
import type { Sort } from './table.js';

export interface ViewState {
  readonly panel: PanelName;
  readonly sorts: Readonly<Record<PanelName, Sort>>;
  /** Rows that are scrolled away above, of each panel. */
  readonly scrolled: Readonly<Record<PanelName, number>>;
  readonly hasThreads: boolean;
  readonly isPaused: boolean;
  readonly isHelp: boolean;
}

/** What the shell is to do beside drawing the view. */
export type KeyEffect = 'none' | 'quit' | 'redraw' | 'suspend';

/** How far the panel can be scrolled. */
export interface Extent {
  readonly rows: number;
  /** Rows on the screen at a time. */
  readonly page: number;
}

/** @param sortKey one of SORT_KEYS; the panels that have it are sorted by it, and the first of them is shown */
export function initialView(sortKey?: string): ViewState {
  const having = sortKey === undefined ? [] : PANEL_NAMES.filter((name) => sortKeysOf(name).includes(sortKey));
  const ofEach = <Value>(value: (name: PanelName) => Value): Record<PanelName, Value> =>
    Object.fromEntries(PANEL_NAMES.map((name) => [name, value(name)])) as Record<PanelName, Value>;
  return {
    panel: having[0] ?? 'actions',
    sorts: ofEach((name) => ({ column: sortKey !== undefined && having.includes(name) ? sortKey : PANELS[name].sortedBy, isReversed: false })),
    scrolled: ofEach(() => 0),
    hasThreads: true,
    isPaused: false,
    isHelp: false,
  };
}

/** @param key a character, or a name such as `up`, `pagedown`, `ctrl-c` */
export function pressed(view: ViewState, key: string, extent: Extent): { readonly view: ViewState; readonly effect: KeyEffect } {
  const same = (effect: KeyEffect): { view: ViewState; effect: KeyEffect } => ({ view, effect });
  const now = (changed: Partial<ViewState>): { view: ViewState; effect: KeyEffect } => ({ view: { ...view, ...changed }, effect: 'none' });
  if (key === 'ctrl-c' || key === 'ctrl-d') return same('quit');
  if (key === 'ctrl-z') return same('suspend');
  if (key === 'ctrl-l') return same('redraw');
  // Any key leaves the help; q does not end all with it.
  if (view.isHelp) return now({ isHelp: false });
  const { panel } = view;
  const sort = view.sorts[panel];
  const last = Math.max(0, extent.rows - extent.page);
  const scrolled = Math.min(view.scrolled[panel], last);
  const scrollTo = (row: number): { view: ViewState; effect: KeyEffect } =>
    now({ scrolled: { ...view.scrolled, [panel]: Math.min(last, Math.max(0, Math.round(row))) } });
  // The rows that were looked at are elsewhere in another order: it begins at its top.
  const sortBy = (changed: Sort): { view: ViewState; effect: KeyEffect } =>
    now({ sorts: { ...view.sorts, [panel]: changed }, scrolled: { ...view.scrolled, [panel]: 0 } });
  switch (key) {
    case 'q':
      return same('quit');
    case '?':
    case 'h':
      return now({ isHelp: true });
    case ' ':
      return now({ isPaused: !view.isPaused });
    case 't':
      return now({ hasThreads: !view.hasThreads });
    case 'tab':
    case 'right':
      return now({ panel: neighbour(PANEL_NAMES, panel, 1) });
    case 'shift-tab':
    case 'left':
      return now({ panel: neighbour(PANEL_NAMES, panel, -1) });
    case 's':
    case '>':
      return sortBy({ column: neighbour(sortKeysOf(panel), sort.column, 1), isReversed: false });
    case 'S':
    case '<':
      return sortBy({ column: neighbour(sortKeysOf(panel), sort.column, -1), isReversed: false });
    case 'r':
      return sortBy({ ...sort, isReversed: !sort.isReversed });
    case 'down':
    case 'j':
      return scrollTo(scrolled + 1);
    case 'up':
    case 'k':
      return scrollTo(scrolled - 1);
    case 'pagedown':
      return scrollTo(scrolled + Math.max(1, extent.page - 1));
    case 'pageup':
      return scrollTo(scrolled - Math.max(1, extent.page - 1));
    case 'home':
    case 'g':
      return scrollTo(0);
    case 'end':
    case 'G':
      return scrollTo(last);
    default: {
      const chosen = /^[1-9]$/.test(key) ? PANEL_NAMES[Number(key) - 1] : undefined;
      return chosen === undefined ? same('none') : now({ panel: chosen });
    }
  }
}

/** The next one, after the last the first. */
function neighbour<Name extends string>(names: readonly Name[], name: Name, step: 1 | -1): Name {
  return names[(names.indexOf(name) + step + names.length) % names.length] as Name;
}
