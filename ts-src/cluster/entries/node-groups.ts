/**
 * Groups between nodes, on the calling thread of each: tells the others who of this node is in which group and how much those have to do, and makes what others tell entries of this thread, so that all threads of
 * this node choose among the members of all nodes. Members of a node go with it; those of one that does not answer at present stay, and are passed over (`runtime/groups.ts`).
 *
 * Loads are told when they change, at most every 200 ms. Not here: who gets a message, and how it gets there.
 */
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import { GROUP_NAME_LENGTH_MAX } from '../../model/group.js';
import type { Clock } from '../../ports/clock.js';
import type { AgentReference } from '../../runtime/agent-reference.js';
import { keyOf, type MemberEntry, partsOf } from '../../runtime/groups.js';
import { LOAD_PERIOD_MS } from '../../runtime/remote-loads.js';
import type { EntryChange } from '../../runtime/replicated-entries.js';
import type { ThreadHost } from '../../runtime/thread-host.js';
import type { Cluster } from '../cluster.js';
import type { NodePart } from '../node-parts.js';
import type { NodeEntries } from './node-entries.js';
import { NodeWants } from './node-wants.js';

/** Loads that are told at once: the others in the next period. */
const LOADS_TOLD_MAX = 2048;
const ID_LENGTH_MAX = 1024;

/** What the others are told of a member: enough for a reference to it. */
type ToldMember = readonly [kind: string, id: string, life: number, ringId: string | undefined];

export interface NodeGroupsNeeds {
  readonly host: ThreadHost;
  readonly cluster: Pick<Cluster, 'on' | 'members'>;
  readonly entries: NodeEntries;
  readonly clock: Clock;
  /** Which agent of its id it is, for all nodes; undefined if it has ended. */
  lifeOf(local: AgentReference): number | undefined;
  referenceTo(node: NodeIdentity, kind: string, id: string, life: number): AgentReference;
}

/** An agent of this node that is in groups. */
interface OwnMember {
  readonly slot: number;
  groups: number;
  toldLoad: number;
}

/** An agent of another node that is. */
interface OtherMember {
  readonly number: number;
  readonly ref: AgentReference;
  groups: number;
}

export class NodeGroups implements NodePart {
  readonly #needs: NodeGroupsNeeds;
  /** By slot and generation, which is what the others call them. */
  readonly #own = new Map<string, OwnMember>();
  /** By node and what that calls them. */
  readonly #others = new Map<string, OtherMember>();
  #numbers = 0;
  readonly #unreachable = new Set<string>();
  #cancelLoads: (() => void) | undefined;
  #isClosed = false;

