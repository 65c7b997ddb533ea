/** How nodes are found: over the real resolver, with one that is written down, and over multicast on the loopback interface. */
import { createSocket } from 'node:dgram';
import { afterEach, expect, test } from 'vitest';
import { dnsDiscovery } from '../../../dist/ts-src/adapters/discovery/dns-discovery.js';
import { multicastDiscovery } from '../../../dist/ts-src/adapters/discovery/multicast-discovery.js';
import { ownSeedHost, staticDiscovery } from '../../../dist/ts-src/adapters/discovery/static-discovery.js';
import { addressText, type NodeAddress } from '../../../ts-src/model/node-identity.js';
import type { Discovery } from '../../../ts-src/ports/discovery.js';
import { freePort } from '../../integration/free-port.js';
import { until } from '../../until.js';

const open: Discovery[] = [];
afterEach(() => {
  for (const discovery of open.splice(0)) discovery.close();
});

function started(discovery: Discovery, self: NodeAddress = { host: '127.0.0.1', port: 1 }) {
  open.push(discovery);
  const lists: string[][] = [];
  const failures: Error[] = [];
  let isStarting = true;
  discovery.start(self, {
    discovered: (addresses) => {
      expect(isStarting, 'called from within start').toBe(false);
      lists.push(addresses.map(addressText));
    },
    failed: (error) => void failures.push(error),
  });
  isStarting = false;
  return { lists, failures };
}

test('static seeds are told once', async () => {
  const { lists } = started(staticDiscovery([{ host: 'a', port: 1 }]));
  await until(() => lists.length > 0);
  expect(lists).toEqual([['a:1']]);
});

test('a node knows under which host the seeds mean it', async () => {
  const seeds = [
    { host: 'localhost', port: 7400 },
    { host: '127.0.0.1', port: 7401 },
    { host: '192.0.2.1', port: 7402 },
  ];
  expect(await ownSeedHost(seeds, { host: '127.0.0.1', port: 7400 })).toBe('localhost');
  expect(await ownSeedHost(seeds, { host: '127.0.0.1', port: 7401 })).toBe('127.0.0.1');
  expect(await ownSeedHost(seeds, { host: '127.0.0.1', port: 7402 })).toBeUndefined();
  expect(await ownSeedHost([{ host: 'localhost', port: 1 }], { host: '0.0.0.0', port: 1 })).toBe('localhost');
});

test('DNS is asked again and again, told when the answer changes, and a failure is told once and survived', async () => {
  const answers: (readonly NodeAddress[] | Error)[] = [[{ host: '10.0.0.1', port: 7400 }], Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })];
  let asked = 0;
  const { lists, failures } = started(
    dnsDiscovery({
      ...{ name: 'shop.test', port: 7400, intervalMs: 5 },
      resolve: async () => {
        asked++;
        const answer = asked > 5 ? [2, 1].map((last) => ({ host: `10.0.0.${last}`, port: 7400 })) : (answers[asked > 2 ? 1 : 0] as NodeAddress[]);
        if (answer instanceof Error) throw answer;
        return answer;
      },
    }),
  );
  await until(() => asked > 8);
  expect(lists).toEqual([['10.0.0.1:7400'], ['10.0.0.1:7400', '10.0.0.2:7400']]);
  expect(failures.map(({ message }) => message)).toEqual(['no such name']);
});

test('DNS knows the names of the system', async () => {
  const { lists } = started(dnsDiscovery({ name: 'localhost', port: 7400, intervalMs: 100 }));
  await until(() => lists.length > 0);
  expect(lists[0]).toContain('127.0.0.1:7400');
});

test('nodes of one cluster find each other by multicast, and hear nothing of another cluster or of what is no word of theirs', async () => {
  const port = await freePort();
  const node = (cluster: string, own: number) =>
    started(multicastDiscovery({ cluster, group: '239.78.88.83', port, intervalMs: 200, host: '127.0.0.1' }), { host: '127.0.0.1', port: own });
  const a = node('shop', 1);
  const stranger = node('other', 3);
  const b = node('shop', 2);
  const noise = createSocket('udp4');
  for (const text of [
    '',
    'nexus-agents 1\nshop\nhere\n127.0.0.1:99999',
    'nexus-agents 1\nshop\nhere\n127.0.0.1:9\nmore',
    '\0'.repeat(600),
    'nexus-agents 1\nshop\nhere',
  ])
    noise.send(text, port, '127.0.0.1');
  const startedMs = performance.now();
  await until(() => [a, b].every(({ lists }) => lists.at(-1)?.includes('127.0.0.1:1') === true && lists.at(-1)?.includes('127.0.0.1:2') === true));
  console.log(`found each other by multicast within ${Math.round(performance.now() - startedMs)} ms`);
  noise.close();
  expect(new Set([...a.lists, ...b.lists].flat())).toEqual(new Set(['127.0.0.1:1', '127.0.0.1:2']));
  expect(stranger.lists.flat().filter((text) => text !== '127.0.0.1:3')).toEqual([]);
  // One that is not heard of any more is forgotten.
  open[2]?.close();
  await until(() => a.lists.at(-1)?.includes('127.0.0.1:2') === false);
});
