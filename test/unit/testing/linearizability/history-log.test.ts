/** Logs of operations: what is read of them, what is said of mistakes in them, and that a history that was written is read as it was. */
import { checkLinearizable, historyText, keyValueModel, parseHistory } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { simulateRegisters } from './histories.js';

const line = (process: unknown, type: string, f: string, value: string): string => `{:process ${process}, :type :${type}, :f :${f}, :value ${value}}`;

test('calls and ends of a log become operations, in the order of their lines', () => {
  const log = [
    '; a comment',
    '[',
    line(0, 'invoke', 'write', '3'),
    line(':nemesis', 'info', 'kill', '["n1"]'),
    `${line(1, 'invoke', 'read', 'nil')}`,
    '#jepsen.history.Op{:index 4, :time 2213, :type :ok, :process 0, :f :write, :value 3}',
    line(1, 'ok', 'read', '3'),
    line(1, 'invoke', 'cas', '[3 4]'),
    line(1, 'ok', 'cas', 'false'),
    line(0, 'invoke', 'write', '{:a #{1 2}, "b" (x 2.5 nil true \\c)}'),
    line(0, 'info', 'write', ':timed-out'),
    line(2, 'invoke', 'cas', '[3 4]'),
    line(2, 'fail', 'cas', '[3 4]'),
    `${line(3, 'invoke', 'read', 'nil')}]`,
  ].join('\n');
  expect(parseHistory(log)).toEqual([
    { process: 0, input: { f: 'write', value: 3 }, invokedAt: 1, returnedAt: 3, outcome: 'ok' },
    { process: 1, input: { f: 'read' }, output: 3, invokedAt: 2, returnedAt: 4, outcome: 'ok' },
    { process: 1, input: { f: 'cas', value: [3, 4] }, output: false, invokedAt: 5, returnedAt: 6, outcome: 'ok' },
    { process: 0, input: { f: 'write', value: { a: [1, 2], b: ['x', 2.5, null, true, 'c'] } }, invokedAt: 7, returnedAt: 8, outcome: 'unknown' },
    { process: 2, input: { f: 'cas', value: [3, 4] }, invokedAt: 9, returnedAt: 10, outcome: 'failed' },
    { process: 3, input: { f: 'read' }, invokedAt: 11, outcome: 'unknown' },
  ]);
});

test('values are pairs of a key and a value where that is said', () => {
  const log = `0 :invoke :write ["a" 1]\n0 :ok :write ["a" 1]\n1\t:invoke\t:read\t[7 nil]\n1 :ok :read [7 2] and so on`;
  expect(parseHistory(log, { keyed: true }).map(({ input, output }) => [input, output])).toEqual([
    [{ f: 'write', key: 'a', value: 1 }, undefined],
    [{ f: 'read', key: '7' }, 2],
  ]);
  expect(() => parseHistory('0 :invoke :write 3', { keyed: true, name: 'a.edn' })).toThrow(
    'a.edn, line 1: the value is 3; it must be a pair of a key and a value, such as ["a" 1]',
  );
});

test.each([
  ['{:process 0, :type :invoke}', ':f is undefined; it must be the name of an operation'],
  ['{:type :invoke, :f :read}', ':process is missing'],
  ['{:process 0, :type :begin, :f :read}', ':type is "begin"; it must be :invoke, :ok, :fail or :info'],
  ['{:process 0, :type', "column 1: '{' is not closed"],
  ['{:process 0 :type}', 'column 1: a map has a key without a value'],
  ['{:process 0, :value "a}', 'column 21: a text has no end'],
  ['{:process 0, :value 1a}', "column 21: '1a' is no value"],
  ['{:process 0, :type :invoke, :f :read} 3', 'column 39: there is something behind the operation'],
  ['hello', 'is no operation: it must be a map such as'],
  ['0 :ok :read 3', ':ok of process 0, which has called nothing'],
  ['0 :invoke :read nil\n0 :invoke :read nil', 'process 0 calls again, and what it called in line 1 has no end yet'],
  ['0 :invoke :read nil\n0 :ok :write 3', 'process 0 ends :write, and has called :read in line 1'],
])('a mistake in a log is told with its line: %s', (log, message) => {
  const failure = (() => {
    try {
      return parseHistory(log, { name: 'h' });
    } catch (error) {
      return error as { code: string; message: string };
    }
  })() as { code: string; message: string };
  expect(failure.code).toBe('NEXUS_HISTORY_INVALID');
  expect(failure.message).toContain(`h, line ${log.split('\n').length}: `);
  expect(failure.message).toContain(message);
});

test('a history that is written as a log is read as the same operations, overlapping in the same way', () => {
  const history = simulateRegisters({ seed: 5, processes: 4, operations: 200, unknown: 0.1, keys: 3 });
  const again = parseHistory(historyText(history), { keyed: true });
  const order = (each: readonly { readonly invokedAt: number }[]) => [...each].sort((a, b) => a.invokedAt - b.invokedAt) as typeof again;
  expect(again.map(({ input, output, outcome, process }) => [process, input, output, outcome])).toEqual(
    order(history).map(({ input, output, outcome, process }) => [process, input, output, outcome]),
  );
  const before = (each: typeof again) => each.map((a) => each.filter((b) => b.outcome === 'ok' && (b.returnedAt as number) < a.invokedAt).length);
  expect(before(again)).toEqual(before(order(history)));
  expect(checkLinearizable(keyValueModel(), again as never).verdict).toBe('linearizable');
});
