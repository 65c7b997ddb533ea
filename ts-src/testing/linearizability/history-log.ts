/**
 * Histories as text, as Jepsen writes them: a line for each call (`:invoke`) and for each end (`:ok`, `:fail`, `:info`), as maps of EDN or as columns. Read line by line; every mistake is an error with the number of its
 * line. The order of the lines is the order in which it happened: their times are not looked at.
 */
import { NexusTypeError } from '../../errors.js';
import { EdnMistake, EdnReader, ednText } from './edn.js';
import { canonicalText, type HistoryOperation } from './history.js';

/** What an operation of a log is: what the built-in models take. */
export interface LoggedInput {
  readonly f: string;
  readonly value?: unknown;
  /** With `keyed`: the first of the pair that the value was. */
  readonly key?: string;
}

/** How a log is read. */
export interface HistoryLogOptions {
  /** Name of the log, for messages. Default `history`. */
  readonly name?: string;
  /** Each value is a pair of a key and the value itself, as of `jepsen.independent`. Default false. */
  readonly keyed?: boolean;
}

type LineType = 'invoke' | 'ok' | 'fail' | 'info';

interface LogLine {
  readonly process: unknown;
  readonly type: LineType;
  readonly f: string;
  readonly value: unknown;
  /** From 1. */
  readonly line: number;
}

const TYPES: readonly string[] = ['invoke', 'ok', 'fail', 'info'];
const COLUMNS = /^(?:.*\s-\s+)?(:?[\w-]+)\s+:(invoke|ok|fail|info)\s+:([\w-]+)(?:\s+(.*))?$/;

/**
 * The operations of a log. Lines of processes that are no numbers (`:nemesis`) are skipped. What has no end, or `:info`, is of unknown outcome.
 * @typeParam Input what the model takes that is to judge it, such as `RegisterInput`: what the log has is not checked against it, but by the model
 * @throws NexusTypeError NEXUS_HISTORY_INVALID with the line
 */
export function parseHistory<Input extends LoggedInput = LoggedInput>(
  text: string,
  { name = 'history', keyed = false }: HistoryLogOptions = {},
): HistoryOperation<Input>[] {
  const open = new Map<number, { readonly line: LogLine; readonly input: LoggedInput; readonly at: number }>();
  const operations: HistoryOperation<LoggedInput>[] = [];
  let at = 0;
  for (const line of linesOf(text, name)) {
    const { process, type, f, value } = line;
    if (typeof process !== 'number') continue;
    at++;
    const called = open.get(process);
    if (type === 'invoke') {
      if (called !== undefined) throw mistake(name, line.line, `process ${process} calls again, and what it called in line ${called.line.line} has no end yet`);
      open.set(process, { line, input: inputOf(line, name, keyed), at });
      continue;
    }
    if (called === undefined) throw mistake(name, line.line, `:${type} of process ${process}, which has called nothing`);
    if (called.line.f !== f) throw mistake(name, line.line, `process ${process} ends :${f}, and has called :${called.line.f} in line ${called.line.line}`);
    open.delete(process);
    const outcome = type === 'ok' ? 'ok' : type === 'fail' ? 'failed' : 'unknown';
    const output = type === 'ok' ? outputOf(called.input, keyed ? keyedValue(line, name)[1] : value) : undefined;
    operations.push({ process, input: called.input, ...(output === undefined ? {} : { output }), invokedAt: called.at, returnedAt: at, outcome });
  }
  for (const { line, input, at: invokedAt } of open.values()) operations.push({ process: line.process as number, input, invokedAt, outcome: 'unknown' });
  return operations.sort((a, b) => a.invokedAt - b.invokedAt) as HistoryOperation<Input>[];
}

