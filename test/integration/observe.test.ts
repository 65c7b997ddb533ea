import { createNexus, type Logger, type Nexus } from 'nexus-agents';
import { circuitBreaker, retry } from 'nexus-agents/resilience';
import { expect, onTestFinished, test } from 'vitest';
import { Observing } from '../fixtures/observing.mjs';
import { codeOf, failureOf, fixture, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const observing = fixture('observing.mjs');
const operationOf = (nexus: Nexus, name: string) => nexus.operations().find((operation) => operation.name === name);
const linesOf = (logger: ReturnType<typeof recorder>, message: string) => logger.lines.filter((line) => line.message === message);

test('observe passes on what the function returns, a value or what its promise resolves with', async () => {
  const nexus = await startNexus({ agents: [], threads: 0 });
  const value = { a: 1 };
  expect(nexus.observe('sync', () => value)).toBe(value);
  const promise = nexus.observe('async', async () => value);
  expect(promise).toBeInstanceOf(Promise);
  expect(await promise).toBe(value);
  const thenable = { then: (resolve: (value: number) => void) => resolve(9) };
  expect(await nexus.observe('thenable', () => thenable as PromiseLike<number>)).toBe(9);
  expect(nexus.operations().map(({ name, successes, failures }) => [name, successes, failures])).toEqual([
    ['sync', 1, 0],
    ['async', 1, 0],
    ['thenable', 1, 0],
  ]);
});

test('observe passes on what the function throws or rejects with, and counts it as a failure', async () => {
  const nexus = await startNexus({ agents: [], threads: 0 });
  const error = new Error('mine');
  const thrown = await failureOf(() =>
    nexus.observe('fails', () => {
      throw error;
    }),
  );
  expect(thrown?.error).toBe(error);
  await expect(nexus.observe('fails', () => Promise.reject(error))).rejects.toBe(error);
  expect(operationOf(nexus, 'fails')).toMatchObject({ successes: 0, failures: 2 });
});

test('a rejection of an observed function that nobody handles is not swallowed', async () => {
  const nexus = await startNexus({ agents: [], threads: 0 });
  const seen: unknown[] = [];
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.once('unhandledRejection', (reason) => seen.push(reason));
  onTestFinished(() => {
    process.removeAllListeners('unhandledRejection');
    for (const other of others) process.on('unhandledRejection', other);
  });
  void nexus.observe('nobody waits', () => Promise.reject(new Error('unseen')));
  await until(() => seen.length > 0);
  expect(String(seen[0])).toBe('Error: unseen');
});

test('operations of all threads are in one list, and those of a thread that is lost go on with its successor', async () => {
  const nexus = await startNexus({ agents: [observing], threads: 2 });
  const [first, second] = [await nexus.spawn(Observing, { thread: 1 }), await nexus.spawn(Observing, { thread: 2 })];
  for (let call = 0; call < 5; call++) for (const ref of [first, second]) expect(await ref.ask('sync', 'of all')).toBe(7);
  nexus.observe('of all', () => 1);
  expect(operationOf(nexus, 'of all')).toMatchObject({ successes: 11, failures: 0 });
  await first.ask('exit').catch(() => undefined);
  await until(() => nexus.threads()[1]?.incarnation === 1 && nexus.threads()[1]?.state === 'ready');
  await first.ask('sync', 'of all');
  expect(operationOf(nexus, 'of all')).toMatchObject({ successes: 12 });
});

test('what is logged within an operation, and of operations within it, has its correlation id; another call has another', async () => {
  const logger = recorder();
  const nexus = await startNexus({ agents: [observing], threads: 1, logger });
  const ref = await nexus.spawn(Observing, { thread: 1, id: 'o' });
  const calls = (await Promise.all([ref.ask('nested', 'one'), ref.ask('nested', 'two')])) as [string, string][];
  await until(() => linesOf(logger, 'operation done').length === 4);
  for (const [outer, inner] of calls) {
    expect(outer).toBe(inner);
    expect(outer).toMatch(/^[0-9a-f]{32}$/);
    const lines = logger.lines.filter(({ data }) => data['correlationId'] === outer);
    expect(lines.map(({ message }) => message)).toEqual(['before the inner one', 'in the inner one', 'operation done', 'operation done']);
    expect(lines[2]).toMatchObject({ level: 'debug', data: { agent: 'o', kind: 'observing', thread: 1, outcome: 'success', durationMs: expect.any(Number) } });
  }
  expect(calls[0]?.[0]).not.toBe(calls[1]?.[0]);
  await ref.ask('sync', 'x');
  expect(nexus.observe('outside', ({ correlationId }) => correlationId)).toMatch(/^[0-9a-f]{32}$/);
});

test('with the nexus end the scopes of its operations: promises of the process cost no more than before', async () => {
  const nexus = await startNexus({ agents: [], threads: 0 });
  const ids = await nexus.observe('outer', async ({ correlationId }) => {
    const before = nexus.observe('inner', (inner) => inner.correlationId);
    await nexus.stop();
    return { correlationId, before, after: nexus.observe('inner', (inner) => inner.correlationId) };
  });
  expect(ids.before).toBe(ids.correlationId);
  // Kept alive, each store of a nexus that has ended is handed on with every promise that anybody makes.
  expect(ids.after).toMatch(/^[0-9a-f]{32}$/);
  expect(ids.after).not.toBe(ids.correlationId);
});

test('a failure is logged as a warning with its error, attributes and correlation id', async () => {
  const logger = recorder();
  const nexus = await startNexus({ agents: [observing], threads: 1, logger });
  const ref = await nexus.spawn(Observing, { thread: 1, id: 'o' });
  await ref.ask('fails', 'from a worker').catch(() => undefined);
  await until(() => linesOf(logger, 'operation failed').length === 1);
  const [line] = linesOf(logger, 'operation failed');
  expect(line).toMatchObject({
    level: 'warn',
    data: { agent: 'o', thread: 1, operation: 'from a worker', outcome: 'failure', correlationId: expect.any(String) },
  });
  expect((line?.data['error'] as Error).message).toBe('out of range');
  nexus.observe('fine', () => 1, { attributes: { order: 'o-17' } });
  expect(linesOf(logger, 'operation done')[0]?.data).toMatchObject({ order: 'o-17', thread: 0, operation: 'fine' });
});

test('calls that take longer than their slaMs are counted, and logged ten times a second at most', async () => {
  const logger = recorder();
  const nexus = await startNexus({ agents: [observing], threads: 0, logger });
  const busy = (ms: number) => () => {
    for (const until = performance.now() + ms; performance.now() < until; );
  };
  nexus.observe('within', busy(0), { slaMs: 60_000 });
  const startedMs = performance.now();
  for (let call = 0; call < 25; call++) nexus.observe('late', busy(1), { slaMs: 0.5 });
  const withinASecond = performance.now() - startedMs < 1000;
  expect(operationOf(nexus, 'late')).toMatchObject({ successes: 25, violations: 25 });
  expect(operationOf(nexus, 'late')?.sumNs).toBeGreaterThanOrEqual(25e6);
  expect(operationOf(nexus, 'within')).toMatchObject({ successes: 1, violations: 0 });
  const lines = linesOf(logger, 'operation took longer than its SLA');
  if (withinASecond) expect(lines).toHaveLength(10);
  expect(lines[0]).toMatchObject({ level: 'warn', data: { operation: 'late', slaMs: 0.5, outcome: 'success' } });
});

test('a logger that takes no debug lines is not sent any', async () => {
  const quiet: Logger & { isLevelEnabled(level: string): boolean } = { ...recorder(), isLevelEnabled: (level) => level !== 'debug' };
  const lines: string[] = [];
  quiet.debug = (_data, message) => void lines.push(message);
  const nexus = await startNexus({ agents: [observing], threads: 1, logger: quiet });
  const ref = await nexus.spawn(Observing, { thread: 1 });
  await ref.ask('sync', 'quiet');
  nexus.observe('quiet', () => 1);
  // A line of the worker would have come before the reply to this.
  await ref.ask('sync', 'quiet');
  expect(lines).toEqual([]);
});

test('what observe and meter do not take is a NexusTypeError that names it, and nothing is called', async () => {
  const nexus = await startNexus({ agents: [], threads: 0 });
  let calls = 0;
  const call = (): number => ++calls;
  const wrong: [unknown, unknown, unknown?][] = [
    ['', call],
    ['x'.repeat(101), call],
    ['(other)', call],
    [5, call],
    ['a', 'no function'],
    ['a', call, { slaMs: 0 }],
    ['a', call, { slaMs: Number.NaN }],
    ['a', call, { attributes: { a: {} } }],
    ['a', call, { attributes: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`a${index}`, 1])) }],
  ];
  for (const [name, fn, options] of wrong)
    expect(await codeOf(() => nexus.observe(name as string, fn as () => number, options as object))).toBe('NEXUS_OPTION_INVALID');
  expect(await codeOf(() => nexus.observe('a', call, { slaMS: 5 } as object))).toBe('NEXUS_OPTION_UNKNOWN');
  expect(calls).toBe(0);
  expect(await codeOf(() => nexus.meter(retry() as never, 'a'))).toBe('NEXUS_OPTION_INVALID');
  expect(await codeOf(() => nexus.meter(circuitBreaker(), ''))).toBe('NEXUS_OPTION_INVALID');
  expect([nexus.operations(), nexus.breakers()]).toEqual([[], []]);
  // Also when there is no room for any other.
  for (let name = 0; name < 300; name++) nexus.observe(`name ${name}`, () => 1);
  expect(await codeOf(() => nexus.observe(5 as never, () => 1))).toBe('NEXUS_OPTION_INVALID');
  expect(await codeOf(() => nexus.observe('x'.repeat(101), () => 1))).toBe('NEXUS_OPTION_INVALID');
});

