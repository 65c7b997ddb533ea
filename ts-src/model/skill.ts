/**
 * Skills: bundles of actions, a slice of state and sensors that several kinds of agents share. `defineSkill`, the types that follow from it, and its checks. What becomes
 * of a definition that has some is `skilled-agent.ts`.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { NexusTypeError, valueText } from '../errors.js';
import { didYouMean, listed, misspelt, unknownField } from './nearest-name.js';
import type { DeclaredActions } from './action.js';
import { checkActions } from './action-checks.js';
import type { AgentContext, Slices } from './agent-context.js';
import type { AnyAgent, StopReason } from './agent-definition.js';
import type { InitOf, ThreadChoice } from './spawn-options.js';
import { isStandardSchema } from './standard-schema.js';

/** Skills of one kind. */
export const SKILLS_MAX = 100;
/** Sensors of one skill. */
export const SENSORS_MAX = 100;

/** An agent that is spawned as a child of every agent with the skill, before its first message and again after a restart. */
export interface SkillSensor<S, D extends AnyAgent = AnyAgent> {
  readonly agent: D;
  /** Of the sensor; or a function that makes it, which knows the agent and the slice. */
  readonly init?: InitOf<D> | ((ctx: AgentContext, slice: S) => InitOf<D>);
  /** The id of the sensor is the agent's, a slash, and this. Default: a new one. */
  readonly id?: string;
  /** Default `local`: the thread of the agent. */
  readonly thread?: ThreadChoice;
}

/** What `defineSkill` takes. */
export interface SkillSpecification<N extends string, S, I, A, T extends readonly AnyAgent[] = readonly AnyAgent[]> {
  /** 1 to 50 letters, digits, '-' and '_'. An action 'append' of the skill 'journal' is the action 'journal.append' of the agent. */
  readonly name: N;
  /** Makes the slice, at start and at every restart of the agent. */
  readonly state: (init: I) => S;
  readonly actions: A;
  readonly sensors?: { readonly [P in keyof T]: SkillSensor<S, T[P]> };
  /** Which signals become which action of the skill: pattern to action. */
  readonly subscriptions?: Readonly<Record<string, string>>;
  /** A Standard Schema validator: a decision of the skill whose slice does not pass is refused. */
  readonly validateState?: StandardSchemaV1;
  /** Runs before that of the agent, when the sensors have started. */
  readonly onStart?: (slice: S, ctx: AgentContext) => unknown;
  /** Runs after that of the agent. Its failure is logged, nothing more. */
  readonly onStop?: (slice: S, reason: StopReason, ctx: AgentContext) => unknown;
}

/** Actions, a slice of state and sensors that kinds of agents share, as `defineSkill` returns it; goes into `skills` of a definition. */
export interface Skill<N extends string = string, S = unknown, I = undefined, A = unknown> {
  readonly name: N;
  /** This skill with its init: a value, or a function that makes it of the init of the agent. */
  with(init: I | ((agentInit: never) => I)): Skill<N, S, undefined, A>;
  /** The slice of an agent with this skill, from the context of a handler or the facts of a decision. @throws NexusTypeError NEXUS_SKILL_UNKNOWN */
  slice(of: { readonly skills: Slices }): S;
  /** Never present: carry the types. The init as a parameter: a skill that needs one is none that does without. */
  readonly __actions?: A;
  readonly __init?: (init: I) => void;
}

/** Any skill: for functions that take skills of every kind. */
// biome-ignore lint/suspicious/noExplicitAny: stands for every skill that needs no init (any more)
export type AnySkill = Skill<string, any, undefined, any>;

/** The actions that skills add to a kind, by their full names. */
export type SkillActions<V extends readonly AnySkill[]> = { readonly [F in FullName<V[number]>]: ActionNamed<V[number], F> };
type FullName<K> = K extends Skill<infer N, infer _S, undefined, infer A> ? `${N}.${keyof A & string}` : never;
type ActionNamed<K, F> = K extends Skill<infer N, infer _S, undefined, infer A> ? (F extends `${N}.${infer M extends keyof A & string}` ? A[M] : never) : never;

/** What `skilled-agent.ts` uses of a skill. */
export interface SkillInside {
  readonly specification: SkillSpecification<string, unknown, unknown, Readonly<Record<string, never>>>;
  initOf(agentInit: unknown): unknown;
}

const INSIDE = Symbol.for('nexus-agents.skill.1');

/**
 * Declares a skill. Give it to `defineAgent({ skills: [...] })`.
 * @throws NexusTypeError NEXUS_DEFINITION_INVALID
 */
export function defineSkill<
  const N extends string,
  S,
  I,
  A,
  X extends Record<keyof A, unknown>,
  Y extends Record<keyof A, unknown>,
  const T extends readonly AnyAgent[] = readonly AnyAgent[],
