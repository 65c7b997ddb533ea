/** What `nexus run` says of its cluster: lines on standard output and a log on standard error, and each event once where both are one terminal. */
import { afterAll, expect, test } from 'vitest';
import { fixture } from '../../start-nexus.js';
import { until } from '../../until.js';
import { killCommands, NEXUS } from '../nexus-command.js';
import { closeTerminals, noTerminal, PseudoTerminal } from '../pseudo-terminal.js';
import { allJoined, freePorts, startNode } from './node-process.js';

afterAll(() => {
  closeTerminals();
  killCommands();
});

const countOf = (text: string, part: string): number => text.split(part).length - 1;

test('a log that is not on the terminal has the events of the cluster, by their names', async () => {
  const [one, two] = (await freePorts(2)) as [number, number];
  const first = startNode('n1', one, []);
  await first.line(({ event }) => event === 'joined');
  const second = startNode('n2', two, [one]);
  await allJoined([first, second]);
  await second.line(({ event }) => event === 'serving');
  second.child.kill('SIGTERM');
  expect(await second.exit).toBe(0);
  await first.line(({ event }) => event === 'memberLeft');
  await until(() => first.err().includes('a node has left the cluster'));
  const logged = first
    .err()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { event?: string; node?: string });
  const ofSecond = logged.flatMap(({ event, node }) => (node === 'n2' && event?.startsWith('member') === true ? [event] : []));
  expect(ofSecond).toEqual(['memberJoined', 'memberLeft']);
});

test.skipIf(noTerminal !== undefined)(
  `a terminal shows each event of the cluster once${noTerminal === undefined ? '' : `: skipped, as ${noTerminal}`}`,
  async () => {
    const [one, two] = (await freePorts(2)) as [number, number];
    const args = ['--port', '0', '--threads', '0', '--node', 'n1', '--cluster-listen', `127.0.0.1:${one}`];
    const terminal = new PseudoTerminal(200, 40, [process.execPath, NEXUS, 'run', fixture('ticking.mjs').pathname, ...args], {});
    await until(() => terminal.written.includes('n1 joined'), 30_000);
    const second = startNode('n2', two, [one]);
    await second.line(({ event }) => event === 'serving');
    await until(() => terminal.written.includes('n2 joined'), 30_000);
    second.child.kill('SIGTERM');
    expect(await second.exit).toBe(0);
    await until(() => terminal.written.includes('n2 left'), 30_000);
    // What has no line of its own is logged all the same.
    terminal.signal(2);
    await until(() => terminal.written.includes('gone from it'), 30_000);
    expect((await terminal.ended).code).toBe(0);
    const said = terminal.written;
    expect([countOf(said, 'n1 joined'), countOf(said, 'n2 joined'), countOf(said, 'n2 left')]).toEqual([1, 1, 1]);
    for (const event of ['memberJoined', 'memberLeft', '"standing":"member"']) expect(countOf(said, event), event).toBe(0);
  },
);
