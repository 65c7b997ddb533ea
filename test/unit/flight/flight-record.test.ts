/** What the recorder writes is what the reader finds, also after the ring went round; and no bytes whatever bring the reader down. */
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { FLIGHT_VERSION } from '../../../dist/ts-src/flight/flight-format.js';
import { mergedEvents } from '../../../dist/ts-src/flight/merged-events.js';
import { type FlightEvent, readFlightRecord } from '../../../dist/ts-src/flight/read-flight-record.js';
import { eventLine, heading } from '../../../dist/ts-src/flight/timeline.js';
import { FlightRecorder } from '../../../dist/ts-src/runtime/flight-recorder.js';
import { chromeTraceJson } from '../../../dist/ts-src/flight/chrome-trace.js';
import { codeOf } from '../../start-nexus.js';
import { until } from '../../until.js';
import { actionOf, cellOf, sample } from './flight-samples.js';

const eventsOf = (bytes: Uint8Array, thread = 0): FlightEvent[] => [...(readFlightRecord(bytes).threads[thread]?.events() ?? [])];

test('messages of one agent in a row with the same action are one event, which runs until the last of them is handled', () => {
  const { recorders, capture, clock, table } = sample();
  const slot = table.insert('the order', 0, undefined, 0);
  const order = cellOf(slot, table.generationOf(slot));
  const [recorder] = recorders as [(typeof recorders)[0]];
  recorder.beginDrain(clock.ms);
  recorder.beginRun(order, actionOf(0), undefined, 0);
  expect(eventsOf(capture())).toMatchObject([{ type: 'messages', agent: { id: 'the order', kind: 'order' }, action: 'add', count: undefined }]);
  recorder.endRun(3);
  recorder.beginRun(order, actionOf(1), { slot: 77 } as never, 3);
  recorder.endRun(4);
  expect(eventsOf(capture())).toMatchObject([
    { action: 'add', count: 3, sender: undefined, timeMs: 1000, number: 0 },
    { action: 'pay', count: 1, sender: { slot: 77, id: undefined }, timeMs: 1000, number: 1 },
  ]);
});

test('the ring keeps the last events, in order, however often it went round', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 300 }), fc.boolean(), (count, atWrap) => {
      const { recorders, capture, shared } = sample();
      // The number of events is a word: it goes on at its end.
      if (atWrap) shared.words[shared.flightOffset >> 2] = -150;
      const recorder = atWrap
        ? new FlightRecorder(shared, 0, { nowMs: () => 1, epochMs: () => 1, after: () => () => undefined })
        : (recorders[0] as FlightRecorder);
      for (let index = 0; index < count; index++) recorder.published(1, index);
      const expected = Array.from({ length: Math.min(63, count) }, (_, index) => index + Math.max(0, count - 63));
      expect(eventsOf(capture()).map((event) => event.count)).toEqual(expected);
      expect(readFlightRecord(capture()).threads[0]?.length).toBe(expected.length);
    }),
  );
});

test('a run whose event has been overwritten by what its messages did is not completed into another event', () => {
  const { recorders, capture } = sample();
  recorders[0]?.beginRun(cellOf(1, 1), actionOf(0), undefined, 0);
  for (let index = 0; index < 64; index++) recorders[0]?.published(1, 1000 + index);
  recorders[0]?.endRun(5);
  expect(eventsOf(capture()).map(({ count }) => count)).toEqual(Array.from({ length: 63 }, (_, index) => 1001 + index));
});

test('views of a cluster and the standing of its node are events, with what a reader needs to know', () => {
  const { recorders, capture } = sample();
  recorders[0]?.clusterStanding('member');
  recorders[0]?.clusterView(12, 3);
  recorders[0]?.clusterStanding('fenced');
  const events = eventsOf(capture());
  expect(events).toMatchObject([
    { type: 'clusterStanding', reason: 'member', agent: undefined, count: undefined },
    { type: 'clusterView', view: 12, count: 3, reason: undefined },
    { type: 'clusterStanding', reason: 'fenced', view: undefined },
  ]);
  expect(events.map((event) => eventLine(readFlightRecord(capture()), event).replace(/^.*? (this|view)/, '$1'))).toEqual([
    'this node of a cluster is member',
    'view 12 with 3 members',
    'this node of a cluster is fenced',
  ]);
});

