/** `nexus top`: the command line of it, and the shell around what it shows: snapshots and keys in, pictures out. What is shown is decided in `screen-lines.ts` and `view-state.ts`. */
import type { ConsoleSnapshot } from '../../console/protocol.js';
import { type CommandLine, parseCommandLine, UsageError, unknownName } from '../command-line.js';
import { ADDRESS_HELP, ADDRESS_OPTIONS, type ConsoleAddress, consoleAddress } from '../console-address.js';
import { askConsole, readSnapshot } from '../console-client.js';
import { endWithReader, isAsciiOnly, print, wantsColor } from '../standard-output.js';
import { harmless, harmlessJson } from '../terminal-text.js';
import { SORT_KEYS } from './panels.js';
import { type ScreenState, screenOf } from './screen-lines.js';
import { SnapshotFeed } from './snapshot-feed.js';
import { snapshotText } from './snapshot-text.js';
import { TerminalScreen } from './terminal-screen.js';
import { initialView, pressed } from './view-state.js';

const COMMAND = 'top';
const INTERVAL_MS = 1000;

export const TOP_HELP = `nexus top [options]

Shows a running service on the terminal: threads, and in panels its slowest actions, its kinds, its fullest mailboxes, who sends to whom,
dead letters and failures. The key ? says which keys there are.

  --interval MS             time between two pictures, 250 to 60000 (default ${INTERVAL_MS})
  --sort KEY                begin with the panel that has this column, sorted by it:
                            ${SORT_KEYS.slice(0, 13).join(', ')},
                            ${SORT_KEYS.slice(13).join(', ')}
  --once                    print one snapshot as text, and end
  --json                    print snapshots as lines of JSON; with --once, one
  --no-color                no colours (also: NO_COLOR)
${ADDRESS_HELP}
  --help                    print this

Exit code: 0 after q or ctrl-c, or once it is printed; 1 if the service did not answer; 2 for a mistake in the command line, or a terminal that
cannot be drawn on. SIGTERM, SIGHUP and a closed window end it as they end any command (143, 129), with the terminal left as it was.
`;

export async function top(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args, {
    interval: { min: 250, max: 60_000 },
    sort: 'text',
    once: 'flag',
    json: 'flag',
    'no-color': 'flag',
    ...ADDRESS_OPTIONS,
    help: 'flag',
  });
  if (line.flag('help')) {
    process.stdout.write(TOP_HELP);
    return;
  }
  const [unexpected] = line.positionals;
  if (unexpected !== undefined) throw new UsageError(COMMAND, `'${unexpected}' is not expected: this command takes options only`);
  const sort = line.text('sort');
  if (sort !== undefined && !SORT_KEYS.includes(sort)) throw new UsageError(COMMAND, unknownName('column', sort, SORT_KEYS));
  const address = consoleAddress(COMMAND, line, process.env);
  const intervalMs = line.number('interval') ?? INTERVAL_MS;
  if (line.flag('once')) return printOnce(address, line);
  if (line.flag('json')) return printAlways(address, intervalMs);
  checkTerminal();
  return show(address, intervalMs, line);
}

async function printOnce(address: ConsoleAddress, line: CommandLine): Promise<void> {
  endWithReader();
  const snapshot = readSnapshot(await askConsole(address, '/console/snapshot'));
  if (line.flag('json')) return print(harmlessJson(snapshot, 2));
  process.stdout.write(snapshotText(snapshot, address.url, initialView(line.text('sort')), process.stdout.isTTY && isAsciiOnly(process.env, process.platform)));
}

/** Until somebody ends it. What was lost is said on standard error. */
function printAlways(address: ConsoleAddress, intervalMs: number): Promise<void> {
  endWithReader();
  process.once('SIGINT', () => process.exit(0));
  return new Promise((_, reject) => {
    new SnapshotFeed(address, intervalMs, {
      opened: () => undefined,
      snapshot: (snapshot) => print(harmlessJson(snapshot)),
      lost: (reason, attempt) => process.stderr.write(`nexus: ${reason}; attempt ${attempt} follows\n`),
      unavailable: (reason) => process.stderr.write(`nexus: the service could not take a snapshot: ${harmless(reason)}\n`),
      failed: reject,
    });
  });
}