test('breakers that agents meter are counted on all threads while an agent that did so lives', async () => {
  const nexus = await startNexus({ agents: [observing], threads: 2 });
  const [a, b, elsewhere] = await Promise.all([1, 1, 2].map((thread) => nexus.spawn(Observing, { thread })));
  if (a === undefined || b === undefined || elsewhere === undefined) throw new Error('not spawned');
  for (const ref of [a, b, elsewhere]) await ref.ask('meter', 'payments');
  expect(await Promise.all([a.ask('call', false), elsewhere.ask('call', false)])).toEqual(['success', 'success']);
  for (let call = 0; call < 2; call++) expect(await a.ask('call', true)).toBe('failure');
  expect(await b.ask('call', true)).toBe('NEXUS_CIRCUIT_OPEN');
  const counted = { name: 'payments', calls: { success: 2, failure: 2, ignored: 0, refused: 1 }, opened: 1 };
  expect(nexus.breakers()).toEqual([{ ...counted, states: { closed: 1, open: 1, halfOpen: 0, isolated: 0 } }]);
  await a.stop();
  expect(nexus.breakers()[0]?.states).toMatchObject({ closed: 1, open: 1 });
  await b.stop();
  expect(nexus.breakers()).toEqual([{ ...counted, states: { closed: 1, open: 0, halfOpen: 0, isolated: 0 } }]);
});

test('breakers of a thread that is lost are in no state, and a breaker outlives the nexus that metered it', async () => {
  const nexus = await startNexus({ agents: [observing], threads: 1 });
  const ref = await nexus.spawn(Observing, { thread: 1 });
  await ref.ask('meter', 'lost');
  await ref.ask('call', false);
  await ref.ask('exit').catch(() => undefined);
  await until(() => nexus.threads()[1]?.incarnation === 1 && nexus.threads()[1]?.state === 'ready');
  expect(nexus.breakers()).toMatchObject([{ calls: { success: 1 }, states: { closed: 0, open: 0, halfOpen: 0, isolated: 0 } }]);
  const breaker = circuitBreaker();
  const own = await createNexus({ agents: [], threads: 0 });
  own.meter(breaker, 'outlives');
  await own.stop();
  nexus.meter(breaker, 'outlives');
  await breaker.execute(() => 1);
  expect([own.breakers(), nexus.breakers()[1]]).toMatchObject([[{ calls: { success: 0 } }], { calls: { success: 1 }, states: { closed: 1 } }]);
});
