/** Actions that declare the shapes of their messages: same thread and other thread behave alike, nothing that does not fit is sent, and limits hold. */
import { type AgentRef, createNexus, defineAgent, NexusTypeError, shape } from 'nexus-agents';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Declared, EVERYTHING } from '../fixtures/declared.mjs';
import { codeOf, describeEngines, DISTANCES, failureOf, fixture, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const agents = [fixture('declared.mjs')];
const EXAMPLE = {
  small: 255,
  count: 2 ** 53 - 1,
  ratio: -0.1,
  big: -(2n ** 63n),
  on: true,
  name: 'größe 漢字 \ud83d\ude00',
  content: new Uint8Array([1, 2, 3]),
  at: new Date(86_400_000),
  status: 'closed',
  owner: null,
  place: [0.5, -2],
  items: [{ id: 1, label: 'x' }, { id: 2 }, { id: 3, label: undefined }],
} as const;

describeEngines((engine) => {
  const start = (options = {}) => startNexus({ agents, threads: 1, engine: { force: engine }, ...options });

  describe.each(DISTANCES)('an agent $distance', ({ thread }) => {
    test('takes and replies with what is declared', async () => {
      const nexus = await start();
      const ref = await nexus.spawn(Declared, { thread });
      expect(await ref.ask('add', 5)).toBe(5);
      expect(ref.tell('add', -7)).toBe('accepted');
      expect(await ref.ask('add', 0)).toBe(-2);
      const value = { ...EXAMPLE, owner: ref, items: [...EXAMPLE.items], place: [...EXAMPLE.place] as [number, number] };
      const { owner, ...rest } = await ref.ask('echo', value);
      const { owner: _owner, ...sent } = value;
      expect(rest).toStrictEqual(sent);
      expect((owner as AgentRef).equals(ref)).toBe(true);
      expect(await ref.ask('nothing')).toBe(undefined);
      expect(await ref.ask('seen')).toMatchObject({ total: -1 });
    });

    test('random messages arrive as they were, also those that go in fragments', async () => {
      const nexus = await start();
      const ref = await nexus.spawn(Declared, { thread });
      const item = fc.record(
        { id: fc.nat(), label: fc.option(fc.string({ unit: 'binary' }), { nil: undefined }) },
        { requiredKeys: ['id'], noNullPrototype: true },
      );
      const items = fc.oneof(
        { weight: 9, arbitrary: fc.array(item, { maxLength: 5 }) },
        { weight: 1, arbitrary: fc.tuple(item, fc.integer({ min: 10_000, max: 20_000 })).map(([one, count]) => new Array(count).fill(one)) },
      );
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: 'binary' }), items, fc.uint8Array({ maxLength: 2000 }), async (name, list, content) => {
          const value = { ...EXAMPLE, name, items: list, content, place: [1, 2] as [number, number] };
          expect(await ref.ask('echo', value)).toStrictEqual(value);
        }),
        { numRuns: 60 },
      );
    });

    test('what does not fit is an error that names the field, and nothing is sent', async () => {
      const nexus = await start();
      const ref = await nexus.spawn(Declared, { thread });
      const keep = ref.tell as (action: string, input: unknown) => unknown;
      const failure = await failureOf(() => keep.call(ref, 'keep', { n: 1.5, text: 'x', data: new Uint8Array(0) }));
      expect(failure).toMatchObject({ code: 'NEXUS_SHAPE_MISMATCH', message: "'keep' of 'declared': input.n is 1.5, not an int32" });
      expect(failure?.error).toBeInstanceOf(NexusTypeError);
      expect((failure?.error as NexusTypeError).data).toEqual({ kind: 'declared', action: 'keep', part: 'input' });
      expect(await codeOf(() => keep.call(ref, 'keep', { n: 1, text: 'x' }))).toBe('NEXUS_SHAPE_MISMATCH');
      expect(await codeOf(() => keep.call(ref, 'keep', undefined))).toBe('NEXUS_SHAPE_MISMATCH');
      const ask = ref.ask as (action: string, input: unknown) => Promise<unknown>;
      expect(await failureOf(ask.call(ref, 'add', '5'))).toMatchObject({ message: `'add' of 'declared': input is "5", not an int32` });
      expect(await codeOf(ask.call(ref, 'nothing', null))).toBe('NEXUS_SHAPE_MISMATCH');
      expect(await ref.ask('seen')).toEqual({ seen: [], senders: [], total: 0 });
    });

    test('a reply that is not what is declared rejects the ask, and the agent goes on', async () => {
      const nexus = await start();
      const ref = await nexus.spawn(Declared, { thread });
      expect(await ref.ask('lie', '{ "n": 3 }')).toEqual({ n: 3 });
      const failure = await failureOf(ref.ask('lie', '{ "m": 3 }'));
      expect(failure).toMatchObject({ code: 'NEXUS_SHAPE_MISMATCH' });
      expect(failure?.message).toMatch(/^'lie' of 'declared': reply\.n is missing/);
      expect((failure?.error as NexusTypeError).data).toEqual({ kind: 'declared', action: 'lie', part: 'reply' });
      expect(await ref.ask('lieLater', '3')).toBe(3);
      expect(await codeOf(ref.ask('lieLater', '"3"'))).toBe('NEXUS_SHAPE_MISMATCH');
      expect(await ref.ask('add', 1)).toBe(1);
    });

    test('what a handler of a declared action throws arrives as it would from any other', async () => {
      const nexus = await start();
      const ref = await nexus.spawn(Declared, { thread });
      expect(await failureOf(ref.ask('throws'))).toMatchObject({ name: 'RangeError', message: 'no', code: 'MINE' });
      expect(await ref.ask('add', 1)).toBe(1);
    });

    test('a message from an agent brings its sender, and a timer is checked when it is started', async () => {
      const nexus = await start();
      const ref = await nexus.spawn(Declared, { id: 'to', thread });
      const from = await nexus.spawn(Declared, { id: 'from', thread: 1 });
      const input = { n: 1, text: 'x', data: new Uint8Array([9]) };
      expect(await from.ask('tellFrom', [ref, input])).toBe('accepted');
      await ref.ask('timer', { ...input, n: 2 });
      await until(async () => ((await ref.ask('seen')) as { seen: unknown[] }).seen.length === 2);
      expect(await ref.ask('seen')).toEqual({ seen: [input, { ...input, n: 2 }], senders: ['from', undefined], total: 0 });
      expect(await codeOf(ref.ask('timer', { ...input, n: 'x' }))).toBe('NEXUS_SHAPE_MISMATCH');
    });
  });

  test('messages that find the ring full wait in order with undeclared ones, and none is lost', async () => {
    const nexus = await start({ memory: { ringBytes: 65_536 } });
    const ref = await nexus.spawn(Declared, { thread: 1 });
    const replies: Promise<unknown>[] = [];
    const order: string[] = [];
    const lengthOf = (index: number): number => (index % 7 === 0 ? 3000 : 10);
    // Together more than the ring holds, and less than what may wait for it.
    for (let index = 0; index < 200; index++) {
      replies.push(ref.ask('sum', new Array(lengthOf(index)).fill(1)).then((sum) => order.push(`${index}:${sum}`)));
      replies.push(ref.ask('seen').then(() => order.push(`${index}:seen`)));
    }
    await Promise.all(replies);
    expect(order).toEqual(Array.from({ length: 200 }, (_, index) => [`${index}:${lengthOf(index)}`, `${index}:seen`]).flat());
  });

  test('a message or reply of bytes is as large as the limit of messages, and no larger', async () => {
    const nexus = await start({ messages: { bytesMax: 300_000 } });
    const ref = await nexus.spawn(Declared, { thread: 1 });
    for (const length of [0, 63, 64, 65, 255, 256, 257, 16_384, 299_900]) {
      expect(await ref.ask('length', new Uint8Array(length))).toBe(length);
      expect(await ref.ask('bytes', length)).toEqual(new Uint8Array(length).fill(7));
    }
    expect(await codeOf(ref.ask('length', new Uint8Array(300_001)))).toBe('NEXUS_MESSAGE_TOO_LARGE');
    expect(await codeOf(ref.ask('bytes', 300_001))).toBe('NEXUS_MESSAGE_TOO_LARGE');
    expect(await ref.ask('add', 1)).toBe(1);
  });

  test('an ask through a third agent, and one that comes too late, leave the streams whole', async () => {
    const nexus = await start();
    const [near, far] = [await nexus.spawn(Declared, { thread: 0 }), await nexus.spawn(Declared, { thread: 1 })];
    expect(await far.ask('relay', { to: near, by: 4 })).toBe(4);
    expect(await near.ask('relay', { to: far, by: 5 })).toBe(5);
    await far.stop();
    expect(far.tell('add', 1)).toBe('noAgent');
    const gone = await failureOf(near.ask('relay', { to: far, by: 1 }));
    expect(gone?.code).toBe('NEXUS_AGENT_NOT_FOUND');
    expect(await near.ask('relay', { to: near, by: 1 }, { timeoutMs: 50 }).catch((error) => error.code)).toBe('NEXUS_ASK_TIMEOUT');
    const next = await nexus.spawn(Declared, { thread: 1 });
    expect(await next.ask('add', 2)).toBe(2);
  });

  test('a getter in a declared message that sends is refused, and the ring stays whole', async () => {
    const nexus = await start();
    const [ref, other] = [await nexus.spawn(Declared, { thread: 1 }), await nexus.spawn(Declared, { thread: 1 })];
    const trap = {
      n: 1,
      get text() {
        other.tell('add', 1);
        return 'x';
      },
      data: new Uint8Array(1),
    };
    expect(await codeOf(() => ref.tell('keep', trap))).toBe('NEXUS_NOT_CLONEABLE');
    expect(await ref.ask('add', 3)).toBe(3);
    expect(await other.ask('add', 0)).toBe(0);
  });

  test('a kind that only the calling thread has is reached by its shapes from elsewhere', async () => {
    const Local = defineAgent({
      kind: 'local',
      state: () => 0,
      actions: { add: { input: shape.int32, reply: shape.int32, handler: (_state, by) => by + 1 } },
    });
    const nexus = await startNexus({ agents: [...agents, Local], threads: 1, engine: { force: engine } });
    const local = await nexus.spawn(Local);
    const far = await nexus.spawn(Declared, { thread: 1 });
    expect(await far.ask('relay', { to: local, by: 4 })).toBe(5);
  });
});

