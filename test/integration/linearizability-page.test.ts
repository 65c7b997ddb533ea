/** The page about linearizability does what it says, and so does the command that judges logs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkLinearizable, drawFailure, historyText, registerModel } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { filesOf, projectOf, readPage, runIn, saidBy } from '../documented-code.js';
import { nexusCommand } from './nexus-command.js';

const page = readPage('docs/linearizability.md');

test('the example finds the stale read and draws it', async () => {
  const files = filesOf(page);
  const folder = projectOf(files);
  const { status, text } = await runIn(folder, 'node judge.js');
  expect(text.trim().split('\n')).toEqual(saidBy(files.get('judge.js') as string));
  expect(status).toBe(0);
  expect(readFileSync(join(folder, 'failure.svg'), 'utf8')).toContain('class="stuck"');
});

const log = (last: string): string =>
  ['0 :invoke :write 3', '0 :ok :write 3', '1 :invoke :read nil', `1 :ok :read ${last}`, '2 :invoke :cas [3 4]', '2 :info :cas :timed-out'].join('\n');

test('nexus check judges a log, draws what is wrong, and says so by its exit code', async () => {
  const folder = projectOf(
    new Map([
      ['good.txt', log('3')],
      ['bad.txt', log('5')],
      ['broken.txt', log('[')],
      ['keyed.txt', historyText([])],
    ]),
  );
  const run = async (...args: string[]) => {
    const command = nexusCommand(['check', ...args], { cwd: folder });
    return [await command.exit, command.out(), command.err()] as const;
  };
  expect(await run('good.txt')).toEqual([0, 'linearizable as compare-and-set register: 3 operations\n', '']);
  const [code, out] = await run('bad.txt', '--svg', 'bad.svg');
  expect([code, out]).toEqual([1, expect.stringContaining('    read → 5, process 1, from 3 to 4')]);
  expect(readFileSync(join(folder, 'bad.svg'), 'utf8')).toContain('read → 5; process 1, from 3 to 4: would have to come next, and cannot');
  const [, json] = await run('bad.txt', '--json');
  expect(JSON.parse(json)).toMatchObject({ verdict: 'notLinearizable', operations: 3, failed: [{ ordered: 1, next: [{ output: 5 }] }] });
  expect(await run('broken.txt')).toEqual([1, '', "nexus: broken.txt, line 4: column 1: '[' is not closed\n"]);
  expect(await run('none.txt')).toEqual([1, '', expect.stringContaining('none.txt cannot be read')]);
  expect(await run('good.txt', '--model', 'mop')).toEqual([2, '', expect.stringContaining("unknown model 'mop'; did you mean 'map'?")]);
  expect((await run('keyed.txt', '--model', 'map'))[0]).toBe(0);
});

test('the picture in the page is one that is drawn', () => {
  // The one of `node scripts/build.mjs` and this history: draw it again when pictures change.
  const at = (process: number, invokedAt: number, returnedAt: number, input: { f: 'read' } | { f: 'write'; value: unknown }, output?: unknown) =>
    ({ process, invokedAt, returnedAt, input, output, outcome: 'ok' }) as const;
  const history = [
    at(1, 1, 3, { f: 'write', value: 1 }),
    at(2, 2, 6, { f: 'read' }, 1),
    at(1, 4, 8, { f: 'write', value: 2 }),
    { process: 3, invokedAt: 5, input: { f: 'write', value: 7 }, outcome: 'unknown' } as const,
    at(2, 7, 11, { f: 'read' }, 2),
    at(4, 9, 12, { f: 'read' }, 7),
    at(2, 13, 15, { f: 'read' }, 1),
    at(1, 14, 16, { f: 'write', value: 3 }),
  ];
  const result = checkLinearizable(registerModel(0), history);
  if (result.verdict !== 'notLinearizable') throw new Error(result.verdict);
  expect(drawFailure(registerModel(0), result.failures[0] as never, { title: 'a stale read' })).toBe(readPage('docs/stale-read.svg'));
});
