/** The channels of node:diagnostics_channel: what is published on each, on which thread, and that a subscriber can do no harm. */
import { execFileSync } from 'node:child_process';
import { subscribe as subscribeToChannel, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineAgent } from 'nexus-agents';
import { createTestNexus, memoryStorage, type TestNexus, type TestNexusOptions } from 'nexus-agents/testing';
import { subscribe, TELEMETRY_EVENTS, type TelemetryEvent } from 'nexus-agents/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { codeOf, fixture, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { Worker, Eavesdropper } = (await import('../fixtures/eavesdropper.mjs')) as Record<'Worker' | 'Eavesdropper', never>;
const { Keeper } = (await import('../fixtures/keeper.mjs')) as Record<'Keeper', never>;

type Heard = { readonly name: TelemetryEvent } & Readonly<Record<string, unknown>>;

/** What is heard here until the end of the test. */
function listen(names: readonly TelemetryEvent[] = TELEMETRY_EVENTS): Heard[] {
  const heard: Heard[] = [];
  for (const name of names) onTestFinished(subscribe(name, (event) => void heard.push({ name, ...event } as Heard)));
  return heard;
}

async function start(options: Partial<TestNexusOptions> = {}): Promise<TestNexus> {
  const nexus = await createTestNexus({ agents: [Worker, Keeper], storage: memoryStorage(), seed: 1, ...options });
  onTestFinished(async () => {
    await nexus.stop();
  });
  return nexus;
}

const agent = { id: 'w', kind: 'worker', thread: 2 };

test('the life of an agent is told: started, failed, restarted, migrated, stopped', async () => {
  const heard = listen(TELEMETRY_EVENTS.filter((name) => name.startsWith('nexus:agent:')));
  const nexus = await start();
  const worker = await nexus.settle(nexus.spawn(Worker, { id: 'w', thread: 2 } as never));
  worker.tell('fail' as never, undefined as never);
  await nexus.advance(1000);
  await nexus.settle(nexus.migrate(worker, 3));
  await nexus.settle(worker.stop());
  const error = expect.objectContaining({ message: 'cannot' });
  expect(heard.filter(({ kind }) => kind === 'worker')).toEqual([
    { name: 'nexus:agent:started', ...agent },
    { name: 'nexus:agent:failed', ...agent, action: 'fail', error },
    { name: 'nexus:agent:restarted', ...agent, restarts: 1 },
    { name: 'nexus:agent:migrated', ...agent, from: 2, to: 3 },
    { name: 'nexus:agent:stopped', ...agent, thread: 3, reason: { type: 'stopped' } },
  ]);
});

test('the end of an agent is told even of one that has no hook and no ties', async () => {
  const Plain = defineAgent({ kind: 'plain', state: () => ({}), actions: {} });
  const nexus = await startNexus({ agents: [Plain], threads: 0 });
  const plain = await nexus.spawn(Plain, { id: 'p' });
  const heard = listen(['nexus:agent:stopped']);
  await plain.stop();
  expect(heard).toEqual([{ name: 'nexus:agent:stopped', id: 'p', kind: 'plain', thread: 0, reason: { type: 'stopped' } }]);
});

test('messages are told with their duration and outcome, decisions as updates of the state, what is on disk as stored', async () => {
  const nexus = await start();
  const worker = await nexus.settle(nexus.spawn(Worker, { id: 'w', thread: 2 } as never));
  const keeper = await nexus.settle(nexus.spawn(Keeper, { id: 'k', thread: 1 } as never));
  const heard = listen(['nexus:message:processed', 'nexus:state:updated', 'nexus:state:stored']);
  const ask = (action: string, input?: unknown): Promise<unknown> =>
    nexus.settle((worker.ask as never as (...rest: unknown[]) => Promise<unknown>).call(worker, action, input));
  await ask('set', 7);
  expect(await ask('count')).toBe(7);
  await ask('work');
  expect(await codeOf(ask('strict', 'no number'))).toBe('NEXUS_INPUT_INVALID');
  expect(await codeOf(ask('fail'))).toBe('cannot');
  await nexus.settle((keeper.ask as never as (...rest: unknown[]) => Promise<unknown>).call(keeper, 'keep'));
  await nexus.advance(1000);
  const processed = { name: 'nexus:message:processed', ...agent, durationMs: expect.any(Number), outcome: 'handled', error: undefined };
  expect(heard.filter(({ kind }) => kind === 'worker')).toEqual([
    { name: 'nexus:state:updated', ...agent, action: 'set' },
    { ...processed, action: 'set' },
    { ...processed, action: 'count' },
    { ...processed, action: 'work' },
    { ...processed, action: 'strict', outcome: 'refused', error: expect.objectContaining({ code: 'NEXUS_INPUT_INVALID' }) },
    { ...processed, action: 'fail', outcome: 'failed', error: expect.objectContaining({ message: 'cannot' }) },
  ]);
  const stored = heard.filter(({ name }) => name === 'nexus:state:stored');
  expect(stored.length).toBeGreaterThan(0);
  expect(stored[0]).toEqual({ name: 'nexus:state:stored', id: 'k', kind: 'keeper', thread: expect.any(Number) });
});

