/** Sensors alone, with a clock that is moved by hand and a machine that is made up. */
import fc from 'fast-check';
import { defineSensor, defineTopic } from 'nexus-agents';
import {
  type FileStatus,
  fileSensor,
  type HttpAnswer,
  type HttpGet,
  httpSensor,
  intervalSensor,
  type ProcessReading,
  processSensor,
  type SensorSource,
} from 'nexus-agents/sensors';
import { describe, expect, test } from 'vitest';
import { observeFile, type FileHistory } from '../../../dist/ts-src/sensors/file-changes.js';
import { failureOf } from '../../start-nexus.js';
import { ManualSensor } from './manual-context.js';

describe('a sensor of one’s own', () => {
  test('looks at once and then every period, from the start of one look to the start of the next', async () => {
    const looks: number[] = [];
    const sensor = new ManualSensor(
      defineSensor({
        kind: 'x',
        periodMs: 100,
        sense: async (_state, ctx) => {
          looks.push(ctx.clock.nowMs());
          sensor.nowMs += 30;
          return undefined;
        },
      }),
    );
    await sensor.start();
    await sensor.pass(300);
    expect(looks).toEqual([1000, 1100, 1200, 1300]);
  });

  test('emits what it returns, of typed topics too', async () => {
    const Level = defineTopic<number>('tank.level');
    const sensor = new ManualSensor(
      defineSensor({
        kind: 'x',
        periodMs: 10,
        state: (init: number) => ({ level: init }),
        sense: (state) => [{ topic: Level, data: state.level++ }, { topic: 'tank.seen' }],
      }),
    );
    await sensor.start(5);
    await sensor.pass(10);
    expect(sensor.emitted).toEqual([
      ['tank.level', 5],
      ['tank.seen', undefined],
      ['tank.level', 6],
      ['tank.seen', undefined],
    ]);
  });

  test('that fails looks again after its period if it is resumed, at once or later', async () => {
    let looks = 0;
    for (const sense of [
      () => {
        looks++;
        throw new Error('broken');
      },
      async () => {
        looks++;
        throw new Error('broken');
      },
    ]) {
      const sensor = new ManualSensor(defineSensor({ kind: 'x', periodMs: 50, sense }));
      expect((await failureOf(sensor.start()))?.message).toBe('broken');
      expect(sensor.nextMs).toBe(50);
    }
    expect(looks).toBe(2);
  });

  test('looks when it is told to, without a second period beside the first', async () => {
    let looks = 0;
    const sensor = new ManualSensor(defineSensor({ kind: 'x', periodMs: 100, sense: () => void looks++ as undefined }));
    await sensor.start();
    await sensor.run('look');
    await sensor.pass(100);
    expect(looks).toBe(3);
  });

  test('with a source that pushes emits what it pushes, fails when it fails, and closes it once', async () => {
    let source: SensorSource | undefined;
    let closed = 0;
    const sensor = new ManualSensor(
      defineSensor({
        kind: 'x',
        open: async (_state, opened) => {
          source = opened;
          return () => void closed++;
        },
      }),
    );
    await sensor.start();
    source?.emit('pushed', 1);
    source?.fail(new Error('gone'));
    expect(sensor.emitted).toEqual([['pushed', 1]]);
    expect(sensor.told).toEqual([['sourceFailed', new Error('gone')]]);
    expect((await failureOf(sensor.run('sourceFailed', new Error('gone'))))?.message).toBe('gone');
    await sensor.stop();
    await sensor.stop();
    source?.fail(new Error('late'));
    expect([closed, sensor.told.length]).toEqual([1, 1]);
  });

  test.each<[unknown, string]>([
    [undefined, 'expected an object'],
    [{ kind: 'x' }, 'needs sense'],
    [{ kind: 'x', sense: 5, periodMs: 5 }, 'sense of'],
    [{ kind: 'x', sense: () => undefined }, 'periodMs of'],
    [{ kind: 'x', sense: () => undefined, periodMs: 0 }, 'it must be from 1 to 86400000'],
    [{ kind: 'x', sense: () => undefined, periodMs: 86_400_001 }, 'it must be from 1 to 86400000'],
    [{ kind: 'x', open: () => undefined, periodMs: 5 }, 'which is for sense'],
    [{ kind: 'x', sense: () => undefined, period: 5 }, "did you mean 'periodMs'?"],
    [{ kind: 'x', sense: () => undefined, periodMs: 5, senseAtStart: 1 }, 'senseAtStart'],
    [{ kind: '', open: () => undefined }, 'kind must be'],
  ])('%j is refused', async (specification, reason) => {
    const failure = await failureOf(() => defineSensor(specification as never));
    expect(failure).toMatchObject({ code: 'NEXUS_DEFINITION_INVALID' });
    expect(failure?.message).toContain(reason);
  });
});

