/**
 * What `nexus top` shows, as texts: a scenario has commands, and below `----` the screen after them, each row between bars so that its end is seen. The test runs the commands and
 * compares the whole; `npx vitest run test/scenario -u` writes it anew, to be read before it is kept.
 *
 * Commands: `size COLUMNSxROWS`; `sort KEY` (the option); `key NAME...`; `threads COUNT`; `cluster healthy|split|large|fenced`; `nothing yet`; `quiet` (a snapshot with nothing in it); `lost`; `unavailable`; `ascii`; `once` (prints the text of --once).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { screenOf, type ScreenState } from '../../../dist/ts-src/cli/top/screen-lines.js';
import { snapshotText } from '../../../dist/ts-src/cli/top/snapshot-text.js';
import { plainText } from '../../../dist/ts-src/cli/top/styled-line.js';
import { widthOf } from '../../../dist/ts-src/cli/terminal-text.js';
import { initialView, pressed } from '../../../dist/ts-src/cli/top/view-state.js';
import type { ConsoleSnapshot } from '../../../dist/ts-src/console/protocol.js';
import type { SystemSnapshot } from '../../../dist/ts-src/model/observation.js';
import { fencedCluster, healthyCluster, splitCluster } from '../../cluster-snapshots.js';
import { busySnapshot } from '../../unit/cli/snapshots.js';

const folder = new URL('./', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));

test.each(files)('%s', async (file) => {
  const text = readFileSync(new URL(file, folder), 'utf8');
  const blocks: string[] = [];
  for (const block of text.trimEnd().split('\n\n\n')) {
    const [commands = ''] = block.split('\n----');
    blocks.push(commands.startsWith('#') ? commands : `${commands}\n----\n${shown(commands.split('\n'))}`);
  }
  await expect(`${blocks.join('\n\n\n')}\n`).toMatchFileSnapshot(new URL(file, folder).pathname);
});

function shown(commands: readonly string[]): string {
  let size = { columns: 80, rows: 24 };
  let view = initialView();
  let snapshot: ConsoleSnapshot | undefined = busySnapshot();
  let state: ScreenState = { url: 'http://127.0.0.1:8080', connection: { type: 'live' }, ageMs: 0, isAscii: false };
  let isOnce = false;
  for (const command of commands) {
    const [name, ...words] = command.split(' ');
    const [word = ''] = words;
    if (name === 'size') size = { columns: Number(word.split('x')[0]), rows: Number(word.split('x')[1]) };
    else if (name === 'sort') view = initialView(word);
    else if (name === 'key') for (const key of words) view = pressed(view, key === 'space' ? ' ' : key, screenOf(snapshot, size, view, state).extent).view;
    else if (name === 'threads') snapshot = withThreads(busySnapshot(), Number(word));
    else if (name === 'cluster') snapshot = { ...busySnapshot(), cluster: clusters[word] as ConsoleSnapshot['cluster'] & object };
    else if (name === 'nothing') snapshot = undefined;
    else if (name === 'quiet') snapshot = quietSnapshot();
    else if (name === 'lost') state = { ...state, ageMs: 12_345, connection: { type: 'lost', reason: 'nothing listens at http://127.0.0.1:8080', attempt: 4 } };
    else if (name === 'unavailable') state = { ...state, ageMs: 5000, connection: { type: 'unavailable', reason: 'a thread did not answer' } };
    else if (name === 'ascii') state = { ...state, isAscii: true };
    else if (name === 'once') isOnce = true;
    else throw new Error(`no such command: ${command}`);
  }
  if (isOnce)
    return snapshotText(snapshot as SystemSnapshot, state.url, view, state.isAscii)
      .replace(/[^\S\n]+$/gm, (blank) => `${blank}|`)
      .trimEnd();
  return screenOf(snapshot, size, view, state)
    .lines.map(plainText)
    .map((line) => `|${line}${' '.repeat(Math.max(0, size.columns - widthOf(line)))}|`)
    .join('\n');
}

const clusters: Readonly<Record<string, ConsoleSnapshot['cluster']>> = {
  healthy: healthyCluster(3),
  split: splitCluster(9, 4),
  large: splitCluster(100, 40),
  fenced: fencedCluster(5),
};

function withThreads(snapshot: SystemSnapshot, count: number): SystemSnapshot {
  const [, one] = snapshot.threads;
  const load = one?.load;
  return {
    ...snapshot,
    threads: Array.from({ length: count }, (_, thread) => ({
      ...(one as (typeof snapshot.threads)[0]),
      thread,
      load: load && { ...load, utilization: ((thread * 37) % 100) / 100 },
    })),
  };
}

/** As the first one after a while: nothing measured yet. */
function quietSnapshot(): SystemSnapshot {
  const busy = busySnapshot();
  const none = { count: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };
  return {
    ...busy,
    periodMs: 0,
    threads: busy.threads.slice(0, 2),
    kinds: [],
    actions: [],
    flows: [],
    mailboxes: [],
    deadLetters: { totals: {}, perSecond: 0, recent: [] },
    restarts: { total: 0, perSecond: 0, recent: [] },
    durations: { ask_local: none, ask_remote: none, turn: none, message_wait: none },
  };
}
