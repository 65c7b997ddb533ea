/** What the gateway of a node says while the node is no member, and of agents of other nodes. */
import { createNexus, defineAgent, type Nexus } from 'nexus-agents';
import type { ClusterOptions } from 'nexus-agents/cluster';
import { type Gateway, startGateway } from 'nexus-agents/gateway';
import { expect, onTestFinished, test } from 'vitest';
import { inspectAgent } from '../../../dist/ts-src/cli/agent-lookup.js';
import { freePort } from '../free-port.js';
import { until } from '../../until.js';

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const Counter = defineAgent({ kind: 'counter', state: () => ({ n: 0 }), actions: { add: (state, by: number) => (state.n += by) } });

async function nodeWithGateway(cluster: ClusterOptions): Promise<{ readonly nexus: Nexus; readonly gateway: Gateway }> {
  const nexus = await createNexus({ agents: [Counter], threads: 0, logger: quiet, cluster });
  const gateway = await startGateway(nexus, { port: 0 });
  onTestFinished(async () => {
    await gateway.stop({ deadlineMs: 0 });
    await nexus.stop({ deadlineMs: 0 });
  });
  return { nexus, gateway };
}

async function ready({ url }: Gateway): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${url}/ready`);
  return { status: response.status, body: await response.json() };
}

test('a node is ready when it is a member of its cluster, and not before', async () => {
  const port = await freePort();
  const late = await nodeWithGateway({ name: 'shop', node: 'late', listen: { port: 0 }, join: [`127.0.0.1:${port}`] });
  expect(await ready(late.gateway)).toEqual({ status: 503, body: { ready: false, missing: ['the node has not joined cluster shop yet'] } });
  const first = await nodeWithGateway({ name: 'shop', node: 'first', listen: { port } });
  await first.nexus.cluster?.joined();
  expect(await ready(first.gateway)).toEqual({ status: 200, body: { ready: true } });
  await until(async () => (await ready(late.gateway)).status === 200, 30_000);
  expect(late.nexus.cluster?.standing).toBe('member');
});

test('the commands that look into an agent name the node that has it', async () => {
  const oslo = await nodeWithGateway({ node: 'oslo', listen: { port: 0 } });
  await oslo.nexus.cluster?.joined();
  const rome = await nodeWithGateway({ node: 'rome', listen: { port: 0 }, join: [`127.0.0.1:${oslo.nexus.cluster?.address?.port}`] });
  await rome.nexus.cluster?.joined();
  await oslo.nexus.spawn(Counter, { id: 'c1', node: 'rome' });
  await oslo.nexus.spawn(Counter, { id: 'c2' });
  const at = { url: oslo.gateway.url, token: undefined };
  await expect(inspectAgent(at, 'c1')).rejects.toThrow("agent 'c1' is on node rome: give --url the gateway of that one");
  await expect(inspectAgent(at, 'c3')).rejects.toThrow("there is no agent 'c3'; did you mean 'c2'?");
});
