/** What does not get as far as being a connection of a node is counted with what connections are refused for, on both ports of a real node. */
import { createConnection } from 'node:net';
import { createNexus } from 'nexus-agents';
import { expect, onTestFinished, test } from 'vitest';
import { recorder } from '../../start-nexus.js';
import { until } from '../../until.js';

test('what is refused before it is a connection is counted by the transport, and by the snapshot for both ports of a node', { timeout: 60_000 }, async () => {
  const nexus = await createNexus({
    agents: [],
    threads: 0,
    logger: recorder(),
    cluster: { name: 'shop', node: 'a', join: [], listen: { host: '127.0.0.1', port: 0 } },
  });
  onTestFinished(async () => void (await nexus.stop({ deadlineMs: 1000 })));
  await nexus.cluster?.joined();
  const { cluster } = nexus;
  const [own, membership] = [cluster?.transport?.address, cluster?.address] as { readonly host: string; readonly port: number }[];
  const counted = (): (number | undefined)[] => [
    cluster?.transport?.refusals().get('NEXUS_UPGRADE_REFUSED'),
    cluster?.snapshot().refusals?.['NEXUS_UPGRADE_REFUSED'],
  ];
  expect(counted()).toEqual([undefined, undefined]);
  expect((await fetch(`http://127.0.0.1:${own?.port}/`)).status).toBe(426);
  expect(counted()).toEqual([1, 1]);
  // And what is no HTTP at all, on the other port, which another thread has.
  const socket = createConnection({ host: '127.0.0.1', port: membership?.port as number });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  socket.write('garbage\r\n\r\n');
  await until(() => counted()[1] === 2);
  expect(counted()).toEqual([1, 2]);
});
