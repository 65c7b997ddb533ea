/** `nexus flight`: a flight record as a timeline, as JSON, or as a trace for Perfetto; out of a file, or fetched from a gateway. */
import { closeSync, openSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { NexusError } from '../errors.js';
import { chromeTraceJson } from '../flight/chrome-trace.js';
import { FLIGHT_FILE_BYTES_MAX } from '../flight/flight-format.js';
import { type EventChoice, mergedEvents } from '../flight/merged-events.js';
import { type FlightRecord, readFlightRecord } from '../flight/read-flight-record.js';
import { eventLine, heading } from '../flight/timeline.js';
import { CommandFailure } from './command-failure.js';
import { parseCommandLine, UsageError } from './command-line.js';
import { addressOf } from './console-address.js';
import { headersOf } from './console-client.js';
import { harmless, harmlessJson } from './terminal-text.js';

const COMMAND = 'flight';
const FETCH_TIMEOUT_MS = 30_000;
/** Characters that are written at once. */
const CHUNK = 1 << 16;

export const FLIGHT_HELP = `nexus flight FILE [options]
nexus flight http://HOST:PORT [-o FILE] [options]

Shows what the threads of a nexus did last: the flight record that a crash, a signal or nexus.writeFlightRecord() left in a file, or that of a running gateway.
Times are relative to the moment of the dump. The last event of a thread that died is the message that it was handling: RUNNING.

  --thread N                events of this thread only
  --agent NAME              events of agents with this id, or of this kind, only
  --last N                  the last N events only
  --json                    the record and its events as JSON
  --chrome-trace FILE       write a trace for https://ui.perfetto.dev instead
  --output, -o FILE         write the record itself there, as it was fetched
  --help                    print this

A path of the URL is that of a proxy in front. NEXUS_CONSOLE_TOKEN is sent as a bearer token: none is needed by Nexus itself, a proxy may.

Exit code: 0, 1 if there is no record or it cannot be read, 2 for a mistake in the command line.
`;

export async function flight(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args.map(longOutput), {
    thread: { min: 0, max: 127 },
    agent: 'text',
    last: { min: 1, max: 10_000_000 },
    json: 'flag',
    'chrome-trace': 'text',
    output: 'text',
    help: 'flag',
  });
  if (line.flag('help')) {
    process.stdout.write(FLIGHT_HELP);
    return;
  }
  const [source, ...more] = line.positionals;
  if (source === undefined || more.length > 0) throw new UsageError(COMMAND, 'which flight record? Give one file, or the URL of a gateway');
  const isUrl = /^https?:\/\//i.test(source);
  const bytes = isUrl ? await fetchRecord(source) : readRecord(source);
  const record = readOrFail(source, bytes);
  const output = line.text('output');
  if (output !== undefined) writeOrFail(output, (path) => writeFileSync(path, bytes, { mode: 0o600 }));
  const thread = line.number('thread');
  const agent = line.text('agent');
  const last = line.number('last');
  if (thread !== undefined && thread >= record.threads.length)
    throw new CommandFailure(`there is no thread ${thread} in ${source}; threads are 0 to ${record.threads.length - 1}`);
  const choice: EventChoice = {
    ...(thread === undefined ? {} : { thread }),
    ...(agent === undefined ? {} : { agent }),
    ...(last === undefined ? {} : { last }),
  };
  const trace = line.text('chrome-trace');
  if (trace !== undefined) {
    writeOrFail(trace, (path) => writePieces(path, chromeTraceJson(record, choice)));
    process.stdout.write(`${trace}: open it in https://ui.perfetto.dev\n`);
  } else if (line.flag('json')) await print(json(record, choice));
  else if (output === undefined) await print(text(record, choice));
  else process.stdout.write(`${output}: ${bytes.length} bytes; read it with: nexus flight ${output}\n`);
}

/** The one short option of this command. */
function longOutput(argument: string): string {
  return argument === '-o' ? '--output' : argument;
}

