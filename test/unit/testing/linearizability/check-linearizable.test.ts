/** The checker: against one that tries every order, with mistakes that a system makes, with histories that others publish, and within its limits. */
import fc from 'fast-check';
import {
  casRegisterModel,
  checkLinearizable,
  drawFailure,
  type HistoryOperation,
  keyValueModel,
  parseHistory,
  type RegisterInput,
  registerModel,
  type SequentialModel,
} from 'nexus-agents/testing';
import { describe, expect, test } from 'vitest';
import { isLinearizableByForce, ok, simulateRegisters, unknown } from './histories.js';

const read = { f: 'read' } as const;
const write = (value: unknown): RegisterInput => ({ f: 'write', value });
const cas = (expected: unknown, value: unknown): RegisterInput => ({ f: 'cas', value: [expected, value] });
const verdict = (history: readonly HistoryOperation<RegisterInput>[]): string => checkLinearizable(casRegisterModel(0), history).verdict;

/** A list to which values are added, and a counter whose increments are told nothing of: states that say much, and states that say little. */
const counter: SequentialModel<number, { readonly f: 'add'; readonly by: number } | { readonly f: 'read' }, unknown> = {
  name: 'counter',
  init: () => 0,
  step: (state, input, reply) => {
    if (input.f === 'add') return { state: state + input.by };
    return reply === undefined || reply.output === state ? { state } : undefined;
  },
};

describe('against every order', () => {
  const times = fc.tuple(fc.nat(12), fc.nat(6));
  type Outcome = HistoryOperation['outcome'];
  const mostlyKnown = fc.constantFrom<Outcome>('ok', 'ok', 'ok', 'ok', 'unknown', 'failed');
  const halfUnknown = fc.constantFrom<Outcome>('ok', 'unknown');
  const registerCall = fc.oneof(
    fc.record({ input: fc.constant<RegisterInput>(read), output: fc.nat(2) as fc.Arbitrary<unknown> }),
    fc.record({ input: fc.nat(2).map((value): RegisterInput => write(value)), output: fc.constant<unknown>(undefined) }),
    fc.record({ input: fc.tuple(fc.nat(2), fc.nat(2)).map(([a, b]): RegisterInput => cas(a, b)), output: fc.boolean() as fc.Arbitrary<unknown> }),
  );
  const counterCall = fc.oneof(
    fc.record({ input: fc.constant({ f: 'read' } as const), output: fc.nat(4) as fc.Arbitrary<unknown> }),
    fc.record({ input: fc.integer({ min: 1, max: 2 }).map((by) => ({ f: 'add', by }) as const), output: fc.constant<unknown>(undefined) }),
  );
  const historyOf = <I>(call: fc.Arbitrary<{ input: I; output: unknown }>, outcome = mostlyKnown): fc.Arbitrary<HistoryOperation<I>[]> =>
    fc.array(
      fc.tuple(call, times, outcome).map(([{ input, output }, [invokedAt, took], how]) => ({
        process: 0,
        input,
        output,
        invokedAt,
        returnedAt: invokedAt + took,
        outcome: how,
      })),
      { maxLength: 7 },
    );
  const compared = <I>(model: SequentialModel<unknown, I, unknown>, histories: fc.Arbitrary<HistoryOperation<I>[]>, numRuns = 3000): void => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(histories, (history) => {
        const result = checkLinearizable(model, history);
        seen.add(result.verdict);
        expect(result.verdict).toBe(isLinearizableByForce(model, history) ? 'linearizable' : 'notLinearizable');
      }),
      { numRuns },
    );
    expect([...seen].sort()).toEqual(['linearizable', 'notLinearizable']);
  };

  test('a small history of a register is linearizable for the checker exactly if any order explains it', () => {
    compared(casRegisterModel(0) as SequentialModel<unknown, RegisterInput, unknown>, historyOf(registerCall));
  });

  test('a small history of which half has an unknown outcome is linearizable for the checker exactly if any order explains it', () => {
    compared(casRegisterModel(0) as SequentialModel<unknown, RegisterInput, unknown>, historyOf(registerCall, halfUnknown), 12_000);
  });

  test('a small history of a counter is linearizable for the checker exactly if any order explains it', () => {
    compared(counter as SequentialModel<unknown, { f: 'add'; by: number } | { f: 'read' }, unknown>, historyOf(counterCall as never) as never);
  });

  test('what the checker says is an order is one', () => {
    fc.assert(
      fc.property(historyOf(registerCall), (history) => {
        const model = casRegisterModel(0);
        const result = checkLinearizable(model, history);
        const orders =
          result.verdict === 'linearizable'
            ? [...result.orders.values()]
            : result.verdict === 'notLinearizable'
              ? result.failures.flatMap(({ prefixes }) => prefixes.map(({ order }) => order))
              : [];
        for (const order of orders) {
          let state: unknown = model.init();
          order.forEach((operation, index) => {
            const stepped = model.step(state, operation.input as RegisterInput, operation.outcome === 'ok' ? { output: operation.output } : undefined);
            expect(stepped).toBeDefined();
            state = stepped?.state;
            for (const later of order.slice(index + 1))
              if (later.outcome === 'ok') expect(later.returnedAt as number).toBeGreaterThanOrEqual(operation.invokedAt);
          });
          if (result.verdict === 'linearizable')
            expect(order.filter(({ outcome }) => outcome === 'ok')).toHaveLength(history.filter(({ outcome }) => outcome === 'ok').length);
        }
      }),
    );
  });
});

