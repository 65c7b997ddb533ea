import { getEventListeners } from 'node:events';
import { AsyncLocalStorage } from 'node:async_hooks';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type PendingAsk, PendingAsks } from '../../../dist/ts-src/runtime/pending-asks.js';
import { NexusError } from '../../../dist/ts-src/errors.js';
import { unnamedNotFound } from '../../../dist/ts-src/runtime/failures.js';
import { systemClock } from '../../../dist/ts-src/adapters/system-clock.js';
import { ManualClock } from './manual-clock.js';

const TARGET = { kind: 'counter', id: 'c1' };
const refuse = {
  record(): void {
    throw new Error('no ask is timed here');
  },
};
const NOT_TIMED = { local: refuse, remote: refuse };

interface Asked {
  readonly ask: PendingAsk;
  readonly openedMs: number;
  readonly timeoutMs: number;
  readonly outcomes: string[];
}

function open(asks: PendingAsks, clock: ManualClock, timeoutMs: number): Asked {
  const outcomes: string[] = [];
  const ask = asks.open(
    (value) => outcomes.push(`replied ${String(value)}`),
    (error) => outcomes.push(`failed ${(error as { code?: string }).code ?? (error as Error).message}`),
    TARGET,
    'add',
    timeoutMs,
    undefined,
  );
  return { ask, openedMs: clock.nowMs(), timeoutMs, outcomes };
}

type Step =
  | { readonly type: 'open'; readonly timeoutMs: number; readonly thread: number; readonly withSignal: boolean }
  | { readonly type: 'reply' | 'fail' | 'abort' | 'late'; readonly index: number }
  | { readonly type: 'advance'; readonly byMs: number }
  | { readonly type: 'lose'; readonly thread: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('open' as const),
      timeoutMs: fc.integer({ min: 1, max: 5000 }),
      thread: fc.integer({ min: -1, max: 2 }),
      withSignal: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('reply' as const, 'fail' as const, 'abort' as const, 'late' as const), index: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('advance' as const), byMs: fc.integer({ min: 0, max: 3000 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('lose' as const), thread: fc.integer({ min: 1, max: 2 }) }) },
);

test('every ask settles exactly once, by whatever comes first, and a reply for another does not touch it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const clock = new ManualClock();
      const asks = new PendingAsks(clock, 0, NOT_TIMED);
      const all: {
        asked: Asked;
        address: readonly [number, number] | undefined;
        thread: number;
        controller: AbortController | undefined;
        expected: string | undefined;
      }[] = [];
      for (const each of steps) {
        if (each.type === 'open') {
          const asked = open(asks, clock, each.timeoutMs);
          if (each.thread >= 0) asks.sendTo(asked.ask, each.thread);
          const controller = each.withSignal ? new AbortController() : undefined;
          if (controller !== undefined) asked.ask.abortOn(controller.signal);
          all.push({
            asked,
            address: each.thread >= 0 ? [asked.ask.slot, asked.ask.sequence] : undefined,
            thread: each.thread,
            controller,
            expected: undefined,
          });
        } else if (each.type === 'advance') {
          clock.advance(each.byMs);
          for (const one of all) {
            if (one.expected !== undefined) continue;
            const overdueMs = clock.nowMs() - one.asked.openedMs - one.asked.timeoutMs;
            if (one.asked.outcomes.length > 0) {
              expect(overdueMs).toBeGreaterThanOrEqual(0);
              one.expected = 'failed NEXUS_ASK_TIMEOUT';
            } else expect(overdueMs).toBeLessThan(24);
          }
        } else if (each.type === 'lose') {
          asks.failThread(each.thread, () => new Error('lost'));
          for (const one of all) if (one.thread === each.thread) one.expected ??= 'failed lost';
        } else {
          const one = all[each.index % Math.max(1, all.length)];
          if (one === undefined) continue;
          const port = one.address === undefined ? one.asked.ask : asks.find(...one.address);
          // A reply is found while it is waited for and only then.
          if (one.address !== undefined) expect(port === undefined).toBe(one.expected !== undefined);
          if (each.type === 'reply' || each.type === 'late') {
            port?.reply(7);
            one.expected ??= 'replied 7';
          } else if (each.type === 'fail') {
            port?.fail(new Error('broken'));
            one.expected ??= 'failed broken';
          } else if (one.controller !== undefined) {
            one.controller.abort();
            one.expected ??= 'failed NEXUS_ASK_ABORTED';
          }
        }
        for (const { asked, expected } of all) expect(asked.outcomes).toEqual(expected === undefined ? [] : [expected]);
        expect(asks.size).toBe(all.filter(({ expected }) => expected === undefined).length);
      }
      asks.failAll(() => new Error('stopped'));
      for (const { asked } of all) expect(asked.outcomes.length).toBe(1);
      expect(asks.size).toBe(0);
      // No timer runs for nothing for ever.
      clock.advance(100);
      expect(clock.timers).toBe(0);
    }),
    { numRuns: 400 },
  );
});

