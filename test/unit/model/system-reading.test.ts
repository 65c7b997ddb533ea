/** Snapshots out of readings: rates are differences, of each asker's own period; what was sampled is estimated right. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  bucketOfDuration,
  DURATION_BUCKETS,
  distributionOfDurations,
  durationsOfBucket,
  quantileOfDurations,
} from '../../../dist/ts-src/model/duration-buckets.js';
import { DISTRIBUTION_BOUNDS_MS } from '../../../dist/ts-src/model/observation.js';
import { SamplingPace, TIMED_PER_SECOND } from '../../../dist/ts-src/model/sampling-pace.js';
import { SeededRandom } from '../../../dist/ts-src/model/seeded-random.js';
import { snapshotOf, type SystemReading, type ThreadActivity } from '../../../dist/ts-src/model/system-reading.js';

const durations = { ask_local: none(), ask_remote: none(), turn: none(), message_wait: none() };

function none(): SystemReading['durations']['turn'] {
  return { count: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };
}

function reading(atMs: number, handled: number, activity: ThreadActivity | undefined, cpuMs = 0): SystemReading {
  const counters = { handled, failed: 0, dead_no_agent: 3, dead_stopped: 2, restarted: 1 };
  return {
    atMs,
    takenAtMs: atMs,
    cpuMs,
    process: { pid: 1, nodeVersion: 'v20', engine: { kind: 'portable', reason: '' }, uptimeMs: atMs, residentBytes: 1, isStopping: false },
    threads: [{ thread: 0, state: 'ready', incarnation: 0, agents: 4, queueDepth: 5, load: undefined, counters, activity, isAnswering: true }],
    durations,
  };
}

function activity(session: number, count: number, buckets: readonly number[]): ThreadActivity {
  const actions = [{ kind: 'order', action: 'add', count, failed: count / 2, samples: count, sumMs: count / 100, maxMs: 9, buckets }];
  return {
    session,
    kinds: [{ kind: 'order', agents: 4 }],
    actions,
    flows: [{ from: 'shop', to: 'order', count }],
    mailboxes: [],
    deadLetters: [],
    failures: [],
  };
}

it('the first reading has no rates; the next one has those of the time between', () => {
  const first = reading(1000, 50, activity(900, 10, [8, 10]));
  expect(snapshotOf(first, undefined)).toMatchObject({
    periodMs: 0,
    messages: { handledPerSecond: 0, waiting: 5 },
    actions: [],
    flows: [],
    agents: { live: 4 },
  });
  const second = snapshotOf(reading(3000, 250, activity(900, 30, [8, 10, 40, 20]), 1000), first);
  expect(second).toMatchObject({
    periodMs: 2000,
    process: { cpuCores: 0.5 },
    messages: { handledPerSecond: 100 },
    kinds: [{ kind: 'order', agents: 4, handledPerSecond: 10 }],
    actions: [{ kind: 'order', action: 'add', perSecond: 10, failedPerSecond: 5, samples: 20 }],
    flows: [{ from: 'shop', to: 'order', perSecond: 10 }],
    deadLetters: { totals: { noAgent: 3, agentStopped: 2 } },
  });
  expect(second.actions[0]?.meanMs).toBeCloseTo(0.01, 10);
  // Only what came since is in it.
  const { leastMs, greatestMs } = durationsOfBucket(40);
  expect(second.actions[0]?.p50Ms).toBeGreaterThanOrEqual(leastMs);
  expect(second.actions[0]?.p50Ms).toBeLessThanOrEqual(greatestMs);
  expect(second.actions[0]?.distribution.reduce((sum, count) => sum + count, 0)).toBe(20);
});

it('a thread that has begun to look anew is not compared with what it said before', () => {
  const before = reading(1000, 50, activity(900, 1000, [8, 1000]));
  expect(snapshotOf(reading(2000, 60, activity(1500, 10, [8, 10])), before).actions).toMatchObject([{ perSecond: 10, samples: 10 }]);
});

it('every duration is in the bucket whose ends it lies between, and in the octave that the page shows', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 20_000, noNaN: true }), (ms) => {
      const bucket = bucketOfDuration(ms);
      const { leastMs, greatestMs } = durationsOfBucket(bucket);
      expect(ms).toBeGreaterThanOrEqual(leastMs * (1 - 1e-12));
      expect(ms).toBeLessThanOrEqual(greatestMs * (1 + 1e-12));
      const counts = new Float64Array(DURATION_BUCKETS);
      counts[bucket] = 1;
      const at = distributionOfDurations(counts).indexOf(1);
      expect(ms).toBeLessThanOrEqual((DISTRIBUTION_BOUNDS_MS[at] ?? Number.POSITIVE_INFINITY) * (1 + 1e-12));
      if (at > 0) expect(ms).toBeGreaterThanOrEqual((DISTRIBUTION_BOUNDS_MS[at - 1] as number) * (1 - 1e-12));
    }),
  );
  expect(distributionOfDurations(new Float64Array(DURATION_BUCKETS)).length).toBe(DISTRIBUTION_BOUNDS_MS.length + 1);
});

it('quantiles are at most an eighth off those of the sorted values', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.01, max: 5000, noNaN: true }), { minLength: 1, maxLength: 200 }), fc.constantFrom(0.5, 0.9, 0.99), (values, q) => {
      const counts = new Float64Array(DURATION_BUCKETS);
      for (const value of values) counts[bucketOfDuration(value)] = (counts[bucketOfDuration(value)] as number) + 1;
      const sorted = [...values].sort((a, b) => a - b);
      const exact = sorted[Math.ceil(q * sorted.length) - 1] as number;
      expect(Math.abs(quantileOfDurations(counts, q, sorted.at(-1) as number) - exact)).toBeLessThanOrEqual(exact / 8);
    }),
  );
});

/** Drains that are looked at. */
const LOOKED_AT_MIN = 400;

