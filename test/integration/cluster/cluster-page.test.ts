/** `docs/cluster.md`: its program prints what its comments say, its two terminals make a cluster, and its flags and options are those there are. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { RUN_HELP } from '../../../dist/ts-src/cli/run-command.js';
import { resolveClusterOptions } from '../../../dist/ts-src/cluster/resolve-cluster-options.js';
import { blocksOf, filesOf, projectOf, readPage, saidBy } from '../../documented-code.js';
import { until } from '../../until.js';
import { killCommands, nexusCommand } from '../nexus-command.js';
import { freePorts } from './node-process.js';

const page = readPage('docs/cluster.md');
afterAll(() => killCommands());

test('the program of the page on clusters prints what its comments say', () => {
  const files = filesOf(page);
  const folder = projectOf(files);
  const said = saidBy(files.get('main.js') ?? '').map((comment) => `${comment}\n`);
  expect(said).toHaveLength(3);
  expect(execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', stdio: 'pipe', timeout: 30_000 })).toBe(said.join(''));
});

test('the two terminals of the page make a cluster, and print its lines', async () => {
  const folder = projectOf(filesOf(page));
  const commands = blocksOf(page)
    .filter(({ language, text }) => language === 'sh' && text.startsWith('nexus run counter.js'))
    .flatMap(({ text }) => text.trim().split('\n'));
  expect(commands).toHaveLength(2);
  const [a, b] = (await freePorts(2)).map(String) as [string, string];
  const own = (text: string): string =>
    text
      .replaceAll('7400', a)
      .replaceAll('7401', b)
      .replace(/--port \d+/, '--port 0');
  const start = (line: string) => nexusCommand([...own(line).split(' ').slice(1), '--threads', '0'], { cwd: folder });
  const first = start(commands[0] as string);
  await until(() => first.out().includes('joined'), 30_000);
  const second = start(commands[1] as string);
  // A signal before a service serves ends it at once.
  await until(() => [first, second].every((command) => command.out().includes('serving')) && first.out().includes('shop-2 joined'), 30_000);
  second.child.kill('SIGTERM');
  expect(await second.exit).toBe(0);
  await until(() => first.out().includes('left'));
  first.child.kill('SIGTERM');
  expect(await first.exit).toBe(0);
  const [, lines = ''] = /```\n(nexus: shop-1 joined[\s\S]*?)```/.exec(page) ?? [];
  // Who leaves gets the weight 0 first: in a view of its own, or in the one without it.
  const withoutLast = (text: string): string => text.replace(/left \(view [34]:/, 'left (view 3 or 4:');
  expect(
    withoutLast(
      first
        .out()
        .split('\n')
        .filter((line) => line.includes('(view'))
        .join('\n'),
    ),
  ).toBe(withoutLast(own(lines).trim()));
});

test('the page on the command line has the flags of a node, and the page on clusters its defaults', () => {
  const [, section = ''] = /Any of these makes it a node of a \[cluster\][\s\S]*?\n\n(\| option[\s\S]*?)\n\n/.exec(readPage('docs/command-line.md')) ?? [];
  const [, help = ''] = /Any of these makes the nexus a node of a cluster:\n([\s\S]*?)\n\n\S/.exec(RUN_HELP) ?? [];
  const flags = (text: string): string[] => [...new Set([...text.matchAll(/(?:^|\| |, )`?\s*(--[a-z][a-z-]*)/gm)].map((match) => match[1] as string))].sort();
  expect(flags(section)).toEqual([...new Set([...help.matchAll(/^ +(--[a-z-]+)/gm)].map((match) => match[1] as string))].sort());
  const resolved = resolveClusterOptions({}, {});
  for (const [name, value] of Object.entries(resolved?.timing ?? {}))
    expect(page, name).toMatch(new RegExp(`timing\\.${name}\`[^\\n]*${value.toLocaleString('en-US')}`));
  expect(page).toContain(`${resolved?.listen.host}, ${resolved?.listen.port} |`);
});

test.each([
  [['--join', '10.0.0.7:0'], "--join: has '10.0.0.7:0' in place 1"],
  [['--join', 'shop-1'], "--join: has 'shop-1' in place 1, which has no port; addresses are HOST:PORT"],
  [['--join', '10.0.0.7:7400,shop-1:port'], "--join: has 'shop-1:port' in place 2; addresses are HOST:PORT"],
  [['--join', 'dns:shop:port'], "--join: is 'shop:port'"],
  [['--cluster-listen', '0.0.0.0:7400'], '--advertise: is needed with the host 0.0.0.0'],
  [['--cluster-listen', 'nowhere:port'], "--cluster-listen is 'nowhere:port'"],
  [['--resolver', 'keepMajorty'], "did you mean 'keepMajority'?"],
  [['--resolver', 'staticQuorum'], 'it needs how many voters go on, such as staticQuorum:3'],
  [['--resolver', 'staticQuorum:x'], "--resolver is 'staticQuorum:x'"],
  [['--resolver', 'keepReferee'], 'it needs the name of a node, such as keepReferee:shop-1'],
  [['--join', 'multicats'], "did you mean 'multicast'?"],
  [['--join', 'dns:'], 'it needs a name'],
  [['--metadata', 'zone'], "--metadata has 'zone'"],
  [['--tls-cert', 'a.pem'], 'missing: --tls-key, --tls-ca'],
  [['--node=-x-'], "--node: is '-x-'"],
  [['--jion', 'x'], "did you mean '--join'?"],
])('%j is a mistake of the command line', async (args, message) => {
  const folder = projectOf(filesOf(page));
  const command = nexusCommand(['run', join(folder, 'counter.js'), ...args]);
  onTestFinished(() => void command.child.kill());
  expect(await command.exit).toBe(2);
  expect(command.err()).toContain(message);
});
