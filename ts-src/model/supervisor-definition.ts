/**
 * What a supervisor is: `defineSupervisor`, which makes a kind of agent whose only work is to keep its children running. Values and checks only; what it decides is
 * `supervisor.ts`, who performs it is `runtime/supervisors.ts`.
 */
import { NexusTypeError, valueText } from '../errors.js';
import { didYouMean, unknownField } from './nearest-name.js';
import type { AgentContext } from './agent-context.js';
import {
  type AgentDefinition,
  type AnyAgent,
  type Backoff,
  checkMailbox,
  checkSupervision,
  defineAgent,
  type MailboxOptions,
  sealDefinition,
} from './agent-definition.js';
import type { AgentRef } from './agent-ref.js';
import type { NodeChoice, ThreadChoice } from './spawn-options.js';
import { resolveSupervision } from './supervision.js';
import type { ChildStatus, RestartType, Strategy } from './supervisor.js';

/** Children of one supervisor. */
export const CHILDREN_MAX = 10_000;
const PERIOD_MS = 30_000;
const TIMEOUT_MS_MAX = 86_400_000;
const START_TIMEOUT_MS = 30_000;
const SHUTDOWN_TIMEOUT_MS = 5000;
/** Its own children have a deadline each: it is given as long as those may take together. */
const SUPERVISOR_SHUTDOWN_TIMEOUT_MS = 3_600_000;

/** One child of a supervisor: which agent, under which id, and when it is started again. */
export interface ChildSpecification {
  /** Id of the agent, unique in the nexus as any other. */
  readonly id: string;
  /** Its definition; or its kind, for a supervisor on another thread. May be a supervisor itself. */
  readonly agent: AnyAgent | string;
  readonly init?: unknown;
  /** `permanent` (default): started again after every end. `transient`: after a failure. `temporary`: never, and then it is no child any more. */
  readonly restart?: RestartType;
  /** Default `auto`. */
  readonly thread?: ThreadChoice;
  /** In a cluster: the node that it starts on, each time, as in `spawn`. One that is lost with its node is started again: give `auto` or `ring` where that is to be another one. Default: that of the supervisor. */
  readonly node?: NodeChoice;
  /** Time for its start hook. Default 30,000, at most 86,400,000. */
  readonly startTimeoutMs?: number;
  /** Time to end in, after which it is given up. Default 5,000; 3,600,000 for a supervisor. At most 86,400,000. */
  readonly shutdownTimeoutMs?: number;
}

/** What `defineSupervisor` takes. */
export interface SupervisorSpecification<K extends string, I> {
  /** Unique name of this kind, 1 to 100 characters. */
  readonly kind: K;
  readonly strategy: Strategy;
  /** The children, in the order of their start. Runs at every start of the supervisor. At most 10,000. */
  readonly children: (init: I) => readonly ChildSpecification[];
  /** Restarts allowed within `periodMs`, of all children together; one more and the supervisor fails. Default 10, 0 to 1,000,000. */
  readonly intensity?: number;
  /** Default 30,000: longer than the back-offs of so many restarts together. */
  readonly periodMs?: number;
  /** Of a child, by its own restarts within the period. */
  readonly backoff?: Backoff;
  readonly mailbox?: MailboxOptions;
}

/** A child as `children` of a supervisor lists it. */
export interface ChildSummary {
  readonly id: string;
  readonly kind: string;
  /** Undefined while it is not there. */
  readonly ref: AgentRef | undefined;
  /** `waiting`: for its back-off, or for those before it. */
  readonly status: ChildStatus;
  readonly restart: RestartType;
  /** Starts after the first, also those that failed. */
  readonly restarts: number;
}

/** A specification with its defaults. */
export interface ResolvedChild {
  readonly id: string;
  readonly kind: string;
  readonly init: unknown;
  readonly restart: RestartType;
  readonly thread: ThreadChoice;
  /** Undefined: that of the supervisor. */
  readonly node: NodeChoice | undefined;
  readonly startTimeoutMs: number;
  /** Undefined: as befits its kind. */
  readonly shutdownTimeoutMs: number | undefined;
}

/** The state of a supervisor: the children its `children` function returned. */
export interface SupervisorState {
  readonly children: readonly ResolvedChild[];
}

