/** What a named group of agents is to those who send to it: the types of `nexus.group` and `ctx.group`, the options and their limits. The one implementation is `runtime/group-handle.ts`. */
import { NexusTypeError, optionError, valueText } from '../errors.js';
import type { InputOf, ReplyOf } from './action.js';
import type { AnyAgent } from './agent-definition.js';
import type { ActionName, ActionsOf, AgentRef, AskOptions, TellOutcome } from './agent-ref.js';
import { checkNames, didYouMean, misspelt } from './nearest-name.js';

export const GROUP_NAME_LENGTH_MAX = 200;
/** Groups an agent may be in. */
export const GROUPS_OF_AGENT_MAX = 100;
/** Agents in a group. */
export const GROUP_MEMBERS_MAX = 100_000;
const TIMEOUT_MS_MAX = 86_400_000;

/**
 * Who of a group gets a message. `roundRobin`: one after the other, all threads together. `leastLoaded`: who has the fewest messages. `powerOfTwoChoices`: of two drawn at
 * random the one where messages times latency are less. `consistentHash`: always the same one for a `key`. `optimized`: by live load; the same as `powerOfTwoChoices`.
 */
export type GroupRouting = 'roundRobin' | 'leastLoaded' | 'powerOfTwoChoices' | 'consistentHash' | 'optimized';

export const GROUP_ROUTINGS: readonly GroupRouting[] = ['roundRobin', 'leastLoaded', 'powerOfTwoChoices', 'consistentHash', 'optimized'];

/** Whom a choice prefers: `node`: members of this node of a cluster, while there are any. `none`: nobody. */
export type GroupPreference = 'node' | 'none';

export const GROUP_PREFERENCES: readonly GroupPreference[] = ['node', 'none'];

/** Options of `group.tell`: how the member is chosen. */
export interface GroupTellOptions {
  /** Default: that of the handle, which is `roundRobin` unless told. */
  readonly routing?: GroupRouting;
  /** For `consistentHash`, which needs it. */
  readonly key?: string | number;
  /** Default: that of the handle, which is `none` unless told. */
  readonly prefer?: GroupPreference;
  /**
   * Members that are passed over while there are others; who is chosen is added. Give the same array to every attempt of a retry, and each goes to another member.
   */
  readonly tried?: AgentRef[];
}

/** Options of `group.ask`: how the member is chosen, and those of an ask. */
export interface GroupAskOptions extends GroupTellOptions, AskOptions {}

/** Options of `nexus.group` and `ctx.group`. */
export interface GroupOptions {
  /** Where a call does not say. Default `roundRobin`. */
  readonly routing?: GroupRouting;
  /** Where a call does not say. Default `none`. */
  readonly prefer?: GroupPreference;
}

/** Options of `group.gather`. */
export interface GatherOptions extends AskOptions {
  /** Replies that are enough: a number, more than half of the members, or all of them. Default: as many as come in time. */
  readonly quorum?: number | 'majority' | 'all';
}

/** What became of a broadcast: how many members had which outcome. */
export interface BroadcastReport extends Readonly<Record<TellOutcome, number>> {
  readonly members: number;
}

/** What the members of a group answered to `gather`, and who did not. */
export interface GatherReport<R = unknown> {
  readonly replies: readonly { readonly ref: AgentRef; readonly value: R }[];
  /** Asks that were rejected, other than for the time. */
  readonly failures: readonly { readonly ref: AgentRef; readonly error: unknown }[];
  /** Members that had not answered when the others were enough, or when the time was over. They may handle the message all the same. */
  readonly missing: readonly AgentRef[];
}

type WithOptions<A, O> = undefined extends InputOf<A> ? [input?: InputOf<A>, options?: O] : [input: InputOf<A>, options?: O];

