/** What is done about the load of threads: cases as a table, and what holds for whatever loads there are. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AgentShare,
  balance,
  type BalancingAction,
  type BalancingHistory,
  learn,
  NO_HISTORY,
  REFUSED_ROUNDS,
  SETTLING_ROUNDS,
  type ThreadMeasures,
} from '../../../dist/ts-src/model/balancing.js';
import { type BalancingLimits, type BalancingOptions, resolveBalancing } from '../../../dist/ts-src/model/balancing-options.js';

const PERIOD_MS = 1000;
const MIB = 1_048_576;

function limits(options: BalancingOptions = {}): BalancingLimits {
  const resolved = resolveBalancing({ periodMs: PERIOD_MS, migrate: true, ...options });
  if (resolved === undefined) throw new Error('not resolved');
  return { ...resolved, memoryBytesMax: resolved.memoryBytesMax ?? 1000 * MIB };
}

interface Given {
  readonly utilization?: number;
  readonly heap?: number;
  readonly agents?: number;
  readonly isReady?: boolean;
  readonly isStale?: boolean;
  /** Has measured nothing since the round before. */
  readonly isOld?: boolean;
}

/** Rounds one after the other, each with fresh measures. */
class Rounds {
  history: BalancingHistory = NO_HISTORY;
  round = 0;
  constructor(readonly options: BalancingLimits) {}

  next(threads: readonly Given[], agents: Readonly<Record<number, readonly AgentShare[]>> = {}, resident = 0.1): readonly BalancingAction<AgentShare>[] {
    this.round++;
    const nowMs = this.round * PERIOD_MS;
    const measured = threads.map(
      ({ utilization = 0.1, heap = 0.1, agents: count = 100, isReady = true, isStale = false, isOld = false }, thread): ThreadMeasures => ({
        ...{ thread, isReady, utilization, agents: count, lagMs: 0, collecting: 0, queueDepth: 0 },
        measuredAtMs: isStale ? 1 : nowMs - 1 - (isOld ? PERIOD_MS : 0),
        heapUsedBytes: heap * 100 * MIB,
        heapLimitBytes: 100 * MIB,
      }),
    );
    const residentBytes = resident * this.options.memoryBytesMax;
    const decided = balance(
      this.history,
      { nowMs, residentBytes, threads: measured, agents: new Map(Object.entries(agents).map(([key, value]) => [Number(key), value])) },
      this.options,
    );
    this.history = decided.history;
    return decided.actions;
  }
}

const agent = (slot: number, share: number): AgentShare => ({ slot, generation: 1, share });
const HOT = Array.from({ length: 10 }, (_, index) => agent(index + 1, 0.1));
const types = (actions: readonly BalancingAction<AgentShare>[]): string[] => actions.map(({ type }) => type);
const slots = (actions: readonly BalancingAction<AgentShare>[]): number[] =>
  actions.flatMap((action) => (action.type === 'migrate' ? action.agents.map(({ slot }) => slot) : []));

