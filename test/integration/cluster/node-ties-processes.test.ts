/** Groups, signals and watches between real processes over real sockets, of which one is killed. */
import { type AgentRef, createNexus } from 'nexus-agents';
import { expect, onTestFinished, test } from 'vitest';
import { Beacon, Keeper } from '../../fixtures/beacons.mjs';
import { fixture, recorder } from '../../start-nexus.js';
import { until } from '../../until.js';
import { freePorts, startNode } from './node-process.js';

test('processes on one machine share groups and signals, and one that is killed is gone for whoever watched its agents', async () => {
  const ports = await freePorts(3);
  const nodes = ['oslo', 'rome'].map((name, index) => startNode(name, ports[index] as number, ports, ['--cluster', 'shop'], { BEACON: name }, 'beacons.mjs'));
  onTestFinished(() => {
    for (const { child } of nodes) child.kill('SIGKILL');
  });
  const nexus = await createNexus({
    agents: [fixture('beacons.mjs')],
    threads: 1,
    logger: recorder(),
    cluster: { name: 'shop', node: 'here', listen: { host: '127.0.0.1', port: ports[2] as number }, join: ports.map((port) => `127.0.0.1:${port}`) },
  });
  onTestFinished(async () => void (await nexus.stop({ deadlineMs: 1000 })));
  await nexus.cluster?.joined();
  const group = nexus.group('beacons', Beacon);
  const all = ['oslo-0', 'oslo-1', 'rome-0', 'rome-1'];
  await until(() => group.size === all.length, 30_000);
  const { replies } = await group.gather('who', undefined, { quorum: 'all', timeoutMs: 20_000 });
  expect(replies.map(({ value }) => value).sort()).toEqual(all);
  const lit = new Set<unknown>();
  nexus.subscribe('beacon.lit', ({ data, source }) => void (source?.id === data && lit.add(data)));
  await until(() => lit.size === all.length, 20_000);
  const keeper = (await nexus.spawn(Keeper, { thread: 1 })) as AgentRef<typeof Keeper>;
  await keeper.ask('watch', group.members() as never);
  nodes[0]?.child.kill('SIGKILL');
  await until(() => group.size === 2, 30_000);
  nexus.publish('beacons.end');
  await until(() => group.size === 0, 20_000);
  let ended: readonly string[] = [];
  await until(() => {
    void keeper.ask('ended').then((told) => {
      ended = told as readonly string[];
    });
    return ended.length === all.length;
  }, 20_000);
  expect([...ended].sort()).toEqual(['oslo-0 nodeLost oslo', 'oslo-1 nodeLost oslo', 'rome-0 stopped', 'rome-1 stopped']);
}, 120_000);
