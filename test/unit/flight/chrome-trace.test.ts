/** The trace obeys the rules of the Chrome trace event format, as far as the events that are used go. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chromeTrace, chromeTraceJson, type TraceEvent } from '../../../dist/ts-src/flight/chrome-trace.js';
import { readFlightRecord } from '../../../dist/ts-src/flight/read-flight-record.js';
import { actionOf, cellOf, sample } from './flight-samples.js';

/** What a viewer insists on: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU */
function check(text: string, threads: readonly number[]): TraceEvent[] {
  const trace = JSON.parse(text) as { displayTimeUnit: string; traceEvents: TraceEvent[] };
  expect(trace.displayTimeUnit).toMatch(/^(ms|ns)$/);
  const named = new Map<number, unknown>();
  for (const event of trace.traceEvents) {
    expect(typeof event.name).toBe('string');
    expect(Number.isInteger(event.pid) && Number.isInteger(event.tid)).toBe(true);
    expect(Number.isFinite(event.ts) && event.ts >= 0).toBe(true);
    switch (event.ph) {
      case 'X':
        expect(typeof event.cat).toBe('string');
        expect(Number.isFinite(event.dur) && (event.dur as number) >= 0).toBe(true);
        break;
      case 'i':
        expect(typeof event.cat).toBe('string');
        expect(event.s).toMatch(/^[tpg]$/);
        expect(event.dur).toBeUndefined();
        break;
      case 'M':
        expect(event.name).toMatch(/^(process_name|thread_name|thread_sort_index)$/);
        if (event.name === 'thread_name') named.set(event.tid, event.args?.['name']);
        break;
      default:
        expect.unreachable(`ph ${String(event.ph)}`);
    }
  }
  expect([...named.keys()]).toEqual(threads);
  expect(new Set(named.values()).size).toBe(threads.length);
  // Slices of one thread follow each other, or a viewer would nest them.
  for (const tid of threads) {
    const slices = trace.traceEvents.filter((event) => event.ph === 'X' && event.tid === tid);
    slices.forEach((slice, index) => {
      const before = slices[index - 1];
      if (before !== undefined) expect(slice.ts).toBeGreaterThanOrEqual(before.ts + (before.dur as number) - 0.001);
    });
  }
  return trace.traceEvents;
}

test('a trace of whatever happened is one that Perfetto takes: types, times, durations, processes, and threads with names', () => {
  const step = fc.record({
    thread: fc.nat(1),
    what: fc.nat(6),
    passMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 50, noNaN: true })),
    count: fc.integer({ min: 1, max: 300 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const { recorders, clock, capture } = sample();
      for (const { thread, what, passMs, count } of steps) {
        const recorder = recorders[thread] as (typeof recorders)[0];
        clock.ms += passMs;
        if (what < 3) {
          recorder.beginRun(cellOf(1 + what, 1), actionOf(what & 1), undefined, 0);
          if (what < 2) recorder.endRun(count);
        } else if (what === 3) recorder.published(1 - thread, count);
        else if (what === 4) recorder.settled(cellOf(1, 1), actionOf(1), true);
        else if (what === 5) {
          recorder.beginDrain(clock.ms);
          recorder.beginRun(cellOf(1, 1), actionOf(0), undefined, 0);
          recorder.endRun(count);
          clock.ms += passMs;
          recorder.look(clock.ms);
          recorder.endDrain();
        } else recorder.threadStarted(count);
      }
      check([...chromeTraceJson(readFlightRecord(capture()))].join(''), [0, 1]);
    }),
    { numRuns: 200 },
  );
});

test('a slice lasts as long as is known: until the clock was looked at, or, of the last message of a thread that died, until the dump', () => {
  const { recorders, clock, capture } = sample();
  const recorder = recorders[0] as (typeof recorders)[0];
  recorder.beginDrain(1000);
  recorder.beginRun(cellOf(1, 1), actionOf(0), undefined, 0);
  recorder.endRun(3);
  recorder.beginRun(cellOf(1, 1), actionOf(1), undefined, 0);
  recorder.endRun(1);
  recorder.look(1040);
  recorder.beginRun(cellOf(1, 1), actionOf(1), undefined, 0);
  clock.ms = 2040;
  const slices = [...chromeTrace(readFlightRecord(capture()))].filter(({ ph }) => ph === 'X');
  expect(slices).toMatchObject([
    { name: 'order.add', ts: 1_000_000, dur: 30_000, tid: 0, pid: 42, args: { messages: 3 } },
    { name: 'order.pay', ts: 1_030_000, dur: 10_000 },
    { name: 'order.pay', ts: 1_040_000, dur: 1_000_000, args: { messages: 'running' } },
  ]);
});
