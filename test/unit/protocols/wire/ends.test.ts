/** How sessions end, and what time does: keepalive, death, goodbyes, what is known of messages that were on their way. */
import { expect, test } from 'vitest';
import type { NexusError } from '../../../../dist/ts-src/errors.js';
import { FrameType } from '../../../../dist/ts-src/protocols/wire/frame-format.js';
import { sessionLimits } from '../../../../dist/ts-src/protocols/wire/wire-limits.js';
import { framesOf, openPair, pass, type Side, settle, sideOf, start } from './pair.js';

function endOf({ ends: [end] }: Side): unknown {
  return end === undefined ? undefined : [end.error?.code, (end.error as NexusError | undefined)?.data?.reason, end.byPeer, end.lost];
}

test('round trips are measured, last and smoothed', () => {
  const [a, b] = [sideOf('a'), sideOf('b')];
  start(a, b);
  pass(a, b);
  pass(b, a);
  pass(a, b, 0);
  pass(b, a, 8);
  expect(a.session.statistics()).toMatchObject({ roundTripMs: 8, smoothedRoundTripMs: 8 });
  expect(a.session.dueMs).toBe(2000);
  pass(a, b, 2000);
  pass(b, a, 2024);
  expect(a.session.statistics()).toMatchObject({ roundTripMs: 24, smoothedRoundTripMs: 10 });
});

test('a peer that is silent for too long is dead, and one that says anything is not', () => {
  const { a, b } = openPair();
  for (let nowMs = 2000; nowMs <= 30_000; nowMs += 2000) {
    a.session.tick(nowMs);
    pass(a, b, nowMs);
    pass(b, a, nowMs);
  }
  expect(endOf(a)).toBe(undefined);
  a.session.tick(39_999);
  expect(endOf(a)).toBe(undefined);
  a.session.tick(40_000);
  expect(endOf(a)).toEqual(['NEXUS_CONNECTION_LOST', 'dead', false, { unsent: 0, uncertain: 0 }]);
});

test('a control session has no keepalive of its own', () => {
  const { a, b } = openPair({ purpose: 'control' }, { purpose: 'control' });
  expect([a.session.dueMs, b.session.dueMs, framesOf(a)]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, []]);
});

test('a session that is lost says how many messages were never sent, and of how many it is not known whether they arrived', () => {
  const credit = { normal: { bytes: 131_072, messages: 2048 }, bulk: { bytes: 131_072, messages: 2048 } };
  const { a, b } = openPair({}, { limits: { credit } });
  for (let index = 0; index < 10; index++) a.session.send('normal', 1, index);
  pass(a, b);
  b.session.tick(20);
  pass(b, a, 20);
  for (let index = 0; index < 5; index++) a.session.send('normal', 1, index);
  for (let index = 0; index < 4; index++) a.session.send('bulk', 1, new Uint8Array(60_000));
  framesOf(a);
  a.session.disconnected('reset by peer');
  expect(endOf(a)).toEqual(['NEXUS_CONNECTION_LOST', 'disconnected', true, { unsent: 2, uncertain: 7 }]);
  expect(a.session.send('normal', 1, 1)).toBe('closed');
  expect(framesOf(a)).toEqual([]);
});

test('a receipt is for what was consumed, and not for what else was sent meanwhile', () => {
  const { a, b } = openPair();
  const frames: Uint8Array[] = [];
  for (let index = 0; index < 3; index++) {
    a.session.send('normal', 1, index);
    frames.push(...framesOf(a));
  }
  b.session.received(frames[0] as Uint8Array, 0);
  pass(b, a, 20);
  expect([a.session.progress('normal').sentMessages, a.session.progress('normal').deliveredMessages]).toEqual([3, 1]);
  a.session.disconnected('reset');
  expect(a.ends[0]?.lost).toEqual({ unsent: 0, uncertain: 2 });
});

