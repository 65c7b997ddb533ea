/** Snapshots for the tests of what is shown of them: a plain one, and any. */
import fc from 'fast-check';
import type { ClusterSnapshot, LinkSnapshot, MemberSnapshot } from '../../../dist/ts-src/model/cluster-snapshot.js';
import type { ConsoleSnapshot } from '../../../dist/ts-src/console/protocol.js';
import type {
  ActionSnapshot,
  FlowSnapshot,
  KindSnapshot,
  MailboxSnapshot,
  RecentDeadLetter,
  RecentFailure,
  SystemSnapshot,
  ThreadSnapshot,
} from '../../../dist/ts-src/model/observation.js';

const duration = (p50Ms: number, p99Ms: number) => ({ count: 1000, meanMs: p50Ms, p50Ms, p99Ms, maxMs: p99Ms * 4 });

const thread = (index: number, utilization: number, lagMs: number): ThreadSnapshot =>
  ({
    thread: index,
    state: index === 3 ? 'starting' : 'ready',
    isAnswering: index !== 2,
    incarnation: 0,
    agents: index * 1234,
    waiting: index * 7,
    handledPerSecond: index * 123_456,
    localPerSecond: index * 100_000,
    remotePerSecond: index * 2345,
    load: index === 0 ? undefined : { utilization, lagMs, collecting: 0.02 * index, heapUsedBytes: 40e6 * index, heapLimitBytes: 2e9 },
  }) as ThreadSnapshot;

const action = (kind: string, name: string, perSecond: number, p99Ms: number): ActionSnapshot => ({
  kind,
  action: name,
  perSecond,
  failedPerSecond: name === 'pay' ? 3.2 : 0,
  samples: 40,
  meanMs: p99Ms / 5,
  p50Ms: p99Ms / 10,
  p99Ms,
  maxMs: p99Ms * 3,
  distribution: Array.from({ length: 25 }, (_, index) => Math.max(0, 12 - Math.abs(index - Math.round(Math.log2(p99Ms) + 8)) * 3)),
});

/** What a busy service with some trouble looks like. */
export function busySnapshot(): SystemSnapshot {
  const takenAtMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  return {
    takenAtMs,
    periodMs: 1000,
    process: {
      pid: 4711,
      nodeVersion: 'v20.20.2',
      engine: { kind: 'native', reason: 'the best that loads' },
      uptimeMs: 7_384_000,
      cpuCores: 1.517,
      residentBytes: 223_456_789,
      isStopping: false,
    },
    agents: { live: 1_000_123, spawnedPerSecond: 120, stoppedPerSecond: 3.4 },
    messages: {
      handledPerSecond: 1_002_331,
      failedPerSecond: 3.2,
      localPerSecond: 900_000,
      remotePerSecond: 102_331,
      remoteBytesPerSecond: 12_345_678,
      waiting: 42,
    },
    threads: [thread(0, 0, 0), thread(1, 0.4567, 0.8), thread(2, 0.81, 12.5), thread(3, 0.97, 340)],
    kinds: [
      { kind: 'order', agents: 900_000, handledPerSecond: 800_000 },
      { kind: 'article', agents: 100_000, handledPerSecond: 200_000 },
      { kind: 'desk', agents: 123, handledPerSecond: 0.25 },
    ],
    actions: [action('order', 'place', 2400, 0.9), action('order', 'pay', 820, 120), action('article', 'reserve', 198_000, 0.03)],
    flows: [
      { from: '(outside)', to: 'order', perSecond: 3000 },
      { from: 'order', to: 'article', perSecond: 198_000 },
      { from: '(timer)', to: 'desk', perSecond: 0.2 },
    ],
    mailboxes: [
      { id: 'tea', kind: 'article', thread: 2, waiting: 950, capacity: 1000 },
      { id: 'o-77', kind: 'order', thread: 1, waiting: 12, capacity: 10_000 },
    ],
    deadLetters: {
      totals: { 'no agent': 12, 'mailbox full': 3, stopped: 0 },
      perSecond: 0.5,
      recent: [
        { atMs: takenAtMs - 1500, reason: 'no agent', kind: 'order', id: 'o-9', action: 'pay', thread: 1 },
        { atMs: takenAtMs - 75_000, reason: 'mailbox full', kind: undefined, id: undefined, action: undefined, thread: 2 },
      ],
    },
    restarts: {
      total: 7,
      perSecond: 0.1,
      recent: [{ atMs: takenAtMs - 4000, kind: 'order', id: 'o-3', action: undefined, thread: 1, error: 'Error: the card was refused\n    at pay' }],
    },
    durations: { ask_local: duration(0.003, 0.04), ask_remote: duration(0.02, 1.5), turn: duration(0.5, 4), message_wait: duration(0, 0) },
  };
}

/** Numbers as JSON may bring them: none, huge, not there at all. */
const number = (): fc.Arbitrary<number> =>
  fc.oneof(fc.nat(), fc.double({ noNaN: false }), fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e21, null as unknown as number));
/** Texts with everything that must not reach a terminal, and everything that is wide. */
export const anyText = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc.string({
      unit: fc.constantFrom(
        '\x1b',
        '[',
        '2J',
        '\n',
        '\r',
        '\b',
        '\x9b',
        '\x7f',
        '\u202e',
        '\u200d',
        '\ud800',
        '가',
        '👩‍🚀',
        'é',
        'e\u0301\u0302\u0303',
        '️',
        'a',
      ),
      maxLength: 20,
    }),
  );
