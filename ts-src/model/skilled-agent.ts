/**
 * Makes of the parts of a definition one that the runtime can run: the state of an agent with skills is one value, `{ agent, skills: { name: slice } }`, so that it
 * can be stored as one; every handler and hook gets its own part of it. Called by `defineAgent`; an agent without skills stays as it is.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { NexusTypeError } from '../errors.js';
import type { Handler } from './action.js';
import { ACTIONS_MAX } from './action-checks.js';
import type { AgentContext } from './agent-context.js';
import type { AnyAgent, StopReason, Terminated } from './agent-definition.js';
import { type ActionForm, type PreparedAction, prepareAction, stateFault, type StatePart, WHOLE_STATE } from './prepared-action.js';
import { insideOf, type SkillInside, SKILLS_MAX, type SkillSensor } from './skill.js';
import { isPromise } from './standard-schema.js';

/** The whole state of an agent with skills. */
export interface SkilledState {
  agent: unknown;
  readonly skills: Record<string, unknown>;
}

/** What a definition is made of, checked. */
export interface AgentParts {
  readonly kind: string;
  readonly state: (init: never) => unknown;
  readonly actions: Readonly<Record<string, ActionForm | Handler<unknown>>>;
  readonly skills: readonly unknown[];
  readonly subscriptions: Readonly<Record<string, string>> | undefined;
  readonly validateState: StandardSchemaV1 | undefined;
  readonly onStart: AnyAgent['onStart'];
  readonly onStop: AnyAgent['onStop'];
  readonly onTerminated: AnyAgent['onTerminated'];
}

/** The fields of the definition that are not simply those of the specification. Those that are undefined are to be left out. */
export type PreparedParts = Pick<AnyAgent, 'state' | 'onStart' | 'onStop' | 'onTerminated' | 'subscriptions'> & {
  readonly actions: Readonly<Record<string, PreparedAction | Handler<unknown>>>;
};

/** @throws NexusTypeError NEXUS_DEFINITION_INVALID */
export function prepareParts(
  parts: AgentParts,
): { readonly [N in keyof PreparedParts]: PreparedParts[N] | undefined } & Pick<PreparedParts, 'state' | 'actions'> {
  const skills = insidesOf(parts);
  const part = skills.length === 0 ? WHOLE_STATE : AGENT_PART;
  const actions: Record<string, PreparedAction | Handler<unknown>> = {};
  for (const [name, form] of Object.entries(parts.actions))
    define(actions, name, prepareAction({ kind: parts.kind, action: name }, form, part, parts.validateState));
  for (const { specification } of skills) {
    for (const [own, form] of Object.entries(specification.actions)) {
      const name = `${specification.name}.${own}`;
      if (Object.hasOwn(actions, name))
        throw invalid(`'${parts.kind}' has an action '${name}' of its own, and one from the skill '${specification.name}'; rename it`);
      define(actions, name, prepareAction({ kind: parts.kind, action: name }, form, slicePart(specification.name), specification.validateState));
    }
  }
  if (Object.keys(actions).length > ACTIONS_MAX) throw invalid(`'${parts.kind}' has more than 65,535 actions, with those of its skills`);
  const state = validatedState(parts);
  if (skills.length === 0) {
    const { subscriptions, onStart, onStop, onTerminated } = parts;
    return { state, actions, subscriptions, onStart, onStop, onTerminated };
  }
  const { onTerminated } = parts;
  return {
    actions,
    state: (init: unknown): SkilledState => ({
      agent: state(init),
      skills: Object.fromEntries(skills.map(({ specification, initOf }) => [specification.name, specification.state(initOf(init))])),
    }),
    subscriptions: subscriptionsOf(parts, skills),
    onStart: startHook(parts, skills),
    onStop: stopHook(parts, skills),
    onTerminated: onTerminated === undefined ? undefined : (whole: SkilledState, ended: Terminated, ctx: AgentContext) => onTerminated(whole.agent, ended, ctx),
  };
}

const AGENT_PART: StatePart = {
  of: (whole) => (whole as SkilledState).agent,
  replace: (_ctx, whole, next) => {
    (whole as SkilledState).agent = next;
  },
};

function slicePart(skill: string): StatePart {
  return {
    of: (whole) => (whole as SkilledState).skills[skill],
    replace: (_ctx, whole, next) => {
      (whole as SkilledState).skills[skill] = next;
    },
  };
}

