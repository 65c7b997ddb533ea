/** Decisions, effects, validators and skills as values: without a runtime. */
import { type Decided, defineAgent, defineSkill, type Effect, effect, facts } from '../../../dist/ts-src/index.js';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { faultOf, perform } from '../../../dist/ts-src/model/effect.js';
import { prepareAction, Refusal, STATE, WHOLE_STATE } from '../../../dist/ts-src/model/prepared-action.js';
import { ISSUES_MAX, isStandardSchema, textOf, validate } from '../../../dist/ts-src/model/standard-schema.js';
import { shape } from '../../../dist/ts-src/model/shape.js';

interface Lamp {
  readonly on: boolean;
  readonly switchedMs: number;
}

const Lamps = defineAgent({
  kind: 'lamp',
  state: (): Lamp => ({ on: false, switchedMs: 0 }),
  actions: {
    toggle: {
      decide: (state, _input: undefined, { epochMs, random }) => ({
        state: { on: !state.on, switchedMs: epochMs },
        effects: [effect.emit('lamp.toggled', !state.on), effect.after(1000 * random, 'toggle'), effect.reply(!state.on)],
      }),
    },
  },
});

test('a decision is tested without a runtime', () => {
  const { decide } = Lamps.actions.toggle;
  const known = facts({ epochMs: 70, random: 0.5 });
  const expected = {
    state: { on: true, switchedMs: 70 },
    effects: [
      { type: 'emit', topic: 'lamp.toggled', data: true },
      { type: 'after', delayMs: 500, action: 'toggle', input: undefined },
      { type: 'reply', value: true },
    ],
  };
  expect(decide({ on: false, switchedMs: 0 }, undefined, known)).toEqual(expected);
  expect(decide({ on: false, switchedMs: 0 }, undefined, known)).toEqual(expected);
});

test('facts of a test are complete', () => {
  expect(facts()).toEqual({ id: 'agent', epochMs: 0, nowMs: 0, random: 0, sender: undefined, skills: {} });
});

/** A context that notes what is done with it. */
function recording(): { readonly done: unknown[]; readonly ctx: never } {
  const done: unknown[] = [];
  const note =
    (name: string) =>
    (...rest: unknown[]): unknown =>
      void done.push([name, ...rest]);
  const spawn = async (...rest: unknown[]): Promise<void> => {
    await Promise.resolve();
    done.push(['spawn', ...rest]);
  };
  const members = ['emit', 'tell', 'send', 'watch', 'unwatch', 'stop'].map((name) => [name, note(name)]);
  const later =
    (name: string) =>
    async (...rest: unknown[]): Promise<void> => {
      await Promise.resolve();
      done.push([name, ...rest]);
    };
  const reminders = { at: later('remindAt'), after: later('remindAfter'), every: later('remindEvery'), cancel: later('cancelReminder') };
  const ctx = { ...Object.fromEntries(members), timers: { after: note('after'), every: note('every') }, reminders, spawn };
  return { done, ctx: ctx as never };
}

const ref = { id: 'other' } as never;
const ALL: Record<Effect['type'], [Effect, unknown]> = {
  emit: [effect.emit('a', 1), ['emit', 'a', 1]],
  tell: [effect.tell(ref, 'add' as never, 2 as never), ['tell', ref, 'add', 2]],
  send: [effect.send('id', 'add', 3), ['send', 'id', 'add', 3]],
  after: [effect.after(5, 'add', 4), ['after', 5, 'add', 4]],
  every: [effect.every(6, 'add'), ['every', 6, 'add', undefined]],
  spawn: [effect.spawn(Lamps, { id: 'x' }), ['spawn', Lamps, { id: 'x' }]],
  remindAt: [effect.remindAt('due', 8, 'add', 5), ['remindAt', 'due', 8, 'add', 5]],
  remindAfter: [effect.remindAfter('due', 9, 'add'), ['remindAfter', 'due', 9, 'add', undefined]],
  remindEvery: [effect.remindEvery('due', 10, 'add'), ['remindEvery', 'due', 10, 'add', undefined]],
  cancelReminder: [effect.cancelReminder('due'), ['cancelReminder', 'due']],
  watch: [effect.watch(ref), ['watch', ref]],
  unwatch: [effect.unwatch(ref), ['unwatch', ref]],
  stop: [effect.stop(), ['stop']],
  reply: [effect.reply(7), undefined],
};

