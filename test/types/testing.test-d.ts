/** What the compiler knows of the testing kit. Checked by `tsc -p test/tsconfig.json`, never run. */
import { type AgentRef, createNexus, defineAgent, type Nexus, shape } from 'nexus-agents';
import { type Asked, type Clock, createManualClock, createProbe, createTestNexus, nexusFor, testAgent, withNexus } from 'nexus-agents/testing';
import { test } from 'vitest';

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_equal: Equals<A, B>): void {}

const Stock = defineAgent({
  kind: 'stock',
  state: (init: { readonly left: number }) => ({ left: init.left }),
  actions: {
    take: (state, count: number) => (state.left -= count),
    name: async () => 'stock',
    declared: { input: shape.object({ sku: shape.string }), reply: shape.uint32, handler: () => 1 },
  },
});

export async function agentAlone(): Promise<void> {
  const agent = await testAgent(Stock, { init: { left: 3 } });
  same<typeof agent.state, { left: number }>(true);
  const left = await agent.ask('take', 1, { timeoutMs: 5 });
  same<typeof left, number>(true);
  const name = await agent.ask('name');
  same<typeof name, string>(true);
  await agent.tell('declared', { sku: 'x' }, { sender: agent.stub(Stock) });
  // @ts-expect-error: of another type
  await agent.tell('take', 'x');
  // @ts-expect-error: an input is needed
  await agent.ask('take');
  // @ts-expect-error: no such action
  await agent.ask('give');
  // @ts-expect-error: init is of another type
  await testAgent(Stock, { init: 5 });
  const asked = agent.effectsOf('asked');
  same<typeof asked, Asked[]>(true);
  const effect = agent.effects[0];
  if (effect?.type === 'restarting') same<typeof effect.delayMs, number>(true);
  same<typeof agent.ref, AgentRef<typeof Stock>>(true);
}

export async function probes(): Promise<void> {
  const nexus: Nexus = await createTestNexus({ agents: [Stock], threads: 2 });
  const probe = await createProbe(await createNexus({ agents: [Stock] }), Stock);
  same<typeof probe.ref, AgentRef<typeof Stock>>(true);
  const taken = await probe.expect('take', (count) => count > 1);
  same<typeof taken.input, number>(true);
  const any = await probe.receive();
  if (any.action === 'declared') same<typeof any.input, { sku: string }>(true);
  // @ts-expect-error: no such action
  await probe.expect('give');
  await nexus.stop();
}

export async function runners(): Promise<void> {
  const left = await withNexus({ agents: [Stock], nothingLeft: true }, async (nexus) => (await nexus.spawn(Stock, { init: { left: 1 } })).ask('take', 1));
  same<typeof left, number>(true);
  test('the context of Vitest', async (context) => void (await nexusFor(context, { agents: [Stock] })));
  const { test: nodeTest } = await import('node:test');
  await nodeTest('that of Node', async (t) => void (await nexusFor(t, { agents: [Stock] })));
  // @ts-expect-error: the engine is not to be chosen
  await createTestNexus({ agents: [], engine: { force: 'native' } });
  const clock: Clock = createManualClock();
  clock.after(1, () => undefined);
}
