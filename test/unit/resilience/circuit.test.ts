import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Circuit, type CircuitSettings, REFUSED } from '../../../dist/ts-src/resilience/machines/circuit.js';
import { FailureWindow } from '../../../dist/ts-src/resilience/machines/failure-window.js';

type Outcome = 'succeeded' | 'failed' | 'ignored';

/** A circuit that keeps everything that ever happened, and looks through it each time it is asked. */
class CircuitByLog {
  readonly settings: CircuitSettings;
  type: 'closed' | 'open' | 'halfOpen' | 'isolated' = 'closed';
  /** Where in the log the present state began, and when. */
  #since = 0;
  #sinceMs = 0;
  readonly #log: { readonly what: 'admitted' | Outcome; readonly call: number; readonly atMs: number }[] = [];

  constructor(settings: CircuitSettings) {
    this.settings = settings;
  }

  #present() {
    return this.#log.slice(this.#since);
  }

  #become(type: CircuitByLog['type'], nowMs: number): void {
    this.type = type;
    this.#since = this.#log.length;
    this.#sinceMs = nowMs;
  }

  admit(call: number, nowMs: number): boolean {
    if (this.type === 'isolated') return false;
    if (this.type === 'open') {
      if (nowMs < this.#sinceMs + this.settings.openMs) return false;
      this.#become('halfOpen', nowMs);
    }
    if (this.type === 'halfOpen' && this.probe(nowMs) !== undefined) return false;
    this.#log.push({ what: 'admitted', call, atMs: nowMs });
    return true;
  }

  /** The call that is out as a probe, unless it has been out for too long. */
  probe(nowMs: number): number | undefined {
    const last = this.#present()
      .filter(({ what }) => what === 'admitted')
      .at(-1);
    if (last === undefined || this.#present().some(({ what, call }) => what !== 'admitted' && call === last.call)) return undefined;
    return nowMs - last.atMs < this.settings.openMs ? last.call : undefined;
  }

  settle(call: number, outcome: Outcome, nowMs: number): void {
    const admitted = this.#present().filter(({ what }) => what === 'admitted');
    if (this.type === 'halfOpen') {
      if (admitted.at(-1)?.call !== call) return;
      this.#log.push({ what: outcome, call, atMs: nowMs });
      if (outcome === 'failed') this.#become('open', nowMs);
      else if (this.successes >= this.settings.successesToClose) this.#become('closed', nowMs);
    } else if (this.type === 'closed') {
      if (!admitted.some((entry) => entry.call === call)) return;
      if (outcome === 'ignored') return;
      this.#log.push({ what: outcome, call, atMs: nowMs });
      if (this.#isTooMuch(nowMs)) this.#become('open', nowMs);
    }
  }

  get successes(): number {
    return this.#present().filter(({ what }) => what === 'succeeded').length;
  }

  get consecutiveFailures(): number {
    const outcomes = this.#present().filter(({ what }) => what !== 'admitted');
    return outcomes.length - 1 - outcomes.findLastIndex(({ what }) => what === 'succeeded');
  }

  #isTooMuch(nowMs: number): boolean {
    const { failures } = this.settings;
    if (typeof failures === 'number') return this.consecutiveFailures >= failures;
    const tenth = (atMs: number): number => Math.floor(atMs / (failures.windowMs / 10));
    const recent = this.#present().filter(({ what, atMs }) => what !== 'admitted' && tenth(nowMs) - tenth(atMs) < 10);
    const failed = recent.filter(({ what }) => what === 'failed').length;
    return recent.length >= failures.callsMin && failed >= failures.rate * recent.length;
  }

  isolate(nowMs: number): void {
    this.#become('isolated', nowMs);
  }

  reset(nowMs: number): void {
    this.#become('closed', nowMs);
  }
}

const settingsOf = (failures: fc.Arbitrary<CircuitSettings['failures']>): fc.Arbitrary<CircuitSettings> =>
  fc.record({ failures, successesToClose: fc.integer({ min: 1, max: 4 }), openMs: fc.integer({ min: 1, max: 50 }) });
const consecutive = settingsOf(fc.integer({ min: 1, max: 5 }));
const byRate = settingsOf(fc.record({ rate: fc.constantFrom(0.25, 0.5, 1), windowMs: fc.constantFrom(10, 50, 200), callsMin: fc.integer({ min: 1, max: 6 }) }));

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('admit' as const) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('settle' as const),
        which: fc.nat(5),
        outcome: fc.constantFrom<Outcome>('succeeded', 'failed', 'failed', 'ignored'),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 40 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('isolate' as const, 'reset' as const, 'reset' as const) }) },
  ),
  { maxLength: 120, size: 'max' },
);