describe('an overloaded thread', () => {
  const busy: readonly Given[] = [{ utilization: 1 }, { utilization: 0 }];

  test('is watched in the first round and relieved in the second, until the loads are near', () => {
    const rounds = new Rounds(limits());
    expect(rounds.next(busy)).toMatchObject([{ type: 'watch', thread: 0, reason: 'its event loop is busy 100 % of the time' }]);
    const actions = rounds.next(busy, { 0: HOT });
    expect(actions).toMatchObject([{ type: 'migrate', from: 0, to: 1 }]);
    expect(slots(actions)).toEqual([1, 2, 3, 4]);
  });

  test('is not relieved for one measure, however high', () => {
    const rounds = new Rounds(limits());
    rounds.next(busy);
    expect(types(rounds.next([{ utilization: 0.5 }, {}], { 0: HOT }))).toEqual(['unwatch']);
    expect(types(rounds.next(busy))).toEqual(['watch']);
  });

  test('is not relieved for one measure that is seen twice', () => {
    const rounds = new Rounds(limits());
    expect(types(rounds.next(busy))).toEqual(['watch']);
    expect(
      types(
        rounds.next(
          busy.map((thread) => ({ ...thread, isOld: true })),
          { 0: HOT },
        ),
      ),
    ).toEqual([]);
    expect(types(rounds.next(busy, { 0: HOT }))).toEqual(['migrate']);
  });

  test('is left alone after a move until it has been overloaded twice again, and an agent that moved stays', () => {
    const rounds = new Rounds(limits({ migrationsMax: 1 }));
    rounds.next(busy);
    expect(slots(rounds.next(busy, { 0: HOT }))).toEqual([1]);
    expect(types(rounds.next(busy, { 0: HOT }))).toEqual([]);
    // As if it were there again.
    expect(slots(rounds.next(busy, { 0: HOT }))).toEqual([2]);
    for (let round = 0; round < SETTLING_ROUNDS; round++) rounds.next([{}, {}]);
    rounds.next(busy, { 0: HOT });
    expect(slots(rounds.next(busy, { 0: HOT }))).toEqual([1]);
  });

  test('keeps an agent that could not be moved for a long time', () => {
    const rounds = new Rounds(limits({ migrationsMax: 1 }));
    rounds.next(busy);
    rounds.next(busy, { 0: HOT });
    rounds.history = learn(rounds.history, { refused: [agent(1, 0)], nothingIdle: [] });
    for (let round = 0; round < REFUSED_ROUNDS - 4; round++) rounds.next([{}, {}]);
    rounds.next(busy);
    expect(slots(rounds.next(busy, { 0: HOT }))).toEqual([2]);
  });

  const cases: readonly (readonly [string, readonly Given[], readonly AgentShare[], string])[] = [
    ['when all are busy', [{ utilization: 1 }, { utilization: 0.95 }], HOT, 'no other thread has room'],
    ['when one agent takes all of it', [{ utilization: 1 }, {}], [agent(1, 1)], 'no move of an agent would make it better'],
    ['when the others would have as much', [{ utilization: 0.9 }, { utilization: 0.7 }], HOT, 'no move of an agent would make it better'],
    ['when the other would have nearly too much', [{ utilization: 1 }, { utilization: 0.4 }], [agent(1, 0.4)], 'no move of an agent would make it better'],
    ['when nothing is known to take the time', [{ utilization: 1 }, {}], [], 'no move of an agent would make it better'],
    ['when the other is short of memory', [{ utilization: 1 }, { heap: 0.9, agents: 0 }], HOT, 'no other thread has room'],
    ['when the other is blocked', [{ utilization: 1 }, { isStale: true }, { utilization: 0.99 }], HOT, 'no other thread has room'],
  ];
  test.each(cases)('is not relieved %s', (_name, threads, agents, obstacle) => {
    const rounds = new Rounds(limits());
    // So long that what is blocked has not measured itself for long enough.
    for (let round = 0; round < 4; round++) rounds.next(threads.map((thread) => ({ ...thread, utilization: 0 })));
    rounds.next(threads);
    const actions = rounds.next(threads, { 0: agents, 1: [], 2: [] });
    expect(slots(actions)).toEqual([]);
    expect(actions.find((action) => action.type === 'nothing' && action.thread === 0)?.reason).toContain(obstacle);
  });

  test('is neither relieved nor watched without leave, or alone, or lost', () => {
    const still = new Rounds(limits({ migrate: false }));
    expect([...still.next(busy), ...still.next(busy, { 0: HOT })]).toEqual([]);
    const alone = new Rounds(limits());
    expect([...alone.next([{ utilization: 1 }]), ...alone.next([{ utilization: 1 }], { 0: HOT })]).toEqual([]);
    const lost = new Rounds(limits());
    lost.next(busy);
    lost.next([{ utilization: 1, isReady: false }, {}], { 0: HOT });
    expect(types(lost.next(busy, { 0: HOT }))).toEqual(['watch']);
  });
});

describe('memory', () => {
  test.each<readonly [string, readonly Given[], number, readonly (readonly [number, number])[]]>([
    ['is left alone while there is enough', [{ heap: 0.79 }], 0.79, []],
    ['of a thread that is short of it is relieved by its own agents', [{ heap: 0.3 }, { heap: 0.9 }], 0.1, [[1, 23]]],
    [
      'of the process is relieved by all threads',
      [{ heap: 0.3 }, { heap: 0.2 }],
      0.8,
      [
        [0, 13],
        [1, 13],
      ],
    ],
    ['of a thread without agents is not its agents', [{ heap: 0.99, agents: 0 }], 0.9, []],
    ['of a thread that is not there is nobody’s', [{ heap: 0.99, isReady: false }], 0.1, []],
  ])('%s', (_name, threads, resident, expected) => {
    const actions = new Rounds(limits()).next(threads, {}, resident);
    expect(actions.map((action) => action.type === 'passivate' && [action.thread, action.countMax])).toEqual(expected);
  });

  test('nobody looks again at once where nothing could leave', () => {
    const rounds = new Rounds(limits());
    const short: readonly Given[] = [{ heap: 0.9 }];
    expect(types(rounds.next(short))).toEqual(['passivate']);
    rounds.history = learn(rounds.history, { refused: [], nothingIdle: [0] });
    expect([rounds.next(short), rounds.next(short), rounds.next(short)].map(types)).toEqual([[], [], ['passivate']]);
  });

  test('is not relieved without leave', () => {
    expect(new Rounds(limits({ passivate: false })).next([{ heap: 0.99 }], {}, 0.99)).toEqual([]);
  });
});

