/** The panels of `nexus top`: which list of a snapshot each shows, in which columns, sorted by what. Pure. */
import type { ActionSnapshot, FlowSnapshot, KindSnapshot, MailboxSnapshot, RecentDeadLetter, RecentFailure } from '../../model/observation.js';
import type { ConsoleSnapshot } from '../../console/protocol.js';
import { ageText, bytesText, countText, durationText, percentText, rateText } from '../quantity-text.js';
import { lossStyle, type NodeRow, nodeRows, nodeStateText, nodeStyle, nodeTrouble, phiStyle, phiText, quieterFacts, roleText } from './cluster-rows.js';
import { barText, type Style, sparkText } from './styled-line.js';
import type { Column } from './table.js';

export const PANEL_NAMES = ['actions', 'kinds', 'mailboxes', 'flows', 'dead letters', 'failures', 'nodes'] as const;
export type PanelName = (typeof PANEL_NAMES)[number];

/** The type of its rows is known inside of `definePanel` only. */
export interface Panel {
  readonly columns: readonly Column<unknown>[];
  /** Of the column it is sorted by until somebody chooses another. */
  readonly sortedBy: string;
  rows(snapshot: ConsoleSnapshot): readonly unknown[];
  /** What shares are of. */
  whole(snapshot: ConsoleSnapshot): number;
  /** A line above the rows. */
  note(snapshot: ConsoleSnapshot): string | undefined;
  /** Instead of rows. */
  readonly empty: string;
}

interface PanelParts<Row> {
  readonly columns: readonly Column<Row>[];
  readonly sortedBy: string;
  rows(snapshot: ConsoleSnapshot): readonly Row[];
  whole?(snapshot: ConsoleSnapshot): number;
  note?(snapshot: ConsoleSnapshot): string | undefined;
  readonly empty: string;
}

function definePanel<Row>({ whole = () => 1, note = () => undefined, ...parts }: PanelParts<Row>): Panel {
  return { ...parts, whole, note, columns: parts.columns as unknown as readonly Column<unknown>[] };
}

const textColumn = <Row>(name: string, text: (row: Row) => string | undefined, keep: number, grow = 1, width = 8): Column<Row> => ({
  name,
  title: name,
  width,
  grow,
  keep,
  value: (row) => text(row) ?? '',
  text: (row) => text(row) ?? '-',
});

const rateColumn = <Row>(name: string, title: string, rate: (row: Row) => number, keep: number, style?: (row: Row) => Style): Column<Row> => ({
  name,
  title,
  width: 7,
  keep,
  align: 'right',
  value: rate,
  text: (row) => rateText(rate(row)),
  ...(style === undefined ? {} : { style }),
});

const countColumn = <Row>(name: string, count: (row: Row) => number, keep: number, width = 8): Column<Row> => ({
  name,
  title: name,
  width,
  keep,
  align: 'right',
  value: count,
  text: (row) => countText(count(row)),
});

/** Of asks of a node; those of actions are named as their titles. */
const latencyColumn = (title: string, name: string, duration: (row: NodeRow) => number | undefined, keep: number): Column<NodeRow> => ({
  ...{ name, title, width: 7, keep, align: 'right' },
  value: (row) => duration(row) ?? -1,
  text: (row, { isAscii }) => durationText(duration(row) ?? Number.NaN, isAscii),
});

const durationColumn = (name: 'mean' | 'p50' | 'p99' | 'max', duration: (row: ActionSnapshot) => number, keep: number): Column<ActionSnapshot> => ({
  name,
  title: name,
  width: 6,
  keep,
  align: 'right',
  value: duration,
  text: (row, { isAscii }) => durationText(duration(row), isAscii),
});

const ageColumn = <Row extends { readonly atMs: number }>(): Column<Row> => ({
  name: 'age',
  title: 'age',
  width: 6,
  keep: 9,
  align: 'right',
  value: ({ atMs }) => atMs,
  text: ({ atMs }, { nowMs }) => ageText(nowMs - atMs),
});

/** A share of the whole, as a bar and as a number. */
const shareColumn = <Row>(name: string, share: (row: Row, whole: number) => number, keep: number, grow = 1): Column<Row> => ({
  name,
  title: name,
  width: 12,
  grow,
  keep,
  text: (row, { width, whole, isAscii }) => `${barText(share(row, whole), width - 5, isAscii)}${percentText(share(row, whole)).padStart(5)}`,
});