test('dead letters and signals are told where they are', async () => {
  const nexus = await start();
  const worker = await nexus.settle(nexus.spawn(Worker, { id: 'w', thread: 2 } as never));
  const heard = listen(['nexus:message:dead', 'nexus:signal:published']);
  nexus.subscribe('news.>', () => undefined);
  await nexus.run();
  worker.tell('say' as never, 'news.today' as never);
  // Nobody is subscribed to it: it goes nowhere.
  worker.tell('say' as never, 'olds.today' as never);
  await nexus.run();
  nexus.send('nobody', 'work');
  const id = expect.any(String);
  expect(heard).toEqual([
    { name: 'nexus:signal:published', id, topic: 'news.today', source: 'w', thread: 2 },
    { name: 'nexus:message:dead', reason: 'noAgent', id: 'nobody', kind: undefined, action: 'work', topic: undefined, thread: 0 },
  ]);
});

test('a module in agents subscribes on its worker and hears what happens there; the loss of a thread is told on the calling thread', async () => {
  const heard = listen(['nexus:agent:started', 'nexus:thread:lost', 'nexus:thread:restored']);
  const served = await startNexus({ agents: [fixture('eavesdropper.mjs')], threads: 1 });
  const ear = await served.spawn(Eavesdropper, { id: 'ear', thread: 1 } as never);
  const worker = await served.spawn(Worker, { id: 'w', thread: 1 } as never);
  const there = (await (ear.ask as never as (action: string) => Promise<Heard[]>).call(ear, 'heard')) as Heard[];
  expect(there.filter(({ name }) => name === 'nexus:agent:started').map(({ id, thread }) => [id, thread])).toEqual([
    ['ear', 1],
    ['w', 1],
  ]);
  expect(heard).toEqual([]);
  worker.tell('exit' as never, undefined as never);
  await until(() => heard.length === 2);
  expect(heard).toEqual([
    { name: 'nexus:thread:lost', thread: 1, exitCode: 3, error: undefined },
    { name: 'nexus:thread:restored', thread: 1, restored: 2, failed: 0 },
  ]);
});

test('a subscriber that throws is an uncaught exception after the event, and the handler, its reply and the agent go on', () => {
  const script = `
    import { createNexus, defineAgent } from 'nexus-agents';
    import { subscribe } from 'nexus-agents/telemetry';
    const uncaught = [];
    process.on('uncaughtException', (error) => uncaught.push(error.message));
    const Adder = defineAgent({ kind: 'adder', state: () => ({ n: 0 }), actions: { add: (state) => ++state.n } });
    const nexus = await createNexus({ agents: [Adder], threads: 0 });
    for (const name of ['nexus:agent:started', 'nexus:message:processed', 'nexus:agent:stopped']) subscribe(name, () => { throw new Error(name); });
    const adder = await nexus.spawn(Adder);
    const replies = [await adder.ask('add'), await adder.ask('add')];
    await adder.stop();
    await new Promise((resolve) => setImmediate(resolve));
    console.log(JSON.stringify({ replies, uncaught }));
    await nexus.stop();`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: root, encoding: 'utf8', stdio: 'pipe', timeout: 30_000 });
  const names = ['nexus:agent:started', 'nexus:message:processed', 'nexus:message:processed', 'nexus:agent:stopped'];
  expect(JSON.parse(said)).toEqual({ replies: [1, 2], uncaught: names });
});

test('subscribe says which names there are, and ends what it began', async () => {
  expect(await codeOf(() => subscribe('nexus:agent:startd' as never, () => undefined))).toBe('NEXUS_OPTION_UNKNOWN');
  expect(await codeOf(() => subscribe('nexus:agent:started', 7 as never))).toBe('NEXUS_OPTION_INVALID');
  const heard: unknown[] = [];
  const listener = (event: unknown): void => void heard.push(event);
  const [first, second] = [subscribe('nexus:agent:started', listener), subscribe('nexus:agent:started', listener)];
  const plain = (event: unknown): void => void heard.push(event);
  subscribeToChannel('nexus:agent:started', plain);
  onTestFinished(() => void unsubscribe('nexus:agent:started', plain));
  const nexus = await start();
  await nexus.settle(nexus.spawn(Worker, { thread: 0 } as never));
  expect(heard.length).toBe(3);
  first();
  await nexus.settle(nexus.spawn(Worker, { thread: 0 } as never));
  expect(heard.length).toBe(5);
  second();
  await nexus.settle(nexus.spawn(Worker, { thread: 0 } as never));
  expect(heard.length).toBe(6);
});

test('the table of the page names every event, and no other', () => {
  const page = readFileSync(`${root}/docs/telemetry.md`, 'utf8');
  const named = [...page.matchAll(/^\| `(nexus:[a-z:]+)` \|/gm)].map(([, name]) => name);
  expect(named).toEqual([...TELEMETRY_EVENTS]);
});
