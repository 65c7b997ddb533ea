/**
 * A producer that is faster than its consumer: how much waits is bounded, and what is not handled is told to the sender or counted. For a second each; with
 * PRESSURE_SECONDS=60 for a minute each, which also shows that memory does not grow.
 */
import type { AgentRef, Nexus } from 'nexus-agents';
import { expect, test } from 'vitest';
import { CAPACITY, DroppingNewest, DroppingOldest, Producer, Rejecting, Relay } from '../fixtures/pressure.mjs';
import { DISTANCES, fixture, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const SECONDS = Number(process.env['PRESSURE_SECONDS'] ?? 1);
/** However busy the machine is, the producer goes on until the pressure has come to it so often. */
const REFUSED_MIN = 5;
const WORK_MICROSECONDS = 200;
/** Twice what one consumer can take at best. */
const PER_SECOND = (2 * 1e6) / WORK_MICROSECONDS;
const TIMEOUT_MS = (SECONDS + 60) * 1000;
/** What it holds fits into the part of a mailbox that is for what is on its way: nothing is lost however long a thread does not run. */
const RING_BYTES = 16_384;
/** Of the smallest message. */
const IN_RING_MAX = RING_BYTES / 16;

interface Observed {
  readonly depthMax: number;
  readonly grownBytes: number;
  readonly dead: Readonly<Record<string, number>>;
}

/** Runs the producer, watching the queues and the memory, until everything it sent was handled. */
async function run(
  nexus: Nexus,
  start: (producer: AgentRef) => void,
  handledSoFar: () => Promise<unknown>,
): Promise<Observed & { sent: number; refused: number }> {
  const producer = await spawnProducer(nexus);
  start(producer as unknown as AgentRef);
  let depthMax = 0;
  const resident: number[] = [];
  await until(async () => {
    depthMax = Math.max(depthMax, ...nexus.threads().map(({ queueDepth }) => queueDepth));
    resident.push(process.memoryUsage().rss);
    return (await producer.ask('report', undefined, { timeoutMs: 30_000 })).isDone;
  }, TIMEOUT_MS);
  const report = await producer.ask('report');
  await handledSoFar();
  // After the first third everything that is allocated once is there.
  const settled = resident[Math.floor(resident.length / 3)] as number;
  const dead: Record<string, number> = {};
  for (const { counters } of nexus.threads())
    for (const name of ['dead_mailbox_full', 'dead_dropped']) dead[name] = (dead[name] ?? 0) + (counters[name] as number);
  return { depthMax, grownBytes: Math.max(...resident) - settled, dead, sent: report.sent, refused: report.refused };
}

const spawnProducer = (nexus: Nexus) => nexus.spawn(Producer, { thread: 0 });

test.each(DISTANCES)(
  'a producer that heeds full settles at the speed of its consumer, and nothing is lost, $distance',
  async ({ thread }) => {
    const nexus = await startNexus({ agents: [fixture('pressure.mjs')], threads: 1, memory: { ringBytes: RING_BYTES } });
    const consumer = await nexus.spawn(Rejecting, { thread, init: { workMicroseconds: WORK_MICROSECONDS } });
    const seen = await run(
      nexus,
      (producer) => producer.tell('start', { target: consumer, perSecond: PER_SECOND, durationMs: SECONDS * 1000, refusedMin: REFUSED_MIN }),
      () => consumer.ask('report', undefined, { timeoutMs: 30_000 }),
    );
    const { handled, gaps, disorder } = await consumer.ask('report');
    expect({ handled, gaps, disorder }).toEqual({ handled: seen.sent, gaps: 0, disorder: 0 });
    expect(seen.refused).toBeGreaterThanOrEqual(REFUSED_MIN);
    expect(seen.depthMax).toBeLessThanOrEqual(CAPACITY + 1);
    if (SECONDS >= 30) expect(seen.grownBytes).toBeLessThan(64 * 2 ** 20);
  },
  TIMEOUT_MS,
);

test.each(DISTANCES)(
  'offers wait for room: a producer that only offers settles at the speed of its consumer, and nothing is lost, $distance',
  async ({ thread }) => {
    const nexus = await startNexus({ agents: [fixture('pressure.mjs')], threads: 1, memory: { ringBytes: RING_BYTES } });
    const consumer = await nexus.spawn(Rejecting, { thread, init: { workMicroseconds: WORK_MICROSECONDS } });
    const seen = await run(
      nexus,
      (producer) => producer.tell('offerAll', { target: consumer, durationMs: SECONDS * 1000 }),
      () => consumer.ask('report', undefined, { timeoutMs: 30_000 }),
    );
    const { handled, gaps, disorder } = await consumer.ask('report');
    expect({ handled, gaps, disorder, refused: seen.refused }).toEqual({ handled: seen.sent, gaps: 0, disorder: 0, refused: 0 });
    expect(seen.dead).toEqual({ dead_mailbox_full: 0, dead_dropped: 0 });
    expect(seen.depthMax).toBeLessThanOrEqual(CAPACITY + 1);
    if (SECONDS >= 30) expect(seen.grownBytes).toBeLessThan(64 * 2 ** 20);
  },
  TIMEOUT_MS,
);

test.each([
  { policy: 'dropNewest', Consumer: DroppingNewest, thread: 0 },
  { policy: 'dropNewest', Consumer: DroppingNewest, thread: 1 },
  { policy: 'dropOldest', Consumer: DroppingOldest, thread: 0 },
  { policy: 'dropOldest', Consumer: DroppingOldest, thread: 1 },
])(
  'a consumer that drops ($policy) keeps its speed and its bound, and every message is handled or counted, on thread $thread',
  async ({ Consumer, thread }) => {
    const nexus = await startNexus({ agents: [fixture('pressure.mjs')], threads: 1, memory: { ringBytes: 65_536 } });
    const consumer = await nexus.spawn(Consumer, { thread, init: { workMicroseconds: WORK_MICROSECONDS } });
    const seen = await run(
      nexus,
      (producer) => producer.tell('start', { target: consumer, perSecond: 10 * PER_SECOND, durationMs: SECONDS * 1000, refusedMin: 0 }),
      async () => {
        // An ask might be dropped itself.
        await until(() => nexus.threads().every(({ queueDepth }) => queueDepth === 0), 30_000);
        await consumer.ask('report');
      },
    );
    const { handled, disorder } = await consumer.ask('report');
    expect(disorder).toBe(0);
    expect(handled + (seen.dead['dead_dropped'] as number)).toBe(seen.sent);
    expect(seen.dead['dead_dropped']).toBeGreaterThan(0);
    expect(seen.depthMax).toBeLessThanOrEqual(CAPACITY + 1);
    if (SECONDS >= 30) expect(seen.grownBytes).toBeLessThan(64 * 2 ** 20);
  },
  TIMEOUT_MS,
);

test.each([
  { first: 0, middle: 0, last: 0 },
  { first: 0, middle: 1, last: 2 },
  { first: 0, middle: 1, last: 0 },
])(
  'through a chain of three agents, on threads $first, $middle and $last, the producer settles at the speed of the last one, and nothing is lost',
  async ({ middle, last }) => {
    const nexus = await startNexus({ agents: [fixture('pressure.mjs')], threads: 2, memory: { ringBytes: RING_BYTES } });
    const consumer = await nexus.spawn(Rejecting, { thread: last, init: { workMicroseconds: WORK_MICROSECONDS } });
    const relay = await nexus.spawn(Relay, { thread: middle, init: { next: consumer } });
    let relayed: { passed: number; refused: number } | undefined;
    const seen = await run(
      nexus,
      (producer) => producer.tell('start', { target: relay, perSecond: PER_SECOND, durationMs: SECONDS * 1000, refusedMin: REFUSED_MIN }),
      async () => {
        relayed = await relay.ask('report', undefined, { timeoutMs: 30_000 });
        await consumer.ask('report', undefined, { timeoutMs: 30_000 });
      },
    );
    const { handled, gaps, disorder } = await consumer.ask('report');
    expect({ handled, gaps, disorder }).toEqual({ handled: seen.sent, gaps: 0, disorder: 0 });
    expect(relayed).toEqual({ passed: seen.sent, refused: 0 });
    expect(seen.refused).toBeGreaterThanOrEqual(REFUSED_MIN);
    expect(seen.depthMax).toBeLessThanOrEqual(2 * CAPACITY + 1 + IN_RING_MAX);
    if (SECONDS >= 30) expect(seen.grownBytes).toBeLessThan(64 * 2 ** 20);
  },
  TIMEOUT_MS,
);