function readRecord(path: string): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size > FLIGHT_FILE_BYTES_MAX) throw new CommandFailure(`${path} has ${size} bytes; a flight record has at most ${FLIGHT_FILE_BYTES_MAX}`);
    const file = openSync(path, 'r');
    try {
      return readAll(file, size);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw error instanceof CommandFailure ? error : new CommandFailure(`${path} could not be read: ${(error as Error).message}`);
  }
}

/** As many bytes as the file had, however it grows meanwhile. */
function readAll(file: number, size: number): Uint8Array {
  const bytes = Buffer.alloc(size);
  let done = 0;
  while (done < size) {
    const count = readSync(file, bytes, done, size - done, null);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

async function fetchRecord(source: string): Promise<Uint8Array> {
  // The address of the page is a natural thing to give, too.
  const address = addressOf(COMMAND, 'the URL', source.replace(/\/console(?:\/(?:flight)?)?$/, ''), process.env['NEXUS_CONSOLE_TOKEN']);
  const url = new URL(`${address.url}/console/flight`);
  const headers = { ...headersOf(address), accept: 'application/octet-stream' };
  try {
    const response = await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
    if (!response.ok)
      throw new CommandFailure(`${url.href} answered ${response.status} ${harmless(response.statusText)}: is it a gateway of nexus, with its console on?`);
    return await limited(response, url);
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const { message, cause } = error as Error;
    throw new CommandFailure(`${url.href} could not be fetched: ${harmless(cause instanceof Error ? cause.message : message)}`);
  }
}

async function limited(response: Response, url: URL): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += (part as Uint8Array).length;
    if (bytes > FLIGHT_FILE_BYTES_MAX)
      throw new CommandFailure(`${url.href} sends more than the ${FLIGHT_FILE_BYTES_MAX} bytes that a flight record has at most`);
    parts.push(part as Uint8Array);
  }
  return Buffer.concat(parts);
}

function readOrFail(source: string, bytes: Uint8Array): FlightRecord {
  try {
    return readFlightRecord(bytes);
  } catch (error) {
    throw error instanceof NexusError ? new CommandFailure(`${source}: ${error.message} (${error.code})`) : error;
  }
}

function writeOrFail(path: string, write: (path: string) => void): void {
  try {
    write(path);
  } catch (error) {
    throw new CommandFailure(`${path} could not be written: ${(error as Error).message}`);
  }
}

function* text(record: FlightRecord, choice: EventChoice): IterableIterator<string> {
  for (const each of heading(record)) yield `${each}\n`;
  yield '\n';
  for (const event of mergedEvents(record, choice)) yield `${eventLine(record, event)}\n`;
}

function* json(record: FlightRecord, choice: EventChoice): IterableIterator<string> {
  const { threads, ...about } = record;
  yield `${harmlessJson({ ...about, threads: threads.map(({ thread, incarnation, state, length }) => ({ thread, incarnation, state, events: length })) }).slice(0, -1)},"events":[`;
  let before = '\n';
  for (const event of mergedEvents(record, choice)) {
    yield before + harmlessJson(event);
    before = ',\n';
  }
  yield '\n]}\n';
}

/** In chunks, waiting for a reader that is slower; without a word when it has read enough, as `head` has. */
async function print(pieces: Iterable<string>): Promise<void> {
  let isOver = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    isOver = true;
    if (error.code !== 'EPIPE') process.exitCode = 1;
  });
  for (const chunk of chunked(pieces)) {
    if (isOver) return;
    await new Promise<void>((resolve) => process.stdout.write(chunk, () => resolve()));
  }
}

function writePieces(path: string, pieces: Iterable<string>): void {
  const file = openSync(path, 'w', 0o600);
  try {
    for (const chunk of chunked(pieces)) {
      const bytes = Buffer.from(chunk);
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    }
  } finally {
    closeSync(file);
  }
}

function* chunked(pieces: Iterable<string>): IterableIterator<string> {
  let chunk = '';
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}
