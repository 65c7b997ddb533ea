/** Publish and subscribe between agents of all threads. */
import { type AgentRef, type AnyAgent, createNexus, type DeadLetter, defineAgent, type Nexus, type Signal } from 'nexus-agents';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Declared, Listener, Slow, Small, Starting, Temperature } from '../fixtures/subscribers.mjs';
import { codeOf, describeEngines, failureOf, fixture, freshId, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

/** What the tests say to all of them is checked when they run. */
type ListenerRef = AgentRef;
const logOf = async (agent: ListenerRef): Promise<unknown[][]> => (await agent.ask('log')) as unknown[][];

describeEngines((engine) => {
  let nexus: Nexus;

  beforeAll(async () => {
    nexus = await createNexus({ agents: [fixture('subscribers.mjs')], threads: 2, engine: { force: engine }, logger: recorder() });
  });
  afterAll(() => nexus.stop());

  const spawn = async (definition: AnyAgent, thread: number): Promise<ListenerRef> => {
    const agent = await nexus.spawn(definition, { thread, id: freshId() });
    onTestFinished(() => agent.stop());
    return agent;
  };
  const listener = async (thread: number, pattern: string, action = 'keep'): Promise<ListenerRef> => {
    const agent = await spawn(Listener, thread);
    await agent.ask('subscribe', { pattern, action });
    return agent;
  };
  const logged = async (agent: ListenerRef, count: number): Promise<unknown[]> => {
    await until(async () => (await logOf(agent)).length >= count);
    return logOf(agent);
  };

  // The emitter is on thread 1.
  describe.each([
    { place: 'with both on the same thread', thread: 1 },
    { place: 'with the subscriber on another thread', thread: 2 },
    { place: 'with the subscriber on the calling thread', thread: 0 },
  ])('$place', ({ thread }) => {
    test('a signal reaches the agents whose pattern matches its topic, and no others', async () => {
      const emitter = await spawn(Listener, 1);
      const wants = await listener(thread, 'a.*.c');
      const wantsNot = await listener(thread, 'a.*');
      await emitter.ask('emit', { topic: 'a.b.c', data: { n: 1 } });
      await emitter.ask('emit', { topic: 'a.b', data: 2 });
      expect(await logged(wants, 1)).toEqual([['a.b.c', { n: 1 }, emitter.id]]);
      expect(await logged(wantsNot, 1)).toEqual([['a.b', 2, emitter.id]]);
    });

    test('a signal says what it is, where it comes from and when it was emitted', async () => {
      const emitter = await spawn(Listener, 1);
      const agent = await listener(thread, 'told.about', 'last');
      const before = Date.now();
      await emitter.ask('emit', { topic: 'told.about', data: undefined });
      await logged(agent, 1);
      const first = (await agent.ask('signal')) as Signal;
      await emitter.ask('emit', { topic: 'told.about', data: 2 });
      await logged(agent, 2);
      const second = (await agent.ask('signal')) as Signal;
      expect(first).toMatchObject({ topic: 'told.about', data: undefined, attributes: undefined });
      expect(first.source?.equals(emitter)).toBe(true);
      expect(first.epochMs).toBeGreaterThanOrEqual(before - 1);
      expect(first.epochMs).toBeLessThanOrEqual(Date.now());
      expect(first.id).not.toBe(second.id);
    });

    test('an agent gets a signal once for each of its actions that has a pattern that matches', async () => {
      const emitter = await spawn(Listener, 1);
      const agent = await spawn(Declared, thread);
      await nexus.subscribed();
      await emitter.ask('emit', { topic: 'orders.created', data: 1 });
      expect(await logged(agent, 2)).toEqual([
        ['orders.created', 1, emitter.id],
        ['too', 'orders.created', 1],
      ]);
      await emitter.ask('emit', { topic: 'orders.eu.created', data: 2 });
      expect((await logged(agent, 3)).slice(2)).toEqual([['orders.eu.created', 2, emitter.id]]);
    });

    test('signals of one emitter arrive in their order, and in order with its tells', async () => {
      const emitter = await spawn(Listener, 1);
      const agent = await listener(thread, 'in.order');
      const count = 5000;
      await emitter.ask('mixed', { topic: 'in.order', ref: agent, count });
      const expected = Array.from({ length: count }, (_, n) => (n % 2 === 0 ? ['in.order', n, emitter.id] : ['told', n]));
      expect(await logged(agent, count)).toEqual(expected);
    });

    test('the subscriptions of a definition are there before its first message, while it starts and after a restart', async () => {
      const emitter = await spawn(Listener, 1);
      const starting = nexus.spawn(Starting, { thread, id: freshId() });
      // In its mailbox behind its start.
      if (thread === 1) await emitter.ask('emit', { topic: 'news.early', data: 0 });
      const agent = (await starting) as ListenerRef;
      onTestFinished(() => agent.stop());
      await nexus.subscribed();
      await emitter.ask('emit', { topic: 'news.first', data: 1 });
      const first = await logged(agent, 1);
      expect(first.at(-1)).toEqual(['news.first', 1, emitter.id]);
      const declared = await spawn(Declared, thread);
      await nexus.subscribed();
      expect(await codeOf(declared.ask('fail'))).toBe('boom');
      // It may wait for its restart now.
      await emitter.ask('emit', { topic: 'orders.a', data: 2 });
      expect(await logged(declared, 1)).toEqual([['orders.a', 2, emitter.id]]);
    });

    test('what an agent has subscribed to itself ends with its restart', async () => {
      const emitter = await spawn(Listener, 1);
      const agent = await listener(thread, 'once.>');
      await emitter.ask('emit', { topic: 'once.a', data: 1 });
      await logged(agent, 1);
      expect(await codeOf(agent.ask('fail'))).toBe('boom');
      await agent.ask('where');
      await emitter.ask('emit', { topic: 'once.a', data: 2 });
      await agent.ask('subscribe', { pattern: 'once.>', action: 'keep' });
      await emitter.ask('emit', { topic: 'once.a', data: 3 });
      expect(await logged(agent, 1)).toEqual([['once.a', 3, emitter.id]]);
    });

    test('an agent that has unsubscribed gets nothing any more', async () => {
      const emitter = await spawn(Listener, 1);
      const agent = await listener(thread, 'x.>');
      await agent.ask('subscribe', { pattern: 'x.*', action: 'keepToo' });
      await agent.ask('subscribe', { pattern: 'x.>', action: 'keepToo' });
      await agent.ask('unsubscribe', { pattern: 'x.>', action: 'keepToo' });
      await emitter.ask('emit', { topic: 'x.1', data: 1 });
      await logged(agent, 2);
      await agent.ask('unsubscribe', { pattern: 'x.>' });
      await agent.ask('unsubscribe', { pattern: 'never.subscribed' });
      await emitter.ask('emit', { topic: 'x.2', data: 2 });
      await agent.ask('unsubscribe', { pattern: 'x.*' });
      const witness = await listener(thread, 'x.3');
      await emitter.ask('emit', { topic: 'x.3', data: 3 });
      await logged(witness, 1);
      expect(await logged(agent, 3)).toEqual([
        ['x.1', 1, emitter.id],
        ['too', 'x.1', 1],
        ['too', 'x.2', 2],
      ]);
    });

    test('an agent that has ended gets nothing, and is no dead letter', async () => {
      const letters: DeadLetter[] = [];
      const note = (letter: DeadLetter): void => void letters.push(letter);
      nexus.on('deadLetter', note);
      onTestFinished(() => void nexus.off('deadLetter', note));
      const emitter = await spawn(Listener, 1);
      const agent = await listener(thread, 'gone.>');
      await agent.stop();
      await nexus.subscribed();
      await emitter.ask('emit', { topic: 'gone.a', data: 1 });
      expect(letters).toEqual([]);
    });

    test('a mailbox that is full does with signals what it does with messages, and the emitter goes on', async () => {
      const letters: DeadLetter[] = [];
      const note = (letter: DeadLetter): void => void letters.push(letter);
      nexus.on('deadLetter', note);
      onTestFinished(() => void nexus.off('deadLetter', note));
      const emitter = await spawn(Listener, 1);
      const agent = await spawn(Small, thread);
      await nexus.subscribed();
      // All of one turn: none is handled before the last is there.
      await emitter.ask('emitMany', { topic: 'flood.small', from: 0, to: 10 });
      await until(() => letters.length === 8);
      expect(letters[0]).toMatchObject({ reason: 'dropped', kind: 'small', action: 'keep', id: agent.id });
      expect(await logged(agent, 2)).toEqual([8, 9].map((n) => ['flood.small', n, emitter.id]));
    });
  });

  test('what cannot be sent to another thread is refused at the emitter, and reaches nobody', async () => {
    const emitter = await spawn(Listener, 1);
    const here = await listener(1, 'unsendable');
    await emitter.ask('emitFunction', 'unsendable');
    await until(async () => (await here.ask('count')) === 1);
    await listener(2, 'unsendable');
    expect(await codeOf(emitter.ask('emitFunction', 'unsendable'))).toBe('NEXUS_NOT_CLONEABLE');
    // The emitter has failed and is back.
    await emitter.ask('where');
    expect(await here.ask('count')).toBe(1);
  });

  test('data of a typed topic are checked where they are emitted, whoever listens', async () => {
    const emitter = await spawn(Listener, 1);
    const failure = await failureOf(emitter.ask('emitTyped', { celsius: 'warm' }));
    expect(failure).toMatchObject({ code: 'NEXUS_SHAPE_MISMATCH' });
    expect(failure?.message).toContain('measured.temperature');
    const seen: number[] = [];
    onTestFinished(nexus.subscribe(Temperature, ({ data }) => void seen.push(data.celsius)));
    await nexus.subscribed();
    await emitter.ask('emitTyped', { celsius: 21.5 });
    await until(() => seen.length === 1);
    nexus.publish(Temperature, { celsius: 22 });
    expect(await codeOf(() => nexus.publish(Temperature, { celsius: 'hot' } as never))).toBe('NEXUS_SHAPE_MISMATCH');
    expect(seen).toEqual([21.5, 22]);
  });

  test('a listener of the calling thread gets what matches, until it has left', async () => {
    const emitter = await spawn(Listener, 2);
    const seen: unknown[] = [];
    const leave = nexus.subscribe('seen.*', ({ topic, data, source }) => void seen.push([topic, data, source?.id]));
    await nexus.subscribed();
    await emitter.ask('emit', { topic: 'seen.1', data: 1 });
    await emitter.ask('emit', { topic: 'unseen.1', data: 1 });
    nexus.publish('seen.2', 2);
    await until(() => seen.length === 2);
    leave();
    leave();
    await emitter.ask('emit', { topic: 'seen.3', data: 3 });
    nexus.publish('seen.4', 4);
    await emitter.ask('where');
    expect(seen.sort()).toEqual([
      ['seen.1', 1, emitter.id],
      ['seen.2', 2, undefined],
    ]);
  });

  test("nexus.on('signal') gets every signal once, also where a pattern matches it too", async () => {
    const emitter = await spawn(Listener, 1);
    const all: unknown[] = [];
    const some: unknown[] = [];
    const note = ({ data }: Signal): void => void all.push(data);
    nexus.on('signal', note);
    onTestFinished(() => void nexus.off('signal', note));
    onTestFinished(nexus.subscribe('some.>', ({ data }) => void some.push(data)));
    await nexus.subscribed();
    await emitter.ask('emit', { topic: 'some.1', data: 1 });
    await emitter.ask('emit', { topic: 'other', data: 2 });
    nexus.publish('some.2', 3);
    await until(() => all.length >= 3);
    expect([all.sort(), some.sort()]).toEqual([
      [1, 2, 3],
      [1, 3],
    ]);
  });

  test('a listener that throws is logged, and the others get the signal', async () => {
    const logger = recorder();
    const own = await startNexus({ agents: [], threads: 0, logger, engine: { force: engine } });
    const seen: unknown[] = [];
    own.subscribe('a', () => {
      throw new Error('mine');
    });
    own.subscribe('a', ({ data }) => void seen.push(data));
    own.publish('a', 1);
    expect(seen).toEqual([1]);
    expect(logger.lines.map(({ message }) => message)).toEqual(['a listener to signals failed']);
  });

  test('an async listener that rejects is logged, and does not end the process', async () => {
    const logger = recorder();
    const own = await startNexus({ agents: [], threads: 0, logger, engine: { force: engine } });
    own.subscribe('a', async () => {
      throw new Error('mine, later');
    });
    own.publish('a', 1);
    await until(() => logger.lines.length > 0);
    expect(logger.lines.map(({ message }) => message)).toEqual(['a listener to signals failed']);
  });

  test('a signal whose way to another thread is full is dropped for that thread, counted, and the emitter is not held up', async () => {
    const own = await startNexus({ agents: [fixture('subscribers.mjs')], threads: 2, memory: { ringBytes: 16_384 }, engine: { force: engine } });
    const letters: DeadLetter[] = [];
    own.on('deadLetter', (letter) => void letters.push(letter));
    const emitter = await own.spawn(Listener as AnyAgent, { thread: 1 });
    const slow = await own.spawn(Slow as AnyAgent, { thread: 2 });
    const here = await own.spawn(Slow as AnyAgent, { thread: 1 });
    await own.subscribed();
    slow.tell('block', 1500);
    const count = 3000;
    // Three times what the ring and the outbox hold.
    await emitter.ask('emitLarge', { topic: 'flood.ring', from: 0, to: count, characters: 1000 });
    await until(async () => (await here.ask('count')) === count);
    const lost = (): number => own.threads().reduce((sum, { counters }) => sum + (counters['dead_ring_full'] as number), 0);
    await until(async () => ((await slow.ask('count')) as number) + lost() === count);
    expect(lost()).toBeGreaterThan(0);
    expect(letters[0]).toMatchObject({ reason: 'ringFull', topic: 'flood.ring', thread: 1, id: undefined, action: undefined });
    // In order, with a gap.
    const got = (await slow.ask('numbers')) as number[];
    expect(got).toEqual([...got].sort((a, b) => a - b));
  });

  test('signals reach agents of a thread that was lost again once they are back, those emitted meanwhile too', async () => {
    const own = await startNexus({ agents: [fixture('subscribers.mjs')], threads: 2, engine: { force: engine } });
    const emitter = await own.spawn(Listener as AnyAgent, { thread: 1 });
    const unaffected = await own.spawn(Declared as AnyAgent, { thread: 1 });
    const lost = await own.spawn(Declared as AnyAgent, { thread: 2 });
    const back = await own.spawn(Listener as AnyAgent, { thread: 2 });
    const all: unknown[] = [];
    own.subscribe('orders.*', ({ data }) => void all.push(data));
    await own.subscribed();
    const noticed = new Promise((resolve) => own.on('threadLost', resolve));
    back.tell('exit');
    await noticed;
    // The emitter's thread may not know yet; a question to it that comes behind the news of the loss does.
    await emitter.ask('where');
    await emitter.ask('emit', { topic: 'orders.meanwhile', data: 1 });
    await until(async () => (await logOf(lost).catch(() => [])).length === 1);
    // What the successor emits reaches the others, which have told it what they want.
    await back.ask('emit', { topic: 'orders.back', data: 2 });
    await until(async () => (await logOf(unaffected)).length === 2 && all.length === 2);
    expect((await logOf(unaffected)).map((entry) => entry[1])).toEqual([1, 2]);
    expect((await logOf(lost)).map((entry) => entry[1])).toEqual([1, 2]);
    expect(all).toEqual([1, 2]);
  });

  test('a signal crosses to another thread once, and only where somebody wants it, after the loss of that thread too', async () => {
    const own = await startNexus({ agents: [fixture('subscribers.mjs')], threads: 2, engine: { force: engine } });
    const emitter = await own.spawn(Listener as AnyAgent, { thread: 1 });
    const wanting = [1, 2].map(() => own.spawn(Declared as AnyAgent, { thread: 2 }));
    const [first] = await Promise.all(wanting);
    await own.subscribed();
    // With what the threads tell each other beside them.
    const crossed = async (topic: string): Promise<number> => {
      const sent = (): number => own.threads()[1]?.counters['sent_remote'] as number;
      const before = sent();
      await emitter.ask('emitMany', { topic, from: 0, to: 1000 });
      await own.subscribed();
      return sent() - before;
    };
    for (let round = 0; round < 2; round++) {
      expect(await crossed('nobody.wants')).toBeLessThan(50);
      const count = await crossed('orders.some');
      expect(count).toBeGreaterThanOrEqual(1000);
      expect(count).toBeLessThan(1050);
      if (round === 1) break;
      const restored = new Promise((resolve) => own.on('threadRestored', resolve));
      first?.tell('exit');
      await restored;
      await own.subscribed();
    }
  });

  test('what a start hook emits when its thread comes back reaches subscribers on other threads', async () => {
    const own = await startNexus({ agents: [fixture('subscribers.mjs')], threads: 2, engine: { force: engine } });
    const started: unknown[] = [];
    own.subscribe('started.agent', ({ data }) => void started.push(data));
    const listening = await own.spawn(Listener as AnyAgent, { thread: 1 });
    await listening.ask('subscribe', { pattern: 'started.*', action: 'keep' });
    await own.subscribed();
    const agent = await own.spawn(Starting, { thread: 2, id: 'slow start' });
    agent.tell('exit');
    await until(() => started.length === 2);
    await until(async () => (await logOf(listening)).length === 2);
    expect(started).toEqual(['slow start', 'slow start']);
  });

  test('a signal may name an emitter that has ended', async () => {
    const emitter = await spawn(Listener, 1);
    const agent = await listener(2, 'last.words', 'last');
    await emitter.ask('emit', { topic: 'last.words', data: 1 });
    await emitter.stop();
    await logged(agent, 1);
    const { source } = (await agent.ask('signal')) as Signal;
    expect(source?.id).toBe(emitter.id);
    expect((source as ListenerRef).tell('where')).toBe('noAgent');
  });
});

describe('mistakes', () => {
  const definition = (subscriptions: unknown) => () =>
    defineAgent({ kind: 'x', state: () => 0, actions: { a: () => 0 }, subscriptions: subscriptions as never });

  test.each([
    [[], 'must be an object'],
    [{ 'a..b': 'a' }, 'empty token'],
    [{ '>.a': 'a' }, "'>' before its end"],
    [{ a: 'b' }, "names the action 'b', which it does not have. Its actions are a"],
    [{ a: 'toString' }, "names the action 'toString'"],
    [Object.fromEntries(Array.from({ length: 1025 }, (_, n) => [`a.${n}`, 'a'])), '1025 subscriptions; the most is 1024'],
  ])('a definition with the subscriptions %j is refused', async (subscriptions, reason) => {
    const failure = await failureOf(definition(subscriptions));
    expect(failure).toMatchObject({ code: 'NEXUS_DEFINITION_INVALID' });
    expect(failure?.message).toContain(reason);
  });

  test('topics, patterns, actions and options that are not usable are refused where they are given', async () => {
    const nexus = await startNexus({ agents: [Listener, Declared], threads: 0 });
    const agent = await nexus.spawn(Listener as AnyAgent);
    expect(await codeOf(agent.ask('emit', { topic: 'a.*', data: 1 }))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(agent.ask('emit', { topic: undefined as never, data: 1 }))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(agent.ask('subscribe', { pattern: 'a.>.b', action: 'keep' }))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(agent.ask('subscribe', { pattern: 'a', action: 'nothing' }))).toBe('NEXUS_ACTION_UNKNOWN');
    expect(await codeOf(agent.ask('subscribe', { pattern: 'a', action: 'declared' }))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(() => nexus.publish(''))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(() => nexus.publish({} as never, 1))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(() => nexus.subscribe('a', undefined as never))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(() => nexus.subscribe('', () => undefined))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(() => nexus.publish('a', 1, { ids: 'x' } as never))).toBe('NEXUS_OPTION_UNKNOWN');
    for (const options of [{ id: '' }, { epochMs: Number.NaN }, { attributes: { UPPER: 1 } }, { attributes: { a: {} } }, { attributes: [] }] as never[])
      expect(await codeOf(() => nexus.publish('a', 1, options))).toBe('NEXUS_OPTION_INVALID');
  });

  test('an agent has at most 1,024 subscriptions', async () => {
    const nexus = await startNexus({ agents: [Listener], threads: 0 });
    const agent = await nexus.spawn(Listener as AnyAgent);
    for (let n = 0; n < 1024; n++) agent.tell('subscribe', { pattern: `a.${n}`, action: 'keep' });
    expect(await codeOf(agent.ask('subscribe', { pattern: 'a.5', action: 'keep' }))).toBeUndefined();
    expect(await codeOf(agent.ask('subscribe', { pattern: 'a.1024', action: 'keep' }))).toBe('NEXUS_OPTION_INVALID');
  });

  test('nothing is published once a nexus has stopped', async () => {
    const nexus = await startNexus({ agents: [], threads: 0 });
    const seen: unknown[] = [];
    nexus.subscribe('a', ({ data }) => void seen.push(data));
    await nexus.stop();
    nexus.publish('a', 1);
    expect(seen).toEqual([]);
    expect(await codeOf(nexus.subscribed())).toBe('NEXUS_STOPPED');
  });
});