const failing = (perSecond: number): Style => (perSecond > 0 ? 'bad' : 'plain');

export const PANELS: Readonly<Record<PanelName, Panel>> = {
  actions: definePanel<ActionSnapshot>({
    columns: [
      textColumn('kind', ({ kind }) => kind, 8),
      textColumn('action', ({ action }) => action, 10),
      rateColumn('rate', '/s', ({ perSecond }) => perSecond, 9),
      rateColumn(
        'failed',
        'failed',
        ({ failedPerSecond }) => failedPerSecond,
        6,
        ({ failedPerSecond }) => failing(failedPerSecond),
      ),
      durationColumn('mean', ({ meanMs }) => meanMs, 3),
      durationColumn('p50', ({ p50Ms }) => p50Ms, 5),
      durationColumn('p99', ({ p99Ms }) => p99Ms, 9),
      durationColumn('max', ({ maxMs }) => maxMs, 4),
      {
        name: 'distribution',
        title: '1us - 8s',
        width: 25,
        keep: 1,
        text: ({ distribution }, { width, isAscii }) => sparkText(distribution, width, isAscii),
      },
    ],
    sortedBy: 'p99',
    rows: ({ actions }) => actions,
    note: () => undefined,
    empty: 'no action was timed in this period',
  }),
  kinds: definePanel<KindSnapshot>({
    columns: [
      textColumn('kind', ({ kind }) => kind, 10, 2),
      countColumn('agents', ({ agents }) => agents, 9),
      rateColumn('rate', '/s', ({ handledPerSecond }) => handledPerSecond, 8),
      shareColumn('share', ({ agents }, whole) => (whole > 0 ? agents / whole : 0), 1),
    ],
    sortedBy: 'agents',
    rows: ({ kinds }) => kinds,
    whole: ({ agents }) => agents.live,
    empty: 'no kind has agents',
  }),
  mailboxes: definePanel<MailboxSnapshot>({
    columns: [
      textColumn('id', ({ id }) => id, 10, 3),
      textColumn('kind', ({ kind }) => kind, 5, 2),
      countColumn('thread', ({ thread }) => thread, 4, 7),
      countColumn('waiting', ({ waiting }) => waiting, 9),
      countColumn('capacity', ({ capacity }) => capacity, 3, 9),
      {
        ...shareColumn<MailboxSnapshot>('full', fullness, 2),
        value: fullness,
        style: (row) => (fullness(row) >= 0.9 ? 'bad' : fullness(row) >= 0.25 ? 'warn' : 'good'),
      },
    ],
    sortedBy: 'waiting',
    rows: ({ mailboxes }) => mailboxes,
    empty: 'no message waits in a mailbox',
  }),
  flows: definePanel<FlowSnapshot>({
    columns: [
      textColumn('from', ({ from }) => from, 9),
      textColumn('to', ({ to }) => to, 10),
      rateColumn('rate', '/s', ({ perSecond }) => perSecond, 8),
      shareColumn('share', ({ perSecond }, whole) => (whole > 0 ? perSecond / whole : 0), 1),
    ],
    sortedBy: 'rate',
    rows: ({ flows }) => flows,
    whole: ({ flows }) => flows.reduce((sum, { perSecond }) => sum + (Number.isFinite(perSecond) ? perSecond : 0), 0),
    empty: 'no messages in this period',
  }),
  'dead letters': definePanel<RecentDeadLetter>({
    columns: [
      ageColumn(),
      textColumn('reason', ({ reason }) => reason, 10, 1, 10),
      textColumn('kind', ({ kind }) => kind, 5),
      textColumn('id', ({ id }) => id, 8, 2),
      textColumn('action', ({ action }) => action, 7),
      countColumn('thread', ({ thread }) => thread, 3, 7),
    ],
    sortedBy: 'age',
    rows: ({ deadLetters }) => deadLetters.recent ?? [],
    note: ({ deadLetters }) => totalsText(deadLetters.totals),
    empty: 'none since somebody looked',
  }),
  failures: definePanel<RecentFailure>({
    columns: [
      ageColumn(),
      textColumn('kind', ({ kind }) => kind, 6),
      textColumn('id', ({ id }) => id, 8),
      textColumn('action', ({ action }) => action ?? '(hook)', 5),
      countColumn('thread', ({ thread }) => thread, 3, 7),
      textColumn('error', ({ error }) => error, 10, 4, 12),
    ],
    sortedBy: 'age',
    rows: ({ restarts }) => restarts.recent ?? [],
    empty: 'none since somebody looked',
  }),
  nodes: definePanel<NodeRow>({
    columns: [
      textColumn('node', ({ member }) => member.name, 10, 3),
      {
        name: 'state',
        title: 'state',
        width: 13,
        grow: 1,
        keep: 9,
        value: nodeTrouble,
        text: nodeStateText,
        style: nodeStyle,
      },
      { name: 'role', title: 'role', width: 11, keep: 3, text: roleText },
      {
        name: 'phi',
        title: 'phi',
        width: 5,
        keep: 5,
        align: 'right',
        value: ({ member }) => member.phi ?? -1,
        text: phiText,
        style: phiStyle,
      },
      {
        name: 'trip',
        title: 'trip',
        width: 7,
        keep: 8,
        align: 'right',
        value: ({ link }) => link?.roundTripMs?.mean ?? -1,
        text: ({ link }, { isAscii }) => durationText(link?.roundTripMs?.mean ?? Number.NaN, isAscii),
      },
      {
        name: 'loss',
        title: 'loss',
        width: 5,
        keep: 7,
        align: 'right',
        value: ({ link }) => link?.loss ?? -1,
        text: ({ link }) => percentText(link?.loss ?? Number.NaN),
        style: lossStyle,
      },
      {
        name: 'asks',
        title: 'asks/s',
        width: 7,
        keep: 5,
        align: 'right',
        value: ({ link }) => link?.asks?.perSecond ?? -1,
        text: ({ link }) => countText(link?.asks?.perSecond ?? Number.NaN),
      },
      latencyColumn('p50', 'ask50', ({ link }) => link?.asks?.p50Ms, 5),
      latencyColumn('p99', 'ask99', ({ link }) => link?.asks?.p99Ms, 6),
      {
        name: 'share',
        title: 'share',
        width: 6,
        keep: 4,
        align: 'right',
        value: ({ share }) => share ?? -1,
        text: ({ share }) => percentText(share ?? Number.NaN),
      },
      {
        name: 'waiting',
        title: 'waiting',
        width: 8,
        keep: 6,
        align: 'right',
        value: ({ link }) => link?.waitingMessages ?? -1,
        text: ({ link }) => countText(link?.waitingMessages ?? Number.NaN),
      },
      {
        name: 'sent',
        title: 'sent',
        width: 8,
        keep: 2,
        align: 'right',
        value: ({ link }) => link?.sentBytes ?? -1,
        text: ({ link }) => bytesText(link?.sentBytes ?? Number.NaN),
      },
      {
        name: 'stalled',
        title: 'stalled',
        width: 8,
        keep: 4,
        value: ({ member }) => member.stalledThreads.length,
        text: ({ member }) => (member.stalledThreads.length === 0 ? '-' : member.stalledThreads.join(',')),
        style: ({ member }) => (member.stalledThreads.length === 0 ? 'plain' : 'warn'),
      },
      textColumn('version', ({ member }) => member.version, 1),
    ],
    sortedBy: 'state',
    rows: ({ cluster }) => nodeRows(cluster),
    note: ({ cluster }) => cluster && quieterFacts(cluster, true).join(', '),
    empty: 'this nexus is no node of a cluster',
  }),
};

/** Every name by which something can be sorted, in the order of the panels. */
export const SORT_KEYS: readonly string[] = [...new Set(PANEL_NAMES.flatMap((name) => sortKeysOf(name)))];

export function sortKeysOf(panel: PanelName): readonly string[] {
  return PANELS[panel].columns.filter(({ value }) => value !== undefined).map(({ name }) => name);
}

function fullness({ waiting, capacity }: MailboxSnapshot): number {
  return capacity > 0 ? waiting / capacity : 0;
}

function totalsText(totals: Readonly<Record<string, number>> | undefined): string {
  const some = Object.entries(totals ?? {}).filter(([, count]) => count > 0);
  if (some.length === 0) return 'since the start: none';
  return `since the start: ${some
    .sort((a, b) => b[1] - a[1])
    .map(([reason, count]) => `${reason} ${countText(count)}`)
    .join(', ')}`;
}
