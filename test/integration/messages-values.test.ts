/** What a message can hold on its way between threads, and what it cannot. */
import { type AgentRef, createNexus, type Nexus } from 'nexus-agents';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Probe } from '../fixtures/probe.mjs';
import { codeOf, describeEngines, failureOf, fixture, freshId, recorder } from '../start-nexus.js';

type ProbeRef = AgentRef<typeof Probe>;

const cycle: Record<string, unknown> = { name: 'cycle' };
cycle['self'] = cycle;
const shared = { shared: true };
class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
}

const VALUES: readonly (readonly [string, unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['booleans', [true, false]],
  ['numbers', [0, -0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 53, 0.1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MIN_VALUE, 1e308]],
  ['bigints', [0n, -1n, 2n ** 64n, -(2n ** 200n)]],
  ['strings', ['', 'a', 'é', '日本', '😀', '\u0000', '\ud800', 'x'.repeat(1000)]],
  ['nested objects', { a: { b: { c: [1, { d: 2 }] } } }],
  ['undefined in objects and arrays', { a: undefined, b: [undefined, null] }],
  [
    'a Map',
    new Map<unknown, unknown>([
      ['a', 1],
      [2, { b: 3 }],
      [{ key: true }, new Map([[1, 2]])],
    ]),
  ],
  ['a Set', new Set<unknown>([1, 'a', { b: 2 }, new Set([1])])],
  ['a Date', new Date(1_700_000_000_123)],
  ['an invalid Date', new Date(Number.NaN)],
  ['a RegExp', /a+b/giu],
  ['typed arrays', [new Uint8Array([1, 2]), new Int16Array([-1]), new Float64Array([0.5, Number.NaN]), new BigUint64Array([2n ** 63n])]],
  ['an ArrayBuffer', new Uint8Array([1, 2, 3]).buffer],
  ['an Error with a cause', new TypeError('outer', { cause: new RangeError('inner', { cause: 'root' }) })],
  ['an object in two places', [shared, shared]],
  ['a cycle', cycle],
];

describeEngines((engine) => {
  let nexus: Nexus;
  let small: Nexus;

  beforeAll(async () => {
    const options = { agents: [fixture('probe.mjs')], engine: { force: engine }, logger: recorder() };
    nexus = await createNexus({ ...options, threads: 2 });
    small = await createNexus({ ...options, threads: 1, memory: { ringBytes: 16_384 }, messages: { bytesMax: 2_000_000 } });
  });
  afterAll(async () => {
    await nexus.stop();
    await small.stop();
  });

  test.each(VALUES)('%s: what a worker echoes equals what it was sent', async (_name, value) => {
    const probe = await nexus.spawn(Probe, { thread: 1 });
    expect(await probe.ask('echo', value)).toStrictEqual(value);
  });

  test('a cycle arrives as a cycle', async () => {
    const probe = await nexus.spawn(Probe, { thread: 1 });
    const arrived = (await probe.ask('echo', cycle)) as { self: unknown };
    expect(arrived.self).toBe(arrived);
  });

  test('an instance of a class arrives as a plain object', async () => {
    const probe = await nexus.spawn(Probe, { thread: 1 });
    const arrived: unknown = await probe.ask('echo', new Point(1, 2));
    expect(arrived).toEqual({ x: 1, y: 2 });
    expect(Object.getPrototypeOf(arrived)).toBe(Object.prototype);
  });

  test.each([0, 1, 7, 8, 1000, 65_536, 1_048_576, 10_485_760])('a Uint8Array of %i bytes comes back from a worker', async (length) => {
    const probe = await nexus.spawn(Probe, { thread: 1 });
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 31) & 255);
    const echoed = (await probe.ask('echo', bytes)) as Uint8Array;
    expect(echoed).toBeInstanceOf(Uint8Array);
    expect(echoed.length).toBe(length);
    expect(Buffer.compare(echoed, bytes)).toBe(0);
  });

  test('a string of five million characters comes back from a worker', async () => {
    const probe = await nexus.spawn(Probe, { thread: 1 });
    for (const text of ['x'.repeat(5_000_000), 'é日😀'.repeat(1_250_000)]) expect((await probe.ask('echo', text)) === text).toBe(true);
  });

  test('messages larger than the ring are sent in parts, among smaller ones', async () => {
    const probe = await small.spawn(Probe, { thread: 1 });
    const sizes = [10, 4080, 4096, 5000, 16_384, 100_000, 3, 500_000, 20];
    const replies = await Promise.all(sizes.map((size, index) => probe.ask('echo', { index, bytes: new Uint8Array(size).fill(index) })));
    for (const [index, reply] of (replies as { index: number; bytes: Uint8Array }[]).entries()) {
      expect(reply.index).toBe(index);
      expect(reply.bytes.length).toBe(sizes[index]);
      expect(reply.bytes.every((byte) => byte === index)).toBe(true);
    }
  });

  test.each([10_000, 1_990_000])('a message of %i bytes within messages.bytesMax is sent', async (size) => {
    const probe = await small.spawn(Probe, { thread: 1 });
    expect(((await probe.ask('echo', new Uint8Array(size))) as Uint8Array).length).toBe(size);
  });

  test('a message over messages.bytesMax throws NEXUS_MESSAGE_TOO_LARGE from tell and rejects the ask, and the next one is sent', async () => {
    const probe = await small.spawn(Probe, { thread: 1 });
    const large = new Uint8Array(10_000_000);
    const failure = await failureOf(() => probe.tell('append', large));
    expect(failure).toMatchObject({ name: 'NexusError', code: 'NEXUS_MESSAGE_TOO_LARGE' });
    expect(failure?.message).toContain('2000000');
    expect(await codeOf(probe.ask('echo', large))).toBe('NEXUS_MESSAGE_TOO_LARGE');
    expect(await probe.ask('log')).toEqual([]);
  });

  test('messages.bytesMax holds for messages that fit into the ring too', async () => {
    const strict = await createNexus({
      agents: [fixture('probe.mjs')],
      threads: 1,
      messages: { bytesMax: 1024 },
      engine: { force: engine },
      logger: recorder(),
    });
    const probe = await strict.spawn(Probe, { thread: 1 });
    expect(await codeOf(() => probe.tell('append', 'x'.repeat(2000)))).toBe('NEXUS_MESSAGE_TOO_LARGE');
    expect(await codeOf(probe.ask('huge', 2000))).toBe('NEXUS_MESSAGE_TOO_LARGE');
    // What the runtime itself says is longer than that.
    expect(await codeOf(probe.ask('throwHuge', 5000))).toMatch(/^x+/);
    expect(await probe.ask('log')).toEqual([]);
    await strict.stop();
  });

  test.each([
    ['a function', { a: [{ f: () => 1 }] }, 'message.a[0].f is a function'],
    ['a symbol', { s: Symbol('s') }, 'message.s is a symbol'],
    ['a function in a Map', new Map([['key', () => 1]]), 'message.get("key") is a function'],
    ['a promise', { p: Promise.resolve() }, 'message.p is a Promise'],
    ['a WeakMap', [new WeakMap()], 'message[0] is a WeakMap'],
  ])('%s cannot be sent to another thread: the error names the path', async (_name, value, path) => {
    const probe = await nexus.spawn(Probe, { thread: 1 });
    const told = await failureOf(() => probe.tell('append', value));
    expect(told).toMatchObject({ name: 'TypeError', code: 'NEXUS_NOT_CLONEABLE' });
    expect(told?.message).toContain(path);
    let asked: Promise<unknown> | undefined;
    expect(() => {
      asked = probe.ask('echo', value);
    }).not.toThrow();
    expect((await failureOf(asked as Promise<unknown>))?.message).toContain(path);
    expect(await probe.ask('log')).toEqual([]);
  });

  test('an init that cannot be sent rejects the spawn with NEXUS_NOT_CLONEABLE', async () => {
    const id = freshId();
    expect(await codeOf(nexus.spawn(Probe, { id, thread: 1, init: { f: () => 1 } }))).toBe('NEXUS_NOT_CLONEABLE');
    expect(nexus.find(id)).toBeUndefined();
  });

  test('within a thread a message is passed by reference', async () => {
    const probe = await nexus.spawn(Probe, { thread: 0 });
    const value = { f: () => 1 };
    expect(await probe.ask('keep', value)).toBe(value);
    expect(await probe.ask('same', value)).toBe(true);
  });

  test('between threads a message is copied', async () => {
    const probe = await nexus.spawn(Probe, { thread: 1 });
    const value = { n: 1, inner: [1] };
    const sent = probe.ask('keep', value);
    value.n = 2;
    value.inner.push(2);
    expect(await sent).toEqual({ n: 1, inner: [1] });
    expect(await probe.ask('same', value)).toBe(false);
  });

  test('the init of an agent on another thread is a copy, as it was at the spawn', async () => {
    const init = { start: 1, inner: [1] };
    const spawned = nexus.spawn(Probe, { thread: 1, init });
    init.inner.push(2);
    const probe: ProbeRef = await spawned;
    expect(await probe.ask('init')).toEqual({ start: 1, inner: [1] });
  });
});