describe('interval', () => {
  test('emits after each period, and counts', async () => {
    const sensor = new ManualSensor(intervalSensor({ kind: 'beat', topic: 'beats', periodMs: 100 }));
    await sensor.start();
    expect(sensor.emitted).toEqual([]);
    await sensor.pass(350);
    expect(sensor.emitted).toEqual([1, 2, 3].map((count) => ['beats', { count }]));
  });

  test('takes another topic and period at its spawn', async () => {
    const sensor = new ManualSensor(intervalSensor({ kind: 'beat', topic: 'beats', periodMs: 100 }));
    await sensor.start({ topic: 'fast', periodMs: 10 });
    await sensor.pass(10);
    expect(sensor.emitted).toEqual([['fast', { count: 1 }]]);
    expect((await failureOf(sensor.start({ periodMs: 0 })))?.code).toBe('NEXUS_OPTION_INVALID');
    expect((await failureOf(sensor.start({ kind: 'y' })))?.code).toBe('NEXUS_OPTION_UNKNOWN');
  });
});

describe('file', () => {
  const status = (n: number): FileStatus => ({ bytes: n, modifiedMs: n, changedMs: n, inode: 1 });

  test('reports what is created, changed and removed, once it has settled', async () => {
    let now: FileStatus | undefined;
    const sensor = new ManualSensor(
      fileSensor({ kind: 'f', path: '/f', topic: 'files.f', periodMs: 100, settleMs: 150, fileSystem: { status: async () => now } }),
    );
    await sensor.start();
    now = status(1);
    await sensor.pass(100);
    now = status(2);
    await sensor.pass(200);
    expect(sensor.emitted).toEqual([]);
    await sensor.pass(100);
    expect(sensor.emitted).toEqual([['files.f.created', { path: '/f', bytes: 2, modifiedMs: 2 }]]);
    now = status(3);
    await sensor.pass(300);
    now = undefined;
    await sensor.pass(300);
    expect(sensor.emitted.slice(1)).toEqual([
      ['files.f.changed', { path: '/f', bytes: 3, modifiedMs: 3 }],
      ['files.f.removed', { path: '/f' }],
    ]);
  });

  test('says nothing of a file that is there when it starts, nor of one that is as it was before it settled', async () => {
    let now: FileStatus | undefined = status(1);
    const sensor = new ManualSensor(fileSensor({ kind: 'f', path: '/f', topic: 'f', periodMs: 100, settleMs: 150, fileSystem: { status: async () => now } }));
    await sensor.start();
    now = undefined;
    await sensor.pass(100);
    now = status(1);
    await sensor.pass(1000);
    expect(sensor.emitted).toEqual([]);
  });

  test.each(['bytes', 'modifiedMs', 'changedMs', 'inode'] as const)('a file that differs in its %s alone has changed', async (property) => {
    let now = status(1);
    const sensor = new ManualSensor(fileSensor({ kind: 'f', path: '/f', topic: 'f', periodMs: 100, settleMs: 0, fileSystem: { status: async () => now } }));
    await sensor.start();
    now = { ...now, [property]: 7 };
    await sensor.pass(100);
    expect(sensor.emitted.map(([topic]) => topic)).toEqual(['f.changed']);
  });

  test('a path that cannot be looked at is a failure of the sensor', async () => {
    const fileSystem = { status: async () => Promise.reject(new Error('EACCES')) };
    const sensor = new ManualSensor(fileSensor({ kind: 'f', path: '/f', topic: 'f', fileSystem }));
    expect((await failureOf(sensor.start()))?.message).toBe('EACCES');
  });

  test('what is reported is what a file became, whatever it was in between', () => {
    const looks = fc.array(fc.tuple(fc.option(fc.nat(2), { nil: undefined }), fc.integer({ min: 1, max: 200 })), { maxLength: 40 });
    fc.assert(
      fc.property(looks, fc.integer({ min: 0, max: 300 }), (seen, settleMs) => {
        let history: FileHistory | undefined;
        let nowMs = 0;
        let reported: number | undefined;
        // Since when it is as it is now, as far as the looks show.
        let since = 0;
        let last: number | undefined;
        seen.forEach(([size, waitMs], index) => {
          nowMs += waitMs;
          const observed = observeFile(history, size === undefined ? undefined : status(size), nowMs, settleMs);
          if (index === 0) reported = size;
          if (index === 0 || size !== last) since = nowMs;
          last = size;
          const shouldReport = index > 0 && size !== reported && nowMs - since >= settleMs;
          const expected = !shouldReport ? undefined : reported === undefined ? 'created' : size === undefined ? 'removed' : 'changed';
          expect(observed.change).toBe(expected);
          if (shouldReport) reported = size;
          history = observed.history;
        });
      }),
    );
  });
});