test('a late reply is counted and does not reach the ask that has its place now', () => {
  const clock = new ManualClock();
  const asks = new PendingAsks(clock, 0, NOT_TIMED);
  const first = open(asks, clock, 100);
  asks.sendTo(first.ask, 1);
  const address = [first.ask.slot, first.ask.sequence] as const;
  clock.advance(200);
  const second = open(asks, clock, 100);
  asks.sendTo(second.ask, 1);
  expect(second.ask.slot).toBe(address[0]);
  expect(asks.find(...address)).toBeUndefined();
  expect(asks.lateReplies).toBe(1);
  expect(asks.timeouts).toBe(1);
  expect([first.outcomes, second.outcomes]).toEqual([['failed NEXUS_ASK_TIMEOUT'], []]);
});

test('a reply to a predecessor does not match an ask of its successor', () => {
  const clock = new ManualClock();
  const addresses = Array.from({ length: 50 }, (_, incarnation) => {
    const asks = new PendingAsks(clock, incarnation, NOT_TIMED);
    return Array.from({ length: 50 }, () => {
      const { ask } = open(asks, clock, 100);
      asks.sendTo(ask, 1);
      return `${ask.slot}:${ask.sequence}`;
    });
  }).flat();
  expect(new Set(addresses).size).toBe(addresses.length);
});

test('a signal is let go when the ask has settled', () => {
  const clock = new ManualClock();
  const asks = new PendingAsks(clock, 0, NOT_TIMED);
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    listeners++;
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    listeners--;
    remove(...given);
  };
  const asked = open(asks, clock, 100);
  asked.ask.abortOn(signal);
  expect(listeners).toBe(1);
  asked.ask.reply(1);
  expect(listeners).toBe(0);
  controller.abort();
  expect(asked.outcomes).toEqual(['replied 1']);
});

test('an ask that is timed is recorded once, at its distance, however it ends; others are not', () => {
  const clock = new ManualClock();
  const recorded: [distance: string, nanoseconds: number][] = [];
  const asks = new PendingAsks(clock, 0, {
    local: { record: (nanoseconds) => void recorded.push(['local', Math.round(nanoseconds)]) },
    remote: { record: (nanoseconds) => void recorded.push(['remote', Math.round(nanoseconds)]) },
  });
  const ask = (thread: number, isTimed = true, timeoutMs = 86_400_000): PendingAsk => {
    const { ask } = open(asks, clock, timeoutMs);
    if (thread >= 0) asks.sendTo(ask, thread);
    ask.isTimed = isTimed;
    return ask;
  };
  clock.advance(0.123);
  const replied = ask(-1);
  const failed = ask(2);
  const lost = ask(1);
  const timedOut = ask(1, true, 500);
  ask(-1, false).reply(1);
  clock.advance(0.000789);
  replied.reply(1);
  replied.reply(2);
  clock.advance(1.5);
  failed.fail(new Error('no'));
  asks.failThread(1, () => new Error('lost'));
  expect(lost.isSettled && timedOut.isSettled).toBe(true);
  const late = ask(-1, true, 100);
  clock.advance(300);
  expect(late.isSettled).toBe(true);
  expect(recorded.slice(0, 4)).toEqual([
    ['local', 789],
    ['remote', 1_500_789],
    ['remote', 1_500_789],
    ['remote', 1_500_789],
  ]);
  expect(recorded.length).toBe(5);
  expect(recorded[4]?.[0]).toBe('local');
  // The resolution of the wheel.
  expect(recorded[4]?.[1]).toBeGreaterThanOrEqual(100e6);
  expect(recorded[4]?.[1]).toBeLessThan(124e6);
});

