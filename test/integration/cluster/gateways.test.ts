/** Gateways of all nodes of a cluster: each reaches the agents of the others, and what it has heard of them may be out of date. */
import { createNexus, defineAgent, type Nexus } from 'nexus-agents';
import type { Cluster } from 'nexus-agents/cluster';
import { type Gateway, startGateway } from 'nexus-agents/gateway';
import { expect, onTestFinished, test, vi } from 'vitest';
import { errorAnswer, HandlerFailure } from '../../../dist/ts-src/gateway/error-answer.js';
import { NexusError } from '../../../dist/ts-src/errors.js';
import { until } from '../../until.js';
import { freePort } from '../free-port.js';

const Counter = defineAgent({ kind: 'counter', state: () => ({ n: 0 }), actions: { add: (state, by: number) => (state.n += by) } });

const Extra = defineAgent({ kind: 'extra', state: () => ({}), actions: { hi: () => 'hi' } });

/** The first has a kind more. */
async function nodes(count: number): Promise<((method: string, path: string, body?: unknown) => Promise<{ status: number; body: Record<string, unknown> }>)[]> {
  const seeds: string[] = [];
  const all: { readonly nexus: Nexus; readonly gateway: Gateway }[] = [];
  for (let at = 0; at < count; at++) {
    const nexus = await createNexus({
      agents: at === 0 ? [Counter, Extra] : [Counter],
      threads: 0,
      cluster: { node: `n${at}`, listen: { port: 0 }, join: [...seeds] },
    });
    onTestFinished(() => nexus.stop({ deadlineMs: 1000 }) as unknown as Promise<void>);
    await nexus.cluster?.joined({ timeoutMs: 20_000 });
    seeds.push(`127.0.0.1:${nexus.cluster?.address.port}`);
    const gateway = await startGateway(nexus, { port: 0 });
    onTestFinished(() => gateway.stop() as unknown as Promise<void>);
    all.push({ nexus, gateway });
  }
  await until(() => all.every(({ nexus }) => nexus.cluster?.members().length === count), 20_000);
  return all.map(({ gateway }) => async (method, path, body) => {
    const answer = await fetch(`${gateway.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  });
}

test('an agent that has ended is not there for any gateway, and one that has its id now is reached through all', { timeout: 60_000 }, async () => {
  const ask = await nodes(3);
  for (let index = 0; index < 6; index++) {
    const path = `/agents/c${index}`;
    expect((await ask[0]?.('PUT', path, { kind: 'counter' }))?.status).toBe(201);
    for (const [at, each] of ask.entries()) expect((await each('POST', `${path}/add`, 1)).body).toEqual({ reply: at + 1 });
    expect((await ask[index % 3]?.('DELETE', path))?.status).toBe(200);
    if (index < 2) for (const each of ask) expect(await each('GET', path)).toMatchObject({ status: 404 });
    else if (index < 4)
      for (const each of ask) expect(await each('POST', `${path}/add`, 1)).toMatchObject({ status: 404, body: { error: { code: 'NEXUS_AGENT_NOT_FOUND' } } });
    for (const [at, each] of ask.entries()) expect((await each('POST', `${path}/add?kind=counter`, 1)).body).toEqual({ reply: at + 1 });
  }
});

test('an agent whose kind a node does not have is reached through its gateway all the same', { timeout: 60_000 }, async () => {
  const [first, second] = await nodes(2);
  for (let index = 0; ; index++) {
    const path = `/agents/e${index}`;
    // Ids that the other node owns are refused there.
    if ((await first?.('PUT', path, { kind: 'extra' }))?.status !== 201) continue;
    expect(await second?.('POST', `${path}/hi`)).toMatchObject({ status: 200, body: { reply: 'hi' } });
    expect(await second?.('POST', `${path}/ho`)).toMatchObject({ body: { error: { code: 'NEXUS_ACTION_UNKNOWN' } } });
    return;
  }
});

test('what waits for a node to join that never will is answered with the code, and when to try again', { timeout: 60_000 }, async () => {
  const join = [`127.0.0.1:${await freePort()}`];
  const nexus = await createNexus({ agents: [Counter], threads: 0, cluster: { node: 'n0', listen: { port: 0 }, join } });
  onTestFinished(() => nexus.stop({ deadlineMs: 1000 }) as unknown as Promise<void>);
  const gateway = await startGateway(nexus, { port: 0 });
  onTestFinished(() => gateway.stop() as unknown as Promise<void>);
  let began = 0;
  const cluster = nexus.cluster as Cluster;
  const joined = cluster.joined.bind(cluster);
  vi.spyOn(cluster, 'joined').mockImplementation((options) => {
    began++;
    return joined(options);
  });
  const asked = ['c1/add?kind=counter', 'c2/add?kind=counter'].map((path) => fetch(`${gateway.url}/agents/${path}`, { method: 'POST' }));
  await until(() => began >= 2);
  await nexus.stop({ deadlineMs: 1000 });
  for (const answer of await Promise.all(asked)) {
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await answer.json()).toMatchObject({ error: { code: 'NEXUS_NODE_FENCED', node: 'n0' } });
  }
});

test('what a cluster does not know at the moment is no mistake of the gateway', () => {
  const statuses = (
    code: 'NEXUS_NODE_UNREACHABLE' | 'NEXUS_REGISTRY_TIMEOUT' | 'NEXUS_JOIN_TIMEOUT' | 'NEXUS_NODE_FENCED' | 'NEXUS_OUTCOME_UNKNOWN',
  ): unknown[] => {
    const error = new NexusError(code, 'x');
    return [errorAnswer(error)?.status, errorAnswer(new HandlerFailure(error))?.status];
  };
  expect(statuses('NEXUS_NODE_UNREACHABLE')).toEqual([503, 503]);
  expect(statuses('NEXUS_REGISTRY_TIMEOUT')).toEqual([503, 503]);
  expect(statuses('NEXUS_JOIN_TIMEOUT')).toEqual([503, 503]);
  expect(statuses('NEXUS_NODE_FENCED')).toEqual([503, 503]);
  expect(statuses('NEXUS_OUTCOME_UNKNOWN')).toEqual([504, 504]);
});