describe('http', () => {
  const answer = (status: number, body: string, etag?: string): HttpAnswer => ({
    status,
    etag,
    lastModified: undefined,
    contentType: 'application/json',
    body: new TextEncoder().encode(body),
  });
  const script = (answers: (HttpAnswer | Error)[]) => {
    const requests: HttpGet[] = [];
    return {
      requests,
      get: async (request: HttpGet) => {
        requests.push(request);
        const next = answers.shift();
        if (next instanceof Error) throw next;
        return next as HttpAnswer;
      },
    };
  };
  const url = 'https://example.com/x';

  test('says what has changed, and asks for nothing that it knows', async () => {
    const client = script([answer(200, '1', '"a"'), answer(304, '', '"a"'), answer(200, '2', '"b"'), answer(200, '2', '"c"')]);
    const sensor = new ManualSensor(httpSensor({ kind: 'h', url, topic: 'h', periodMs: 1000, headers: { accept: 'x/y' }, client }));
    await sensor.start();
    await sensor.pass(3000);
    expect(sensor.emitted).toEqual([
      ['h.changed', { url, status: 200, contentType: 'application/json', body: '1' }],
      ['h.changed', { url, status: 200, contentType: 'application/json', body: '2' }],
    ]);
    expect(client.requests.map(({ headers }) => headers)).toEqual([
      { accept: 'x/y' },
      { accept: 'x/y', 'if-none-match': '"a"' },
      { accept: 'x/y', 'if-none-match': '"a"' },
      { accept: 'x/y', 'if-none-match': '"b"' },
    ]);
  });

  test('an outage is one signal, and so is its end; another status is one too', async () => {
    const failed = Object.assign(new Error('fetch failed'), { cause: new Error('ECONNREFUSED') });
    const client = script([failed, failed, answer(200, '1'), failed, answer(503, 'busy'), answer(503, 'busy'), answer(200, '1')]);
    const sensor = new ManualSensor(httpSensor({ kind: 'h', url, topic: 'h', periodMs: 1000, client }));
    await sensor.start();
    await sensor.pass(6000);
    expect(sensor.emitted).toEqual([
      ['h.failed', { url, message: 'fetch failed: ECONNREFUSED' }],
      ['h.recovered', { url }],
      ['h.changed', { url, status: 200, contentType: 'application/json', body: '1' }],
      ['h.failed', { url, message: 'fetch failed: ECONNREFUSED' }],
      ['h.recovered', { url }],
      ['h.status', { url, status: 503, before: 200 }],
      ['h.status', { url, status: 200, before: 503 }],
    ]);
  });

  test.each([
    [{ url: 'ftp://x' }, 'url'],
    [{ url: 'nothing' }, 'url'],
    [{ url, periodMs: 99 }, 'periodMs'],
    [{ url, timeoutMs: 0 }, 'timeoutMs'],
    [{ url, bodyBytesMax: -1 }, 'bodyBytesMax'],
    [{ url, headers: { a: 1 } }, 'headers'],
    [{ url, topic: 'a.*' }, 'topic'],
    [{ url, topic: 'x'.repeat(250) }, 'topic'],
  ])('%j is refused', async (options, name) => {
    const failure = await failureOf(() => httpSensor({ kind: 'h', topic: 'h', ...options } as never));
    expect(failure).toMatchObject({ code: 'NEXUS_OPTION_INVALID' });
    expect(failure?.message).toContain(name);
  });
});

test('process: what was used in each period, by the difference of two readings', async () => {
  const reading = (n: number): ProcessReading => ({
    ...{ cpuUserMs: 50 * n, cpuSystemMs: 10 * n, residentBytes: n, heapUsedBytes: n, heapTotalBytes: n, externalBytes: n },
    ...{ loopActiveMs: 25 * n, loopIdleMs: 75 * n, loopDelay: { meanMs: n, p99Ms: n, maxMs: n }, collections: n, collectionMs: 2 * n },
  });
  let reads = 0;
  let open = 0;
  const metering = { open: () => ({ read: () => reading(++reads), close: () => void open--, opened: open++ }) };
  const sensor = new ManualSensor(processSensor({ kind: 'p', topic: 'process', periodMs: 100, metering }));
  await sensor.start();
  expect(sensor.emitted).toEqual([]);
  await sensor.pass(100);
  expect(sensor.emitted).toEqual([
    [
      'process',
      {
        periodMs: 100,
        cpu: { user: 0.5, system: 0.1 },
        memory: { residentBytes: 2, heapUsedBytes: 2, heapTotalBytes: 2, externalBytes: 2 },
        eventLoop: { utilization: 0.25, delayMeanMs: 2, delayP99Ms: 2, delayMaxMs: 2 },
        garbage: { collections: 1, collectionMs: 2 },
      },
    ],
  ]);
  expect(open).toBe(1);
  await sensor.stop();
  expect(open).toBe(0);
});