test('asks that share a signal share one listener, and each is aborted by it', () => {
  const clock = new ManualClock();
  const asks = new PendingAsks(clock, 0, NOT_TIMED);
  const controller = new AbortController();
  const all = Array.from({ length: 20 }, () => open(asks, clock, 100));
  for (const { ask } of all) ask.abortOn(controller.signal);
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
  all[3]?.ask.reply(1);
  controller.abort();
  expect(all.map(({ outcomes }) => outcomes)).toEqual(all.map((_, index) => [index === 3 ? 'replied 1' : 'failed NEXUS_ASK_ABORTED']));
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
});

test('replies that have arrived are read before an ask times out, and not for ever', () => {
  const clock = new ManualClock();
  let left = 3;
  let reads = 0;
  const asks: PendingAsks = new PendingAsks(clock, 0, NOT_TIMED, () => {
    reads++;
    if (left === 0) first.ask.reply('in time');
    return left-- > 0;
  });
  const first = open(asks, clock, 20);
  const second = open(asks, clock, 20);
  clock.advance(64);
  expect([first.outcomes, second.outcomes]).toEqual([['replied in time'], ['failed NEXUS_ASK_TIMEOUT']]);
  // Somebody who never stops sending does not keep asks from their end.
  left = Number.POSITIVE_INFINITY;
  reads = 0;
  const third = open(asks, clock, 20);
  clock.advance(64);
  expect(third.outcomes).toEqual(['failed NEXUS_ASK_TIMEOUT']);
  expect(reads).toBeLessThan(1000);
});

test('asks time out also when reading what has arrived fails', () => {
  const clock = new ManualClock();
  let failures = 1;
  const asks = new PendingAsks(clock, 0, NOT_TIMED, () => {
    if (failures-- > 0) throw new Error('corrupt');
    return false;
  });
  const one = open(asks, clock, 20);
  expect(() => clock.advance(8)).toThrow('corrupt');
  clock.advance(64);
  expect(one.outcomes).toEqual(['failed NEXUS_ASK_TIMEOUT']);
});

test('what has arrived is not read in the context of whoever asked first', async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const asks: PendingAsks = new PendingAsks(systemClock, 0, NOT_TIMED, () => {
    seen.push(storage.getStore());
    return false;
  });
  await storage.run('of the asker', () => expect(new Promise((resolve, reject) => asks.open(resolve, reject, TARGET, 'add', 30, undefined))).rejects.toThrow());
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.filter((store) => store !== undefined)).toEqual([]);
  asks.stop();
});

test('who asks names the agent that was not where its message went', async () => {
  const clock = new ManualClock();
  const asks = new PendingAsks(clock, 0, NOT_TIMED);
  const failed = new Promise<unknown>((_resolve, reject) => {
    asks.open(() => undefined, reject, TARGET, 'read', 1000, undefined).fail(unnamedNotFound());
  });
  await expect(failed).rejects.toMatchObject({
    code: 'NEXUS_AGENT_NOT_FOUND',
    message: "the counter agent 'c1' has ended; 'read' was not handled; get a new reference with find or getOrSpawn",
    data: { id: 'c1', kind: 'counter', action: 'read' },
  });
  asks.stop();
});

test('an ask that the node of the agent has given up is one of whoever has asked: with its time, and with what the agent does there', async () => {
  const clock = new ManualClock();
  const passedOn = new NexusError('NEXUS_ASK_TIMEOUT', 'no reply within 298.97000000000003 ms; the agent is on thread 1', {
    data: { id: 'c1', kind: 'counter', action: 'read', timeoutMs: 298.97000000000003, waiting: { thread: 1, state: 'idle' } },
  });
  const remote = { node: { name: 'oslo', incarnation: 1 }, life: 1 };
  const failedWith = (action: string, target: object): Promise<unknown> => {
    const asks = new PendingAsks(clock, 0, NOT_TIMED);
    const outcome = new Promise<unknown>((_resolve, reject) => {
      asks.open(() => undefined, reject, { ...TARGET, ...target }, action, 300, undefined).fail(passedOn);
    });
    asks.stop();
    return outcome;
  };
  await expect(failedWith('read', { remote })).rejects.toMatchObject({
    message:
      "no reply from 'read' of counter 'c1' within 300 ms; the agent is on thread 1 of node oslo, which is idle: the handler waits for something, or never replies. Raise timeoutMs if it may take longer",
    data: { timeoutMs: 300, waiting: { thread: 1, node: 'oslo', state: 'idle' } },
  });
  // That of another ask, which the handler has made, is no timeout of this one.
  await expect(failedWith('add', { remote })).rejects.toBe(passedOn);
});
