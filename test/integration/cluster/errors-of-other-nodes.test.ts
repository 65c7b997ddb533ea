/** What an error says of another node: which one it is about, and where in the message, as its sender has given it, something is wrong. */
import { type AgentRef, createNexus, defineAgent, type Nexus } from 'nexus-agents';
import { memoryStorage } from 'nexus-agents/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../until.js';

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const Desk = defineAgent({
  kind: 'desk',
  state: () => ({ n: 0 }),
  actions: {
    add: (state, _by: unknown) => ++state.n,
    never: () => new Promise(() => undefined),
    unsendable: () => ({ list: [() => 1] }),
    askFor: (_state, { desk, timeoutMs }: { desk: AgentRef; timeoutMs: number }, ctx) =>
      ctx.ask(desk as never, 'never' as never, undefined as never, { timeoutMs }),
  },
});
const Known = defineAgent({ kind: 'known', state: () => ({ call: () => 1 }), actions: { hi: () => 'hi' } });
const Failing = defineAgent({
  kind: 'failing',
  state: () => ({}),
  actions: {},
  onStart: () => {
    throw new Error('no desk');
  },
});

test('a copy that another node has no room for is said to be there', async () => {
  const Box = defineAgent({ kind: 'box', state: () => ({ n: 0 }), durable: { writes: 'through' }, actions: { put: (state) => ++state.n } });
  const stores = [memoryStorage(), memoryStorage()] as const;
  const node = (name: string, storage: (typeof stores)[number], join: string[]): Promise<Nexus> =>
    createNexus({ agents: [Box], threads: 0, logger: quiet, storage, cluster: { node: name, listen: { port: 0 }, join } });
  const oslo = await node('oslo', stores[0], []);
  await oslo.cluster?.joined();
  const rome = await node('rome', stores[1], [`127.0.0.1:${oslo.cluster?.address?.port}`]);
  try {
    await rome.cluster?.joined();
    await until(() => oslo.cluster?.members().length === 2);
    const ids = Array.from({ length: 64 }, (_, at) => `box-${at}`);
    const box = await oslo.getOrSpawn(Box, ids.find((id) => oslo.cluster?.where(id)?.owner === 'oslo') as string);
    await box.ask('put');
    stores[1].failNextWrite('NEXUS_STORE_FULL');
    await expect(box.ask('put')).rejects.toMatchObject({
      code: 'NEXUS_STORE_FULL',
      message: expect.stringMatching(/^on node rome, which holds a copy: /),
      data: { node: 'rome' },
    });
  } finally {
    await Promise.all([rome.stop({ deadlineMs: 100 }), oslo.stop({ deadlineMs: 100 })]);
  }
});

describe('what an error says of another node', () => {
  let oslo: Nexus;
  let rome: Nexus;
  let desk: AgentRef<typeof Desk>;
  let local: AgentRef<typeof Desk>;

  beforeAll(async () => {
    oslo = await createNexus({ agents: [Desk, Failing, Known], threads: 0, logger: quiet, cluster: { node: 'oslo', listen: { port: 0 } } });
    await oslo.cluster?.joined();
    const join = [`127.0.0.1:${oslo.cluster?.address?.port}`];
    rome = await createNexus({ agents: [Desk, Failing], threads: 0, logger: quiet, cluster: { node: 'rome', listen: { port: 0 }, join } });
    await rome.cluster?.joined();
    desk = await oslo.spawn(Desk, { id: 'desk', node: 'rome' });
    local = await oslo.spawn(Desk, { id: 'local' });
  });
  afterAll(async () => {
    await rome.stop({ deadlineMs: 100 });
    await oslo.stop({ deadlineMs: 100 });
  });

  test('an ask that times out names the node of the agent, and the time that was given', async () => {
    await expect(desk.ask('never', undefined, { timeoutMs: 60 })).rejects.toMatchObject({
      code: 'NEXUS_ASK_TIMEOUT',
      message: expect.stringMatching(/^no reply from 'never' of desk 'desk' within 60 ms; the agent is on node rome, which has not answered/),
      data: { timeoutMs: 60, waiting: { node: 'rome', state: 'silent' } },
    });
    await expect(local.ask('askFor', { desk, timeoutMs: 50 }, { timeoutMs: 5000 })).rejects.toMatchObject({
      message: expect.stringContaining("of desk 'desk' within 50 ms; the agent is on node rome"),
    });
    const restarted = await oslo.spawn(Desk, { id: 'desk-2', node: 'rome' });
    desk = restarted;
  });

  test('a kind that the other node does not know, and a start that fails there, are said to be there', async () => {
    await expect(oslo.spawn(Known, { id: 'k', node: 'rome' })).rejects.toMatchObject({
      code: 'NEXUS_KIND_UNKNOWN',
      message: expect.stringMatching(/^on node rome: kind 'known' is not registered/),
      data: { node: 'rome', kind: 'known' },
    });
    await expect(oslo.getOrSpawn(Failing, 'f', { node: 'rome' })).rejects.toMatchObject({
      code: 'NEXUS_START_FAILED',
      message: expect.stringMatching(/^on node rome: .*no desk/),
      cause: { message: 'no desk' },
    });
  });

  test('the path of what cannot be sent is that in the message, not in the frame around it', async () => {
    expect(() => desk.tell('add', { deep: [{ call: () => 1 }] })).toThrow(/^message\.deep\[0\]\.call is a function$/);
    expect(() => desk.tell('add', [[() => 1]])).toThrow(/^message\[0\]\[0\] is a function$/);
    await expect(desk.ask('add', Symbol('s'))).rejects.toThrow(/^message is a symbol$/);
    await expect(desk.ask('unsendable')).rejects.toThrow(/^message\.list\[0\] is a function$/);
  });

  test('an agent whose state cannot be sent says where, and does not hold up a drain', async () => {
    const known = await oslo.spawn(Known, { id: 'known' });
    await expect(oslo.migrate(known, { node: 'rome' })).rejects.toMatchObject({
      code: 'NEXUS_MIGRATION_REFUSED',
      data: { reason: 'it cannot be sent: its state.call is a function' },
    });
    await expect(oslo.migrate('known' as never, { node: 'rome' })).rejects.toThrow("agent: is 'known'; it must be a reference to an agent");
    await local.stop();
    const beganMs = performance.now();
    expect(await oslo.drain({ deadlineMs: 600_000 })).toMatchObject({
      left: 1,
      reasons: [{ id: 'known', reason: 'it cannot be sent: its state.call is a function' }],
    });
    expect(performance.now() - beganMs).toBeLessThan(60_000);
  });
});