test('a round is within its bounds, whatever the measures, and never moves to where there is no room', () => {
  const share = fc.nat(100).map((percent) => percent / 100);
  const seldom = fc.nat(9).map((number) => number === 0);
  const thread = fc.record({ utilization: share, heap: share, agents: fc.nat(1000), isReady: seldom.map((isLost) => !isLost), isStale: seldom });
  const round = fc.record({ threads: fc.array(thread, { minLength: 1, maxLength: 6 }), shares: fc.array(share, { maxLength: 30 }), resident: share });
  fc.assert(
    fc.property(
      fc.array(round, { maxLength: 12 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 300 }),
      (given, migrationsMax, passivationsMax) => {
        const rounds = new Rounds(limits({ migrationsMax, passivationsMax, overload: 0.6 }));
        // Each for as long as it takes to act on it.
        for (const { threads, shares, resident } of given.flatMap((each) => [each, each, each])) {
          const agents = Object.fromEntries(threads.map((_, index) => [index, shares.map((each, at) => agent(index * 100 + at + 1, each))]));
          const actions = rounds.next(threads, agents, resident);
          expect(slots(actions).length).toBeLessThanOrEqual(migrationsMax);
          expect(new Set(slots(actions)).size).toBe(slots(actions).length);
          expect(actions.reduce((sum, action) => sum + (action.type === 'passivate' ? action.countMax : 0), 0)).toBeLessThanOrEqual(passivationsMax);
          for (const action of actions) {
            if (action.type !== 'migrate') continue;
            const added = action.agents.reduce((sum, each) => sum + each.share, 0);
            expect((threads[action.to]?.utilization ?? 1) + added).toBeLessThanOrEqual(0.6);
            expect(threads[action.to]).toMatchObject({ isReady: true });
          }
        }
      },
    ),
    { numRuns: 1000 },
  );
});

/** Threads and agents with a demand that does not change; a thread that has more than it can gives each agent its part. */
function simulate(
  demands: readonly number[],
  placed: readonly number[],
  threads: number,
  roundsCount: number,
): { readonly at: number[]; readonly moves: number[][]; readonly loads: number[] } {
  const at = [...placed];
  const rounds = new Rounds(limits());
  const moves: number[][] = [];
  const demandOf = (thread: number): number => demands.reduce((sum, demand, index) => (at[index] === thread ? sum + demand : sum), 0);
  for (let round = 0; round < roundsCount; round++) {
    const all = Array.from({ length: threads }, (_, thread) => demandOf(thread));
    const agents = Object.fromEntries(
      all.map((demand, thread) => [
        thread,
        demands
          .map((each, index) => ({ slot: index + 1, generation: 1, share: each / Math.max(1, demand) }))
          .filter((_, index) => at[index] === thread)
          .sort((a, b) => b.share - a.share)
          .slice(0, 64),
      ]),
    );
    const actions = rounds.next(
      all.map((demand) => ({ utilization: Math.min(1, demand) })),
      agents,
    );
    moves.push(slots(actions));
    for (const action of actions) if (action.type === 'migrate') for (const { slot } of action.agents) at[slot - 1] = action.to;
  }
  return { at, moves, loads: Array.from({ length: threads }, (_, thread) => demandOf(thread)) };
}

test('under a load that does not change agents come to rest, and none goes back and forth', () => {
  const system = fc.integer({ min: 2, max: 6 }).chain((threads) =>
    fc.record({
      threads: fc.constant(threads),
      agents: fc.array(fc.tuple(fc.double({ min: 0.001, max: 1.2, noNaN: true }), fc.nat(threads - 1)), { maxLength: 40 }),
    }),
  );
  fc.assert(
    fc.property(system, ({ threads, agents }) => {
      const { moves } = simulate(
        agents.map(([demand]) => demand),
        agents.map(([, thread]) => thread),
        threads,
        200,
      );
      // Quiet for longer than anybody has to stay where it is.
      expect(moves.slice(-4 * SETTLING_ROUNDS).flat()).toEqual([]);
      const counts = new Map<number, number>();
      for (const slot of moves.flat()) counts.set(slot, (counts.get(slot) ?? 0) + 1);
      expect(Math.max(0, ...counts.values())).toBeLessThanOrEqual(threads);
    }),
    { numRuns: 300 },
  );
});

test('an uneven load of small agents ends with no thread overloaded', () => {
  const system = fc.integer({ min: 2, max: 6 }).chain((threads) =>
    fc.record({
      threads: fc.constant(threads),
      demands: fc.array(fc.double({ min: 0.01, max: 0.1, noNaN: true }), { minLength: 1, maxLength: 60 }).map((demands) => {
        const kept: number[] = [];
        for (const demand of demands) if (kept.reduce((sum, each) => sum + each, 0) + demand < threads * 0.5) kept.push(demand);
        return kept;
      }),
    }),
  );
  fc.assert(
    fc.property(system, ({ threads, demands }) => {
      const { loads } = simulate(
        demands,
        demands.map(() => 0),
        threads,
        80,
      );
      expect(Math.max(...loads)).toBeLessThan(0.85);
    }),
    { numRuns: 300 },
  );
});
