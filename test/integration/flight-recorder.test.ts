/** Flight records of real processes: each way to die leaves one, whose last events say which message it was. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineAgent, type FlightRecorderOptions } from 'nexus-agents';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { type FlightEvent, type FlightRecord, readFlightRecord } from '../../dist/ts-src/flight/read-flight-record.js';
import { eventLine } from '../../dist/ts-src/flight/timeline.js';
import { Pilot } from '../fixtures/flight-agents.mjs';
import { codeOf, describeEngines, failureOf, fixture, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const program = fileURLToPath(fixture('flight-process.mjs'));
const bin = fileURLToPath(new URL('../../dist/ts-src/cli/nexus.js', import.meta.url));
const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-flight-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Doing {
  readonly engine?: string;
  readonly threads?: number;
  readonly thread?: number;
  readonly recorder?: FlightRecorderOptions | false;
  readonly workers?: object;
  readonly then?: string;
  readonly input?: unknown;
  readonly survives?: boolean;
}

interface Run {
  readonly child: ChildProcess;
  readonly folder: string;
  /** Exit code, or the name of the signal. */
  readonly exit: Promise<number | string>;
  out(): string;
  err(): string;
  files(): string[];
  /** The one file that there is. */
  record(): FlightRecord;
}

function run(doing: Doing, ...nodeOptions: string[]): Run {
  const folder = temporary();
  const given = { ...doing, recorder: doing.recorder === false ? false : { directory: folder, ...doing.recorder } };
  // The core dump of a crash that is wanted is of no use to anybody.
  const child = spawn(
    '/bin/sh',
    ['-c', 'ulimit -c 0; exec "$0" "$@"', process.execPath, ...nodeOptions, program, JSON.stringify({ engine: 'native', ...given })],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  running.add(child);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk) => (err += chunk));
  const exit = new Promise<number | string>((resolve) =>
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve(signal ?? (code as number));
    }),
  );
  const files = (): string[] => readdirSync(folder).sort();
  const record = (): FlightRecord => {
    expect(files(), err).toHaveLength(1);
    return readFlightRecord(readFileSync(join(folder, files()[0] as string)));
  };
  return { child, folder, exit, out: () => out, err: () => err, files, record };
}

function eventsOf(record: FlightRecord, thread: number): FlightEvent[] {
  return [...(record.threads[thread]?.events() ?? [])];
}

/** What is written of the events of a thread, without their times. */
function linesOf(record: FlightRecord, thread: number): string[] {
  return eventsOf(record, thread).map((event) =>
    eventLine(record, event)
      .replace(/^.*? ms +\d+ +/, '')
      .replace(/ +/g, ' '),
  );
}

const FATAL = ['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGTRAP', 'SIGFPE'];
const hasNative = (await failureOf(async () => execFileSync(process.execPath, [bin, 'topology'], { stdio: 'pipe' }))) === undefined;

