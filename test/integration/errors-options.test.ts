/** Options and definitions that cannot be used: a NexusTypeError that names the option, and what it should be. */
import { createNexus, defineAgent, ERROR_CODES, NexusError, type NexusOptions, NexusTypeError } from 'nexus-agents';
import { describe, expect, test } from 'vitest';
import { Probe } from '../fixtures/probe.mjs';
import { codeOf, failureOf, fixture, startNexus } from '../start-nexus.js';

const create = (options: unknown): ReturnType<typeof failureOf> =>
  failureOf(async () => {
    const nexus = await createNexus(options as NexusOptions);
    await nexus.stop();
  });

describe('createNexus', () => {
  test.each<[string, object, string, string]>([
    ['thread', { agents: [], thread: 2 }, 'createNexus', 'threads'],
    ['agent', { agent: [] }, 'createNexus', 'agents'],
    ['memory.agentMax', { agents: [], memory: { agentMax: 5 } }, 'memory', 'agentsMax'],
    ['memory.ringByte', { agents: [], memory: { ringByte: 5 } }, 'memory', 'ringBytes'],
    ['messages.askTimeout', { agents: [], messages: { askTimeout: 5 } }, 'messages', 'askTimeoutMs'],
    ['messages.byteMax', { agents: [], messages: { byteMax: 5 } }, 'messages', 'bytesMax'],
    ['engine.forced', { agents: [], engine: { forced: 'native' } }, 'engine', 'force'],
    ['engine.requires', { agents: [], engine: { requires: 'native' } }, 'engine', 'require'],
    ['workers.restarts', { agents: [], workers: { restarts: {} } }, 'workers', 'restart'],
    ['workers.startTimeout', { agents: [], workers: { startTimeout: 5 } }, 'workers', 'startTimeoutMs'],
    ['workers.restart.intensty', { agents: [], workers: { restart: { intensty: 5 } } }, 'workers.restart', 'intensity'],
    ['workers.resourceLimits.stackSize', { agents: [], workers: { resourceLimits: { stackSize: 4 } } }, 'workers.resourceLimits', 'stackSizeMb'],
    ['workers.restart.initialDelay', { agents: [], workers: { restart: { initialDelay: 5 } } }, 'workers.restart', 'initialDelayMs'],
  ])('the misspelt option %s is refused with a suggestion', async (_name, options, group, suggestion) => {
    const failure = await create(options);
    expect(failure).toMatchObject({ name: 'TypeError', code: 'NEXUS_OPTION_UNKNOWN' });
    expect(failure?.message).toMatch(new RegExp(`^${group}: unknown option '.*'; did you mean '${suggestion}'\\? Options are .*`));
  });

  test('an option that resembles none is refused with the list of options', async () => {
    expect((await create({ agents: [], zebra: 1 }))?.message).toBe(
      "createNexus: unknown option 'zebra'. Options are agents, threads, memory, messages, engine, workers, logger, storage, balancing, flightRecorder, tracing, cluster, seed",
    );
  });

  test.each<[string, unknown]>([
    ['no options', undefined],
    ['null', null],
    ['a list', []],
    ['a string', 'agents'],
    ['agents not given', {}],
    ['agents not a list', { agents: 'module.js' }],
    ['agents null', { agents: null }],
    ['agents with a number', { agents: [7] }],
    ['agents with an empty string', { agents: [''] }],
    ['agents with a plain object', { agents: [{ kind: 'x', state: () => 0, actions: {} }] }],
    ['agents with an http URL', { agents: [new URL('http://example.org/agents.js')] }],
    ['agents with an http string', { agents: ['https://example.org/agents.js'] }],
    ['memory not an object', { agents: [], memory: 5 }],
    ['messages null', { agents: [], messages: null }],
    ['engine a string', { agents: [], engine: 'native' }],
    ['workers a list', { agents: [], workers: [] }],
    ['workers.restart a number', { agents: [], workers: { restart: 3 } }],
    ['workers.resourceLimits a number', { agents: [], workers: { resourceLimits: 3 } }],
    ['a resource limit of text', { agents: [], workers: { resourceLimits: { stackSizeMb: '4' } } }],
    ['a resource limit of nothing', { agents: [], workers: { resourceLimits: { stackSizeMb: 0 } } }],
    ['workers.execArgv a text', { agents: [], workers: { execArgv: '--inspect' } }],
    ['workers.execArgv with a number', { agents: [], workers: { execArgv: [5] } }],
    ['workers.execArgv that Node refuses', { agents: [], threads: 1, workers: { execArgv: ['--no-such-flag'] } }],
    ['logger without methods', { agents: [], logger: {} }],
    ['logger null', { agents: [], logger: null }],
    ['engine.force unknown', { agents: [], engine: { force: 'turbo' } }],
    ['engine.require unknown', { agents: [], engine: { require: 'turbo' } }],
  ])('%s is refused with NEXUS_OPTION_INVALID', async (_what, options) => {
    expect(await create(options)).toMatchObject({ name: 'TypeError', code: 'NEXUS_OPTION_INVALID' });
  });

  const numbers: readonly [string, (value: unknown) => object, readonly unknown[]][] = [
    ['threads', (threads) => ({ threads }), [-1, 1.5, 128, 1e9, Number.NaN, Number.POSITIVE_INFINITY, '2', null]],
    ['memory.agentsMax', (agentsMax) => ({ memory: { agentsMax } }), [0, 4095, 8_388_609, 5000.5, '5000']],
    ['memory.ringBytes', (ringBytes) => ({ memory: { ringBytes } }), [0, 16_383, 16_385, 100_000, 134_217_728]],
    ['messages.askTimeoutMs', (askTimeoutMs) => ({ messages: { askTimeoutMs } }), [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 86_400_001]],
    ['messages.bytesMax', (bytesMax) => ({ messages: { bytesMax } }), [0, 1023, 1_073_741_825, 5000.5]],
    ['engine.spinMicroseconds', (spinMicroseconds) => ({ engine: { spinMicroseconds } }), [-1, 1001, Number.NaN]],
    ['workers.startTimeoutMs', (startTimeoutMs) => ({ workers: { startTimeoutMs } }), [0, Number.NaN, 3_600_001]],
    ['workers.restart.intensity', (intensity) => ({ workers: { restart: { intensity } } }), [-1, 1.5, 1_000_001]],
    ['workers.restart.periodMs', (periodMs) => ({ workers: { restart: { periodMs } } }), [0, Number.NaN]],
    ['workers.restart.initialDelayMs', (initialDelayMs) => ({ workers: { restart: { initialDelayMs } } }), [-1, Number.NaN]],
    ['workers.restart.maxDelayMs', (maxDelayMs) => ({ workers: { restart: { maxDelayMs } } }), [-1, Number.NaN]],
    ['seed', (seed) => ({ seed }), [1.5, 2 ** 32, -(2 ** 31) - 1, Number.NaN, '1']],
  ];
  test.each(numbers.flatMap(([name, options, values]) => values.map((value) => [name, value, options(value)] as const)))(
    '%s: %s is refused with NEXUS_OPTION_INVALID and the name of the option',
    async (name, _value, options) => {
      const failure = await create({ agents: [], ...options });
      expect(failure).toMatchObject({ name: 'TypeError', code: 'NEXUS_OPTION_INVALID' });
      expect(failure?.message).toContain(name);
    },
  );

  test('every limit itself is accepted', async () => {
    for (const options of [
      {
        threads: 0,
        memory: { agentsMax: 4096, ringBytes: 16_384 },
        messages: { askTimeoutMs: 1, bytesMax: 1024 },
        engine: { spinMicroseconds: 1000 },
        seed: -(2 ** 31),
      },
      {
        threads: 0,
        messages: { askTimeoutMs: 86_400_000, bytesMax: 1_073_741_824 },
        workers: { restart: { intensity: 0, periodMs: 1, initialDelayMs: 0, maxDelayMs: 0 } },
        seed: 2 ** 32 - 1,
      },
    ])
      expect(await create({ agents: [fixture('probe.mjs')], ...options })).toBeUndefined();
  });

  test('an engine that is forced and another that is required are refused together', async () => {
    expect(await codeOf(createNexus({ agents: [], threads: 0, engine: { force: 'portable', require: 'native' } }))).toBe('NEXUS_ENGINE_UNAVAILABLE');
  });
});