/** What the actions of a supervisor ask of its thread. */
export interface Supervised {
  /** Starts them in order. Rejects if one does not start, when those before it have ended. */
  start(children: readonly ResolvedChild[]): Promise<void>;
  list(): readonly ChildSummary[];
  startChild(child: ResolvedChild): Promise<AgentRef>;
  terminateChild(id: string): Promise<void>;
  restartChild(id: string): Promise<AgentRef>;
  deleteChild(id: string): Promise<void>;
}

/** The context of an agent that is a supervisor. */
export interface SupervisorContext extends AgentContext {
  readonly supervised: Supervised;
}

/** What every supervisor can be asked. */
export interface SupervisorActions {
  readonly children: (state: SupervisorState, input: undefined, ctx: AgentContext) => readonly ChildSummary[];
  readonly startChild: { readonly handler: (state: SupervisorState, child: ChildSpecification, ctx: AgentContext) => Promise<AgentRef> };
  readonly terminateChild: { readonly handler: (state: SupervisorState, id: string, ctx: AgentContext) => Promise<void> };
  readonly restartChild: { readonly handler: (state: SupervisorState, id: string, ctx: AgentContext) => Promise<AgentRef> };
  readonly deleteChild: { readonly handler: (state: SupervisorState, id: string, ctx: AgentContext) => Promise<void> };
}

/**
 * Declares a kind of supervisor: an agent definition like any other, to be exported from a module, and spawned.
 * @throws NexusTypeError NEXUS_DEFINITION_INVALID
 */
export function defineSupervisor<const K extends string, I = undefined>(
  specification: SupervisorSpecification<K, I>,
): AgentDefinition<K, SupervisorState, I, SupervisorActions> {
  checkSpecification(specification as unknown as Record<string, unknown>);
  const { kind, strategy, children, mailbox, backoff } = specification;
  const supervision = {
    onFailure: 'escalate',
    ...(specification.intensity === undefined ? {} : { intensity: specification.intensity }),
    periodMs: specification.periodMs ?? PERIOD_MS,
    ...(backoff === undefined ? {} : { backoff }),
  } as const;
  const supervised = (ctx: AgentContext): Supervised => (ctx as SupervisorContext).supervised;
  const definition = defineAgent({
    kind,
    supervision,
    ...(mailbox === undefined ? {} : { mailbox }),
    state: (init: I): SupervisorState => ({ children: resolveChildren(kind, children(init)) }),
    onStart: (state: SupervisorState, ctx: AgentContext) => supervised(ctx).start(state.children),
    actions: {
      children: (_state: SupervisorState, _input: undefined, ctx: AgentContext) => supervised(ctx).list(),
      startChild: {
        concurrent: true,
        handler: (_state: SupervisorState, child: ChildSpecification, ctx: AgentContext) => supervised(ctx).startChild(resolveChild(kind, child)),
      },
      terminateChild: { concurrent: true, handler: (_state: SupervisorState, id: string, ctx: AgentContext) => supervised(ctx).terminateChild(id) },
      restartChild: { concurrent: true, handler: (_state: SupervisorState, id: string, ctx: AgentContext) => supervised(ctx).restartChild(id) },
      deleteChild: { concurrent: true, handler: (_state: SupervisorState, id: string, ctx: AgentContext) => supervised(ctx).deleteChild(id) },
    },
  }) as unknown as AgentDefinition<K, SupervisorState, I, SupervisorActions>;
  return sealDefinition({ ...definition, supervisor: { ...resolveSupervision(supervision), strategy } });
}

export function shutdownTimeoutOf(child: ResolvedChild, isSupervisor: boolean): number {
  return child.shutdownTimeoutMs ?? (isSupervisor ? SUPERVISOR_SHUTDOWN_TIMEOUT_MS : SHUTDOWN_TIMEOUT_MS);
}

const FIELDS = ['kind', 'strategy', 'children', 'intensity', 'periodMs', 'backoff', 'mailbox'];
const CHILD_FIELDS = ['id', 'agent', 'init', 'restart', 'thread', 'node', 'startTimeoutMs', 'shutdownTimeoutMs'];
const STRATEGIES: readonly string[] = ['oneForOne', 'oneForAll', 'restForOne'];
const RESTART_TYPES: readonly string[] = ['permanent', 'transient', 'temporary'];