describe('mistakes of a system', () => {
  test('a stale read is refused, and named', () => {
    const history = [ok(0, 1, 2, write(1)), ok(0, 3, 4, write(2)), ok(1, 5, 6, read, 1)];
    const result = checkLinearizable(registerModel(), history);
    if (result.verdict !== 'notLinearizable') throw new Error(result.verdict);
    expect(result.failures[0]?.prefixes[0]?.next).toEqual([history[2]]);
    expect(result.failures[0]?.prefixes[0]?.order).toEqual([history[0], history[1]]);
    expect(result.text).toContain('read → 1, process 1, from 5 to 6');
    expect(verdict([ok(0, 1, 2, write(1)), ok(0, 3, 6, write(2)), ok(1, 5, 7, read, 1)])).toBe('linearizable');
  });

  test('a lost write is refused', () => {
    expect(verdict([ok(0, 1, 2, write(1)), ok(1, 3, 4, cas(0, 2), true), ok(0, 5, 6, read, 2)])).toBe('notLinearizable');
    expect(verdict([ok(0, 1, 2, write(1)), ok(1, 3, 4, read, 0)])).toBe('notLinearizable');
  });

  test('an operation that is applied twice is refused', () => {
    const append = (value: number) => ({ f: 'append', key: 'a', value }) as const;
    const all = (output: readonly number[]) => ok(2, 9, 10, { f: 'read', key: 'a' } as const, output);
    const judged = (output: readonly number[]) => checkLinearizable(keyValueModel(), [ok(0, 1, 2, append(1)), ok(1, 1, 2, append(2)), all(output)]).verdict;
    expect([judged([1, 2]), judged([2, 1]), judged([1, 2, 1]), judged([1])]).toEqual(['linearizable', 'linearizable', 'notLinearizable', 'notLinearizable']);
    const once = [unknown(0, 1, { f: 'add', by: 1 } as const), ok(1, 2, 3, read, 1), ok(1, 4, 5, read, 2)];
    expect(checkLinearizable(counter, once).verdict).toBe('notLinearizable');
    expect(checkLinearizable(counter, once.slice(0, 2)).verdict).toBe('linearizable');
  });

  test('two winners of one compare-and-set are refused', () => {
    expect(verdict([ok(0, 1, 5, cas(0, 1), true), ok(1, 1, 5, cas(0, 2), true)])).toBe('notLinearizable');
    expect(verdict([ok(0, 1, 5, cas(0, 1), true), ok(1, 1, 5, cas(0, 2), false)])).toBe('linearizable');
  });

  test('an operation of unknown outcome may happen at any later time, once, or never, but not before it was called', () => {
    const late = [unknown(0, 1, write(1)), ok(1, 2, 3, read, 0), ok(1, 4, 5, read, 1)];
    expect(verdict(late)).toBe('linearizable');
    expect(verdict([unknown(0, 1, write(1)), ok(1, 2, 3, read, 0)])).toBe('linearizable');
    expect(verdict([unknown(0, 1, write(1)), ok(1, 2, 3, read, 1), ok(1, 4, 5, read, 0)])).toBe('notLinearizable');
    expect(verdict([ok(1, 2, 3, read, 1), unknown(0, 4, write(1))])).toBe('notLinearizable');
    expect(verdict([ok(1, 2, 3, read, 1), { ...unknown(0, 1, write(1)), outcome: 'failed' }])).toBe('notLinearizable');
  });

  test('which of two unknown operations explains a read is left open until it matters', () => {
    const either = [
      ok(0, 1, 2, write(1)),
      unknown(1, 1, write(5)),
      unknown(2, 1, cas(1, 5)),
      ok(3, 3, 4, read, 5),
      ok(0, 5, 6, write(2)),
      ok(3, 7, 8, read, 5),
    ];
    expect(verdict(either)).toBe('linearizable');
    expect(verdict([...either, ok(0, 9, 10, write(1)), ok(3, 11, 12, read, 5)])).toBe('notLinearizable');
  });

  test('a mistake in one part is found there, and the others are explained', () => {
    const history = simulateRegisters({ seed: 3, processes: 5, operations: 200, keys: 4 });
    const bad = history.findIndex(({ input, output }) => input.f === 'read' && input.key === 'k2' && output !== null);
    const planted = history.map((operation, index) => (index === bad ? { ...operation, output: -7 } : operation));
    const result = checkLinearizable(keyValueModel(), planted as never);
    expect(result.verdict === 'notLinearizable' && result.failures.map(({ part }) => part)).toEqual(['k2']);
    expect(result.parts).toBe(4);
  });
});