describe('defineAgent', () => {
  const good = { kind: 'k', state: () => 0, actions: { read: () => 0 } };
  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'expected an object'],
    ['null', null, 'expected an object'],
    ['no kind', { ...good, kind: undefined }, 'kind must be a string'],
    ['an empty kind', { ...good, kind: '' }, 'kind must be a string'],
    ['a kind of 101 characters', { ...good, kind: 'x'.repeat(101) }, 'kind must be a string of 1 to 100'],
    ['a number as kind', { ...good, kind: 7 }, 'kind must be a string'],
    ['an unknown field', { ...good, onstart: () => 0 }, "unknown field 'onstart'"],
    ['no state', { ...good, state: undefined }, 'needs state'],
    ['a state that is no function', { ...good, state: { n: 0 } }, 'needs state'],
    ['no actions', { ...good, actions: undefined }, 'needs actions'],
    ['an action that is no function', { ...good, actions: { read: 5 } }, "action 'read' of 'k'"],
    ['an action without a handler', { ...good, actions: { read: { concurrent: true } } }, "action 'read' of 'k'"],
    ['a misspelt option of an action', { ...good, actions: { read: { handler: () => 0, concurent: true } } }, "'concurent'"],
    ['a hook that is no function', { ...good, onStop: 5 }, 'onStop'],
    ['a mailbox that is no object', { ...good, mailbox: 5 }, 'mailbox'],
    ['a mailbox capacity of 0', { ...good, mailbox: { capacity: 0 } }, 'mailbox.capacity'],
    ['a fractional mailbox capacity', { ...good, mailbox: { capacity: 1.5 } }, 'mailbox.capacity'],
    ['a huge mailbox capacity', { ...good, mailbox: { capacity: 1e9 } }, 'mailbox.capacity'],
    ['an unknown overflow policy', { ...good, mailbox: { overflow: 'drop' } }, 'mailbox.overflow'],
    ['a misspelt mailbox option', { ...good, mailbox: { size: 5 } }, "unknown field 'size'"],
    ['an unknown directive', { ...good, supervision: { onFailure: 'retry' } }, 'supervision.onFailure'],
    ['a negative intensity', { ...good, supervision: { intensity: -1 } }, 'supervision.intensity'],
    ['an intensity that is no number', { ...good, supervision: { intensity: '5' } }, 'supervision.intensity'],
    ['a period of 0', { ...good, supervision: { periodMs: 0 } }, 'supervision.periodMs'],
    ['a misspelt supervision option', { ...good, supervision: { retries: 5 } }, "unknown field 'retries'"],
    ['a backoff that is no object', { ...good, supervision: { backoff: 5 } }, 'supervision.backoff'],
    ['a backoff factor below 1', { ...good, supervision: { backoff: { factor: 0.5 } } }, 'supervision.backoff.factor'],
    ['a jitter above 1', { ...good, supervision: { backoff: { jitter: 2 } } }, 'supervision.backoff.jitter'],
    ['a NaN delay', { ...good, supervision: { backoff: { initialMs: Number.NaN } } }, 'supervision.backoff.initialMs'],
    ['a misspelt backoff option', { ...good, supervision: { backoff: { max: 5 } } }, "unknown field 'max'"],
  ])('%s is refused with NEXUS_DEFINITION_INVALID', async (_what, specification, message) => {
    const failure = await failureOf(() => defineAgent(specification as typeof good));
    expect(failure).toMatchObject({ name: 'TypeError', code: 'NEXUS_DEFINITION_INVALID' });
    expect(failure?.message).toContain(message);
    expect(failure?.message).toMatch(/^defineAgent: /);
  });

  test('a definition cannot be changed', () => {
    const definition = defineAgent(good);
    expect(Object.isFrozen(definition)).toBe(true);
    expect(Object.isFrozen(definition.actions)).toBe(true);
  });
});