function checkSpecification(specification: Record<string, unknown>): void {
  if (typeof specification !== 'object' || specification === null) throw invalid('expected an object with kind, strategy and children');
  const kind = specification['kind'];
  if (typeof kind !== 'string' || kind.length === 0 || kind.length > 100) throw invalid(`kind must be a string of 1 to 100 characters, not ${valueText(kind)}`);
  checkFields(`'${kind}'`, specification, FIELDS);
  const { strategy, children, mailbox, intensity, periodMs, backoff } = specification as unknown as SupervisorSpecification<string, unknown>;
  if (!STRATEGIES.includes(strategy))
    throw invalid(`strategy of '${kind}' is ${valueText(strategy)}${didYouMean(strategy, STRATEGIES)} It must be ${STRATEGIES.join(', ')}`);
  if (typeof children !== 'function') throw invalid(`'${kind}' needs children: (init) => a list of { id, agent, ... }`);
  checkMailbox(kind, mailbox);
  const given = { intensity, periodMs, backoff } as const;
  checkSupervision(kind, Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)));
}

function resolveChildren(kind: string, children: readonly ChildSpecification[]): ResolvedChild[] {
  if (!Array.isArray(children)) throw invalid(`children of '${kind}' must return a list, not ${children === null ? 'null' : typeof children}`);
  if (children.length > CHILDREN_MAX) throw invalid(`'${kind}' has ${children.length} children; a supervisor has at most ${CHILDREN_MAX}: nest supervisors`);
  const resolved = children.map((child) => resolveChild(kind, child));
  const ids = new Set<string>();
  for (const { id } of resolved) {
    if (ids.has(id)) throw invalid(`'${kind}' has two children with the id '${id}'`);
    ids.add(id);
  }
  return resolved;
}

function resolveChild(kind: string, child: ChildSpecification): ResolvedChild {
  if (typeof child !== 'object' || child === null)
    throw invalid(`a child of '${kind}' must be { id, agent, ... }, not ${child === null ? 'null' : typeof child}`);
  const { id, agent, init, restart = 'permanent', thread = 'auto', node, startTimeoutMs = START_TIMEOUT_MS, shutdownTimeoutMs } = child;
  if (typeof id !== 'string' || id.length === 0) throw invalid(`a child of '${kind}' needs an id: a string of 1 to 1,024 bytes of UTF-8`);
  const where = `child '${id}' of '${kind}'`;
  checkFields(where, child, CHILD_FIELDS);
  const kindOfChild = typeof agent === 'string' ? agent : agent?.kind;
  if (typeof kindOfChild !== 'string') throw invalid(`${where} needs agent: a definition, or the name of its kind`);
  if (!RESTART_TYPES.includes(restart))
    throw invalid(`restart of ${where} is ${valueText(restart)}${didYouMean(restart, RESTART_TYPES)} It must be ${RESTART_TYPES.join(', ')}`);
  if (thread !== 'auto' && thread !== 'local' && !(Number.isInteger(thread) && (thread as number) >= 0))
    throw invalid(`thread of ${where} is ${valueText(thread)}; it must be 'auto', 'local' or the number of a thread`);
  if (node !== undefined && (typeof node !== 'string' || node === ''))
    throw invalid(`node of ${where} is ${valueText(node)}; it must be 'here', 'ring', 'auto' or the name of a member`);
  checkTime(where, 'startTimeoutMs', startTimeoutMs);
  if (shutdownTimeoutMs !== undefined) checkTime(where, 'shutdownTimeoutMs', shutdownTimeoutMs);
  return { id, kind: kindOfChild, init, restart, thread, node, startTimeoutMs, shutdownTimeoutMs };
}

function checkTime(where: string, name: string, value: number): void {
  if (!(typeof value === 'number' && value > 0 && value <= TIMEOUT_MS_MAX))
    throw invalid(`${name} of ${where} is ${valueText(value)}; it must be more than 0 and at most ${TIMEOUT_MS_MAX}`);
}

function checkFields(where: string, given: object, names: readonly string[]): void {
  for (const name of Object.keys(given)) if (!names.includes(name)) throw unknownField('defineSupervisor', where, name, names);
}

function invalid(message: string): NexusTypeError {
  return new NexusTypeError('NEXUS_DEFINITION_INVALID', `defineSupervisor: ${message}`);
}