function insidesOf({ kind, skills }: AgentParts): readonly SkillInside[] {
  if (skills.length > SKILLS_MAX) throw invalid(`'${kind}' has more than ${SKILLS_MAX} skills`);
  const names = new Set<string>();
  return skills.map((skill, index) => {
    const inside = insideOf(skill);
    if (inside === undefined) throw invalid(`skills[${index}] of '${kind}' is no skill: give what defineSkill returns`);
    const { name } = inside.specification;
    if (names.has(name)) throw invalid(`'${kind}' has two skills named '${name}'`);
    names.add(name);
    return inside;
  });
}

/** The first state must pass, too. */
function validatedState({ kind, state, validateState }: AgentParts): (init: unknown) => unknown {
  const make = state as (init: unknown) => unknown;
  if (validateState === undefined) return make;
  return (init) => {
    const made = make(init);
    const fault = stateFault({ kind }, validateState, made);
    if (fault !== undefined) throw fault;
    return made;
  };
}

function subscriptionsOf({ kind, subscriptions }: AgentParts, skills: readonly SkillInside[]): Readonly<Record<string, string>> | undefined {
  const merged: Record<string, string> = { ...subscriptions };
  for (const { specification } of skills) {
    for (const [pattern, own] of Object.entries(specification.subscriptions ?? {})) {
      const action = `${specification.name}.${own}`;
      if (Object.hasOwn(merged, pattern))
        throw invalid(`'${kind}' subscribes '${pattern}' to '${merged[pattern]}' and to '${action}'; a pattern has one action, which may tell others`);
      define(merged, pattern, action);
    }
  }
  return Object.keys(merged).length === 0 ? undefined : Object.freeze(merged);
}

/** Sensors first, then the hooks of the skills in their order, then that of the agent: each may rely on what was before it. Async only if one of them is. */
function startHook({ onStart }: AgentParts, skills: readonly SkillInside[]): AnyAgent['onStart'] {
  const steps: ((whole: SkilledState, ctx: AgentContext) => unknown)[] = [];
  if (skills.some(({ specification }) => (specification.sensors?.length ?? 0) > 0)) steps.push((whole, ctx) => spawnSensors(skills, whole, ctx));
  for (const { specification } of skills) {
    const { name, onStart: hook } = specification;
    if (hook !== undefined) steps.push((whole, ctx) => hook(whole.skills[name], ctx));
  }
  if (onStart !== undefined) steps.push((whole, ctx) => onStart(whole.agent, ctx));
  if (steps.length === 0) return undefined;
  return (whole: SkilledState, ctx: AgentContext) => inTurn(steps, (step) => step(whole, ctx));
}

async function spawnSensors(skills: readonly SkillInside[], whole: SkilledState, ctx: AgentContext): Promise<void> {
  const all = skills.flatMap(({ specification }) =>
    (specification.sensors ?? []).map((sensor) => ({ sensor: sensor as SkillSensor<unknown>, slice: whole.skills[specification.name] })),
  );
  await Promise.all(
    all.map(({ sensor, slice }) => {
      const { agent, init, id, thread = 'local' } = sensor;
      const made: unknown = typeof init === 'function' ? (init as (ctx: AgentContext, slice: unknown) => unknown)(ctx, slice) : init;
      return ctx.spawn(agent, { init: made, thread, ...(id === undefined ? {} : { id: `${ctx.id}/${id}` }) });
    }),
  );
}

/** The other way round. A hook that fails does not keep the others from running; the first failure is that of the whole. */
function stopHook({ onStop }: AgentParts, skills: readonly SkillInside[]): AnyAgent['onStop'] {
  const steps: ((whole: SkilledState, reason: StopReason, ctx: AgentContext) => unknown)[] = [];
  if (onStop !== undefined) steps.push((whole, reason, ctx) => onStop(whole.agent, reason, ctx));
  for (const { specification } of [...skills].reverse()) {
    const { name, onStop: hook } = specification;
    if (hook !== undefined) steps.push((whole, reason, ctx) => hook(whole.skills[name], reason, ctx));
  }
  if (steps.length === 0) return undefined;
  return async (whole: SkilledState, reason: StopReason, ctx: AgentContext) => {
    const failures: unknown[] = [];
    for (const step of steps) {
      try {
        await step(whole, reason, ctx);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
}

/** One after the other; a promise from the first async one on. */
function inTurn<T>(steps: readonly T[], run: (step: T) => unknown): unknown {
  for (const [index, step] of steps.entries()) {
    const result = run(step);
    if (isPromise(result)) return Promise.resolve(result).then(() => inTurn(steps.slice(index + 1), run));
  }
  return undefined;
}

/** Assigning to `__proto__` would set the prototype. */
function define<T>(target: Record<string, T>, name: string, value: T): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}

function invalid(message: string): NexusTypeError {
  return new NexusTypeError('NEXUS_DEFINITION_INVALID', `defineAgent: ${message}`);
}
