/** The manual clock of the testing kit. */
import { createManualClock } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { codeOf } from '../../start-nexus.js';

test('timers are called in the order of their time, those of one time in the order in which they were set', async () => {
  const clock = createManualClock();
  const called: string[] = [];
  const set = (name: string, delayMs: number): (() => void) => clock.after(delayMs, () => void called.push(`${name} ${clock.nowMs()}`));
  set('b', 20);
  set('a', 10);
  set('c', 20);
  const cancel = set('never', 15);
  set('d', 20);
  set('late', 21);
  cancel();
  expect(clock.pending).toEqual([10, 20, 20, 20, 21].map((dueMs) => ({ dueMs, delayMs: dueMs })));
  await clock.advance(20);
  expect(called).toEqual(['a 10', 'b 20', 'c 20', 'd 20']);
  expect(clock.nowMs()).toBe(20);
  await clock.advanceTo(500);
  expect(called.at(-1)).toBe('late 21');
  expect(clock.pending).toEqual([]);
});

test('promises settle between two timers, however many follow each other', async () => {
  const clock = createManualClock();
  const happened: string[] = [];
  clock.after(10, async () => {
    for (let turn = 0; turn < 20; turn++) await undefined;
    happened.push(`first at ${clock.nowMs()}`);
    // Set by what a timer led to, and due before the next one.
    clock.after(5, () => happened.push(`set on the way at ${clock.nowMs()}`));
  });
  clock.after(20, () => happened.push(`second at ${clock.nowMs()}`));
  await clock.advance(20);
  expect(happened).toEqual(['first at 10', 'set on the way at 15', 'second at 20']);
});

test('both times move together, from where they are told to begin', async () => {
  const clock = createManualClock({ nowMs: 500, epochMs: 1_000_000 });
  await clock.advance(0.5);
  expect([clock.nowMs(), clock.epochMs()]).toEqual([500.5, 1_000_000.5]);
  expect(new Date(createManualClock().epochMs()).toISOString()).toBe('2026-01-01T00:00:00.000Z');
});

test('runAll goes on until no timer is left, and gives up on one that repeats for ever', async () => {
  const clock = createManualClock();
  let left = 3;
  const again = (): void => {
    if (--left > 0) clock.after(100, again);
  };
  clock.after(100, again);
  expect(await clock.runAll()).toBe(3);
  expect(clock.nowMs()).toBe(300);
  const forever = (): void => void clock.after(1, forever);
  forever();
  expect(await codeOf(clock.runAll({ timersMax: 50 }))).toBe('NEXUS_NEVER_QUIET');
});

test('a clock that is told nonsense says so', async () => {
  const clock = createManualClock({ nowMs: 10 });
  for (const attempt of [() => clock.advance(-1), () => clock.advance(Number.NaN), () => clock.advanceTo(9), () => clock.advance('1' as never)]) {
    expect(await codeOf(attempt())).toBe('NEXUS_OPTION_INVALID');
  }
  expect(await codeOf(() => createManualClock({ nowMs: Number.POSITIVE_INFINITY }))).toBe('NEXUS_OPTION_INVALID');
});

test('a timer of no delay waits until the clock is told, and a cancelled one does not come', async () => {
  const clock = createManualClock();
  let calls = 0;
  clock.after(0, () => calls++);
  const cancel = clock.after(-5, () => calls++);
  cancel();
  cancel();
  await Promise.resolve();
  expect(calls).toBe(0);
  await clock.advance(0);
  expect(calls).toBe(1);
});
