/** The machine of one supervisor: what it does about each event, as a table; and whatever the order in which its effects come back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveSupervision } from '../../../dist/ts-src/model/supervision.js';
import { type SupervisorEffect, type SupervisorEvent, SupervisorMachine, type RestartType, type Strategy } from '../../../dist/ts-src/model/supervisor.js';

/** `a:transient` is a transient child; permanent if it does not say. */
function machineOf(strategy: Strategy, children: string, options: { intensity?: number; initialMs?: number } = {}): SupervisorMachine {
  const { intensity = 3, initialMs = 0 } = options;
  const policy = { ...resolveSupervision({ intensity, periodMs: 1000, backoff: { initialMs, jitter: 0 } }), strategy };
  return new SupervisorMachine(
    policy,
    children.split(' ').map((child) => {
      const [id, restart = 'permanent'] = child.split(':') as [string, RestartType?];
      return { id, restart };
    }),
  );
}

function textOf(effect: SupervisorEffect): string {
  switch (effect.type) {
    case 'start':
      return `start ${effect.id}${effect.inPlace ? ' in place' : ''}`;
    case 'end':
      return `${effect.keep ? 'suspend' : 'end'} ${effect.id}`;
    case 'wait':
      return `wait ${effect.delayMs} for ${effect.id}`;
    case 'answer':
      return effect.outcome.type;
    case 'fail':
      return `fail: ${effect.failure.type} by ${effect.failure.id}`;
    case 'bootFailed':
    case 'forget':
      return `${effect.type} ${effect.id}`;
    default:
      return effect.type;
  }
}

/** Drives a machine with short words; steps are answered at once, waits when told, and everything is written down. */
class Driver {
  nowMs = 0;
  readonly #machine: SupervisorMachine;
  readonly #failing = new Set<string>();
  #waits: { id: string; attempt: number }[] = [];
  readonly #inPlace = new Map<number, boolean>();
  #held: SupervisorEffect | undefined;
  #isHolding = false;

  constructor(machine: SupervisorMachine) {
    this.#machine = machine;
  }

