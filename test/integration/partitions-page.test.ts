/** `docs/partitions.md` is true: its table is what the quorum systems say, and what it shows of `nexus nodes` is what that prints. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nodesText } from '../../dist/ts-src/cli/nodes-command.js';
import type { ResolverOptions } from '../../dist/ts-src/model/cluster-options.js';
import { quorumSystemOf } from '../../dist/ts-src/protocols/views/quorum.js';
import type { View } from '../../dist/ts-src/protocols/views/view.js';
import { splitCluster } from '../cluster-snapshots.js';

const page = readFileSync(new URL('../../docs/partitions.md', import.meta.url), 'utf8');

test('the table says which side goes on as the quorum systems do', () => {
  const lines = page.split('\n').filter((line) => line.startsWith('| `A') || line.startsWith('| network'));
  const [head = [], ...rows] = lines.map((line) =>
    line
      .replaceAll('\\|', '/')
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
  expect([rows.length, head.slice(1)]).toEqual([11, ['keepMajority', 'staticQuorum', 'keepOldest', 'keepReferee', 'downAll']]);
  for (const [network = '', ...said] of rows) {
    const sides = network.split(' / ').map((side) => side.split(' '));
    const names = sides.flat().sort();
    const resolvers: readonly ResolverOptions[] = [
      { strategy: 'keepMajority' },
      { strategy: 'staticQuorum', quorum: Math.floor(names.length / 2) + 1 },
      { strategy: 'keepOldest' },
      { strategy: 'keepReferee', referee: names.at(-1) as string },
      { strategy: 'downAll' },
    ];
    const members = names.map((name, index) => ({
      name,
      incarnation: 1,
      sinceView: index + 1,
      address: { host: '127.0.0.1', port: 7400 },
    })) as unknown as View['members'];
    const actual = resolvers.map((resolver) => {
      const { voters, isQuorum, intersects } = quorumSystemOf(resolver, { members });
      expect(intersects).toBe(true);
      const going = sides.filter((side) => isQuorum(voters.reduce((mask, { name }, index) => (side.includes(name) ? mask | (1 << index) : mask), 0)));
      expect(going.length).toBeLessThanOrEqual(1);
      return going.length === 0 ? 'nobody' : sides.length === 1 ? 'all' : (going[0] as string[]).join(' ');
    });
    expect([network, ...actual]).toEqual([network, ...said]);
  }
});

test('what the page shows of nexus nodes is what it prints', () => {
  const [, shown] = /```\n\$ nexus nodes [^\n]*\n([\s\S]*?)```/.exec(page) ?? [];
  expect(nodesText(splitCluster(5, 2))).toBe(shown);
});
