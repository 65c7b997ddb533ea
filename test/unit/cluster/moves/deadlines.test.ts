/** Deadlines of one length with one timer: who is late is told, once and in time, and nobody else. */
import { expect, test } from 'vitest';
import { Deadlines } from '../../../../dist/ts-src/cluster/moves/deadlines.js';
import { createManualClock } from '../../../../dist/ts-src/testing/manual-clock.js';

test('each is told when its own time has passed, unless it was met before, with one timer for all', async () => {
  const clock = createManualClock();
  const deadlines = new Deadlines(clock, 100);
  const late: [string, number][] = [];
  const begin = (name: string): number => deadlines.add(() => late.push([name, clock.nowMs()]));
  const startMs = clock.nowMs();
  const first = begin('first');
  begin('second');
  await clock.advance(40);
  begin('third');
  const fourth = begin('fourth');
  expect(clock.pending.length).toBe(1);
  deadlines.met(first);
  await clock.advance(60);
  expect(late).toEqual([['second', startMs + 100]]);
  deadlines.met(fourth);
  await clock.advance(39);
  expect(late.length).toBe(1);
  await clock.advance(1);
  expect(late.slice(1)).toEqual([['third', startMs + 140]]);
  // Nobody is waited for, and nothing is left behind.
  expect(clock.pending).toEqual([]);
  begin('fifth');
  await clock.advance(100);
  expect(late.at(-1)).toEqual(['fifth', startMs + 240]);
  expect(clock.pending).toEqual([]);
});

test('who is late may begin to wait anew', async () => {
  const clock = createManualClock();
  const deadlines = new Deadlines(clock, 10);
  let times = 0;
  const again = (): void => {
    times++;
    if (times < 3) deadlines.add(again);
  };
  deadlines.add(again);
  await clock.advance(10);
  await clock.advance(10);
  await clock.advance(10);
  expect(times).toBe(3);
  expect(clock.pending).toEqual([]);
});