test('equal dead letters and timeouts in a row are one event with their number', () => {
  const { recorders, capture } = sample();
  const { kind } = cellOf(3, 1) as { kind: never };
  for (let index = 0; index < 1000; index++) recorders[0]?.deadLetter('mailboxFull', kind, 3, 1, 'pay');
  recorders[0]?.deadLetter('mailboxFull', kind, 3, 2, 'pay');
  recorders[0]?.askTimedOut(kind, 3, 2, 'pay');
  expect(eventsOf(capture())).toMatchObject([
    { type: 'deadLetter', reason: 'mailboxFull', action: 'pay', count: 1000 },
    { type: 'deadLetter', count: 1, agent: { generation: 2 } },
    { type: 'askTimeout', count: 1, action: 'pay' },
  ]);
});

test('a reader finds whole events only, in order, while another thread writes as fast as it can', async () => {
  const { shared, capture } = sample(65_536);
  const root = new URL('../../../dist/', import.meta.url).href;
  const text = `
    const { workerData } = require('node:worker_threads');
    (async () => {
      const { attachSharedMemory } = await import(workerData.root + 'bindings/shared-memory.js');
      const { FlightRecorder } = await import(workerData.root + 'ts-src/runtime/flight-recorder.js');
      const shared = attachSharedMemory(workerData.memory);
      const recorder = new FlightRecorder(shared, 1, { nowMs: () => 1 });
      // Both numbers of an event say which it is.
      for (let index = 0; shared.words[1000] === 0; index = (index + 1) & 0xfffffff) recorder.published(index, index);
    })();`;
  const worker = new Worker(text, { eval: true, workerData: { memory: shared.memory, root } });
  onTestFinished(() => void worker.terminate());
  await until(() => eventsOf(capture(), 1).length > 0);
  let found = 0;
  for (let round = 0; round < 30; round++) {
    const events = eventsOf(capture(), 1);
    found += events.length;
    const wrong = events.filter((event, index) => {
      const before = events[index - 1]?.count;
      return event.count !== event.other || (before !== undefined && (((event.count as number) - before) & 0xfffffff) !== 1);
    });
    expect(wrong).toEqual([]);
  }
  shared.words[1000] = 1;
  expect(found).toBeGreaterThan(10_000);
});

test('bytes that are no flight record, of a newer version, cut off or damaged have an error each', async () => {
  const { recorders, capture } = sample();
  recorders[0]?.nexusStopping();
  const whole = capture({ note: 'a note' });
  const changed = (at: number, value: number): Buffer => {
    const copy = Buffer.from(whole);
    copy.writeUInt32LE(value, at);
    return copy;
  };
  expect(readFlightRecord(whole)).toMatchObject({ note: 'a note', thread: undefined, signal: undefined });
  expect(await codeOf(() => readFlightRecord(Buffer.from('{"some":"json"}')))).toBe('NEXUS_FLIGHT_FOREIGN');
  expect(await codeOf(() => readFlightRecord(new Uint8Array(0)))).toBe('NEXUS_FLIGHT_FOREIGN');
  expect(await codeOf(() => readFlightRecord(changed(8, FLIGHT_VERSION + 1)))).toBe('NEXUS_FLIGHT_VERSION');
  for (const at of [8, 20, 63, 100, 1000, whole.length - 30, whole.length - 1])
    expect(await codeOf(() => readFlightRecord(whole.subarray(0, at))), `cut off at ${at}`).toBe('NEXUS_FLIGHT_CORRUPT');
  for (const [at, value] of [
    [12, 31],
    [32, 99],
    [44, 0],
    [44, 4_000_000_000],
    [48, 63],
    [48, 2 ** 31],
    [52, 4_000_000_000],
    [56, 9000],
    [64, 0],
  ] as const)
    expect(await codeOf(() => readFlightRecord(changed(at, value))), `${value} at ${at}`).toBe('NEXUS_FLIGHT_CORRUPT');
});

