/**
 * The one implementation of `Group`: sends to the members that `groups.ts` chooses, in the name of the calling thread's code or of an agent. Made by the host of a thread for
 * each `nexus.group` and `ctx.group`; holds nothing but who is to be named as the sender.
 */
import { NexusError, optionError, valueText } from '../errors.js';
import { type AnyAgent, isAgentDefinition } from '../model/agent-definition.js';
import type { AgentRef, AskOptions, TellOutcome } from '../model/agent-ref.js';
import {
  type BroadcastReport,
  checkGatherOptions,
  checkGroupName,
  checkGroupTellOptions,
  checkPreference,
  checkRouting,
  type GatherOptions,
  type GatherReport,
  type Group,
  GROUP_ASK_OPTIONS,
  type GroupAskOptions,
  type GroupOptions,
  type GroupPreference,
  type GroupRouting,
  type GroupTellOptions,
} from '../model/group.js';
import { checkNames } from '../model/nearest-name.js';
import type { SendOptions } from '../model/spawn-options.js';
import type { Clock } from '../ports/clock.js';
import type { AgentReference } from './agent-reference.js';
import type { DeadLetters } from './dead-letters.js';
import { groupEmpty, nexusStopped } from './failures.js';
import { isOfNode } from './remote/agent-life.js';
import { gather } from './gathering.js';
import type { GroupMember } from './group-view.js';
import type { Groups } from './groups.js';
import type { MessageRouter } from './message-router.js';

/** Names of groups among which the nearest is looked for. */
const NAMES_MAX = 1000;
/** A member whose failure is quick must not look fast: what the runtime rejects counts as this long. */
const FAILURE_MS = 1000;

/** In whose name a group is used. */
export interface GroupOrigin {
  readonly sender: AgentReference | undefined;
  /** Of the message that is handled; 0 for none. */
  readonly deadlineMs: number;
  /** Counts a message that is not sent, because the life it would come from is over; undefined otherwise. */
  refuse(action: string): TellOutcome | undefined;
  lifeIsOver(): NexusError;
}

export interface GroupHandleNeeds {
  readonly groups: Groups;
  readonly router: MessageRouter;
  readonly deadLetters: DeadLetters;
  readonly clock: Clock;
  isClosed(): boolean;
}

export class GroupHandle implements Group<AnyAgent> {
  readonly name: string;
  readonly #needs: GroupHandleNeeds;
  readonly #routing: GroupRouting;
  readonly #prefer: GroupPreference;
  readonly #origin: GroupOrigin;

  constructor(needs: GroupHandleNeeds, name: string, { routing = 'roundRobin', prefer = 'none' }: GroupOptions, origin: GroupOrigin) {
    this.name = name;
    this.#needs = needs;
    this.#routing = routing;
    this.#prefer = prefer;
    this.#origin = origin;
  }

  get size(): number {
    return this.#needs.groups.membersOf(this.name).length;
  }

  members(): AgentRef[] {
    return this.#needs.groups.membersOf(this.name).map(({ ref }) => ref as unknown as AgentRef);
  }