  /** `boot`, `fail a`, `escalate a`, `end a`, `abort a` (a failed end), `lost a b`, `gone a b`, `due`, `terminate a`, `restart a`, `delete a`, `start a:transient`, `stop`, `refuse a`, `accept a`, `hold`, `release`, `+500` */
  do(script: string): string {
    const said: string[] = [];
    for (const line of script.split(', ')) {
      const [verb, ...rest] = line.split(' ') as [string, ...string[]];
      const id = rest[0] ?? '';
      if (verb.startsWith('+')) this.nowMs += Number(verb);
      else if (verb === 'refuse') this.#failing.add(id);
      else if (verb === 'accept') this.#failing.delete(id);
      else if (verb === 'hold') this.#isHolding = true;
      else if (verb === 'release') {
        this.#isHolding = false;
        const held = this.#held;
        this.#held = undefined;
        if (held !== undefined) said.push(...this.#answer(held));
      } else if (verb === 'due') {
        const waits = this.#waits;
        this.#waits = [];
        for (const wait of waits) said.push(...this.#step({ ...wait, type: 'due' }));
      } else said.push(...this.#step(eventOf(verb, id, rest)));
    }
    return said.join(', ');
  }

  status(): string {
    return this.#machine
      .report()
      .map(({ id, status, restarts }) => `${id} ${status}${restarts > 0 ? ` ${restarts}` : ''}`)
      .join(', ');
  }

  #step(event: SupervisorEvent): string[] {
    return this.#machine.step(event, this.nowMs, () => 0).flatMap((effect) => [textOf(effect), ...this.#react(effect)]);
  }

  #react(effect: SupervisorEffect): string[] {
    if (effect.type === 'wait') this.#waits.push(effect);
    if (effect.type !== 'start' && effect.type !== 'end') return [];
    if (this.#isHolding) {
      this.#held = effect;
      return [];
    }
    return this.#answer(effect);
  }

  #answer(effect: SupervisorEffect): string[] {
    if (effect.type === 'end') return this.#step({ type: 'ended', step: effect.step });
    if (effect.type !== 'start') return [];
    if (this.#failing.has(effect.id)) return this.#step({ type: 'startFailed', step: effect.step, error: 'no', gone: !effect.inPlace });
    this.#inPlace.set(effect.step, effect.inPlace);
    return this.#step({ type: 'started', step: effect.step });
  }
}

function eventOf(verb: string, id: string, ids: readonly string[]): SupervisorEvent {
  switch (verb) {
    case 'boot':
    case 'stop':
      return { type: verb };
    case 'fail':
    case 'escalate':
      return { type: 'childFailed', id, error: 'boom', escalates: verb === 'escalate' };
    case 'end':
    case 'abort':
      return { type: 'childEnded', id, failed: verb === 'abort', error: 'boom' };
    case 'lost':
    case 'gone':
      return { type: 'childrenLost', ids, gone: verb === 'gone', error: 'lost' };
    case 'start': {
      const [name, restart = 'permanent'] = id.split(':') as [string, RestartType?];
      return { type: 'command', call: 1, command: { type: 'start', child: { id: name, restart } } };
    }
    case 'terminate':
    case 'restart':
    case 'delete':
      return { type: 'command', call: 1, command: { type: verb, id } };
    default:
      throw new Error(`no event ${verb}`);
  }
}

const ALL = 'a b:transient c:temporary d';

/** Strategy, what happened before, what happens, what is done about it, what the children are then. */
const TABLE: readonly (readonly [Strategy, string, string, string, string])[] = [
  ['oneForOne', '', 'boot', 'start a, start b, start c, start d, booted', 'a running, b running, c running, d running'],
  ['oneForOne', 'refuse c', 'boot', 'start a, start b, start c, end b, end a, bootFailed c', 'a absent, b absent, c absent, d absent'],
  ['oneForOne', 'boot', 'fail a', 'suspend a, wait 0 for a', 'a waiting, b running, c running, d running'],
  ['oneForOne', 'boot, fail a', 'due', 'start a in place', 'a running 1, b running, c running, d running'],
  ['oneForOne', 'boot', 'abort a', 'wait 0 for a', 'a waiting, b running, c running, d running'],
  ['oneForOne', 'boot, abort a', 'due', 'start a', 'a running 1, b running, c running, d running'],
  ['oneForOne', 'boot', 'end a', 'wait 0 for a', 'a waiting, b running, c running, d running'],
  ['oneForOne', 'boot', 'end b', '', 'a running, b absent, c running, d running'],
  ['oneForOne', 'boot', 'abort b', 'wait 0 for b', 'a running, b waiting, c running, d running'],
  ['oneForOne', 'boot', 'end c', 'forget c', 'a running, b running, d running'],
  ['oneForOne', 'boot', 'abort c', 'forget c', 'a running, b running, d running'],
  ['oneForOne', 'boot', 'fail c', 'end c, forget c', 'a running, b running, d running'],
  ['oneForOne', 'boot', 'escalate b', 'end b, end d, end c, end a, fail: escalated by b', 'a absent, b absent, c absent, d absent'],
  ['oneForOne', 'boot, fail a, fail b', 'due', 'start a in place, start b in place', 'a running 1, b running 1, c running, d running'],
  ['oneForOne', 'boot, fail a', 'end a', '', 'a waiting, b running, c running, d running'],
  ['oneForOne', 'boot, fail a, end a', 'due', 'start a', 'a running 1, b running, c running, d running'],
  ['oneForOne', 'boot, fail b', 'end b', '', 'a running, b absent, c running, d running'],
  ['oneForOne', 'boot, fail b, end b', 'due', '', 'a running, b absent, c running, d running'],
  ['oneForAll', 'boot', 'fail b', 'suspend b, suspend d, end c, forget c, suspend a, wait 0 for b', 'a waiting, b waiting, d waiting'],
  ['oneForAll', 'boot, fail b', 'due', 'start a in place, start b in place, start d in place', 'a running 1, b running 1, d running 1'],
  ['oneForAll', 'boot, terminate d, fail a', 'due', 'start a in place, start b in place, start d', 'a running 1, b running 1, d running 1'],
  ['oneForAll', 'boot, end b, fail a', 'due', 'start a in place, start b, start d in place', 'a running 1, b running 1, d running 1'],
  ['oneForAll', 'boot, fail b, refuse b', 'due', 'start a in place, start b in place, suspend a, wait 0 for b', 'a waiting 1, b waiting 1, d waiting'],
  ['oneForAll', 'boot', 'fail c', 'end c, forget c', 'a running, b running, d running'],
  ['restForOne', 'boot', 'fail b', 'suspend b, suspend d, end c, forget c, wait 0 for b', 'a running, b waiting, d waiting'],
  ['restForOne', 'boot, fail b', 'due', 'start b in place, start d in place', 'a running, b running 1, d running 1'],
  ['restForOne', 'boot, fail b', 'fail a', 'suspend a, wait 0 for a', 'a waiting, b waiting, d waiting'],
  ['restForOne', 'boot, fail b, fail a', 'due', 'start a in place, start b in place, start d in place', 'a running 1, b running 1, d running 1'],
  [
    'restForOne',
    'boot, fail a, refuse d',
    'due',
    'start a in place, start b in place, start d in place, wait 0 for d',
    'a running 1, b running 1, d waiting 1',
  ],
  [
    'oneForOne',
    'boot, fail a, due, fail a, due, fail a, due',
    'fail a',
    'end a, end d, end c, end b, fail: intensityExceeded by a',
    'a absent 3, b absent, c absent, d absent',
  ],
  [
    'oneForOne',
    'boot, fail a, due, fail b, due, fail d, due',
    'abort a',
    'end d, end c, end b, fail: intensityExceeded by a',
    'a absent 1, b absent 1, c absent, d absent 1',
  ],
  [
    'oneForOne',
    'boot, fail a, due, fail a, due, +500, fail a, due, +500',
    'fail a, due',
    'suspend a, wait 0 for a, start a in place',
    'a running 4, b running, c running, d running',
  ],
  [
    'oneForOne',
    'boot, refuse a, fail a, due, due',
    'due',
    'start a in place, end d, end c, end b, end a, fail: intensityExceeded by a',
    'a absent 3, b absent, c absent, d absent',
  ],
  ['oneForOne', 'boot', 'lost a b', 'wait 0 for a, wait 0 for b', 'a waiting, b waiting, c running, d running'],
  [
    'oneForOne',
    'boot, lost a b, due, lost a b, due, lost a b, due',
    'lost d',
    'end d, end c, end b, end a, fail: intensityExceeded by d',
    'a absent 3, b absent 3, c absent, d absent',
  ],
  ['oneForOne', 'boot', 'lost c', 'end c, forget c', 'a running, b running, d running'],
  ['oneForOne', 'boot', 'gone c', 'forget c', 'a running, b running, d running'],
  ['oneForOne', 'boot, gone a', 'due', 'start a', 'a running 1, b running, c running, d running'],
  ['oneForAll', 'boot', 'lost b d', 'end c, forget c, suspend a, wait 0 for b', 'a waiting, b waiting, d waiting'],
  ['restForOne', 'boot', 'lost d b', 'end c, forget c, wait 0 for b', 'a running, b waiting, d waiting'],
  ['oneForOne', 'boot', 'stop', 'end d, end c, end b, end a, stopped', 'a absent, b absent, c absent, d absent'],
  ['oneForOne', 'boot, stop', 'fail a', '', 'a absent, b absent, c absent, d absent'],
  ['oneForOne', 'boot, stop', 'terminate a', 'stopping', 'a absent, b absent, c absent, d absent'],
  ['oneForOne', 'boot, fail a', 'stop', 'end d, end c, end b, end a, stopped', 'a absent, b absent, c absent, d absent'],
  ['oneForOne', 'boot', 'terminate a', 'end a, done', 'a absent, b running, c running, d running'],
  ['oneForOne', 'boot, terminate a', 'end a', '', 'a absent, b running, c running, d running'],
  ['oneForOne', 'boot', 'terminate c', 'end c, forget c, done', 'a running, b running, d running'],
  ['oneForOne', 'boot, fail a', 'terminate a', 'end a, done', 'a absent, b running, c running, d running'],
  ['oneForOne', 'boot, fail a, terminate a', 'due', '', 'a absent, b running, c running, d running'],
  ['oneForAll', 'boot, fail a', 'terminate a', 'end a, done, wait 0 for b', 'a absent, b waiting, d waiting'],
  ['oneForAll', 'boot, fail b', 'end b', 'wait 0 for a', 'a waiting, b absent, d waiting'],
  ['oneForOne', 'boot', 'terminate x', 'unknown', 'a running, b running, c running, d running'],
  ['oneForOne', 'boot', 'restart a', 'running', 'a running, b running, c running, d running'],
  ['oneForOne', 'boot, fail a', 'restart a', 'restarting', 'a waiting, b running, c running, d running'],
  ['oneForOne', 'boot, terminate a', 'restart a', 'start a, done', 'a running 1, b running, c running, d running'],
  ['oneForOne', 'boot, terminate a, refuse a', 'restart a', 'start a, startFailed', 'a absent 1, b running, c running, d running'],
  ['oneForOne', 'boot', 'delete a', 'running', 'a running, b running, c running, d running'],
  ['oneForOne', 'boot, fail a', 'delete a', 'restarting', 'a waiting, b running, c running, d running'],
  ['oneForOne', 'boot, terminate a', 'delete a', 'forget a, done', 'b running, c running, d running'],
  ['oneForOne', 'boot', 'start e', 'start e, done', 'a running, b running, c running, d running, e running'],
  ['oneForOne', 'boot', 'start a', 'duplicate', 'a running, b running, c running, d running'],
  ['oneForOne', 'boot, refuse e', 'start e', 'start e, forget e, startFailed', 'a running, b running, c running, d running'],
  ['oneForOne', 'boot, hold, fail a', 'fail b', '', 'a ending, b running, c running, d running'],
  ['oneForOne', 'boot, hold, fail a, fail b', 'release', 'wait 0 for a, suspend b, wait 0 for b', 'a waiting, b waiting, c running, d running'],
  // A child that fails before its start has been answered: what it said is not lost.
  ['oneForOne', 'boot, fail a, hold, due, fail a', 'release', 'suspend a, wait 0 for a', 'a waiting 1, b running, c running, d running'],
  // What a child said before its end has been answered is of a life that is over.
  ['oneForAll', 'boot, hold, fail a, fail d', 'release', 'suspend d, end c, forget c, suspend b, wait 0 for a', 'a waiting, b waiting, d waiting'],
  // Also when it has started again by the time its turn comes.
  [
    'oneForAll',
    'boot, fail a, start e, hold, due, fail e',
    'release',
    'start a in place, start b in place, start d in place, start e in place',
    'a running 1, b running 1, d running 1, e running 1',
  ],
  // Started by hand while it waits for another's back-off, and that failed: it is started with the other, as it would have been.
  [
    'restForOne',
    'boot, fail a, refuse d, restart d, accept d',
    'due',
    'start a in place, start b in place, start d in place',
    'a running 1, b running 1, d running 2',
  ],
  // One that waits behind them starts none of those that waited for one before it.
  ['restForOne', 'boot, fail a, restart d, fail d', 'terminate a', 'end a, done, wait 0 for b', 'a absent, b waiting, d waiting 1'],
  // Stopped while a child starts: that one is ended too, and the answer of its start is not waited for.
  ['oneForOne', 'hold, boot', 'stop', 'end a', 'a ending, b absent, c absent, d absent'],
];

describe('the machine of a supervisor', () => {
  test.each(TABLE)('%s after "%s": %s → %s', (strategy, before, event, effects, children) => {
    const driver = new Driver(machineOf(strategy, ALL));
    if (before !== '') driver.do(before);
    expect(driver.do(event)).toBe(effects);
    expect(driver.status()).toBe(children);
  });

  test('the back-off of a child grows with its own restarts within the period, not with those of others', () => {
    const driver = new Driver(machineOf('oneForOne', 'a b', { intensity: 100, initialMs: 10 }));
    driver.do('boot');
    expect(driver.do('fail a, due, fail a, due, fail b, due, fail a')).toContain(
      'wait 10 for a, start a in place, suspend a, wait 20 for a, start a in place, suspend b, wait 10 for b, start b in place, suspend a, wait 40 for a',
    );
    expect(driver.do('due, +1000, fail a')).toBe('start a in place, suspend a, wait 10 for a');
  });
});

/** Effects are answered late and in between other events, as from other threads. */
test('whatever comes when, one thing is done at a time, and in the end every child that should run does, or the supervisor has failed', () => {
  const strategies = fc.constantFrom<Strategy>('oneForOne', 'oneForAll', 'restForOne');
  const moves = fc.array(
    fc.record({
      kind: fc.constantFrom('answer', 'answer', 'answer', 'refuse', 'due', 'fail', 'end', 'lost', 'restart', 'terminate'),
      child: fc.nat({ max: 3 }),
    }),
    {
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(strategies, fc.integer({ min: 0, max: 12 }), moves, (strategy, intensity, sequence) => {
      const ids = ['a', 'b', 'c', 'd'];
      const machine = machineOf(strategy, 'a b c d', { intensity });
      const terminated = new Set<string>();
      let open: SupervisorEffect | undefined;
      let waits: { id: string; attempt: number }[] = [];
      let isOver = false;
      const commands = new Map<number, { type: string; id: string }>();
      let calls = 0;
      const step = (event: SupervisorEvent): void => {
        for (const effect of machine.step(event, 0, () => 0)) {
          if (effect.type === 'start' || effect.type === 'end') {
            expect(open).toBeUndefined();
            open = effect;
          } else if (effect.type === 'wait') waits.push(effect);
          else if (effect.type === 'fail' || effect.type === 'bootFailed') isOver = true;
          else if (effect.type === 'answer') {
            const command = commands.get(effect.call) as { type: string; id: string };
            commands.delete(effect.call);
            if (command.type === 'terminate' && effect.outcome.type === 'done') terminated.add(command.id);
          }
        }
        for (const { id, status } of machine.report()) if (status === 'running') terminated.delete(id);
      };
      const answer = (refuse: boolean): void => {
        const effect = open;
        if (effect === undefined) return;
        open = undefined;
        if (effect.type === 'end') return step({ type: 'ended', step: effect.step });
        if (effect.type !== 'start') return;
        step(refuse ? { type: 'startFailed', step: effect.step, error: 'no', gone: !effect.inPlace } : { type: 'started', step: effect.step });
      };
      const due = (): void => {
        const [wait, ...rest] = waits;
        waits = rest;
        if (wait !== undefined) step({ ...wait, type: 'due' });
      };
      step({ type: 'boot' });
      for (const { kind, child } of sequence) {
        const id = ids[child] as string;
        if (kind === 'answer' || kind === 'refuse') answer(kind === 'refuse');
        else if (kind === 'due') due();
        else if (kind === 'fail') step({ type: 'childFailed', id, error: 'boom', escalates: false });
        else if (kind === 'end') step({ type: 'childEnded', id, failed: false, error: undefined });
        else if (kind === 'lost') step({ type: 'childrenLost', ids: [id], gone: false, error: 'lost' });
        else {
          const type = kind as 'restart' | 'terminate';
          commands.set(++calls, { type, id });
          step({ type: 'command', call: calls, command: { type, id } });
        }
      }
      while (open !== undefined || waits.length > 0) {
        answer(false);
        if (open === undefined) due();
      }
      expect(commands.size).toBe(0);
      const report = machine.report();
      if (isOver) expect(report.every(({ status }) => status === 'absent')).toBe(true);
      else expect(report.filter(({ id, status }) => status !== 'running' && !terminated.has(id))).toEqual([]);
    }),
    { numRuns: 5000 },
  );
});