  constructor(needs: NodeGroupsNeeds) {
    this.#needs = needs;
    const { host, entries, cluster } = needs;
    new NodeWants({
      threads: host.entries,
      name: 'groups',
      told: (change) => this.#toldOf(change),
      nodes: {
        put: (name, key, value) => {
          this.#ownJoined(key);
          return entries.put(name, key, value);
        },
        delete: (name, key) => {
          this.#ownLeft(key);
          entries.delete(name, key);
        },
      },
    });
    entries.listen('groups', ({ node, key, value }) => this.#changed(node, key, value));
    entries.listen('loads', ({ node, key, value }) => this.#loadChanged(node, key, value));
    cluster.on('reachability', ({ node, reachability }) => this.#reachable(nodeKey(node), reachability === 'reachable'));
  }

  viewed(): void {
    const present = new Set(this.#needs.entries.members.map(nodeKey));
    for (const key of [...this.#unreachable]) if (!present.has(key)) this.#reachable(key, true);
    for (const member of this.#needs.cluster.members()) {
      const key = nodeKey(member);
      if (present.has(key)) this.#reachable(key, member.reachability === 'reachable');
    }
    this.#tellLoadsLater();
  }

  closed(): void {
    this.#isClosed = true;
    this.#cancelLoads?.();
  }

  /** Members of other nodes are told by those. */
  #toldOf({ key, value }: EntryChange): { readonly key: string; readonly value: ToldMember } | undefined {
    const { ref, ringId } = value as MemberEntry;
    if (ref.remote !== undefined) return undefined;
    const life = this.#needs.lifeOf(ref);
    // It has ended, which is said next.
    if (life === undefined) return undefined;
    return { key: `${ref.slot}.${ref.generation} ${partsOf(key).name}`, value: [ref.kind, ref.id, life, ringId] };
  }

  #ownJoined(key: string): void {
    const { agent } = toldParts(key);
    const member = this.#own.get(agent);
    if (member !== undefined) return void member.groups++;
    this.#own.set(agent, { slot: Number(agent.slice(0, agent.indexOf('.'))), groups: 1, toldLoad: 0 });
    this.#tellLoadsLater();
  }

  #ownLeft(key: string): void {
    const { agent } = toldParts(key);
    const member = this.#own.get(agent);
    if (member === undefined || --member.groups > 0) return;
    this.#own.delete(agent);
    if (member.toldLoad > 0) this.#needs.entries.delete('loads', agent);
  }

  #tellLoadsLater(): void {
    if (this.#cancelLoads !== undefined || this.#isClosed) return;
    if (this.#own.size === 0 || this.#needs.entries.members.length === 0) return;
    this.#cancelLoads = this.#needs.clock.after(
      LOAD_PERIOD_MS,
      () => {
        this.#cancelLoads = undefined;
        this.#tellLoads();
        this.#tellLoadsLater();
      },
      false,
    );
  }

  #tellLoads(): void {
    const { host, entries } = this.#needs;
    let told = 0;
    for (const [agent, member] of this.#own) {
      const load = host.groups.loadOf(member.slot);
      if (load === member.toldLoad) continue;
      if (++told > LOADS_TOLD_MAX) return;
      member.toldLoad = load;
      if (load > 0) entries.put('loads', agent, load);
      else entries.delete('loads', agent);
    }
  }

  #changed(node: NodeIdentity, key: string, value: unknown): void {
    const { agent, group } = toldParts(key);
    const other = `${nodeKey(node)} ${agent}`;
    const known = this.#others.get(other);
    if (value === undefined) {
      if (known === undefined || group === '') return;
      this.#needs.host.entries.delete('groups', keyOf(group, -known.number));
      if (--known.groups > 0) return;
      this.#others.delete(other);
      this.#needs.host.entries.delete('nodeLoads', String(-known.number));
      return;
    }
    if (!isToldMember(value) || group === '' || group.length > GROUP_NAME_LENGTH_MAX) return;
    const [kind, id, life, ringId] = value;
    const member = known ?? { number: ++this.#numbers, ref: this.#needs.referenceTo(node, kind, id, life), groups: 0 };
    this.#others.set(other, member);
    const { host } = this.#needs;
    const entry = keyOf(group, -member.number);
    // Said anew: the same agent in the same group.
    if (host.entries.has('groups', entry)) return;
    member.groups++;
    const { ref } = member;
    host.entries.put('groups', entry, (ringId === undefined ? { group, ref } : { group, ref, ringId }) satisfies MemberEntry);
  }

  #loadChanged(node: NodeIdentity, agent: string, value: unknown): void {
    const known = this.#others.get(`${nodeKey(node)} ${agent}`);
    if (known === undefined) return;
    const { entries } = this.#needs.host;
    if (Number.isInteger(value) && (value as number) > 0) entries.put('nodeLoads', String(-known.number), value);
    else entries.delete('nodeLoads', String(-known.number));
  }

  #reachable(node: string, isReachable: boolean): void {
    if (isReachable !== this.#unreachable.has(node)) return;
    const { entries } = this.#needs.host;
    if (isReachable) {
      this.#unreachable.delete(node);
      entries.delete('unreachableNodes', node);
    } else {
      this.#unreachable.add(node);
      entries.put('unreachableNodes', node, 1);
    }
  }
}

/** `17.3 workers`: what a node calls its agent, and a group. */
function toldParts(key: string): { readonly agent: string; readonly group: string } {
  const space = key.indexOf(' ');
  return space < 0 ? { agent: key, group: '' } : { agent: key.slice(0, space), group: key.slice(space + 1) };
}

function isToldMember(value: unknown): value is ToldMember {
  if (!Array.isArray(value) || value.length !== 4) return false;
  const [kind, id, life, ringId] = value as readonly unknown[];
  const isText = (text: unknown): boolean => typeof text === 'string' && text !== '' && text.length <= ID_LENGTH_MAX;
  return isText(kind) && isText(id) && Number.isSafeInteger(life) && (ringId === undefined || isText(ringId));
}