  tell(action: string, input?: unknown, options?: GroupTellOptions): TellOutcome {
    checkGroupTellOptions(options);
    const { router, deadLetters, isClosed } = this.#needs;
    const refused = this.#origin.refuse(action);
    if (refused !== undefined) return refused;
    if (isClosed()) return 'stopped';
    const member = this.#choose(options);
    if (member !== undefined) return router.tellFrom(this.#origin.sender, member.ref, action, input);
    deadLetters.record('noAgent', undefined, () => this.name, action);
    return 'noAgent';
  }

  ask(action: string, input?: unknown, options?: GroupAskOptions): Promise<never> {
    try {
      checkGroupTellOptions(options, GROUP_ASK_OPTIONS);
      this.#checkOrigin(action);
      const member = this.#choose(options);
      if (member === undefined) throw groupEmpty(this.name, this.#needs.groups.names(NAMES_MAX));
      const { sender, deadlineMs } = this.#origin;
      const reply = this.#needs.router.ask(member.ref, action, input, askOptionsOf(options), sender, deadlineMs);
      const routing = options?.routing ?? this.#routing;
      if (routing === 'powerOfTwoChoices' || routing === 'optimized') this.#time(member, reply);
      return reply as Promise<never>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  broadcast(action: string, input?: unknown): BroadcastReport {
    const report = { members: 0, accepted: 0, full: 0, dropped: 0, noAgent: 0, stopped: 0 };
    if (this.#origin.refuse(action) !== undefined || this.#needs.isClosed()) return { ...report, members: this.size, stopped: this.size };
    const members = this.#checkedMembers(action, input);
    report.members = members.length;
    const { sender } = this.#origin;
    const refs = members.map(({ ref }) => ref);
    for (const outcome of this.#needs.router.tellMany(refs, action, input, sender)) report[outcome]++;
    return report;
  }

  gather(action: string, input?: unknown, options?: GatherOptions): Promise<GatherReport<never>> {
    try {
      checkGatherOptions(options);
      this.#checkOrigin(action);
      const members = this.#checkedMembers(action, input);
      if (members.length === 0) throw groupEmpty(this.name, this.#needs.groups.names(NAMES_MAX));
      const { router, clock } = this.#needs;
      const { sender, deadlineMs } = this.#origin;
      const timeoutMs = options?.timeoutMs ?? router.askTimeoutMs;
      return gather({
        group: this.name,
        members: members.map(({ ref }) => ref),
        quorum: options?.quorum,
        signal: options?.signal,
        ask: (ref, signal) => router.ask(ref, action, input, { timeoutMs, signal }, sender, deadlineMs),
        deadlineMs: Math.min(clock.nowMs() + timeoutMs, deadlineMs === 0 ? Number.POSITIVE_INFINITY : deadlineMs),
        nowMs: () => clock.nowMs(),
      }) as Promise<GatherReport<never>>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  toString(): string {
    return `Group('${this.name}', ${this.size} members)`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  #checkOrigin(action: string): void {
    if (this.#origin.refuse(action) !== undefined) throw this.#origin.lifeIsOver();
    if (this.#needs.isClosed()) throw nexusStopped();
  }

  #choose(options: GroupTellOptions | undefined): GroupMember | undefined {
    const routing = options?.routing ?? this.#routing;
    const key = options?.key;
    if (routing === 'consistentHash' && key === undefined) throw optionError('key', "is missing; 'consistentHash' sends to the member that the key belongs to");
    return this.#needs.groups.choose(this.name, routing, key === undefined ? '' : String(key), options?.prefer ?? this.#prefer, options?.tried);
  }

  /** Those of other threads first: what cannot be sent to them is found before anything was sent. @throws what is wrong with the action or the input */
  #checkedMembers(action: string, input: unknown): GroupMember[] {
    const members = [...this.#needs.groups.membersOf(this.name)];
    const kinds = new Set(members.map(({ ref }) => ref.kindEntry));
    for (const kind of kinds) kind.action(action).input?.check(input);
    return onceEach(members).sort((a, b) => Number(a.ref.cell !== undefined) - Number(b.ref.cell !== undefined));
  }

  #time(member: GroupMember, reply: Promise<unknown>): void {
    const { clock } = this.#needs;
    const startedMs = clock.nowMs();
    member.asked++;
    const ended = (leastMs: number): void => {
      member.asked--;
      const nowMs = clock.nowMs();
      member.latency.observe(Math.max(leastMs, nowMs - startedMs), nowMs);
    };
    reply.then(
      () => ended(0),
      (error: unknown) => ended(error instanceof NexusError ? FAILURE_MS : 0),
    );
  }
}

function askOptionsOf(options: GroupAskOptions | undefined): AskOptions | undefined {
  if (options?.timeoutMs === undefined && options?.signal === undefined) return undefined;
  return { ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }), ...(options.signal === undefined ? {} : { signal: options.signal }) };
}

/** What a handle needs of its thread. */
export interface GroupHost extends Omit<GroupHandleNeeds, 'isClosed'> {
  readonly links: { readonly isClosed: boolean };
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function openGroup(
  host: GroupHost,
  name: string,
  definition: AnyAgent | undefined,
  options: GroupOptions | undefined,
  origin: GroupOrigin,
): GroupHandle {
  checkGroupName(name);
  if (definition !== undefined && !isAgentDefinition(definition))
    throw optionError('definition', `must be made by defineAgent, not ${valueText(definition)}; options are the third argument`);
  if (options !== undefined) checkNames('group', options, ['routing', 'prefer']);
  checkRouting(options?.routing);
  checkPreference(options?.prefer);
  const { groups, router, deadLetters, clock, links } = host;
  return new GroupHandle({ groups, router, deadLetters, clock, isClosed: () => links.isClosed }, name, options ?? {}, origin);
}

/** A plain send whose address is no agent's id but a group's name. */
export function sendToGroup(
  host: GroupHost,
  name: string,
  action: string,
  input: unknown,
  options: SendOptions | undefined,
  sender: AgentReference | undefined,
): TellOutcome {
  const routing = options?.routing === undefined || options.routing === 'default' ? 'roundRobin' : options.routing;
  const group = openGroup(host, name, undefined, { routing }, outside(sender));
  return group.tell(action, input, options?.key === undefined ? undefined : { key: options.key });
}

/** Of somebody who has no life that ends, or has been looked at already. */
export function outside(sender: AgentReference | undefined): GroupOrigin {
  return { sender, deadlineMs: 0, refuse: () => undefined, lifeIsOver: nexusStopped };
}

/** An agent that has just moved may be known on both nodes: it is sent to once. */
function onceEach(members: readonly GroupMember[]): GroupMember[] {
  if (!members.some(({ ref }) => ref.remote !== undefined && !isOfNode(ref.remote.life))) return [...members];
  const seen = new Map<string, GroupMember>();
  for (const member of members) {
    const { ref } = member;
    const isOfItsNode = ref.kindEntry.isOfNode || (ref.remote !== undefined && isOfNode(ref.remote.life));
    const key = isOfItsNode ? `${ref.remote?.node.name ?? ''} ${ref.id}` : ` ${ref.id}`;
    if (!seen.has(key) || ref.remote === undefined) seen.set(key, member);
  }
  return [...seen.values()];
}