const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(value, { nil: undefined });
const list = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value[]> => fc.array(value, { maxLength: 40 });

function anyCluster(): fc.Arbitrary<ClusterSnapshot> {
  const text = anyText();
  const address = fc.record({ host: text, port: number() });
  const members: fc.Arbitrary<MemberSnapshot> = fc.record({
    name: text,
    incarnation: number(),
    status: fc.constantFrom('up' as const, 'leaving' as const),
    reachability: fc.constantFrom('reachable' as const, 'suspect' as const, 'unreachable' as const),
    isVoter: fc.boolean(),
    weight: number(),
    sinceView: number(),
    address,
    dataAddress: maybe(address),
    version: text,
    metadata: fc.dictionary(text, text, { maxKeys: 3 }),
    stalledThreads: fc.array(number(), { maxLength: 5 }),
    phi: maybe(number()),
    unreachableFrom: fc.array(text, { maxLength: 5 }),
  });
  const links: fc.Arbitrary<LinkSnapshot> = fc.record({
    node: text,
    roundTripMs: maybe(fc.record({ mean: number(), last: number() })),
    loss: maybe(number()),
    connections: number(),
    sentBytes: number(),
    receivedBytes: number(),
    sentMessages: number(),
    receivedMessages: number(),
    waitingMessages: number(),
    waitingBytes: number(),
  });
  return fc.record({
    cluster: text,
    self: fc.record({ name: text, incarnation: number() }),
    standing: fc.constantFrom('joining' as const, 'member' as const, 'leaving' as const, 'left' as const, 'fenced' as const),
    fencedBecause: maybe(text),
    view: number(),
    coordinator: maybe(text),
    resolver: text,
    leaseMs: maybe(number()),
    members: list(members),
    links: list(links),
    partitions: fc.array(fc.array(text, { maxLength: 5 }), { maxLength: 5 }),
    localHealth: number(),
  });
}

/** With a cluster, or without one. */
export function anySnapshot(): fc.Arbitrary<ConsoleSnapshot> {
  return fc.tuple(anyOfSystem(), maybe(anyCluster())).map(([snapshot, cluster]) => (cluster === undefined ? snapshot : { ...snapshot, cluster }));
}

function anyOfSystem(): fc.Arbitrary<SystemSnapshot> {
  const text = anyText();
  const summary = fc.record({ count: number(), meanMs: number(), p50Ms: number(), p99Ms: number(), maxMs: number() });
  const load = fc.record({ utilization: number(), lagMs: number(), collecting: number(), heapUsedBytes: number(), heapLimitBytes: number() });
  const threads: fc.Arbitrary<ThreadSnapshot> = fc.record({
    thread: number(),
    state: text,
    isAnswering: fc.boolean(),
    incarnation: number(),
    agents: number(),
    waiting: number(),
    handledPerSecond: number(),
    localPerSecond: number(),
    remotePerSecond: number(),
    load: maybe(load),
  });
  const kinds: fc.Arbitrary<KindSnapshot> = fc.record({ kind: text, agents: number(), handledPerSecond: number() });
  const actions: fc.Arbitrary<ActionSnapshot> = fc.record({
    kind: text,
    action: text,
    perSecond: number(),
    failedPerSecond: number(),
    samples: number(),
    meanMs: number(),
    p50Ms: number(),
    p99Ms: number(),
    maxMs: number(),
    distribution: fc.array(number(), { maxLength: 30 }),
  });
  const flows: fc.Arbitrary<FlowSnapshot> = fc.record({ from: text, to: text, perSecond: number() });
  const mailboxes: fc.Arbitrary<MailboxSnapshot> = fc.record({ id: text, kind: text, thread: number(), waiting: number(), capacity: number() });
  const deadLetters: fc.Arbitrary<RecentDeadLetter> = fc.record({
    atMs: number(),
    reason: text,
    kind: maybe(text),
    id: maybe(text),
    action: maybe(text),
    thread: number(),
  });
  const failures: fc.Arbitrary<RecentFailure> = fc.record({ atMs: number(), kind: text, id: text, action: maybe(text), thread: number(), error: text });
  return fc.record({
    takenAtMs: number(),
    periodMs: number(),
    process: fc.record({
      pid: number(),
      nodeVersion: text,
      engine: fc.record({ kind: text, reason: text }),
      uptimeMs: number(),
      cpuCores: number(),
      residentBytes: number(),
      isStopping: fc.boolean(),
    }),
    agents: fc.record({ live: number(), spawnedPerSecond: number(), stoppedPerSecond: number() }),
    messages: fc.record({
      handledPerSecond: number(),
      failedPerSecond: number(),
      localPerSecond: number(),
      remotePerSecond: number(),
      remoteBytesPerSecond: number(),
      waiting: number(),
    }),
    threads: list(threads),
    kinds: list(kinds),
    actions: list(actions),
    flows: list(flows),
    mailboxes: list(mailboxes),
    deadLetters: fc.record({ totals: fc.dictionary(text, number(), { maxKeys: 6 }), perSecond: number(), recent: list(deadLetters) }),
    restarts: fc.record({ total: number(), perSecond: number(), recent: list(failures) }),
    durations: fc.record({ ask_local: summary, ask_remote: summary, turn: summary, message_wait: summary }),
  }) as fc.Arbitrary<SystemSnapshot>;
}