test('every effect does what the member of ctx of its name does, in order, and children and reminders are waited for', async () => {
  const { done, ctx } = recording();
  const effects = Object.values(ALL).map(([one]) => one);
  expect(faultOf(effects)).toBe(undefined);
  expect(await perform(effects, ctx)).toBe(7);
  expect(done).toEqual(
    Object.values(ALL)
      .map(([, call]) => call)
      .filter((call) => call !== undefined),
  );
});

test('without a child or a reminder effects are performed at once', () => {
  const { done, ctx } = recording();
  expect(perform([effect.emit('a'), effect.reply('now')], ctx)).toBe('now');
  expect(done).toEqual([['emit', 'a', undefined]]);
});

const subject = { kind: 'k', action: 'a' };

test('an action that needs nothing stays the function, or the object, that it was', () => {
  const handler = (): number => 1;
  const action = { handler, input: shape.int32, concurrent: true };
  expect(prepareAction(subject, handler, WHOLE_STATE, undefined)).toBe(handler);
  expect(prepareAction(subject, action, WHOLE_STATE, undefined)).toBe(action);
});

test('a query is known as one, an update or decision is not', () => {
  const query = prepareAction(subject, { query: (state) => state }, WHOLE_STATE, undefined);
  const decision = prepareAction(subject, { decide: (state) => ({ state }) }, WHOLE_STATE, undefined);
  expect([query, decision].map((one) => (one as { isQuery?: boolean }).isQuery)).toEqual([true, undefined]);
});

test('a decision whose state is refused replaces nothing and performs nothing', () => {
  const { done, ctx } = recording();
  const decide = (): Decided<unknown> => ({ state: { n: -1 }, effects: [effect.emit('a')] });
  const prepared = prepareAction(subject, { decide }, WHOLE_STATE, z.object({ n: z.number().min(0) })) as { handler: (...rest: unknown[]) => unknown };
  expect(() => prepared.handler({ n: 1 }, undefined, ctx)).toThrow(Refusal);
  expect(done).toEqual([]);
  expect((ctx as { [STATE]?: unknown })[STATE]).toBe(undefined);
});

test('a validator of states must answer at once', () => {
  const { ctx } = recording();
  const validator = z.object({}).refine(async () => true);
  const prepared = prepareAction(subject, { decide: () => ({ state: {} }) }, WHOLE_STATE, validator) as { handler: (...rest: unknown[]) => unknown };
  expect(() => prepared.handler({}, undefined, ctx)).toThrow("validateState of 'k' is async; a state must be validated at once");
});

test('validators are told from shapes, which have properties like theirs', () => {
  for (const one of [z.string(), z.object({}), z.array(z.string())]) expect(isStandardSchema(one)).toBe(true);
  for (const one of [shape.string, shape.object({}), 5, null, undefined, {}, { '~standard': 5 }, { '~standard': {} }])
    expect(isStandardSchema(one)).toBe(false);
});

test('issues have paths of plain keys and texts of limited length', () => {
  const issues = new Array(500).fill({ message: 'm'.repeat(5000), path: [{ key: 'a' }, 0, Symbol('s')] });
  const validation = validate({ '~standard': { version: 1, vendor: 'test', validate: () => ({ issues }) } }, 5);
  if (validation instanceof Promise || validation.type !== 'refused') throw new Error('it was not refused at once');
  expect(validation.issues).toHaveLength(ISSUES_MAX);
  expect(validation.issues[0]).toEqual({ path: ['a', 0, 'Symbol(s)'], message: `${'m'.repeat(1000)}...` });
  expect(textOf([{ path: ['a', 0, 'b'], message: 'no' }], 'input')).toBe('input.a[0].b: no');
});

test('an init of a skill may be made of that of the agent', () => {
  const Limited = defineSkill({ name: 'limited', state: (init: { limit: number }) => init, actions: {} });
  const stateOf = (skill: ReturnType<typeof Limited.with>): unknown => defineAgent({ kind: 'x', state: (init: number) => init, skills: [skill] }).state(5);
  expect(stateOf(Limited.with({ limit: 1 }))).toEqual({ agent: 5, skills: { limited: { limit: 1 } } });
  expect(stateOf(Limited.with((init: number) => ({ limit: init * 2 })))).toEqual({ agent: 5, skills: { limited: { limit: 10 } } });
});