describe('histories of 1,000 operations', () => {
  const seconds = (run: () => unknown): number => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };

  test.each([
    { keys: 1, unknown: 0, processes: 5 },
    { keys: 1, unknown: 0.1, processes: 5 },
    { keys: 1, unknown: 0.1, processes: 12 },
    { keys: 10, unknown: 0.1, processes: 20 },
  ])('of a register that is linearizable are accepted in seconds: %j', (run) => {
    for (const seed of [1, 2, 3]) {
      const history = simulateRegisters({ seed, operations: 1000, ...run });
      const took = seconds(() => expect(checkLinearizable(keyValueModel(), history as never)).toMatchObject({ verdict: 'linearizable' }));
      console.log(`${JSON.stringify(run)} seed ${seed}: accepted in ${took.toFixed(2)} s of processor time`);
      expect(took).toBeLessThan(10);
    }
  });

  test.each([0, 0.1])('with a planted stale read are refused in seconds, with a share of %d unknown', (share) => {
    for (const seed of [1, 2, 3]) {
      const history = simulateRegisters({ seed, operations: 1000, processes: 5, unknown: share });
      // A value that was overwritten long ago, by somebody who has returned.
      const index = history.findLastIndex(({ input, outcome }) => input.f === 'read' && outcome === 'ok');
      const old = history.find(({ input, outcome }) => input.f === 'write' && outcome === 'ok')?.input.value;
      const planted = history.map((operation, at) => (at === index ? { ...operation, output: old } : operation));
      const took = seconds(() => expect(checkLinearizable(keyValueModel(), planted as never)).toMatchObject({ verdict: 'notLinearizable' }));
      console.log(`${share} unknown, seed ${seed}: refused in ${took.toFixed(2)} s of processor time`);
      expect(took).toBeLessThan(10);
    }
  });
});

describe('limits', () => {
  // Adds of different amounts whose outcome nobody knows, and a read that no sum explains: every subset is another state.
  const hard = [
    ...Array.from({ length: 24 }, (_, index) => unknown(index, 1, { f: 'add', by: 2 ** index * 2 } as const)),
    ok(100, 2, 3, { f: 'read' } as const, 1),
  ];

  test('what is not decided within a limit is unknown, and it is said which limit', () => {
    expect(checkLinearizable(counter, hard, { stepsMax: 1000 })).toMatchObject({ verdict: 'unknown', limit: 'stepsMax', undecided: [''], steps: 1000 });
    expect(checkLinearizable(counter, hard, { timeMs: 1 })).toMatchObject({ verdict: 'unknown', limit: 'timeMs' });
    const history = simulateRegisters({ seed: 1, processes: 5, operations: 100 });
    const result = checkLinearizable(keyValueModel(), history as never, { configurationsMax: 10 });
    expect(result).toMatchObject({ verdict: 'unknown', limit: 'configurationsMax' });
    expect(result.text).toBe('not decided within configurationsMax = 10: 100 operations, of which 1 part is undecided');
  });

  test('what is no history, no option or no operation of the model is said by its name', () => {
    expect(() => checkLinearizable(registerModel(), {} as never)).toThrow('history: is an object; it must be a list of operations');
    expect(() => checkLinearizable(registerModel(), [{ process: 0, input: read, invokedAt: 3, returnedAt: 2, outcome: 'ok' }])).toThrow(
      'history[0].returnedAt: is 2; it must be a number that is not less than invokedAt (3)',
    );
    expect(() => checkLinearizable(registerModel(), [ok(0, 1, 2, { f: 'increment' } as never)])).toThrow("a register has no operation 'increment'");
    expect(() => checkLinearizable(registerModel(), [], { steps: 3 } as never)).toThrow(
      "checkLinearizable: unknown option 'steps'. Options are stepsMax, timeMs, configurationsMax",
    );
    expect(() => checkLinearizable(registerModel(), [], { timeMs: 0 })).toThrow('timeMs: is 0; it must be a number above 0');
  });

  test('a history of 100,000 operations is judged without a deep stack', () => {
    const history = simulateRegisters({ seed: 9, processes: 4, operations: 100_000 });
    expect(checkLinearizable(keyValueModel(), history as never).verdict).toBe('linearizable');
  });
});