describe.runIf(hasNative)('native engine: the process dies', () => {
  test('an out-of-memory crash of the calling thread leaves a flight record whose last event is the message that filled the heap', async () => {
    const { exit, record, err, files } = run({ thread: 0, then: 'fillHeap' }, '--max-old-space-size=40');
    expect(await exit, err()).toBe('SIGABRT');
    const found = record();
    expect(found).toMatchObject({ reason: 'fatalSignal', signal: 'SIGABRT', thread: 0 });
    expect(linesOf(found, 0).at(-1)).toBe("messages pilot 'the pilot' fillHeap, RUNNING");
    expect(linesOf(found, 0)).toContain("messages pilot 'the pilot' add, 1 message");
    expect(files()[0]).toMatch(/^nexus-flight-\d+-\d{8}T\d{9}Z-SIGABRT\.nxf$/);
    expect(err()).toContain('SIGABRT: a flight record was written to ');
    // The time of the file's name and of the record is now, in this century.
    expect(Math.abs(found.epochMs - Date.now())).toBeLessThan(60_000);
    const last = eventsOf(found, 0).at(-1) as FlightEvent;
    expect(found.clockMs - last.timeMs).toBeGreaterThan(0);
    expect(found.clockMs - last.timeMs).toBeLessThan(60_000);
  });

  test('when the process dies the record says what the workers were at', async () => {
    const { exit, record, err } = run({ then: 'signal', input: 'SIGABRT' });
    expect(await exit, err()).toBe('SIGABRT');
    const found = record();
    expect(found).toMatchObject({ reason: 'fatalSignal', signal: 'SIGABRT' });
    expect(linesOf(found, 1).at(-1)).toBe("messages pilot 'the pilot' signal, RUNNING");
    expect(linesOf(found, 0).some((line) => /^published \d+ messages? to thread 1$/.test(line))).toBe(true);
  });

  test.each(FATAL)('%s ends the process as it would have without the recorder, and leaves a flight record', async (signal) => {
    const { exit, record, err } = run({ thread: 0, then: 'signal', input: signal });
    expect(await exit, err()).toBe(signal);
    expect(record()).toMatchObject({ reason: 'fatalSignal', signal });
  });

  test('WebAssembly that leaves its memory is no crash: it throws, and no flight record is written', async () => {
    const folder = temporary();
    const text = `
      import { createNexus } from ${JSON.stringify(new URL('../../dist/ts-src/index.js', import.meta.url).href)};
      const nexus = await createNexus({ agents: [], threads: 0, engine: { force: 'native' }, flightRecorder: { directory: ${JSON.stringify(folder)} } });
      const module = new WebAssembly.Module(Uint8Array.of(0,97,115,109,1,0,0,0, 1,6,1,96,1,127,1,127, 3,2,1,0, 5,3,1,0,1, 7,5,1,1,102,0,0, 10,9,1,7,0,32,0,40,2,0,11));
      const { f } = new WebAssembly.Instance(module).exports;
      for (let round = 0; round < 100; round++) { try { f(-8); console.log('no error'); } catch (error) { if (!(error instanceof WebAssembly.RuntimeError)) throw error; } }
      await nexus.stop();
      console.log('lives');`;
    expect(execFileSync(process.execPath, ['--input-type=module', '-e', text], { encoding: 'utf8' })).toBe('lives\n');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('each nexus of the process leaves a flight record of its own, also in one directory', async () => {
    const folder = temporary();
    const text = `
      import { createNexus } from ${JSON.stringify(new URL('../../dist/ts-src/index.js', import.meta.url).href)};
      const start = () => createNexus({ agents: [], threads: 0, engine: { force: 'native' }, flightRecorder: { directory: ${JSON.stringify(folder)} } });
      for (let count = 0; count < 5; count++) await start();
      process.abort();`;
    const failure = await failureOf(async () =>
      execFileSync('/bin/sh', ['-c', 'ulimit -c 0; exec "$0" "$@"', process.execPath, '--input-type=module', '-e', text], { stdio: 'pipe' }),
    );
    expect((failure?.error as unknown as { signal: string }).signal).toBe('SIGABRT');
    expect(readdirSync(folder)).toHaveLength(5);
    for (const name of readdirSync(folder)) expect(readFlightRecord(readFileSync(join(folder, name)))).toMatchObject({ signal: 'SIGABRT' });
  });

  test('after the nexus has stopped a fatal signal leaves nothing', async () => {
    const folder = temporary();
    const text = `
      import { createNexus } from ${JSON.stringify(new URL('../../dist/ts-src/index.js', import.meta.url).href)};
      const start = () => createNexus({ agents: [], threads: 1, engine: { force: 'native' }, flightRecorder: { directory: ${JSON.stringify(folder)} } });
      const [one, other] = [await start(), await start()];
      await one.stop();
      if (process.argv[1] === 'both') await other.stop();
      process.abort();`;
    const died = (how: string): Promise<unknown> =>
      failureOf(async () =>
        execFileSync('/bin/sh', ['-c', 'ulimit -c 0; exec "$0" "$@"', process.execPath, '--input-type=module', '-e', text, how], { stdio: 'pipe' }),
      ).then((failure) => (failure?.error as unknown as { signal: string }).signal);
    expect(await died('both')).toBe('SIGABRT');
    expect(readdirSync(folder)).toEqual([]);
    expect(await died('one')).toBe('SIGABRT');
    expect(readdirSync(folder)).toHaveLength(1);
  });
});

describeEngines((engine) => {
  test('a worker that runs out of memory leaves a flight record whose last event is the message that filled its heap', async () => {
    const { exit, record, out, err } = run({ engine, then: 'fillHeap', workers: { resourceLimits: { maxOldGenerationSizeMb: 30 } } });
    expect(await exit, err()).toBe(0);
    expect(out()).toContain('restored');
    const found = record();
    expect(found).toMatchObject({
      reason: 'threadLost',
      thread: 1,
      head: { engine, kinds: expect.arrayContaining([{ kind: 'pilot', actions: expect.any(Array) }]) },
    });
    expect(found.note).toContain('memory');
    expect(linesOf(found, 1).at(-1)).toBe("messages pilot 'the pilot' fillHeap, RUNNING");
    expect(linesOf(found, 1)).toContain("settled pilot 'the pilot' sleep, async, done");
    expect(linesOf(found, 0).at(-1)).toBe('threadLost thread 1, which is replaced');
  });

  test('an uncaught error on a worker, or its exit, leaves a flight record before its successor starts', async () => {
    const crashed = run({ engine, then: 'crash' });
    expect(await crashed.exit, crashed.err()).toBe(0);
    const found = crashed.record();
    expect(found).toMatchObject({ reason: 'threadLost', thread: 1 });
    expect(found.note).toContain('outside of any handler');
    expect(linesOf(found, 1).at(-1)).toBe("messages pilot 'the pilot' crash, 1 message");
    const exited = run({ engine, then: 'exit', input: 7 });
    expect(await exited.exit, exited.err()).toBe(0);
    expect(exited.record().note).toBe('thread 1 ended with exit code 7');
    expect(linesOf(exited.record(), 1).at(-1)).toBe("messages pilot 'the pilot' exit, RUNNING");
  });

  test('an uncaught error on the calling thread leaves a flight record, and the process ends as it would have', async () => {
    const { exit, record, err } = run({ engine, thread: 0, then: 'crash' });
    expect(await exit).toBe(1);
    expect(err()).toContain('outside of any handler');
    const found = record();
    expect(found).toMatchObject({ reason: 'uncaughtException', thread: 0 });
    expect(found.note).toMatch(/^Error: outside of any handler\n +at /);
    expect(linesOf(found, 0).at(-1)).toBe("messages pilot 'the pilot' crash, 1 message");
  });

  test('a process that survives an uncaught error keeps its nexus, whose listeners are gone when it has stopped', async () => {
    const { exit, out, files, err } = run({ engine, thread: 0, then: 'crash', survives: true, recorder: { signal: 'SIGUSR2' } });
    expect(await exit, err()).toBe(0);
    expect(out()).toContain('listeners 0 0');
    expect(files().length).toBeLessThanOrEqual(1);
  });

  test('the signal that was chosen writes a flight record each time, and the process goes on', async () => {
    const { child, out, files, record, err } = run({ engine, recorder: { signal: 'SIGUSR2' } });
    await until(() => out().includes('ready'));
    child.kill('SIGUSR2');
    await until(() => err().includes('a flight record was written'));
    expect(record()).toMatchObject({ reason: 'signal', signal: 'SIGUSR2', thread: undefined });
    expect(linesOf(record(), 1)).toContain("messages pilot 'the pilot' sleep, 1 message");
    child.kill('SIGUSR2');
    await until(() => files().length === 2);
    expect(child.exitCode).toBeNull();
  });

  test('nexus.flightRecord() and writeFlightRecord() give the record of all threads as it is now', async () => {
    const folder = temporary();
    const nexus = await startNexus({
      agents: [fixture('flight-agents.mjs')],
      threads: 1,
      engine: { force: engine },
      flightRecorder: { directory: folder, eventsPerThread: 100 },
    });
    expect(nexus.flightRecorder).toMatchObject({ eventsPerThread: 128, directory: folder, fatalSignals: engine === 'native' ? FATAL : [] });
    const pilots = await Promise.all([0, 1].map((thread) => nexus.spawn(Pilot, { thread, id: `pilot ${thread}` })));
    for (const pilot of pilots) {
      await pilot.ask('add', 1);
      await failureOf(pilot.ask('fail'));
      await pilot.ask('add', 1);
    }
    await pilots[1]?.ask('block', 20);
    await pilots[1]?.ask('add', 1);
    await pilots[0]?.stop();
    pilots[0]?.tell('add', 1);
    pilots[0]?.tell('add', 1);
    // Long enough that the answer is not there yet when a loaded machine comes to look at the time.
    expect(await codeOf(pilots[1]?.ask('block', 1000, { timeoutMs: 10 }) as Promise<unknown>)).toBe('NEXUS_ASK_TIMEOUT');
    const record = readFlightRecord(nexus.flightRecord());
    expect(record).toMatchObject({ reason: 'command', head: { pid: process.pid, engine, node: process.version } });
    const lines = linesOf(record, 0);
    for (const line of [
      'threadStarted this thread serves',
      "spawned pilot 'pilot 0'",
      "messages pilot 'pilot 0' add, 1 message",
      "failed pilot 'pilot 0' fail",
      "restarted pilot 'pilot 0'",
      "stopped pilot 'pilot 0', stopped",
      "deadLetter noAgent for pilot 'pilot 0' add, 2 times",
      "askTimeout pilot 'pilot 1' block",
    ])
      expect(lines).toContain(line);
    const far = eventsOf(record, 1);
    // Where the thread waited for its processor there may be others before it.
    expect(far.filter(({ type }) => type === 'long')).toSatisfy((events: readonly FlightEvent[]) =>
      events.some(({ count, durationMs }) => count === 1 && (durationMs as number) >= 20),
    );
    expect(far.find(({ type }) => type === 'read')).toMatchObject({ other: 0 });
    // Times of a thread never go back.
    for (const thread of [0, 1]) {
      const times = eventsOf(record, thread).map(({ timeMs }) => timeMs);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    const path = await nexus.writeFlightRecord();
    expect(path.startsWith(join(folder, `nexus-flight-${process.pid}-`))).toBe(true);
    expect(readFlightRecord(readFileSync(path)).reason).toBe('command');
    const mine = join(folder, 'mine.nxf');
    expect(await nexus.writeFlightRecord(mine)).toBe(mine);
    expect(await codeOf(nexus.writeFlightRecord(join(folder, 'absent', 'mine.nxf')))).toBe('NEXUS_FLIGHT_UNWRITABLE');
    await nexus.stop();
    expect(linesOf(readFlightRecord(nexus.flightRecord()), 0)).toContain('nexusStopping');
  });

  test('a successor goes on behind what its predecessor wrote, and says so', async () => {
    const nexus = await startNexus({
      agents: [fixture('flight-agents.mjs')],
      threads: 1,
      engine: { force: engine },
      flightRecorder: { directory: temporary() },
    });
    const pilot = await nexus.spawn(Pilot, { thread: 1, id: 'comes back' });
    const restored = new Promise((resolve) => nexus.on('threadRestored', resolve));
    pilot.tell('exit', 3);
    await restored;
    await pilot.ask('add', 1);
    let record = readFlightRecord(nexus.flightRecord());
    // The answer may be out, with others, before the turn that it belongs to is over: until then its message is said to be running.
    await until(() => {
      record = readFlightRecord(nexus.flightRecord());
      return linesOf(record, 1).at(-1)?.includes('RUNNING') !== true;
    });
    const lines = linesOf(record, 1);
    const of = (line: string): number => lines.indexOf(line);
    expect(of("messages pilot 'comes back' exit, RUNNING")).toBeGreaterThan(of("spawned pilot 'comes back'"));
    expect(of('threadStarted this thread serves as incarnation 1; its predecessor wrote what is before this')).toBeGreaterThan(
      of("messages pilot 'comes back' exit, RUNNING"),
    );
    expect(of("messages pilot 'comes back' add, 1 message")).toBeGreaterThan(
      of('threadStarted this thread serves as incarnation 1; its predecessor wrote what is before this'),
    );
    expect(linesOf(record, 0)).toContain('threadRestored thread 1: 1 agent back, 0 failed');
  });
});

describe('without a handler of fatal signals', () => {
  test.each(['wasm', 'portable'])('the %s engine says that it has none, and leaves no flight record when the process aborts', async (engine) => {
    const { exit, out, files } = run({ engine, thread: 0, then: 'abort' });
    expect(await exit).toBe('SIGABRT');
    expect(JSON.parse(out()).report).toMatchObject({ fatalSignals: [], reason: expect.stringContaining(`the ${engine} engine has no handler`) });
    expect(files()).toEqual([]);
  });

  test('nobody writes a flight record when the process is killed', async () => {
    const { child, exit, out, files } = run({});
    await until(() => out().includes('ready'));
    child.kill('SIGKILL');
    expect(await exit).toBe('SIGKILL');
    expect(files()).toEqual([]);
  });

  test('onCrash: false and flightRecorder: false write nothing on a crash', async () => {
    for (const off of [{ onCrash: false }, false] as const) {
      const { exit, out, files, err } = run({ then: 'crash', recorder: off });
      expect(await exit, err()).toBe(0);
      expect(out()).toContain('restored');
      expect(files()).toEqual([]);
      const aborted = run({ thread: 0, then: 'abort', recorder: off });
      expect(await aborted.exit).toBe('SIGABRT');
      expect(aborted.files()).toEqual([]);
    }
  });

  test('flightRecorder: false keeps none, and says so', async () => {
    const nexus = await startNexus({ agents: [], threads: 0, flightRecorder: false });
    expect(nexus.flightRecorder).toBeUndefined();
    expect(await codeOf(() => nexus.flightRecord())).toBe('NEXUS_FLIGHT_OFF');
    expect(await codeOf(nexus.writeFlightRecord())).toBe('NEXUS_FLIGHT_OFF');
  });

  test('a directory that cannot be written to is logged, and changes nothing else', async () => {
    const file = join(temporary(), 'a file');
    writeFileSync(file, '');
    const log = recorder();
    const nexus = await startNexus({ agents: [fixture('flight-agents.mjs')], threads: 1, logger: log, flightRecorder: { directory: join(file, 'below') } });
    const pilot = await nexus.spawn(Pilot, { thread: 1, id: 'unlucky' });
    const restored = new Promise((resolve) => nexus.on('threadRestored', resolve));
    pilot.tell('exit', 1);
    await restored;
    expect(await pilot.ask('add', 1)).toBe(1);
    expect(log.lines.filter(({ message }) => message === 'a flight record could not be written').length).toBeGreaterThanOrEqual(1);
    expect(await codeOf(nexus.writeFlightRecord())).toBe('NEXUS_FLIGHT_UNWRITABLE');
  });

  test('the directory is made whatever the records are for, and one that cannot be made holds nobody up', async () => {
    const directory = join(temporary(), 'not', 'there', 'yet');
    const nexus = await startNexus({ agents: [], threads: 0, flightRecorder: { directory, onCrash: false } });
    expect(await nexus.writeFlightRecord()).toContain(directory);
    // The file system of processes says that there is no parent, as if it could be made.
    const text = `
      import { createNexus } from ${JSON.stringify(new URL('../../dist/ts-src/index.js', import.meta.url).href)};
      const nexus = await createNexus({ agents: [], threads: 0, flightRecorder: { directory: '/proc/nowhere/records' } });
      await nexus.stop();
      console.log('lives');`;
    expect(execFileSync(process.execPath, ['--input-type=module', '-e', text], { encoding: 'utf8', stdio: 'pipe', timeout: 30_000 })).toBe('lives\n');
  });

  test('no more flight records are kept than filesMax: the oldest are deleted, and nothing else', async () => {
    const folder = temporary();
    const old = Array.from({ length: 5 }, (_, index) => `nexus-flight-1-2020010${index + 1}T000000000Z-command.nxf`);
    for (const name of [...old, 'mine.nxf', 'nexus-flight-notes.txt']) writeFileSync(join(folder, name), 'x');
    const nexus = await startNexus({ agents: [], threads: 0, flightRecorder: { directory: folder, filesMax: 3 } });
    expect(readdirSync(folder).sort()).toEqual(['mine.nxf', ...old.slice(2), 'nexus-flight-notes.txt']);
    const written = [await nexus.writeFlightRecord(), await nexus.writeFlightRecord()];
    expect(new Set(written).size).toBe(2);
    expect(readdirSync(folder).filter((name) => name.startsWith('nexus-flight-1-'))).toEqual([old[4]]);
    expect(readdirSync(folder)).toHaveLength(5);
  });

  test.each([
    [{ eventsPerThread: 10 }, 'NEXUS_OPTION_INVALID', 'flightRecorder.eventsPerThread: is 10; it must be a whole number from 64 to 1048576'],
    [{ signal: 'SIGKILL' }, 'NEXUS_OPTION_INVALID', "flightRecorder.signal: is 'SIGKILL'"],
    [{ directory: '' }, 'NEXUS_OPTION_INVALID', 'flightRecorder.directory: must be the path'],
    [{ onCrash: 'no' }, 'NEXUS_OPTION_INVALID', 'flightRecorder.onCrash: is no'],
    [{ filesMax: 0 }, 'NEXUS_OPTION_INVALID', 'flightRecorder.filesMax: is 0'],
    [{ directry: '/tmp' }, 'NEXUS_OPTION_UNKNOWN', "did you mean 'directory'?"],
    [true, 'NEXUS_OPTION_INVALID', 'flightRecorder: expected an object'],
  ])('the options %j are %s', async (flightRecorder, code, message) => {
    const failure = await failureOf(startNexus({ agents: [], threads: 0, flightRecorder: flightRecorder as never }));
    expect(failure).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test('the name of an agent that has ended is known while its place is free, and none is given to a successor of its place', async () => {
    const Mayfly = defineAgent({ kind: 'mayfly', state: () => ({}), actions: { live: () => 1 } });
    const nexus = await startNexus({ agents: [Mayfly], threads: 0 });
    const first = await nexus.spawn(Mayfly, { id: 'first of its place' });
    await first.ask('live');
    await first.stop();
    const names = (): (string | undefined)[] => [
      ...new Set(
        eventsOf(readFlightRecord(nexus.flightRecord()), 0)
          .filter(({ agent }) => agent !== undefined)
          .map(({ agent }) => agent?.id),
      ),
    ];
    expect(names()).toEqual(['first of its place']);
    const second = await nexus.spawn(Mayfly, { id: 'second of its place' });
    await second.ask('live');
    expect(names()).toEqual([undefined, 'second of its place']);
  });
});