test('a module that declares another shape on a worker rejects createNexus with both fingerprints', async () => {
  const failure = await failureOf(createNexus({ agents: [fixture('declares-differently.mjs')], threads: 1 }));
  expect(failure).toMatchObject({ name: 'NexusError', code: 'NEXUS_MODULE_MISMATCH' });
  expect(failure?.message).toMatch(
    /^thread 1: kind 'different' declares another input of 'b' \(fingerprint [0-9a-f]{8}, on the calling thread [0-9a-f]{8}\) on thread 1/,
  );
});

test('a definition with a shape that is none is refused by defineAgent', async () => {
  const define = defineAgent as (specification: unknown) => unknown;
  const action = (options: object) => ({ kind: 'k', state: () => 0, actions: { a: { handler: () => 0, ...options } } });
  expect(await failureOf(() => define(action({ input: 'int32' })))).toMatchObject({
    code: 'NEXUS_DEFINITION_INVALID',
    message: `defineAgent: input of action 'a' of 'k' is not a shape but "int32"`,
  });
  expect((await failureOf(() => define(action({ reply: { type: 'object', fields: { x: { type: 'int33' } } } }))))?.message).toMatch(
    /^defineAgent: reply of action 'a' of 'k'\.x has the type "int33", which is none/,
  );
  expect(await failureOf(() => shape.array(shape.int32, { maxLength: 1 } as object))).toMatchObject({ code: 'NEXUS_OPTION_UNKNOWN' });
  expect(await codeOf(() => define(action({ inputs: shape.int32 })))).toBe('NEXUS_DEFINITION_INVALID');
  expect(await codeOf(() => define(action({ input: EVERYTHING, concurrent: 1 })))).toBe('NEXUS_DEFINITION_INVALID');
});