/** @throws UsageError where pictures would be rubbish */
function checkTerminal(): void {
  const instead = 'use --once for one snapshot as text, or --json';
  if (!process.stdout.isTTY) throw new UsageError(COMMAND, `standard output is no terminal: ${instead}`);
  if (process.platform !== 'win32' && (process.env['TERM'] === 'dumb' || !process.env['TERM']))
    throw new UsageError(COMMAND, `the terminal cannot be drawn on (TERM is ${process.env['TERM'] ? "'dumb'" : 'not set'}): ${instead}`);
}

function show(address: ConsoleAddress, intervalMs: number, line: CommandLine): Promise<void> {
  const isAscii = isAsciiOnly(process.env, process.platform);
  let view = initialView(line.text('sort'));
  let latest: ConsoleSnapshot | undefined;
  let held: ConsoleSnapshot | undefined;
  let latestAtMs = performance.now();
  let heldAtMs = 0;
  let connection: ScreenState['connection'] = { type: 'live' };
  let extent = { rows: 0, page: 0 };
  let isDrawingSoon = false;
  let hasEntered = false;

  const draw = (): void => {
    isDrawingSoon = false;
    const ageMs = performance.now() - (view.isPaused ? heldAtMs : latestAtMs);
    const picture = screenOf(view.isPaused ? held : latest, screen.size(), view, { url: address.url, connection, ageMs, isAscii });
    extent = picture.extent;
    screen.draw(picture.lines);
  };
  // Over a slow line writing takes its time, and what has come meanwhile makes one picture.
  const drawSoon = (): void => {
    if (isDrawingSoon) return;
    isDrawingSoon = true;
    setImmediate(draw);
  };

  const screen = new TerminalScreen(process.stdin, process.stdout, wantsColor(true, line.flag('no-color'), process.env), {
    key(key) {
      const was = view;
      const { view: next, effect } = pressed(view, key, extent);
      view = next;
      if (view.isPaused && !was.isPaused) [held, heldAtMs] = [latest, latestAtMs];
      if (effect === 'quit') return process.exit(0);
      if (effect === 'suspend') return screen.suspend();
      if (effect === 'redraw') screen.forget();
      drawSoon();
    },
    resized: drawSoon,
    gone: () => endBy('SIGHUP', screen),
  });

  return new Promise((_, reject) => {
    new SnapshotFeed(address, intervalMs, {
      opened() {
        // Not before: why nobody could be reached stands where the command was typed.
        if (hasEntered) return;
        hasEntered = true;
        screen.enter();
        drawSoon();
      },
      snapshot(snapshot) {
        latest = snapshot;
        latestAtMs = performance.now();
        connection = { type: 'live' };
        drawSoon();
      },
      unavailable(reason) {
        connection = { type: 'unavailable', reason };
        drawSoon();
      },
      lost(reason, attempt) {
        connection = { type: 'lost', reason, attempt };
        drawSoon();
      },
      failed(reason) {
        clearInterval(ages);
        screen.leave();
        reject(reason);
      },
    });
    // The age of what is shown grows also while nothing comes.
    const ages = setInterval(() => (view.isPaused || connection.type !== 'live') && hasEntered && drawSoon(), 1000);
    process.once('SIGINT', () => process.exit(0));
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => endBy(signal, screen));
  });
}

/**
 * As the signal would have ended it, once the terminal is left. Not by `process.exit`: where the terminal is gone, Node ends with an abort there, because it cannot set its modes.
 */
function endBy(signal: 'SIGTERM' | 'SIGHUP', screen: TerminalScreen): void {
  screen.leave();
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
