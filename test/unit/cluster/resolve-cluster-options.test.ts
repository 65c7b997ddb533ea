/** The option `cluster`: defaults, what the environment of a container says, and what is refused with which words. */
import { expect, test } from 'vitest';
import { checkedMetadata, defaultNodeName, resolveClusterOptions } from '../../../dist/ts-src/cluster/resolve-cluster-options.js';

const refusal = (options: unknown, environment: Record<string, string> = {}): string => {
  try {
    resolveClusterOptions(options as never, environment);
  } catch (error) {
    return (error as Error).message;
  }
  return 'taken';
};

test('left out there is no cluster, and empty options are a node of its own on this machine', () => {
  expect(resolveClusterOptions(undefined, {})).toBeUndefined();
  expect(resolveClusterOptions({}, {})).toEqual({
    copies: 1,
    rebalance: true,
    name: 'nexus',
    node: undefined,
    weight: 1,
    listen: { host: '127.0.0.1', port: 7400, dataPort: 0, advertise: undefined },
    join: { type: 'none' },
    resolver: { strategy: 'keepMajority' },
    tls: undefined,
    metadata: {},
    stateDirectory: undefined,
    timing: { probeIntervalMs: 1000, probeTimeoutMs: 500, leaseMs: 5000, stopMarginMs: 1000, stalledAfterMs: 500 },
    sameHost: true,
  });
});

test('the environment of a pod says its address, its name and where the others are', () => {
  const environment = { POD_IP: '10.1.2.3', HOSTNAME: 'shop-0', NEXUS_CLUSTER_DNS: 'shop.default.svc' };
  expect(resolveClusterOptions({ join: { type: 'environment' } }, environment)).toMatchObject({
    node: 'shop-0',
    listen: { host: '0.0.0.0', advertise: '10.1.2.3' },
    join: { type: 'dns', name: 'shop.default.svc', port: 7400 },
  });
  expect(resolveClusterOptions({ join: { type: 'environment' } }, { NEXUS_JOIN: 'a:1, [fd00::7]:2,b:7400' })?.join).toEqual({
    type: 'static',
    seeds: [
      { host: 'a', port: 1 },
      { host: 'fd00::7', port: 2 },
      { host: 'b', port: 7400 },
    ],
  });
  // What is said by hand goes first, and without { type: 'environment' } nothing of it is read.
  expect(resolveClusterOptions({ join: { type: 'environment' }, node: 'x', listen: { host: '10.0.0.1' } }, environment)).toMatchObject({
    node: 'x',
    listen: { host: '10.0.0.1' },
  });
  expect(resolveClusterOptions({}, environment)).toMatchObject({ node: undefined, listen: { host: '127.0.0.1', advertise: undefined } });
});

test.each([
  [{ name: '-x' }, /^cluster\.name: is '-x'; it must be 1 to 63 letters/],
  [{ listen: { host: '0.0.0.0' } }, /^cluster\.listen\.advertise: is needed with the host 0\.0\.0\.0/],
  [{ listen: { host: '::' } }, /^cluster\.listen\.advertise: is needed/],
  [{ listen: { host: '10.0.0.1', advertise: '0.0.0.0' } }, /^cluster\.listen\.advertise: is '0\.0\.0\.0'/],
  [{ join: ['10.0.0.7:0'] }, /^cluster\.join: has '10\.0\.0\.7:0' in place 1/],
  [{ join: ['shop-1'] }, /^cluster\.join: has 'shop-1' in place 1, which has no port; addresses are HOST:PORT, such as/],
  [{ join: { type: 'static', seeds: ['a:1', '[fd00::7]'] } }, /^cluster\.join\.seeds: has '\[fd00::7\]' in place 2, which has no port/],
  [{ join: ['shop-1:port'] }, /^cluster\.join: has 'shop-1:port' in place 1; addresses are HOST:PORT/],
  [{ join: ['shop-1:70000'] }, /^cluster\.join: has 'shop-1:70000' in place 1; addresses are HOST:PORT/],
  [{ join: ['fd00::7'] }, /^cluster\.join: has 'fd00::7' in place 1; addresses are HOST:PORT/],
  [{ join: ['http://x'] }, /^cluster\.join: has 'http:\/\/x' in place 1/],
  [{ join: { type: 'multicst' } }, /^cluster\.join: has the type 'multicst'; did you mean 'multicast'\?/],
  [{ join: { type: 'multicast', group: '10.0.0.1' } }, /^cluster\.join\.group: is '10\.0\.0\.1'/],
  [{ join: { type: 'environment' } }, /^cluster\.join: .* neither NEXUS_JOIN .* nor NEXUS_CLUSTER_DNS/],
  [{ resolver: 'keepMajorty' }, /^cluster\.resolver: is 'keepMajorty'; did you mean 'keepMajority'\?/],
  [{ resolver: 'staticQuorum' }, /^cluster\.resolver\.quorum: is needed/],
  [{ resolver: { strategy: 'keepReferee', referee: '' } }, /^cluster\.resolver\.referee: is ''/],
  [{ resolver: { strategy: 'downAll', quorum: 1 } }, /unknown option 'quorum'/],
  [{ tls: { certificateFile: 'a', keyFile: 'b' } }, /^cluster\.tls\.authorityFile: is undefined/],
  [{ metadata: { a: 1 } }, /^cluster\.metadata: has 1 as 'a'/],
  [{ metadata: { a: 'x'.repeat(2048) } }, /^cluster\.metadata: has 1 names and 2049 characters/],
  [{ timing: { probeTimeoutMs: 2000 } }, /^cluster\.timing\.probeTimeoutMs: is 2000; it must not be more than probeIntervalMs, which is 1000/],
  [{ timing: { leaseMs: 600 } }, /^cluster\.timing\.leaseMs: is 600; it must be at least twice/],
])('%j is refused, and the message says what it may be', (options, message) => {
  expect(refusal(options)).toMatch(message);
});

test('a node without a name is called after its host and its port, as far as that can be a name', () => {
  expect(['pc', '_my host_', '', 'x'.repeat(80)].map((host) => defaultNodeName(host, 7400))).toEqual([
    'pc-7400',
    'my-host_-7400',
    'node-7400',
    `${'x'.repeat(58)}-7400`,
  ]);
});

test('metadata are copied', () => {
  const metadata = { zone: 'a' };
  const checked = checkedMetadata('metadata', metadata);
  metadata.zone = 'b';
  expect(checked).toEqual({ zone: 'a' });
});
