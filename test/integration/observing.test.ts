/** What a running nexus shows of itself: snapshots of the system, one agent looked into, the messages of one agent. On real threads. */
import { type AgentRef, defineAgent, DISTRIBUTION_BOUNDS_MS, type FollowEvent, type SystemSnapshot } from 'nexus-agents';
import { createTestNexus } from 'nexus-agents/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Idle, Watched } from '../fixtures/observed.mjs';
import { codeOf, DISTANCES, failureOf, fixture, freshId, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const modules = { agents: [fixture('observed.mjs')] };

/** Snapshots until one says what is waited for. */
async function snapshotWith(nexus: { snapshot(): Promise<SystemSnapshot> }, condition: (snapshot: SystemSnapshot) => boolean): Promise<SystemSnapshot> {
  let last: SystemSnapshot | undefined;
  await until(async () => {
    last = await nexus.snapshot();
    return condition(last);
  });
  return last as SystemSnapshot;
}

describe('a snapshot', () => {
  it('leaves nothing behind that goes on when the nexus has stopped', async () => {
    const nexus = await createTestNexus({ agents: [Idle], threads: 1 });
    await nexus.settle(nexus.snapshot());
    await nexus.stop();
    expect(nexus.clock.pending).toEqual([]);
  });

  it('counts agents by kind and thread exactly, whatever is spawned, stopped and moved', async () => {
    const nexus = await startNexus({ ...modules, threads: 2 });
    const agents = await Promise.all(Array.from({ length: 30 }, (_, index) => nexus.spawn(index % 3 === 0 ? Idle : Watched, { thread: index % 3 })));
    expect((await nexus.snapshot()).kinds.map(({ kind, agents }) => [kind, agents])).toEqual([
      ['watched', 20],
      ['idle', 10],
    ]);
    await Promise.all(agents.slice(0, 6).map((agent) => agent.stop()));
    await nexus.migrateMany(agents.slice(6, 12), 2);
    await failureOf((agents[13] as AgentRef<typeof Watched>).ask('fail'));
    const { kinds, agents: totals } = await snapshotWith(nexus, ({ agents: { live } }) => live === 24);
    expect(kinds.map(({ kind, agents }) => [kind, agents])).toEqual([
      ['watched', 16],
      ['idle', 8],
    ]);
    expect(totals.spawnedPerSecond).toBeGreaterThanOrEqual(0);
  });

  it('has rates of messages, actions and flows, with failures and durations, of all threads', async () => {
    const nexus = await startNexus({ ...modules, threads: 1 });
    const here = await nexus.spawn(Watched, { thread: 0 });
    const there = await nexus.spawn(Watched, { thread: 1 });
    expect(await nexus.snapshot()).toMatchObject({ periodMs: 0, messages: { handledPerSecond: 0 }, actions: [], flows: [] });
    for (let count = 0; count < 40; count++) {
      here.tell('add', count);
      there.tell('add', count);
    }
    await there.ask('wait', 60);
    await there.ask('spin', 5);
    // Its work is done once.
    expect(await here.ask('lazy')).toBe(1);
    await here.ask('tell', { ref: there, action: 'add', input: 'from here' });
    await failureOf(there.ask('failLater'));
    here.tell('fail', 'on purpose');
    nexus.send('nobody', 'nothing');
    await there.ask('ticks', 5);
    const snapshot = await snapshotWith(nexus, ({ restarts, flows }) => restarts.recent.length === 2 && flows.some(({ from }) => from === '(timer)'));
    expect(snapshot.periodMs).toBeGreaterThan(0);
    const seconds = snapshot.periodMs / 1000;
    const action = (name: string) => snapshot.actions.find((each) => each.action === name);
    // So few are all timed.
    expect((action('add')?.perSecond ?? 0) * seconds).toBeGreaterThanOrEqual(81 - 0.01);
    expect(action('wait')?.p50Ms).toBeGreaterThan(50);
    expect(action('spin')?.maxMs).toBeGreaterThan(4);
    expect(action('spin')?.maxMs).toBeLessThan(50);
    expect((action('failLater')?.failedPerSecond ?? 0) * seconds).toBeCloseTo(1, 5);
    expect((action('fail')?.failedPerSecond ?? 0) * seconds).toBeCloseTo(1, 5);
    expect(action('lazy')?.samples).toBe(1);
    expect(action('wait')?.distribution.length).toBe(DISTRIBUTION_BOUNDS_MS.length + 1);
    const flow = (from: string) => snapshot.flows.find((each) => each.from === from && each.to === 'watched');
    expect((flow('watched')?.perSecond ?? 0) * seconds).toBeCloseTo(1, 5);
    expect(flow('(outside)')?.perSecond).toBeGreaterThan(0);
    expect(snapshot.restarts.recent.map(({ action: name, error }) => [name, error]).sort()).toEqual([
      ['fail', 'on purpose'],
      ['failLater', 'later'],
    ]);
    expect(snapshot.deadLetters.recent).toMatchObject([{ reason: 'noAgent', id: 'nobody', action: 'nothing', thread: 0 }]);
    expect(snapshot.deadLetters.totals['noAgent']).toBe(1);
    expect(snapshot.threads.map(({ isAnswering }) => isAnswering)).toEqual([true, true]);
    expect(JSON.parse(JSON.stringify(snapshot))).toMatchObject({ process: { pid: process.pid } });
  });

  it('shows the deepest mailboxes, those of agents that handle nothing included', async () => {
    const nexus = await startNexus({ ...modules, threads: 1 });
    const deep = await nexus.spawn(Watched, { id: 'deep', thread: 1 });
    const less = await nexus.spawn(Watched, { id: 'less', thread: 0 });
    await nexus.pause('deep');
    await nexus.pause('less');
    for (let count = 0; count < 50; count++) deep.tell('add', count);
    for (let count = 0; count < 20; count++) less.tell('add', count);
    const { mailboxes } = await snapshotWith(nexus, ({ mailboxes }) => mailboxes.length === 2 && mailboxes[0]?.waiting === 50);
    expect(mailboxes).toEqual([
      { id: 'deep', kind: 'watched', thread: 1, waiting: 50, capacity: 100 },
      { id: 'less', kind: 'watched', thread: 0, waiting: 20, capacity: 100 },
    ]);
  });

  it('comes in time while a thread is blocked, and says of that thread that it does not answer', async () => {
    const nexus = await startNexus({ ...modules, threads: 2 });
    const blocked = await nexus.spawn(Watched, { id: 'blocked', thread: 1 });
    await nexus.snapshot();
    blocked.tell('spin', 4000);
    const snapshot = await snapshotWith(nexus, ({ threads }) => threads[1]?.isAnswering === false);
    expect(snapshot.threads.map(({ isAnswering, state }) => [isAnswering, state])).toEqual([
      [true, 'ready'],
      [false, 'ready'],
      [true, 'ready'],
    ]);
    // What it had said of its agents is still shown.
    expect(snapshot.kinds).toMatchObject([{ kind: 'watched', agents: 1 }]);
    const startedMs = performance.now();
    expect(await failureOf(nexus.inspect('blocked'))).toMatchObject({
      code: 'NEXUS_ASK_TIMEOUT',
      message: expect.stringContaining('its event loop is blocked'),
    });
    expect(performance.now() - startedMs).toBeLessThan(2400);
    const after = await snapshotWith(nexus, ({ threads }) => threads[1]?.isAnswering === true);
    expect(after.threads[1]?.agents).toBe(1);
  });

  it('is not disturbed by others who look: each has rates over a period of its own', async () => {
    const nexus = await startNexus({ ...modules, threads: 0 });
    const agent = await nexus.spawn(Watched, { thread: 0 });
    await agent.ask('ticks', 10);
    const slow = nexus.snapshots({ intervalMs: 400 });
    await slow.next();
    const others: SystemSnapshot[] = [];
    const other = (async () => {
      for await (const snapshot of nexus.snapshots({ intervalMs: 100 })) if (others.push(snapshot) >= 9) return;
    })();
    const second = (await slow.next()).value as SystemSnapshot;
    const third = (await slow.next()).value as SystemSnapshot;
    await slow.return?.();
    await other;
    for (const { periodMs } of [second, third]) expect(periodMs).toBeGreaterThanOrEqual(390);
    expect(others.length).toBe(9);
    // Every message is in exactly one period of each of them.
    const handled = (snapshots: readonly SystemSnapshot[]): number =>
      snapshots.reduce((sum, { messages, periodMs }) => sum + (messages.handledPerSecond * periodMs) / 1000, 0);
    const total = nexus.threads()[0]?.counters['handled'] as number;
    expect(handled(others.slice(1))).toBeLessThanOrEqual(total + 1e-6);
    expect(handled([second, third])).toBeLessThanOrEqual(total + 1e-6);
    expect(handled([second, third])).toBeGreaterThan(20);
  });

  it('of a nexus that stops ends the loop over its snapshots, and afterwards there are none', async () => {
    const nexus = await startNexus({ ...modules, threads: 1 });
    let count = 0;
    const loop = (async () => {
      for await (const _ of nexus.snapshots({ intervalMs: 60_000 })) count++;
    })();
    await until(() => count === 1);
    await nexus.stop();
    await loop;
    expect(await codeOf(nexus.snapshot())).toBe('NEXUS_STOPPED');
    expect(await codeOf(nexus.inspect('any'))).toBe('NEXUS_STOPPED');
  });
});

describe.each(DISTANCES)('an agent $distance, looked into,', ({ thread }) => {
  it('shows its state, mailbox, timers, ties and signals', async () => {
    const nexus = await startNexus({ ...modules, threads: 1 });
    const agent = await nexus.spawn(Watched, { id: 'agent', thread, init: { name: 'Ada' } });
    const other = await nexus.spawn(Watched, { id: 'other', thread: 1 - thread });
    await nexus.snapshot();
    await agent.ask('timers');
    await agent.ask('child', 'its-child');
    await agent.ask('join', 'crew');
    await other.ask('watch', agent);
    await agent.ask('emit', 'news.first');
    await failureOf(agent.ask('fail'));
    await agent.ask('timers');
    await agent.ask('child', 'its-child-2');
    await agent.ask('join', 'crew');
    await other.ask('watch', agent);
    await until(async () => (await nexus.inspect('agent')).watchers === 1);
    agent.tell('wait', 400);
    await other.ask('tell', { ref: agent, action: 'add', input: { text: 'waits', list: [1] } });
    const asked = agent.ask('add', 'asked');
    await until(async () => (await nexus.inspect('agent')).mailbox.waiting === 2);
    const seen = await nexus.inspect(agent);
    expect(seen).toMatchObject({
      ...{
        id: 'agent',
        kind: 'watched',
        thread,
        status: 'busy',
        restarts: 1,
        isDurable: false,
        parent: undefined,
        children: 1,
        watchers: 1,
        links: 0,
        groups: ['crew'],
      },
      mailbox: { waiting: 2, capacity: 100, overflow: 'reject' },
      timers: [
        { action: 'add', periodMs: 0 },
        { action: 'add', periodMs: 10_000 },
      ],
      subscriptions: [{ pattern: 'news.>', action: 'onNews' }],
    });
    expect(seen.state).toEqual({ text: '{ init: { name: "Ada" }, handled: [], starts: 1 }', isCut: false });
    expect([...seen.mailbox.first].sort((a, b) => Number(a.isAsk) - Number(b.isAsk))).toEqual([
      { action: 'add', sender: 'watched other', isAsk: false, input: { text: '{ text: "waits", list: [1] }', isCut: false } },
      { action: 'add', sender: undefined, isAsk: true, input: { text: '"asked"', isCut: false } },
    ]);
    expect(seen.timers[0]?.dueInMs).toBeGreaterThan(1000);
    expect(seen.signals.map(({ direction, topic }) => [direction, topic])).toEqual([
      ['received', 'news.first'],
      ['published', 'news.first'],
    ]);
    expect((await nexus.inspect('its-child-2')).parent).toBe('watched agent');
    await asked;
  });

  it('of a hostile or a huge state is shown in no time, and is as it was', async () => {
    const nexus = await startNexus({ ...modules, threads: 1 });
    const agent = await nexus.spawn(Watched, { id: 'agent', thread });
    await agent.ask('become', 'hostile');
    expect((await nexus.inspect('agent')).state.text).toBe(
      '{ init: undefined, handled: [], starts: 1, self: [Circular], proxy: [Proxy], toJSON: [Function trap], computed: [Getter] }',
    );
    await agent.ask('become', 'huge');
    const cpu = process.cpuUsage();
    const { state } = await nexus.inspect('agent', { textBytesMax: 200 });
    const { user, system } = process.cpuUsage(cpu);
    expect((user + system) / 1000).toBeLessThan(400);
    expect(state.isCut).toBe(true);
    expect(Buffer.byteLength(state.text)).toBeLessThanOrEqual(200);
    expect(await agent.ask('add', 1)).toBe(1);
  });

  it('that is nowhere is an error with a code, as are wrong arguments', async () => {
    const nexus = await startNexus({ ...modules, threads: 1 });
    const agent = await nexus.spawn(Watched, { id: 'agent', thread });
    expect(await codeOf(nexus.inspect('nobody'))).toBe('NEXUS_AGENT_NOT_FOUND');
    expect((await failureOf(nexus.inspect('agent', { textBytes: 5 } as never)))?.message).toContain("did you mean 'textBytesMax'?");
    expect(await codeOf(nexus.inspect('agent', { textBytesMax: 0 }))).toBe('NEXUS_OPTION_INVALID');
    for (const wrong of [undefined, 5, {}, null]) expect(await codeOf(nexus.inspect(wrong as never))).toBe('NEXUS_OPTION_INVALID');
    expect((await failureOf(async () => nexus.snapshots({ interval: 5 } as never)))?.message).toContain("did you mean 'intervalMs'?");
    expect(await codeOf(async () => nexus.snapshots({ intervalMs: 5 }))).toBe('NEXUS_OPTION_INVALID');
    await agent.stop();
    expect(await codeOf(nexus.inspect(agent))).toBe('NEXUS_AGENT_NOT_FOUND');
  });
});

describe.each(DISTANCES)('an agent $distance, followed,', ({ thread }) => {
  it('shows each message that it handles, from whom, with its outcome, and nothing of others', async () => {
    const nexus = await startNexus({ ...modules, threads: 1 });
    const agent = await nexus.spawn(Watched, { id: 'agent', thread });
    const other = await nexus.spawn(Watched, { id: 'other', thread });
    const events: FollowEvent[] = [];
    const end = await nexus.follow('agent', (event) => void events.push(event));
    // What others see does not end with one of them, nor begin.
    const brief: string[] = [];
    const endBrief = await nexus.follow('agent', (event) => void brief.push(event.type));
    agent.tell('add', { n: 1 });
    await agent.ask('read');
    await endBrief();
    expect(brief).toEqual(['message', 'message']);
    await other.ask('tell', { ref: agent, action: 'add', input: 2 });
    await agent.ask('wait', 30);
    await failureOf(agent.ask('fail', 'no luck'));
    await agent.ask('ticks', 2);
    await until(() => events.some((event) => event.type === 'message' && event.message.sender === '(timer)'));
    await end();
    expect(brief.length).toBe(2);
    const count = events.length;
    await agent.ask('add', 3);
    const shown = events.flatMap((event) => (event.type === 'message' ? [event.message] : []));
    expect(
      shown
        .filter(({ action }) => action !== 'read')
        .slice(0, 5)
        .map(({ action, sender, isAsk, input, outcome, error }) => [action, sender, isAsk, input.text, outcome, error]),
    ).toEqual([
      ['add', undefined, false, '{ n: 1 }', 'handled', undefined],
      ['add', 'watched other', false, '2', 'handled', undefined],
      ['wait', undefined, true, '30', 'handled', undefined],
      ['fail', undefined, true, '"no luck"', 'failed', 'no luck'],
      ['ticks', undefined, true, '2', 'handled', undefined],
    ]);
    expect(shown.every(({ id, kind, thread: of }) => id === 'agent' && kind === 'watched' && of === thread)).toBe(true);
    expect(shown.find(({ action }) => action === 'wait')?.tookMs).toBeGreaterThan(25);
    expect(events.length).toBe(count);
  });

  it('shows no more messages a second than asked for, and counts the others', async () => {
    const nexus = await startNexus({ ...modules, threads: 1 });
    const agent = await nexus.spawn(Watched, { id: 'agent', thread });
    let shown = 0;
    let dropped = 0;
    await nexus.follow(
      agent,
      (event) => {
        if (event.type === 'message') shown++;
        else if (event.type === 'dropped') dropped += event.count;
      },
      { messagesPerSecondMax: 20 },
    );
    for (let round = 0; round < 10; round++) {
      for (let count = 0; count < 49; count++) agent.tell('add', count);
      await agent.ask('read');
    }
    await until(() => shown + dropped === 500);
    expect(shown).toBeGreaterThanOrEqual(20);
    expect(shown).toBeLessThan(200);
  });

  it('tells of as many large inputs as there are, however low the limit of messages is', async () => {
    const nexus = await startNexus({ ...modules, threads: 1, messages: { bytesMax: 131_072 } });
    const agent = await nexus.spawn(Watched, { id: 'agent', thread });
    const lost: unknown[] = [];
    nexus.on('threadLost', (loss) => lost.push(loss.error));
    const texts: string[] = [];
    await nexus.follow(agent, (event) => void (event.type === 'message' && texts.push(event.message.input.text)), { inputBytesMax: 65_536 });
    const large = Array.from({ length: 60 }, (_, row) => Array.from({ length: 12 }, (_, column) => `${row} ${column} `.padEnd(100, '.')));
    for (let count = 0; count < 8; count++) agent.tell('add', large);
    await until(() => texts.length === 8 || lost.length > 0);
    expect(lost).toEqual([]);
    // Together they are more than a call of the runtime may be.
    expect(texts.every((text) => text.length > 60_000)).toBe(true);
  });

  it('tells its listeners that it has ended, and refuses wrong options', async () => {
    const logger = recorder();
    const nexus = await startNexus({ ...modules, threads: 1, logger });
    const agent = await nexus.spawn(Watched, { id: 'agent', thread });
    const events: string[] = [];
    await nexus.follow('agent', ({ type }) => void events.push(type));
    await nexus.follow('agent', () => {
      throw new Error('listener');
    });
    await agent.ask('add', 1);
    await agent.stop();
    await until(() => events.includes('ended'));
    expect(events).toEqual(['message', 'ended']);
    await until(() => logger.lines.some(({ message }) => message === 'a listener that follows an agent failed'));
    expect(await codeOf(nexus.follow('agent', () => undefined))).toBe('NEXUS_AGENT_NOT_FOUND');
    await nexus.spawn(Watched, { id: 'again', thread });
    expect(await codeOf(nexus.follow('again', 5 as never))).toBe('NEXUS_OPTION_INVALID');
    expect((await failureOf(nexus.follow('again', () => undefined, { messagesPerSecond: 5 } as never)))?.message).toContain(
      "did you mean 'messagesPerSecondMax'?",
    );
    expect(await codeOf(nexus.follow('again', () => undefined, { messagesPerSecondMax: 0 }))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(nexus.follow('again', () => undefined, { inputBytesMax: -1 }))).toBe('NEXUS_OPTION_INVALID');
  });
});

it('who is followed stays so across restarts, moves and the loss of its thread: no message is left out while it moves', async () => {
  const nexus = await startNexus({ ...modules, threads: 2 });
  const agent = await nexus.spawn(Watched, { id: 'agent', thread: 1 });
  const seen: string[] = [];
  const others: string[] = [];
  await nexus.follow('agent', (event) => {
    if (event.type === 'message') seen.push(`${event.message.action} ${event.message.input.text} ${event.message.thread}`);
    else others.push(event.type);
  });
  for (let number = 0; number < 20; number++) agent.tell('add', number);
  const moved = nexus.migrate(agent, 2);
  for (let number = 20; number < 30; number++) agent.tell('add', number);
  await moved;
  for (let number = 30; number < 40; number++) agent.tell('add', number);
  await failureOf(agent.ask('fail'));
  await agent.ask('add', 'after the restart');
  await until(() => seen.includes('add "after the restart" 2'));
  expect(seen.slice(0, 40).map((each) => Number(each.split(' ')[1]))).toEqual(Array.from({ length: 40 }, (_, number) => number));
  expect(new Set(seen.slice(0, 40).map((each) => each.split(' ')[2]))).toEqual(new Set(['1', '2']));
  // There and back, with messages all the time.
  for (let round = 0; round < 6; round++) {
    const back = nexus.migrate(agent, 1 + (round % 2));
    agent.tell('add', `round ${round}`);
    await back;
  }
  await nexus.migrate(agent, 2);
  await until(() => seen.filter((each) => each.includes('round')).length === 6);
  expect(others).toEqual([]);
  const restored = new Promise((resolve) => nexus.on('threadRestored', resolve));
  agent.tell('exit');
  await restored;
  await until(async () => {
    await agent.ask('add', 'after the loss').catch(() => undefined);
    return seen.includes('add "after the loss" 2');
  });
});

it('at most 64 agents are followed at a time', async () => {
  const nexus = await startNexus({ ...modules, threads: 0 });
  const ends: (() => Promise<void>)[] = [];
  for (let count = 0; count < 64; count++) {
    const agent = await nexus.spawn(Idle, { id: freshId('followed') });
    ends.push(await nexus.follow(agent, () => undefined));
  }
  const one = await nexus.spawn(Idle, { id: 'one more' });
  expect((await failureOf(nexus.follow(one, () => undefined)))?.message).toContain('64 agents are followed already');
  await ends[0]?.();
  await nexus.follow(one, () => undefined);
});

it('agents of whom nobody wants to see anything are run as before, also once somebody has looked', async () => {
  const { partsOf } = (await import('../../dist/ts-src/nexus.js')) as typeof import('../../dist/ts-src/nexus.js');
  const nexus = await startNexus({ agents: [defineAgent({ kind: 'plain', state: () => ({}), actions: { nothing: () => undefined } })], threads: 0 });
  const { observation } = partsOf(nexus as never).host;
  expect(observation.observer()).toBeUndefined();
  await nexus.snapshot();
  expect(observation.observer()).toBeDefined();
});

it('a thread looks at its messages until nobody has asked for a minute, and the next snapshot begins anew', async () => {
  const { createTestNexus } = (await import('nexus-agents/testing')) as typeof import('nexus-agents/testing');
  const { partsOf } = (await import('../../dist/ts-src/nexus.js')) as typeof import('../../dist/ts-src/nexus.js');
  const nexus = await createTestNexus({ agents: [Idle, Watched], threads: 2 });
  onTestFinished(async () => {
    await nexus.stop();
  });
  const { observation } = partsOf(nexus as never).host;
  const agent = await nexus.spawn(Watched, { thread: 2 });
  expect((await nexus.snapshot()).periodMs).toBe(0);
  await agent.ask('add', 1);
  await nexus.advance(59_000);
  expect(observation.activity).toBeDefined();
  expect(await nexus.snapshot()).toMatchObject({
    actions: [{ kind: 'watched', action: 'add', samples: 1 }],
    threads: [{ isAnswering: true }, { isAnswering: true }, { isAnswering: true }],
  });
  await nexus.advance(61_000);
  expect(observation.activity).toBeUndefined();
  expect(observation.observer()).toBeUndefined();
  await agent.ask('add', 2);
  expect(await nexus.snapshot()).toMatchObject({ periodMs: 0, actions: [], messages: { handledPerSecond: 0 } });
  await agent.ask('add', 3);
  await nexus.advance(1000);
  expect((await nexus.snapshot()).actions).toMatchObject([{ action: 'add', samples: 1, perSecond: expect.closeTo(1, 1) }]);
});