describe('published histories', () => {
  test('the example of Porcupine: a read that began before the write of another value has ended may return either', () => {
    // https://www.anishathalye.com/testing-distributed-systems-for-linearizability/: put 100; read 100; read 0, at once; and then with the reads after each other.
    expect(checkLinearizable(registerModel(0), [ok(0, 0, 100, write(100)), ok(1, 25, 75, read, 100), ok(2, 30, 60, read, 0)]).verdict).toBe('linearizable');
    expect(checkLinearizable(registerModel(0), [ok(0, 0, 100, write(200)), ok(1, 10, 30, read, 200), ok(2, 40, 90, read, 0)]).verdict).toBe('notLinearizable');
  });

  test('a log of Jepsen is read and judged', () => {
    const log = `INFO  jepsen.util - 0\t:invoke\t:write\t4
INFO  jepsen.util - 1\t:invoke\t:read\tnil
INFO  jepsen.util - 0\t:ok\t:write\t4
INFO  jepsen.util - 2\t:invoke\t:cas\t[4 2]
INFO  jepsen.util - 1\t:ok\t:read\t4
INFO  jepsen.util - :nemesis\t:info\t:start\t"cut off"
INFO  jepsen.util - 2\t:info\t:cas\t:timed-out
INFO  jepsen.util - 1\t:invoke\t:read\tnil
INFO  jepsen.util - 1\t:ok\t:read\t2
INFO  jepsen.util - 0\t:invoke\t:read\tnil
INFO  jepsen.util - 0\t:ok\t:read\t`;
    expect(checkLinearizable(casRegisterModel(), parseHistory<RegisterInput>(`${log}2`)).verdict).toBe('linearizable');
    expect(checkLinearizable(casRegisterModel(), parseHistory<RegisterInput>(`${log}4`)).verdict).toBe('notLinearizable');
  });
});

describe('the picture', () => {
  test('shows the operations that cannot be ordered, with the order before them, on light and dark ground', () => {
    const history = [ok(0, 1, 2, write(1)), ok(0, 3, 4, write('<&"')), unknown(1, 4, write(9)), ok(1, 5, 6, read, 1), ok(3, 5, 8, write(3))];
    const result = checkLinearizable(registerModel(), history);
    if (result.verdict !== 'notLinearizable') throw new Error(result.verdict);
    const svg = drawFailure(registerModel(), result.failures[0] as never, { title: 'a stale read' });
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox=/);
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg).toContain('<title>read → 1; process 1, from 5 to 6: would have to come next, and cannot</title>');
    expect(svg).toContain('write &quot;&lt;&amp;\\&quot;&quot;');
    expect(svg).toContain('write 9 ?; process 1, called at 4, outcome unknown');
    expect(svg.match(/class="stuck"/g)?.length).toBeGreaterThanOrEqual(2);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('of a long history shows what is around the place at which no order goes on', () => {
    const history = simulateRegisters({ seed: 4, processes: 6, operations: 600, unknown: 0.1 });
    const index = history.findIndex(({ input, outcome }, at) => at > 400 && input.f === 'read' && outcome === 'ok');
    const result = checkLinearizable(keyValueModel(), history.map((each, at) => (at === index ? { ...each, output: -1 } : each)) as never);
    if (result.verdict !== 'notLinearizable') throw new Error(result.verdict);
    const svg = drawFailure(keyValueModel(), result.failures[0] as never, { operationsMax: 30 });
    expect(svg.match(/<g class="(placed|stuck|later)( open)?"><title>/g)).toHaveLength(30);
    expect(svg).toContain('read → -1; process');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
});
