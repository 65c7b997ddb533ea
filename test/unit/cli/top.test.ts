/** `nexus top` as values: whatever is shown fits and is harmless, what each key does, and that the bytes that are written make the picture that was meant. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { frameText } from '../../../dist/ts-src/cli/top/frame.js';
import { PANEL_NAMES, PANELS, SORT_KEYS, sortKeysOf } from '../../../dist/ts-src/cli/top/panels.js';
import { type ScreenState, screenOf } from '../../../dist/ts-src/cli/top/screen-lines.js';
import { reconnectDelayMs } from '../../../dist/ts-src/cli/top/snapshot-feed.js';
import { snapshotText } from '../../../dist/ts-src/cli/top/snapshot-text.js';
import { barText, plainText, type Style, type StyledLine, sparkText } from '../../../dist/ts-src/cli/top/styled-line.js';
import { keyName } from '../../../dist/ts-src/cli/top/terminal-screen.js';
import { initialView, pressed, type ViewState } from '../../../dist/ts-src/cli/top/view-state.js';
import { widthOf } from '../../../dist/ts-src/cli/terminal-text.js';
import { nodesText } from '../../../dist/ts-src/cli/nodes-command.js';
import { splitCluster } from '../../cluster-snapshots.js';
import { anySnapshot, anyText, busySnapshot } from './snapshots.js';
import { EmulatedTerminal } from './emulated-terminal.js';

const KEYS = [...'123456789qsS<>rtjkgGh? x', 'tab', 'shift-tab', 'left', 'right', 'up', 'down', 'pageup', 'pagedown', 'home', 'end', 'escape', 'f1', ''];
const LIVE: ScreenState = { url: 'http://127.0.0.1:8080', connection: { type: 'live' }, ageMs: 0, isAscii: false };
/** What a terminal may act upon, or show over something else. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u;

const size = fc.record({ columns: fc.integer({ min: 1, max: 200 }), rows: fc.integer({ min: 1, max: 60 }) });
const state: fc.Arbitrary<ScreenState> = fc.record({
  url: anyText(),
  connection: fc.oneof(
    fc.constant({ type: 'live' as const }),
    fc.record({ type: fc.constant('unavailable' as const), reason: anyText() }),
    fc.record({ type: fc.constant('lost' as const), reason: anyText(), attempt: fc.nat() }),
  ),
  ageMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  isAscii: fc.boolean(),
});
const view: fc.Arbitrary<ViewState> = fc
  .array(fc.constantFrom(...KEYS), { maxLength: 12 })
  .map((keys) => keys.reduce((was, key) => pressed(was, key, { rows: 30, page: 4 }).view, initialView()));

describe('the screen', () => {
  test('any snapshot on any terminal makes as many lines as it has rows, none wider than it, and nothing in them controls a terminal', () => {
    fc.assert(
      fc.property(fc.option(anySnapshot(), { nil: undefined }), size, view, state, (snapshot, { columns, rows }, looked, about) => {
        const { lines, extent } = screenOf(snapshot, { columns, rows }, looked, about);
        expect(lines).toHaveLength(rows);
        for (const line of lines) {
          const text = plainText(line);
          expect(widthOf(text)).toBeLessThanOrEqual(columns);
          expect(text).not.toMatch(CONTROL);
          if (about.isAscii) expect(text).toMatch(/^[\x20-\x7e]*$/);
        }
        expect(extent.rows).toBeGreaterThanOrEqual(0);
        expect(extent.page).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 400 },
    );
  });

  test('any snapshot makes a text of --once in which nothing controls a terminal', () => {
    fc.assert(
      fc.property(anySnapshot(), fc.constantFrom(...SORT_KEYS), fc.boolean(), (snapshot, sort, isAscii) => {
        for (const line of snapshotText(snapshot, 'http://a', initialView(sort), isAscii).split('\n')) expect(line).not.toMatch(CONTROL);
        for (const line of (snapshot.cluster === undefined ? '' : nodesText(snapshot.cluster)).split('\n')) expect(line).not.toMatch(CONTROL);
      }),
    );
  });

  test('the rows of each panel are in the order of its column, whichever it is, and reversed the other way round', () => {
    const snapshot = { ...busySnapshot(), cluster: splitCluster(5, 2) };
    for (const name of PANEL_NAMES) {
      for (const column of sortKeysOf(name)) {
        const value = PANELS[name].columns.find((each) => each.name === column)?.value as (row: unknown) => number | string;
        const shown = (isReversed: boolean): string[] => {
          const looked: ViewState = { ...initialView(), panel: name, sorts: { ...initialView().sorts, [name]: { column, isReversed } } };
          const lines = screenOf(snapshot, { columns: 200, rows: 50 }, looked, LIVE).lines.map(plainText);
          const head = lines.findIndex((line) => line.includes('▾') || line.includes('▴'));
          expect(lines[head]?.includes('▴')).toBe(isReversed);
          return lines
            .slice(head + 1)
            .filter((line) => line.trim() !== '')
            .slice(0, -1);
        };
        const values = [...PANELS[name].rows(snapshot)].map(value);
        // As many different values as rows: then one order is the other backwards.
        if (new Set(values).size === values.length) expect(shown(true), `${name} by ${column}`).toEqual(shown(false).reverse());
        const numbers = values.every((each) => typeof each === 'number');
        const best = [...PANELS[name].rows(snapshot)].sort((a, b) => (numbers ? Number(value(b)) - Number(value(a)) : value(a) < value(b) ? -1 : 1))[0];
        const [first = ''] = shown(false);
        const telling = PANELS[name].columns.find((each) => ['action', 'kind', 'id', 'to', 'reason', 'node'].includes(each.name));
        if (new Set(values).size === values.length)
          expect(first).toContain(telling?.text(best, { width: 20, isAscii: false, nowMs: snapshot.takenAtMs, whole: 1 }));
      }
    }
  });
});

describe('the frame', () => {
  const style = fc.constantFrom<Style>('plain', 'dim', 'strong', 'title', 'good', 'warn', 'bad', 'marked');
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'ab █▌…▾é'), maxLength: 12 }),
    fc.string({ unit: fc.constantFrom('가', 'a', ' ', 'e\u0301', '😀'), maxLength: 5 }),
  );
  const line: fc.Arbitrary<StyledLine> = fc.array(fc.record({ text, style }), { maxLength: 4 });
  const picture = fc.array(line, { minLength: 1, maxLength: 6 });

  test('what is written turns the picture that was there into the one that is wanted, from any to any, in colours or not', () => {
    fc.assert(
      fc.property(fc.array(picture, { minLength: 1, maxLength: 5 }), fc.boolean(), (pictures, isColored) => {
        const terminal = new EmulatedTerminal(100, 8);
        let shown: readonly StyledLine[] | undefined;
        for (const wanted of pictures) {
          terminal.write(frameText(shown, wanted, { isColored }));
          const fresh = new EmulatedTerminal(100, 8);
          fresh.write(frameText(undefined, wanted, { isColored }));
          expect(terminal.cells()).toEqual(fresh.cells());
          expect(terminal.texts().slice(0, wanted.length)).toEqual(wanted.map((each) => plainText(each).trimEnd()));
          shown = wanted;
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a picture that is the same writes nothing, and one changed number a few bytes', () => {
    const screen = (handled: number): readonly StyledLine[] => {
      const snapshot = busySnapshot();
      return screenOf({ ...snapshot, messages: { ...snapshot.messages, handledPerSecond: handled } }, { columns: 80, rows: 24 }, initialView(), LIVE).lines;
    };
    const before = screen(1_002_331);
    expect(frameText(before, screen(1_002_331), { isColored: true })).toBe('');
    expect(frameText(before, screen(1_102_331), { isColored: true })).toBe('\x1b[3;11H1');
    expect(frameText(undefined, before, { isColored: true }).length).toBeGreaterThan(1500);
  });
});

describe('keys', () => {
  const extent = { rows: 100, page: 10 };
  const viewAfter = (...keys: string[]): ViewState => keys.reduce((was, key) => pressed(was, key, extent).view, initialView());

  test('any keys in any order leave a view that can be shown', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...KEYS), fc.nat(50), fc.nat(20)), { maxLength: 40 }), (presses) => {
        let looked = initialView();
        for (const [key, rows, page] of presses) looked = pressed(looked, key, { rows, page }).view;
        expect(PANEL_NAMES).toContain(looked.panel);
        for (const name of PANEL_NAMES) {
          expect(sortKeysOf(name)).toContain(looked.sorts[name].column);
          expect(looked.scrolled[name]).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  test('panels are chosen by number, and by tab one after the other and round', () => {
    expect(['1', '2', '3', '4', '5', '6', '7'].map((key) => viewAfter(key).panel)).toEqual(PANEL_NAMES);
    expect(viewAfter('tab').panel).toBe('kinds');
    expect(viewAfter('shift-tab').panel).toBe('nodes');
    expect(viewAfter(...Array(7).fill('tab')).panel).toBe('actions');
    expect(viewAfter('8').panel).toBe('actions');
  });

  test('scrolling stays within the rows, and another order begins at the top', () => {
    expect(viewAfter('up').scrolled.actions).toBe(0);
    expect(viewAfter('down', 'j').scrolled.actions).toBe(2);
    expect(viewAfter('pagedown').scrolled.actions).toBe(9);
    expect(viewAfter('end').scrolled.actions).toBe(90);
    expect(viewAfter('end', 'pagedown', 'k').scrolled.actions).toBe(89);
    expect(viewAfter('end', 'down', 'down').scrolled.actions).toBe(90);
    expect(viewAfter('end', 'home').scrolled.actions).toBe(0);
    expect(viewAfter('end', 's').scrolled.actions).toBe(0);
    expect(viewAfter('end', '2').scrolled).toMatchObject({ actions: 90, kinds: 0 });
    // There are fewer rows than when it was scrolled.
    expect(pressed(viewAfter('end'), 'up', { rows: 15, page: 10 }).view.scrolled.actions).toBe(4);
  });

  test('quit, pause, help and the shell', () => {
    expect(pressed(initialView(), 'q', extent).effect).toBe('quit');
    expect(pressed(initialView(), 'ctrl-c', extent).effect).toBe('quit');
    expect(pressed(initialView(), 'ctrl-z', extent).effect).toBe('suspend');
    expect(pressed(initialView(), 'ctrl-l', extent).effect).toBe('redraw');
    expect(viewAfter(' ').isPaused).toBe(true);
    expect(viewAfter(' ', ' ').isPaused).toBe(false);
    expect(viewAfter('?').isHelp).toBe(true);
    expect(pressed(viewAfter('?'), 'q', extent)).toMatchObject({ effect: 'none', view: { isHelp: false } });
    expect(pressed(viewAfter('?'), 'ctrl-c', extent).effect).toBe('quit');
    expect(viewAfter('t').hasThreads).toBe(false);
  });

  test('the option --sort begins with the first panel that has the column', () => {
    expect(initialView('agents')).toMatchObject({ panel: 'kinds', sorts: { kinds: { column: 'agents' }, actions: { column: 'p99' } } });
    expect(initialView('rate')).toMatchObject({
      panel: 'actions',
      sorts: { actions: { column: 'rate' }, flows: { column: 'rate' }, failures: { column: 'age' } },
    });
    for (const key of SORT_KEYS) expect(sortKeysOf(initialView(key).panel)).toContain(key);
  });

  test('keys of a terminal have the names that the view knows', () => {
    expect(keyName('S', { name: 's', shift: true })).toBe('S');
    expect(keyName('q', { name: 'q' })).toBe('q');
    expect(keyName(' ', { name: 'space' })).toBe(' ');
    expect(keyName('\t', { name: 'tab' })).toBe('tab');
    expect(keyName(undefined, { name: 'tab', shift: true, sequence: '\x1b[Z' })).toBe('shift-tab');
    expect(keyName('\x03', { name: 'c', ctrl: true })).toBe('ctrl-c');
    expect(keyName(undefined, { name: 'pagedown' })).toBe('pagedown');
    expect(keyName('?', undefined)).toBe('?');
  });
});

describe('drawings', () => {
  test('a bar is as long as it may be, and longer for more', () => {
    fc.assert(
      fc.property(fc.double(), fc.nat(60), fc.boolean(), (share, columns, isAscii) => {
        expect(widthOf(barText(share, columns, isAscii))).toBe(columns);
      }),
    );
    expect(barText(0, 4, false)).toBe('    ');
    expect(barText(0.5, 4, false)).toBe('██  ');
    expect(barText(0.001, 4, false)).toBe('▏   ');
    expect(barText(2, 4, false)).toBe('████');
    expect(barText(0.5, 4, true)).toBe('##..');
  });

  test('counts are columns as high as they are next to the highest', () => {
    expect(sparkText([0, 1, 4, 8], 5, false)).toBe(' ▂▅█ ');
    expect(sparkText([0, 0], 2, false)).toBe('  ');
    expect(sparkText([Number.NaN, -1, 3], 3, true)).toBe('  @');
  });

  test('a lost connection is tried again later and later, and not later than ten seconds', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 1e9].map(reconnectDelayMs)).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
  });
});