>(specification: SkillSpecification<N, S, I, DeclaredActions<S, A, X, Y>, T>): Skill<N, S, undefined extends I ? undefined : I, A> {
  checkSpecification(specification as unknown as Record<string, unknown>);
  const inside = { ...specification, actions: Object.freeze({ ...specification.actions }) };
  return skill(Object.freeze(inside) as unknown as SkillInside['specification'], () => undefined) as never;
}

/** The insides of a skill, also of one made by another copy of this package; undefined for anything else. */
export function insideOf(value: unknown): SkillInside | undefined {
  return typeof value === 'object' && value !== null ? (value as { readonly [INSIDE]?: SkillInside })[INSIDE] : undefined;
}

/** The kinds of the sensors that agents of a kind bring along. */
export function sensorKindsOf(definition: AnyAgent): readonly AnyAgent[] {
  return (definition.skills ?? []).flatMap((one: unknown) => (insideOf(one)?.specification.sensors ?? []).map(({ agent }) => agent));
}

function skill(specification: SkillInside['specification'], initOf: (agentInit: unknown) => unknown): Skill {
  const { name } = specification;
  const made = {
    name,
    with: (init: unknown) => skill(specification, typeof init === 'function' ? (init as (agentInit: unknown) => unknown) : () => init),
    slice(of: { readonly skills: Slices }): unknown {
      if (Object.hasOwn(of.skills, name)) return of.skills[name];
      const names = Object.keys(of.skills);
      throw new NexusTypeError(
        'NEXUS_SKILL_UNKNOWN',
        `this agent does not have the skill ${valueText(name)}${didYouMean(name, names)} Its skills are ${listed(names)}`,
        {
          skill: name,
          ...misspelt(name, names),
        },
      );
    },
  };
  Object.defineProperty(made, INSIDE, { value: { specification, initOf } satisfies SkillInside });
  return Object.freeze(made) as unknown as Skill;
}

const FIELDS = ['name', 'state', 'actions', 'sensors', 'subscriptions', 'validateState', 'onStart', 'onStop'];
const SENSOR_FIELDS = ['agent', 'init', 'id', 'thread'];

function checkSpecification(specification: Record<string, unknown>): void {
  if (typeof specification !== 'object' || specification === null) throw invalid('expected an object with name, state and actions');
  const { name, state, actions, sensors, subscriptions, validateState } = specification;
  if (typeof name !== 'string' || !/^[\w-]{1,50}$/.test(name))
    throw invalid(`a name has 1 to 50 letters, digits, '-' and '_'; ${JSON.stringify(name)} does not`);
  for (const field of Object.keys(specification)) if (!FIELDS.includes(field)) throw unknownField('defineSkill', `'${name}'`, field, FIELDS);
  if (typeof state !== 'function') throw invalid(`'${name}' needs state: (init) => the initial slice`);
  checkActions('defineSkill', name, actions);
  if (validateState !== undefined && !isStandardSchema(validateState)) throw invalid(`validateState of '${name}' must be a Standard Schema validator`);
  for (const hook of ['onStart', 'onStop'])
    if (specification[hook] !== undefined && typeof specification[hook] !== 'function') throw invalid(`${hook} of '${name}' must be a function`);
  checkSensors(name, sensors);
  if (subscriptions !== undefined) checkSubscriptions(name, subscriptions, actions as object);
}

function checkSensors(skillName: string, sensors: unknown): void {
  if (sensors === undefined) return;
  if (!Array.isArray(sensors) || sensors.length > SENSORS_MAX) throw invalid(`sensors of '${skillName}' must be a list of at most ${SENSORS_MAX}`);
  for (const [index, sensor] of sensors.entries()) {
    const at = `sensors[${index}] of '${skillName}'`;
    if (typeof sensor !== 'object' || sensor === null) throw invalid(`${at} must be { agent, init, id, thread }`);
    for (const field of Object.keys(sensor)) if (!SENSOR_FIELDS.includes(field)) throw unknownField('defineSkill', at, field, SENSOR_FIELDS);
    const { agent, id } = sensor as { agent?: { kind?: unknown }; id?: unknown };
    if (typeof agent?.kind !== 'string') throw invalid(`${at} needs agent: what defineAgent or defineSensor returns`);
    if (id !== undefined && (typeof id !== 'string' || id === '')) throw invalid(`id of ${at} must be a non-empty string`);
  }
}

function checkSubscriptions(skillName: string, subscriptions: unknown, actions: object): void {
  if (typeof subscriptions !== 'object' || subscriptions === null) throw invalid(`subscriptions of '${skillName}' must be { pattern: action }`);
  for (const [pattern, action] of Object.entries(subscriptions))
    if (typeof action !== 'string' || !Object.hasOwn(actions, action))
      throw invalid(
        `'${skillName}' subscribes '${pattern}' to ${valueText(action)}, which is none of its actions${didYouMean(action, Object.keys(actions))} Its actions are ${listed(Object.keys(actions))}`,
      );
}

function invalid(message: string): NexusTypeError {
  return new NexusTypeError('NEXUS_DEFINITION_INVALID', `defineSkill: ${message}`);
}