it('whatever the rate and the size of drains, about as many messages are timed as planned, and their weights add up to all', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 30_000_000 }), fc.constantFrom(1, 2, 30, 4096), fc.integer(), (perSecond, drainMessages, seed) => {
      const random = new SeededRandom(seed, 'sampling');
      const pace = new SamplingPace(250);
      pace.adjust(perSecond / 4, 250);
      // So many that some hundreds are looked at: the sum of a handful of drains is what chance makes it.
      const drains = Math.min(400_000, Math.ceil(Math.max(perSecond / drainMessages, LOOKED_AT_MIN * pace.drainPeriod)));
      let timed = 0;
      let weighted = 0;
      let drainsLeft = 1;
      let messagesLeft = 1;
      for (let drain = 0; drain < drains; drain++) {
        if (--drainsLeft > 0) continue;
        drainsLeft = pace.gap(pace.drainPeriod, random.next());
        // As many as there are in the drain, passed over at once.
        let left: number = drainMessages;
        while (left >= messagesLeft) {
          left -= messagesLeft;
          messagesLeft = pace.gap(pace.messagePeriod, random.next());
          timed++;
          weighted += pace.weight;
        }
        messagesLeft -= left;
      }
      const all = drains * drainMessages;
      const seconds = all / perSecond;
      expect(timed).toBeLessThanOrEqual(1.3 * TIMED_PER_SECOND * seconds + 100);
      if (timed > 400) expect(Math.abs(weighted / all - 1)).toBeLessThan(0.2);
    }),
    { numRuns: 60 },
  );
});

it('a rate that rises between two adjustments is followed at once', () => {
  const pace = new SamplingPace(250);
  for (let taken = 0; taken < 10_000; taken++) pace.took();
  expect(pace.weight).toBeGreaterThan(256);
  pace.adjust(10, 250);
  expect(pace.weight).toBe(1);
});
