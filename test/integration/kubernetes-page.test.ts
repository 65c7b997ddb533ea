/** The page on Kubernetes as far as it can be followed without one: its command with its environment makes a node, and what it says to do without Kubernetes makes a cluster. */
import { existsSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { blocksOf, readPage } from '../documented-code.js';
import { fixture } from '../start-nexus.js';
import { until } from '../until.js';
import { freePorts } from './cluster/node-process.js';
import { killCommands, nexusCommand } from './nexus-command.js';

const blocks = blocksOf(readPage('docs/how-to/kubernetes.md'));
const counter = fixture('counter.mjs').pathname;

afterEach(killCommands);

test('the command of the manifest, with the environment that it sets, is a node that is named as its pod', { timeout: 60_000 }, async () => {
  expect(existsSync(counter)).toBe(true);
  const [manifest] = blocks.filter(({ language }) => language === 'yaml');
  const [, command = ''] = /command: \[npx, nexus, (.*)\]/.exec(manifest?.text ?? '') ?? [];
  const args = command.split(', ').map((word) => word.replaceAll("'", ''));
  expect(args.slice(0, 2)).toEqual(['run', './counter.js']);
  const variables = [...(manifest?.text ?? '').matchAll(/- \{ name: ([A-Z_]+),/g)].map(([, name]) => name);
  expect(variables).toEqual(['NEXUS_CLUSTER_DNS', 'POD_IP']);
  const [port] = (await freePorts(1)) as [number];
  // In the place of a name that only a cluster of Kubernetes knows, and of ports that are others' here.
  const env = { NEXUS_CLUSTER_DNS: `127.0.0.1:${port}`, POD_IP: '127.0.0.1', HOSTNAME: 'shop-0' };
  const node = nexusCommand(
    [...args.map((word) => (word === './counter.js' ? counter : word)), '--port', '0', '--threads', '1', '--cluster-listen', `0.0.0.0:${port}`],
    { env },
  );
  await until(() => node.out().includes('\n') || node.err().includes('nexus: '), 30_000);
  await until(() => /nexus: shop-0 joined shop at 127\.0\.0\.1:\d+ /.test(node.out()), 40_000);
  node.child.kill('SIGTERM');
  expect(await node.exit).toBe(0);
});

test('two nodes without Kubernetes find each other by their environment', { timeout: 90_000 }, async () => {
  const [script] = blocks.filter(({ language }) => language === 'sh');
  const [first, second] = (await freePorts(2)) as [number, number];
  const text = (script?.text ?? '').replaceAll(':7400', `:${first}`).replaceAll(':7401', `:${second}`);
  const [, seeds = ''] = /export NEXUS_JOIN=(\S+)/.exec(text) ?? [];
  expect(seeds).toBe(`127.0.0.1:${first},127.0.0.1:${second}`);
  const commands = [...text.matchAll(/^nexus (run .*) &$/gm)].map(([, line = '']) => line.split(' '));
  expect(commands).toHaveLength(2);
  const nodes = commands.map((args) =>
    nexusCommand([...args.map((word) => (word === './counter.js' ? counter : /^808\d$/.test(word) ? '0' : word)), '--threads', '1'], {
      env: { NEXUS_JOIN: seeds },
    }),
  );
  await until(() => nodes.every((node) => node.out().includes('shop-0, shop-1)')), 60_000);
});