test.each([
  ['consecutive failures', consecutive, false],
  ['a failure rate', byRate, true],
] as const)('a circuit that opens by %s does what a log of everything that happened says', (_name, settings, hasWindow) => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(settings, steps, (each, commands) => {
      const circuit = new Circuit(each);
      const twin = new CircuitByLog(each);
      const under: { readonly call: number; readonly ticket: number }[] = [];
      let nowMs = -35;
      let calls = 0;
      for (const command of commands) {
        const from = circuit.state.type;
        if (command.do === 'wait') nowMs += command.ms;
        else if (command.do === 'admit') {
          const call = calls++;
          // What says that it ignores the time is given a wrong one.
          const ticket = circuit.admit(circuit.ignoresTime ? Number.NaN : nowMs);
          expect(ticket !== REFUSED).toBe(twin.admit(call, nowMs));
          if (ticket !== REFUSED) under.push({ call, ticket });
        } else if (command.do === 'settle') {
          const [settled] = under.splice(command.which % Math.max(1, under.length), 1);
          if (settled === undefined) continue;
          if (command.outcome === 'succeeded') circuit.succeeded(settled.ticket, circuit.ignoresTime ? Number.NaN : nowMs);
          else if (command.outcome === 'failed') circuit.failed(settled.ticket, nowMs);
          else circuit.ignored(settled.ticket);
          twin.settle(settled.call, command.outcome, nowMs);
        } else if (command.do === 'isolate') {
          circuit.isolate();
          twin.isolate(nowMs);
        } else {
          circuit.reset();
          twin.reset(nowMs);
        }
        const { state } = circuit;
        expect(state.type).toBe(twin.type);
        if (state.type === 'halfOpen') expect(state.successes).toBe(twin.successes);
        if (state.type === 'closed' && !hasWindow) expect(state.failures).toBe(twin.consecutiveFailures);
        if (from !== state.type) seen.add(`${from} → ${state.type}`);
      }
    }),
    { numRuns: 2000 },
  );
  // Every transition there is was tried.
  expect([...seen].sort()).toEqual([
    'closed → isolated',
    'closed → open',
    'halfOpen → closed',
    'halfOpen → isolated',
    'halfOpen → open',
    'isolated → closed',
    'open → closed',
    'open → halfOpen',
    'open → isolated',
  ]);
});

describe('of a circuit with two failures, two successes, 100 ms', () => {
  const open = (): Circuit => {
    const circuit = new Circuit({ failures: 2, successesToClose: 2, openMs: 100 });
    for (let call = 0; call < 2; call++) circuit.failed(circuit.admit(0), 0);
    expect(circuit.state).toEqual({ type: 'open', untilMs: 100 });
    return circuit;
  };

  test('calls are refused until its time has passed, then one passes at a time', () => {
    const circuit = open();
    expect(circuit.admit(99.9)).toBe(REFUSED);
    const probe = circuit.admit(100);
    expect(probe).not.toBe(REFUSED);
    expect(circuit.state).toEqual({ type: 'halfOpen', successes: 0, probeSinceMs: 100 });
    expect(circuit.admit(101)).toBe(REFUSED);
    circuit.succeeded(probe, 102);
    expect(circuit.state).toEqual({ type: 'halfOpen', successes: 1, probeSinceMs: undefined });
    circuit.succeeded(circuit.admit(103), 104);
    expect(circuit.state).toEqual({ type: 'closed', failures: 0 });
  });

  test('failures that come while it is open do not keep it open longer', () => {
    const circuit = new Circuit({ failures: 2, successesToClose: 2, openMs: 100 });
    const tickets = [0, 1, 2, 3].map(() => circuit.admit(0));
    tickets.forEach((ticket, index) => circuit.failed(ticket, index * 10));
    expect(circuit.state).toEqual({ type: 'open', untilMs: 110 });
  });

  test('a probe that does not come back makes room for another after that time, and says nothing any more', () => {
    const circuit = open();
    const lost = circuit.admit(100);
    expect(circuit.admit(199)).toBe(REFUSED);
    const next = circuit.admit(200);
    expect(next).not.toBe(REFUSED);
    circuit.failed(lost, 201);
    expect(circuit.state).toEqual({ type: 'halfOpen', successes: 0, probeSinceMs: 200 });
    circuit.succeeded(next, 202);
    circuit.succeeded(next, 203);
    expect(circuit.state).toEqual({ type: 'halfOpen', successes: 1, probeSinceMs: undefined });
  });

  test('a probe that its caller gave up makes room for another at once', () => {
    const circuit = open();
    circuit.ignored(circuit.admit(100));
    expect(circuit.admit(100)).not.toBe(REFUSED);
  });
});

test('the window counts what happened in its last ten tenths', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(10, 70, 1000),
      fc.integer({ min: -1000, max: 1000 }),
      fc.array(fc.record({ gapMs: fc.oneof(fc.nat(30), fc.nat(400), fc.nat(3000)), failed: fc.boolean() }), { maxLength: 100 }),
      (windowMs, startMs, records) => {
        const window = new FailureWindow(windowMs);
        const all: { readonly tenth: number; readonly failed: boolean }[] = [];
        let nowMs = startMs;
        for (const { gapMs, failed } of records) {
          nowMs += gapMs;
          const tenth = Math.floor(nowMs / (windowMs / 10));
          window.record(failed, nowMs);
          all.push({ tenth, failed });
          const recent = all.filter((each) => tenth - each.tenth < 10);
          expect([window.calls, window.failures]).toEqual([recent.length, recent.filter((each) => each.failed).length]);
        }
      },
    ),
  );
});