/** A history as such a log, with the times in nanoseconds if those of the history are milliseconds. Keys become pairs. */
export function historyText(history: readonly HistoryOperation<LoggedInput>[]): string {
  const processes = new Map<string | number, number>();
  const numberOf = (process: string | number): number => {
    const known = processes.get(process) ?? (typeof process === 'number' ? process : processes.size);
    processes.set(process, known);
    return known;
  };
  const events = history.flatMap((operation) => {
    const { input, output, outcome, invokedAt, returnedAt } = operation;
    const valued = (value: unknown): unknown => (input.key === undefined ? value : [input.key, value]);
    const called = { atMs: invokedAt, isEnd: 0, operation, type: 'invoke', value: valued(input.value) };
    if (returnedAt === undefined) return [called];
    const type = outcome === 'ok' ? 'ok' : outcome === 'failed' ? 'fail' : 'info';
    return [called, { atMs: returnedAt, isEnd: 1, operation, type, value: valued(outcome === 'ok' && output !== undefined ? output : input.value) }];
  });
  // What happens at the same time overlaps: calls go before ends.
  events.sort((a, b) => a.atMs - b.atMs || a.isEnd - b.isEnd);
  const lines = events.map(
    ({ atMs, operation: { process, input }, type, value }, index) =>
      `{:index ${index}, :time ${Math.round(atMs * 1e6)}, :type :${type}, :process ${numberOf(process)}, :f :${input.f}, :value ${ednText(value)}}`,
  );
  return `${lines.join('\n')}\n`;
}

function* linesOf(text: string, name: string): Generator<LogLine> {
  let number = 0;
  for (const raw of text.split('\n')) {
    number++;
    // A whole log may be one vector, with an operation a line.
    const line = raw
      .trim()
      .replace(/^\[\s*(?=[{#])/, '')
      .replace(/(?<=\})\s*\]$/, '');
    if (line === '' || line === '[' || line === ']' || line.startsWith(';')) continue;
    yield line.startsWith('{') || line.startsWith('#') ? mapLine(line, number, name) : columnLine(line, number, name);
  }
}

function mapLine(line: string, number: number, name: string): LogLine {
  const reader = new EdnReader(line);
  const map = read(reader, name, number);
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw mistake(name, number, 'is no operation: it must be a map such as {:process 0, :type :invoke, :f :read, :value nil}');
  if (!reader.isAtEnd) throw mistake(name, number, `column ${reader.at + 1}: there is something behind the operation`);
  const { process, type, f, value = null } = map as Record<string, unknown>;
  if (process === undefined) throw mistake(name, number, ':process is missing');
  if (typeof type !== 'string' || !TYPES.includes(type))
    throw mistake(name, number, `:type is ${canonicalText(type)}; it must be :invoke, :ok, :fail or :info`);
  if (typeof f !== 'string') throw mistake(name, number, `:f is ${canonicalText(f)}; it must be the name of an operation, such as :read`);
  return { process, type: type as LineType, f, value, line: number };
}

/** Such as `INFO jepsen.util - 3 :ok :read 4`. What is behind the value, the reason of a failure, is skipped. */
function columnLine(line: string, number: number, name: string): LogLine {
  const [, process, type, f, rest = ''] = COLUMNS.exec(line) ?? [];
  if (process === undefined)
    throw mistake(
      name,
      number,
      'is no operation: it must be a map such as {:process 0, :type :invoke, :f :read, :value nil}, or columns such as 0 :invoke :read nil',
    );
  const value = rest === '' ? null : read(new EdnReader(rest), name, number);
  return { process: /^\d+$/.test(process) ? Number(process) : process, type: type as LineType, f: f as string, value, line: number };
}

function read(reader: EdnReader, name: string, number: number): unknown {
  try {
    return reader.value();
  } catch (error) {
    if (!(error instanceof EdnMistake)) throw error;
    throw mistake(name, number, `column ${error.at + 1}: ${error.message}`);
  }
}

function inputOf(line: LogLine, name: string, keyed: boolean): LoggedInput {
  const [key, value] = keyed ? keyedValue(line, name) : [undefined, line.value];
  return { f: line.f, ...(key === undefined ? {} : { key }), ...(value === null ? {} : { value }) };
}

function keyedValue({ value, line }: LogLine, name: string): readonly [string, unknown] {
  if (!Array.isArray(value) || value.length !== 2)
    throw mistake(name, line, `the value is ${canonicalText(value)}; it must be a pair of a key and a value, such as ["a" 1]`);
  return [String(value[0]), value[1]];
}

/** Of what does not read, the value is what was called, unless it says something else. */
function outputOf({ f, value: called = null }: LoggedInput, value: unknown): unknown {
  return f !== 'read' && canonicalText(value) === canonicalText(called) ? undefined : value;
}

function mistake(name: string, line: number, message: string): NexusTypeError {
  return new NexusTypeError('NEXUS_HISTORY_INVALID', `${name}, line ${line}: ${message}`, { name, line });
}