test('whatever bytes the reader is given, it reads them or says what is wrong, and shows what it has read', () => {
  const { recorders, capture, table } = sample();
  for (let index = 0; index < 40; index++) {
    const slot = table.insert(`an agent ${'x'.repeat(index)}`, index & 1, undefined, 0);
    recorders[index & 1]?.beginRun(cellOf(slot, table.generationOf(slot), index & 1), actionOf(0), undefined, 0);
    recorders[0]?.threadLost(1, true);
  }
  const whole = capture({ note: 'an error', reason: 'threadLost', thread: 1 });
  const damage = fc.record({
    length: fc.oneof({ weight: 3, arbitrary: fc.constant(whole.length) }, { weight: 1, arbitrary: fc.nat(whole.length) }),
    bytes: fc.array(fc.tuple(fc.oneof(fc.nat(whole.length - 1), fc.nat(127), fc.integer({ min: whole.length - 1000, max: whole.length - 1 })), fc.nat(255)), {
      maxLength: 12,
    }),
    more: fc.oneof({ weight: 3, arbitrary: fc.constant(new Uint8Array(0)) }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) }),
  });
  let read = 0;
  fc.assert(
    fc.property(damage, ({ length, bytes, more }) => {
      const given = Buffer.concat([whole.subarray(0, length), more]);
      for (const [at, value] of bytes) if (at < given.length) given[at] = value;
      let record: ReturnType<typeof readFlightRecord>;
      try {
        record = readFlightRecord(given);
      } catch (error) {
        expect((error as { code?: string }).code).toMatch(/^NEXUS_FLIGHT_(FOREIGN|VERSION|CORRUPT)$/);
        return;
      }
      read++;
      let lines = [...heading(record)].length;
      for (const event of mergedEvents(record)) {
        expect(eventLine(record, event)).toEqual(expect.any(String));
        lines++;
      }
      // No more than the bytes can hold.
      expect(lines).toBeLessThan(300 + given.length / 32);
      JSON.parse([...chromeTraceJson(record)].join(''));
    }),
    { numRuns: 3000 },
  );
  expect(read).toBeGreaterThan(300);
});

test('names that would drive a terminal are shown as what they are', () => {
  const { recorders, capture, table } = sample();
  const slot = table.insert('\u001b[2Jgone\u202e', 0, undefined, 0);
  recorders[0]?.starting(cellOf(slot, table.generationOf(slot)));
  const record = readFlightRecord(capture());
  const [event] = [...mergedEvents(record)] as [FlightEvent];
  expect(eventLine(record, event)).toMatch(/spawned +order '\\u001b\[2Jgone\\u202e'$/);
});

test('events of all threads are merged by time, and chosen by thread, agent and number', () => {
  const { recorders, capture, clock, table } = sample();
  const slots = ['a', 'b'].map((name, kind) => table.insert(name, kind, undefined, 0));
  for (let index = 0; index < 10; index++) {
    clock.ms = 1000 + index;
    recorders[index % 2]?.starting(cellOf(slots[index % 2] as number, 1, index % 2));
  }
  const record = readFlightRecord(capture());
  const times = (choice: Parameters<typeof mergedEvents>[1]): number[] => [...mergedEvents(record, choice)].map(({ timeMs }) => timeMs - 1000);
  expect(times({})).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(times({ last: 3 })).toEqual([7, 8, 9]);
  expect(times({ last: 100 })).toHaveLength(10);
  expect(times({ thread: 1 })).toEqual([1, 3, 5, 7, 9]);
  expect(times({ agent: 'a' })).toEqual([0, 2, 4, 6, 8]);
  expect(times({ agent: 'stock', last: 2 })).toEqual([7, 9]);
});
