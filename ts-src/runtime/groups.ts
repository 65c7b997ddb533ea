/**
 * Named groups on one thread: which agents of this thread are in which groups (told to all threads as replicated entries), and whom a message to a group goes to. An agent is
 * in a group from when it joins until it leaves, ends or restarts; those of its definition it joins again. Members on other nodes are entries of the calling thread, which hears of them
 * (`cluster/entries/node-groups.ts`). Sending is `group-handle.ts`, choosing is `group-view.ts`.
 */
import type { SharedMemory } from '../../bindings/shared-memory.js';
import { NexusError } from '../errors.js';
import type { Logger } from '../model/agent-context.js';
import type { AgentRef } from '../model/agent-ref.js';
import { checkGroupName, GROUP_MEMBERS_MAX, GROUPS_OF_AGENT_MAX, type GroupPreference, type GroupRouting } from '../model/group.js';
import { nodeKey } from '../model/node-identity.js';
import type { RoutingTable } from '../ports/engine.js';
import type { Clock } from '../ports/clock.js';
import { type AgentCell, extraOf, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import { GroupRotations } from './group-rotations.js';
import { GroupMember, GroupView } from './group-view.js';
import { loadOf, type MemberLoads, Membership } from './member-loads.js';
import { RemoteLoads } from './remote-loads.js';
import type { EntryChange, ReplicatedEntries } from './replicated-entries.js';

/** An agent that is asked to end waits as long as this for the other threads to see that it has left its groups. */
const LEAVE_TIMEOUT_MS = 1000;

/** An entry: an agent is in a group. */
export interface MemberEntry {
  readonly group: string;
  readonly ref: AgentReference;
  /** What keys of `consistentHash` belong to, where the id of the agent is not unique among all nodes. */
  readonly ringId?: string;
}

export interface GroupsNeeds {
  readonly loads: MemberLoads;
  readonly shared: SharedMemory;
  readonly table: RoutingTable;
  readonly entries: ReplicatedEntries;
  readonly clock: Clock;
  readonly logger: Logger;
  random(): number;
  referenceOf(cell: AgentCell): AgentReference;
  /** It is on its way here. */
  isArriving(slot: number, generation: number): boolean;
  ringIdOf(cell: AgentCell): string | undefined;
  /** Resolves when the other nodes that can be reached know the entries that the calling thread knows; undefined if there are none. */
  nodesKnow(): Promise<unknown> | undefined;
}

export class Groups {
  readonly #needs: GroupsNeeds;
  readonly #views = new Map<string, GroupView>();
  readonly #rotations: GroupRotations;
  readonly #remoteLoads: RemoteLoads;
  /** Keys of nodes that do not answer at present. */
  readonly #unreachable = new Set<string>();
  #turn = 0;
  /** Groups of agents that have left, by slot, for as long as the entries of this thread stand in for those of the other. */
  readonly #handedOver = new Map<number, readonly string[]>();

  constructor(needs: GroupsNeeds) {
    this.#needs = needs;
    this.#rotations = new GroupRotations(needs.shared, needs.logger);
    this.#remoteLoads = new RemoteLoads(() => needs.clock.nowMs());
    needs.entries.listen('groups', (change) => this.#changed(change));
    needs.entries.listen('nodeLoads', ({ key, value }) => {
      if (value === undefined) this.#remoteLoads.forget(Number(key));
      else this.#remoteLoads.told(Number(key), value as number);
    });
    needs.entries.listen('unreachableNodes', ({ key, value }) => {
      if (value === undefined) this.#unreachable.delete(key);
      else this.#unreachable.add(key);
    });
  }

  /** @throws NexusTypeError NEXUS_OPTION_INVALID; NexusError NEXUS_GROUP_FULL */
  join(cell: AgentCell, name: string): void {
    checkGroupName(name);
    const groups = cell.extra?.membership?.groups;
    if (groups?.has(name) === true) return;
    if (groups !== undefined && groups.size >= GROUPS_OF_AGENT_MAX)
      throw groupFull(`the ${cell.kind.name} agent is in ${GROUPS_OF_AGENT_MAX} groups already, the most an agent may be in`, name);
    if ((this.#views.get(name)?.members.length ?? 0) >= GROUP_MEMBERS_MAX)
      throw groupFull(`group '${name}' has ${GROUP_MEMBERS_MAX} members already, the most there may be`, name);
    this.#enter(cell, name);
  }

  leave(cell: AgentCell, name: string): void {
    checkGroupName(name);
    const { extra } = cell;
    if (extra?.membership?.groups.delete(name) !== true) return;
    this.#needs.entries.delete('groups', keyOf(name, cell.slot));
    if (extra.membership.groups.size > 0) return;
    extra.membership = undefined;
    this.#needs.loads.write(cell.slot, 0);
  }

  // Members that move: called by the move, in its order. Until the other thread's entries are known to all, those of this one say that they are members.

  groupsOf(cell: AgentCell): readonly string[] | undefined {
    const groups = cell.extra?.membership?.groups;
    return groups === undefined ? undefined : [...groups];
  }

  left(cell: AgentCell): void {
    const groups = this.groupsOf(cell);
    if (groups !== undefined) this.#handedOver.set(cell.slot, groups);
  }

  arrived(cell: AgentCell, names: readonly string[]): void {
    // It may be back before the last word about its leaving.
    const before = this.#handedOver.get(cell.slot) ?? [];
    this.#handedOver.delete(cell.slot);
    for (const name of names) this.#enter(cell, name);
    for (const name of before) if (!names.includes(name)) this.#needs.entries.delete('groups', keyOf(name, cell.slot));
  }

  handOver({ slot, generation }: AgentCell): void {
    const names = this.#handedOver.get(slot);
    if (names === undefined || this.#needs.isArriving(slot, generation)) return;
    this.#handedOver.delete(slot);
    for (const name of names) this.#needs.entries.delete('groups', keyOf(name, slot));
  }

  /** Joins the groups of its definition: it has started, or restarted. */
  started(cell: AgentCell): void {
    for (const name of cell.kind.definition?.groups ?? []) {
      try {
        this.join(cell, name);
      } catch (error) {
        this.#needs.logger.error({ error, kind: cell.kind.name, group: name }, 'an agent serves without being in a group of its definition');
      }
    }
  }

  /** One of its lives is over. */
  leaveAll(cell: AgentCell): void {
    for (const name of [...(cell.extra?.membership?.groups ?? [])]) this.leave(cell, name);
  }

  /**
   * An agent that is to end leaves first: resolves when no message comes through its groups any more, because all threads have seen it, and all nodes that can be reached, or after a second.
   * Undefined if it is in none.
   */
  leaveBeforeEnd(cell: AgentCell): Promise<void> | undefined {
    if (cell.extra?.membership === undefined) return undefined;
    this.leaveAll(cell);
    const { entries, clock } = this.#needs;
    return new Promise((resolve) => {
      const cancel = clock.after(LEAVE_TIMEOUT_MS, resolve);
      const seen = async (): Promise<void> => {
        await entries.settled();
        await this.#needs.nodesKnow();
      };
      const done = (): void => {
        cancel();
        resolve();
      };
      seen().then(done, done);
    });
  }

  /** Of an agent of this node, as its thread has written it last. */
  loadOf(slot: number): number {
    return this.#needs.loads.read(slot);
  }

  has(name: string): boolean {
    return this.#views.has(name);
  }

  /** Of groups that have members, for errors: at most so many. */
  names(most: number): string[] {
    const names: string[] = [];
    for (const name of this.#views.keys()) if (names.push(name) >= most) break;
    return names;
  }

  membersOf(name: string): readonly GroupMember[] {
    return this.#views.get(name)?.members ?? [];
  }

  /**
   * Who gets the next message to a group: not one that is known to have ended, nor one of those `tried`, nor one of a node that does not answer at present, unless there are no others. A key of `consistentHash` stays with
   * a member whose node does not answer, for as long as that is a member of the cluster. The one that is chosen is added to those tried.
   * @param key for `consistentHash`
   */
  choose(name: string, routing: GroupRouting, key: string, prefer: GroupPreference, tried: AgentRef[] | undefined): GroupMember | undefined {
    const view = this.#views.get(name);
    if (view === undefined) return undefined;
    const isFit = routing === 'consistentHash' ? this.#isThere : this.#isReachable;
    const isFresh = tried === undefined ? isFit : (each: GroupMember): boolean => !tried.some((ref) => each.ref.equals(ref)) && isFit(each);
    let member = prefer === 'node' ? view.chooseOwn(routing, key, isFresh) : undefined;
    if (member === undefined && tried === undefined && prefer === 'none') {
      member = view.choose(routing, key, undefined);
      if (member !== undefined && !isFit(member)) member = undefined;
    }
    member ??=
      view.choose(routing, key, isFresh) ?? (tried === undefined ? undefined : view.choose(routing, key, isFit)) ?? view.choose(routing, key, this.#isThere);
    if (member === undefined) return undefined;
    if (!member.isOfThisNode) this.#remoteLoads.sent(member.slot);
    tried?.push(member.ref as unknown as AgentRef);
    return member;
  }

  endTurn(): void {
    this.#turn = (this.#turn + 1) | 0;
    this.#needs.loads.endTurn();
  }

  /** Not known to have ended. */
  readonly #isThere = ({ ref, isOfThisNode }: GroupMember): boolean => {
    if (ref.cell !== undefined) return ref.cell.status < Status.stopping;
    return !isOfThisNode || this.#needs.table.threadOf(ref.slot, ref.generation) >= 0;
  };

  readonly #isReachable = (member: GroupMember): boolean => {
    const { remote } = member.ref;
    return remote === undefined ? this.#isThere(member) : this.#unreachable.size === 0 || !this.#unreachable.has(nodeKey(remote.node));
  };

  #enter(cell: AgentCell, name: string): void {
    const extra = extraOf(cell);
    if (extra.membership === undefined) {
      extra.membership = new Membership();
      this.#needs.loads.write(cell.slot, loadOf(cell));
      if (cell.mailbox !== undefined) this.#needs.loads.attached(cell);
    }
    extra.membership.groups.add(name);
    this.#needs.entries.put('groups', keyOf(name, cell.slot), this.#entryOf(cell, name));
  }

  #entryOf(cell: AgentCell, group: string): MemberEntry {
    const ref = this.#needs.referenceOf(cell);
    const ringId = this.#needs.ringIdOf(cell);
    return ringId === undefined ? { group, ref } : { group, ref, ringId };
  }

  #changed({ key, value, thread }: EntryChange): void {
    const { name, slot } = partsOf(key);
    const view = this.#views.get(name);
    if (value === undefined) {
      view?.remove(slot, thread);
      // Two threads say so while an agent moves, and a thread that is new may hear of the old one last.
      const other = this.#needs.entries.find('groups', key);
      if (view !== undefined && other !== undefined) view.replace(memberOf(other.value as MemberEntry, slot, other.thread));
      if (view?.members.length === 0) this.#views.delete(name);
      return;
    }
    (view ?? this.#newView(name)).replace(memberOf(value as MemberEntry, slot, thread));
  }

  #newView(name: string): GroupView {
    const { clock, random, loads } = this.#needs;
    const view = new GroupView({
      rotation: () => this.#rotations.of(name),
      random,
      nowMs: () => clock.nowMs(),
      turn: () => this.#turn,
      loadOf: ({ ref, slot }) => (ref.cell !== undefined ? loadOf(ref.cell) : slot < 0 ? this.#remoteLoads.read(slot) : loads.read(slot)),
    });
    this.#views.set(name, view);
    return view;
  }
}

function groupFull(message: string, group: string): NexusError {
  return new NexusError('NEXUS_GROUP_FULL', message, { data: { group } });
}

function memberOf({ ref, ringId }: MemberEntry, slot: number, thread: number): GroupMember {
  return new GroupMember(ref, thread, slot, ringId);
}

/** Of the entry of one agent in one group. An agent of another node has a number below 0 in the place of its slot. */
export function keyOf(name: string, slot: number): string {
  return `${slot} ${name}`;
}

export function partsOf(key: string): { readonly name: string; readonly slot: number } {
  const space = key.indexOf(' ');
  return { slot: Number(key.slice(0, space)), name: key.slice(space + 1) };
}