/** A named group as one thread sees it: members of all nodes of the cluster, as far as this node has heard of them. It need not have members. */
export interface Group<D extends AnyAgent = AnyAgent> {
  readonly name: string;
  /** Members that this thread knows of. */
  readonly size: number;
  members(): AgentRef<D>[];
  /**
   * Sends to one member. `noAgent` if there is none.
   * @throws as `ref.tell`; NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN
   */
  tell<N extends ActionName<D>>(action: N, ...rest: WithOptions<ActionsOf<D>[N], GroupTellOptions>): TellOutcome;
  /** Asks one member. Rejects as `ref.ask`, and with NexusError NEXUS_GROUP_EMPTY. */
  ask<N extends ActionName<D>>(action: N, ...rest: WithOptions<ActionsOf<D>[N], GroupAskOptions>): Promise<ReplyOf<ActionsOf<D>[N]>>;
  /**
   * Sends to every member.
   * @throws as `ref.tell`; before anything was sent, if all members declare the same
   */
  broadcast<N extends ActionName<D>>(
    action: N,
    ...rest: undefined extends InputOf<ActionsOf<D>[N]> ? [input?: InputOf<ActionsOf<D>[N]>] : [input: InputOf<ActionsOf<D>[N]>]
  ): BroadcastReport;
  /**
   * Asks every member, and resolves as soon as the quorum has replied; without one when all have answered or the time is over. Rejects with NexusError NEXUS_GROUP_EMPTY;
   * NEXUS_QUORUM_FAILED, whose data are the report, as soon as the quorum cannot be reached any more; NEXUS_ASK_ABORTED.
   */
  gather<N extends ActionName<D>>(action: N, ...rest: WithOptions<ActionsOf<D>[N], GatherOptions>): Promise<GatherReport<ReplyOf<ActionsOf<D>[N]>>>;
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID */
export function checkGroupName(name: unknown): asserts name is string {
  if (typeof name === 'string' && name.length > 0 && name.length <= GROUP_NAME_LENGTH_MAX) return;
  throw optionError(
    'group',
    `${typeof name === 'string' ? `a name of ${name.length} characters` : valueText(name)}; it must be a string of 1 to ${GROUP_NAME_LENGTH_MAX} characters`,
  );
}

/** `groups` of a definition. @throws NexusTypeError NEXUS_DEFINITION_INVALID */
export function checkGroupsOfKind(kind: string, groups: unknown): void {
  if (groups === undefined) return;
  const fail = (problem: string): never => {
    throw new NexusTypeError('NEXUS_DEFINITION_INVALID', `defineAgent: groups of '${kind}' ${problem}`);
  };
  if (!Array.isArray(groups) || groups.length > GROUPS_OF_AGENT_MAX) return fail(`must be an array of at most ${GROUPS_OF_AGENT_MAX} names`);
  for (const name of groups) {
    if (typeof name !== 'string' || name.length === 0 || name.length > GROUP_NAME_LENGTH_MAX)
      fail(
        `has ${typeof name === 'string' ? `a name of ${name.length} characters` : valueText(name)}; names are strings of 1 to ${GROUP_NAME_LENGTH_MAX} characters`,
      );
  }
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID */
export function checkRouting(routing: unknown, known: readonly string[] = GROUP_ROUTINGS): void {
  if (routing === undefined || known.includes(routing as string)) return;
  throw optionError('routing', `is ${valueText(routing)}${didYouMean(routing, known)} It must be one of ${known.join(', ')}`, misspelt(routing, known));
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID */
export function checkPreference(prefer: unknown): void {
  if (prefer === undefined || GROUP_PREFERENCES.includes(prefer as GroupPreference)) return;
  throw optionError(
    'prefer',
    `is ${valueText(prefer)}${didYouMean(prefer, GROUP_PREFERENCES)} It must be one of ${GROUP_PREFERENCES.join(', ')}`,
    misspelt(prefer, GROUP_PREFERENCES),
  );
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function checkGroupTellOptions(options: GroupTellOptions | undefined, names: readonly string[] = TELL_OPTIONS): void {
  if (options === undefined) return;
  checkNames('group', options, names);
  checkRouting(options.routing);
  checkPreference(options.prefer);
  checkKey(options.key);
  checkWait(options as AskOptions);
  if (options.tried !== undefined && !Array.isArray(options.tried))
    throw optionError('tried', `must be an array of references, to which the chosen member is added, not ${valueText(options.tried)}`);
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID */
export function checkKey(key: unknown): void {
  if (key === undefined || typeof key === 'string' || (typeof key === 'number' && Number.isFinite(key))) return;
  throw optionError('key', `is ${valueText(key)}; it must be a string or a finite number`);
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function checkGatherOptions(options: GatherOptions | undefined): void {
  if (options === undefined) return;
  checkNames('gather', options, ['timeoutMs', 'signal', 'quorum']);
  checkWait(options);
  const { quorum } = options;
  if (quorum !== undefined && quorum !== 'majority' && quorum !== 'all' && !(Number.isInteger(quorum) && quorum >= 1 && quorum <= GROUP_MEMBERS_MAX))
    throw optionError('quorum', `is ${valueText(quorum)}; it must be a whole number from 1 to ${GROUP_MEMBERS_MAX}, 'majority' or 'all'`);
}

const TELL_OPTIONS = ['routing', 'key', 'prefer', 'tried'];
export const GROUP_ASK_OPTIONS: readonly string[] = [...TELL_OPTIONS, 'timeoutMs', 'signal'];

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function checkSendOptions(options: { readonly routing?: unknown; readonly key?: unknown }): void {
  checkNames('send', options, ['routing', 'key']);
  checkRouting(options.routing, ['default', ...GROUP_ROUTINGS]);
  checkKey(options.key);
}

function checkWait({ timeoutMs, signal }: AskOptions): void {
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX))
    throw optionError('timeoutMs', `is ${valueText(timeoutMs)}; it must be more than 0 and at most ${TIMEOUT_MS_MAX}`);
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw optionError('signal', `must be an AbortSignal, not ${valueText(signal)}`);
}