test('an unknown event is refused with a suggestion', async () => {
  const nexus = await startNexus({ agents: [fixture('probe.mjs')], threads: 0 });
  const failure = await failureOf(() => nexus.on('deadletter' as 'deadLetter', () => undefined));
  expect(failure).toMatchObject({ name: 'TypeError', code: 'NEXUS_OPTION_UNKNOWN' });
  expect(failure?.message).toContain("there is no event 'deadletter'; did you mean 'deadLetter'?");
  expect(await codeOf(() => nexus.off('x' as 'deadLetter', () => undefined))).toBe('NEXUS_OPTION_UNKNOWN');
});

test('misspelt and wrong options of spawn, ask, send and stop are refused', async () => {
  const nexus = await startNexus({ agents: [fixture('probe.mjs')], threads: 0 });
  for (const deadlineMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5' as unknown as number])
    expect(await nexus.stop({ deadlineMs }).catch(({ code }) => code)).toBe('NEXUS_OPTION_INVALID');
  expect(await nexus.stop({ deadline: 5 } as never).catch(({ code }) => code)).toBe('NEXUS_OPTION_UNKNOWN');
  expect(nexus.isStopping).toBe(false);
  for (const listener of [5, undefined, null, {}]) {
    expect(await codeOf(() => nexus.on('signal', listener as never))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(() => nexus.off('signal', listener as never))).toBe('NEXUS_OPTION_INVALID');
  }
  for (const timeoutMs of [0, -1, Number.NaN, '5' as unknown as number]) {
    expect(await codeOf(nexus.spawn(Probe, { timeoutMs }))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(nexus.getOrSpawn(Probe, 'x', { timeoutMs }))).toBe('NEXUS_OPTION_INVALID');
  }
  const failure = await failureOf(nexus.spawn(Probe, { tread: 0 } as never));
  expect(failure).toMatchObject({ code: 'NEXUS_OPTION_UNKNOWN' });
  expect(failure?.message).toContain("did you mean 'thread'?");
  expect(await codeOf(nexus.getOrSpawn(Probe, 'x', { inti: 0 } as never))).toBe('NEXUS_OPTION_UNKNOWN');
  expect(await codeOf(nexus.spawn(Probe, 'c1' as never))).toBe('NEXUS_OPTION_INVALID');
  const probe = await nexus.spawn(Probe);
  expect((await failureOf(probe.ask('read', undefined, { timeout: 5 } as never)))?.message).toContain(
    "ask: unknown option 'timeout'; did you mean 'timeoutMs'?",
  );
  expect(await codeOf(probe.ask('read', undefined, 5 as never))).toBe('NEXUS_OPTION_INVALID');
  expect(await codeOf(probe.stop({ timeout: 5 } as never))).toBe('NEXUS_OPTION_UNKNOWN');
  for (const timeoutMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5' as unknown as number])
    expect(await codeOf(probe.stop({ timeoutMs }))).toBe('NEXUS_OPTION_INVALID');
  expect(await probe.ask('read')).toBe(0);
  expect(await codeOf(() => nexus.send('x', 'read', undefined, { routing: 'fast' as never }))).toBe('NEXUS_OPTION_INVALID');
});

test('every error is a NexusError or a NexusTypeError with a code of the catalogue', () => {
  expect(new NexusError('NEXUS_STOPPED', 'x')).toMatchObject({ name: 'NexusError', code: 'NEXUS_STOPPED', data: undefined });
  expect(new NexusTypeError('NEXUS_OPTION_INVALID', 'x')).toBeInstanceOf(TypeError);
  for (const [code, text] of Object.entries(ERROR_CODES)) {
    expect(code).toMatch(/^NEXUS_[A-Z_]+$/);
    expect(text.length).toBeGreaterThan(10);
  }
});

test('a listener that throws is logged and harms nobody', async () => {
  const nexus = await startNexus({ agents: [fixture('probe.mjs')], threads: 1 });
  nexus.on('deadLetter', () => {
    throw new Error('listener');
  });
  expect(nexus.send('nobody', 'read')).toBe('noAgent');
  const probe = await nexus.spawn(Probe, { thread: 1 });
  expect(await probe.ask('read')).toBe(0);
});
