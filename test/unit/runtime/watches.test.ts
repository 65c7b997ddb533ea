/** Watches that come with an agent from another node, when the other agent is not found. */
import { expect, test } from 'vitest';
import type { StopReason } from 'nexus-agents';
import { AgentCell, Status } from '../../../dist/ts-src/runtime/agent-cell.js';
import { Watches } from '../../../dist/ts-src/runtime/watches.js';
import { carriedTiesWorld, reference } from './carried-ties-world.js';

/** An agent that has come from another node, and watches one that is nowhere. */
function arrived() {
  const { clock, cell, missing, again, sent, needs } = carriedTiesWorld();
  const news: string[] = [];
  const watches = new Watches({
    ...needs,
    deliver: (_watcher, { id, reason }) => void news.push(`${id}: ${reason.type}`),
    ...{ sendWatch: sent, sendUnwatch: sent, sendTerminated: sent },
  });
  watches.carry(cell, missing);
  const end = (reason: StopReason): void => watches.terminated(cell, { ref: missing as never, id: 'missing', reason });
  return { clock, news, end, watches, cell, missing, again };
}

test('an agent that comes from another node waits 15 s for word of how one that it watches, and that is not found, has ended', () => {
  const silent = arrived();
  silent.clock.advance(14_999);
  expect(silent.news).toEqual([]);
  silent.clock.advance(1);
  expect(silent.news).toEqual(['missing: notFound']);
  // Once, and as before for what it watches from now on.
  silent.clock.advance(60_000);
  silent.watches.watch(silent.cell, silent.missing);
  expect(silent.news).toEqual(['missing: notFound', 'missing: notFound']);

  for (const reason of [{ type: 'stopped' }, { type: 'failed', error: new Error('on purpose') }, { type: 'nodeLost', node: 'n1' }] as const) {
    const told = arrived();
    told.end(reason);
    told.clock.advance(60_000);
    expect(told.news).toEqual([`missing: ${reason.type}`]);
  }

  const unwatched = arrived();
  unwatched.watches.unwatch(unwatched.cell, unwatched.missing);
  unwatched.clock.advance(60_000);
  expect(unwatched.news).toEqual([]);
});

test('one that watches what has ended again, because it is there again, is told nothing of the time before', () => {
  for (const isUnwatched of [false, true]) {
    const { clock, news, end, watches, cell, missing, again } = arrived();
    if (isUnwatched) watches.unwatch(cell, missing);
    else end({ type: 'stopped' });
    again.cell = new AgentCell(cell.kind, 2, 1);
    again.cell.status = Status.ready;
    watches.watch(cell, missing);
    clock.advance(60_000);
    expect([news, watches.hasWatcher(again.cell, reference('self', 1))]).toEqual([isUnwatched ? [] : ['missing: stopped'], true]);
  }
});

test('one that moves on to another thread takes along what it waits for', () => {
  const { watches, cell, missing, news, clock } = arrived();
  expect(watches.carriedBy(cell)).toEqual([missing]);
  // As it comes there.
  const { extra } = cell;
  if (extra !== undefined) extra.carriedWatches = undefined;
  watches.carry(cell, reference('missing', 2));
  clock.advance(14_999);
  expect(news).toEqual([]);
  clock.advance(1);
  expect([news, watches.carriedBy(cell)]).toEqual([['missing: notFound'], undefined]);
});