test('a graceful end takes no longer than its limit', () => {
  const { a, b } = openPair();
  a.session.send('normal', 1, 1);
  a.session.finish(100);
  framesOf(a);
  expect(a.session.dueMs).toBeLessThanOrEqual(5100);
  a.session.tick(5100);
  expect(endOf(a)).toEqual(['NEXUS_CONNECTION_LOST', 'timeout', false, { unsent: 0, uncertain: 1 }]);
  for (const frame of framesOf(a)) b.session.received(frame, 5100);
  expect(b.ends.length).toBe(1);
});

test('an end at once is told to the other side with its reason', () => {
  const { a, b } = openPair();
  a.session.abort('removed', 'the node was removed from the cluster');
  pass(a, b);
  expect([endOf(a), endOf(b)]).toEqual([
    ['NEXUS_CONNECTION_LOST', 'removed', false, { unsent: 0, uncertain: 0 }],
    ['NEXUS_CONNECTION_LOST', 'removed', true, { unsent: 0, uncertain: 0 }],
  ]);
  expect(b.ends[0]?.error?.message).toContain('the node was removed from the cluster');
});

test('a message in fragments that never ends ends the session, and its memory is given back', () => {
  const { a, b } = openPair({ limits: { keepaliveMs: 0, deadAfterMs: 0 } }, { limits: { keepaliveMs: 0, deadAfterMs: 0 } });
  a.session.send('bulk', 1, new Uint8Array(500_000));
  b.session.received(a.session.nextFrame(0) as Uint8Array, 0);
  b.session.received(a.session.nextFrame(0) as Uint8Array, 30_000);
  expect([b.session.statistics().assemblyBytes > 500_000, b.budget.takenBytes > 500_000]).toEqual([true, true]);
  framesOf(b, 50_000);
  expect(b.session.dueMs).toBe(90_000);
  b.session.tick(89_999);
  expect(b.ends).toEqual([]);
  b.session.tick(90_000);
  expect([b.ends[0]?.error?.data?.violation, b.budget.takenBytes]).toEqual(['fragment', 0]);
});

test('a session may be ended from within the delivery of its messages: nothing more comes', () => {
  let received = 0;
  const { a, b } = openPair(
    {},
    {
      on: {
        message: () => {
          if (++received === 3) b.session.abort('aborted', 'enough');
        },
      },
    },
  );
  for (let index = 0; index < 10; index++) a.session.send('normal', 1, index);
  settle(a, b);
  expect([received, b.ends.length, a.ends.length]).toEqual([3, 1, 1]);
});

test("what a listener throws is the listener's, and no end of the session", () => {
  const { a, b } = openPair(
    {},
    {
      on: {
        message: () => {
          throw new Error('mine');
        },
      },
    },
  );
  a.session.send('normal', 1, 1);
  const [frame] = framesOf(a);
  expect(() => b.session.received(frame as Uint8Array, 0)).toThrow('mine');
  expect(b.ends).toEqual([]);
});

test('receipts come within their time, and soon when the sender would have to wait', () => {
  const { a, b } = openPair();
  a.session.send('normal', 1, 1);
  pass(a, b, 100);
  expect([b.session.dueMs, framesOf(b, 119).length]).toEqual([120, 0]);
  expect(pass(b, a, 120).map((frame) => frame[0])).toEqual([FrameType.receipt]);
  expect(a.session.statistics().unreceiptedMessages).toBe(0);
  for (let index = 0; index < 20; index++) a.session.send('normal', 1, new Uint8Array(60_000));
  pass(a, b, 120);
  expect(pass(b, a, 120).map((frame) => frame[0])).toEqual([FrameType.receipt]);
});

test('limits are checked where they are given', () => {
  expect(() => sessionLimits('data', { frameBytes: 1000 })).toThrow('frameBytes: must be a whole number from 16384 to 65536, is 1000');
  expect(() => sessionLimits('data', { credit: { normal: { bytes: 1000, messages: 5000 }, bulk: { bytes: 200_000, messages: 5000 } } })).toThrow(
    'credit.normal.bytes',
  );
  expect(() => sessionLimits('data', { keepaliveMs: Number.NaN })).toThrow('keepaliveMs');
  expect(sessionLimits('control').deadAfterMs).toBe(0);
});
