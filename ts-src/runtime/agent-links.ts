/**
 * Agents that fail together, across threads and nodes, as in Erlang: the end of one by a failure is a failure of the other. Made like watches (`watches.ts`), but both sides know
 * of it, and it lasts until one of the two ends: restarts, of either, change nothing. When a thread is lost, here or on another node, the other side makes its links again; what was on a node that is gone has failed.
 */
import { NexusError, quoted } from '../errors.js';
import type { StopReason } from '../model/agent-definition.js';
import { type AgentCell, extraOf, onArrival, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import { isKept, WORD_MS_MAX } from './carried-ties.js';
import { messageOf } from './lifecycle.js';
import type { NodeIdentity } from '../model/node-identity.js';
import type { Clock } from '../ports/clock.js';
import { sendableReason } from './remote-reply.js';
import { addAmong, keyAmong, keyOfNamed, type NamedAgent } from './remote/agent-keys.js';
import type { NodeTies } from './remote/node-ties.js';

export interface AgentLinksNeeds {
  readonly thread: number;
  readonly clock: Clock;
  readonly nodes: NodeTies;
  /** The agent on this thread, if it is here. */
  cellOf(ref: AgentReference): AgentCell | undefined;
  /** Thread of a live agent of this node, -1 if it has ended or is on another one. */
  threadOf(ref: AgentReference): number;
  referenceOf(cell: AgentCell): AgentReference;
  /** Supervision decides about an agent of this thread. */
  failed(cell: AgentCell, error: unknown): void;
  sendLink(thread: number, target: AgentReference, other: AgentReference): void;
  sendUnlink(thread: number, target: AgentReference, other: AgentReference): void;
  sendEnded(thread: number, target: AgentReference, ended: AgentReference, id: string, reason: StopReason): void;
}

/** A link of an agent that moves: to whom, and where that was. */
export interface LinkedAgent {
  readonly agent: AgentReference;
  readonly thread: number;
  /** Of that thread. */
  readonly incarnation: number;
  /** It came with it from another node a moment ago: `carry`. */
  readonly isCarried: boolean;
}

export class AgentLinks {
  readonly #needs: AgentLinksNeeds;
  /** Agents of this thread that have links. */
  readonly #linked = new Set<AgentCell>();
  /** Agents that ended while their links to agents of other nodes were under way. */
  readonly #endedBefore = new WeakMap<AgentCell, StopReason>();
  /** Ends that agents of this thread are to learn of. */
  #news: (() => void)[] = [];
  #isTelling = false;

  constructor(needs: AgentLinksNeeds) {
    this.#needs = needs;
    needs.nodes.onLoss((node, isGone) => this.#nodeLost(node, isGone));
  }

  link(cell: AgentCell, target: AgentReference): void {
    const self = this.#needs.referenceOf(cell);
    if (target.equals(self) || !this.#add(cell, target)) return;
    this.#request(cell, target);
  }

  /**
   * A link that an agent had when it left another node. That the other end is not there does not tell how it has ended: it has told where the agent was, and that comes on behind it. Only what nobody has told of after a
   * while counts as failed.
   */
  carry(cell: AgentCell, target: AgentReference): void {
    if (!this.#add(cell, target)) return;
    const extra = extraOf(cell);
    if (extra.carriedLinks === undefined) {
      extra.carriedLinks = new Map();
      this.#needs.clock.after(WORD_MS_MAX, () => this.#judge(cell), false);
    }
    extra.carriedLinks.set(target, false);
    this.#request(cell, target);
  }

  unlink(cell: AgentCell, target: AgentReference): void {
    if (this.#remove(cell, target)) this.sayUnlinked(target, this.#needs.referenceOf(cell));
  }

  /** Tells the one end of a link that the other has ended it, wherever it is. */
  sayUnlinked(target: AgentReference, other: AgentReference): void {
    if (this.#needs.cellOf(target) !== undefined) return this.unlinked(target, other);
    const thread = this.#needs.threadOf(target);
    if (thread >= 0 && thread !== this.#needs.thread) this.#needs.sendUnlink(thread, target, other);
    else if (this.#needs.nodes.leads(target)) void this.#needs.nodes.ask(target, 'untieFromNode', { tie: 'link', target, other });
  }

  /** Another thread's agent links itself to one of this thread. */
  linked(target: AgentReference, other: AgentReference): void {
    const cell = this.#needs.cellOf(target);
    if (cell?.status === Status.arriving) return onArrival(cell, () => this.linked(target, other));
    if (cell !== undefined && cell.status < Status.stopped) return void this.#add(cell, other);
    if (this.#needs.nodes.leads(target)) return void this.linkElsewhere(target, other);
    this.#tellEnded(other, target, { type: 'notFound' });
  }

  /** A link that has come to where the agent was before it left this node: made where it is, for an agent of whatever thread. */
  async linkElsewhere(target: AgentReference, other: AgentReference): Promise<void> {
    const answer = await this.#needs.nodes.ask(target, 'tieFromNode', { tie: 'link', target, life: target.remote?.life ?? 0, other, isNew: true });
    switch (answer.type) {
      case 'home': {
        const thread = this.#needs.threadOf(target);
        return thread >= 0 && thread !== this.#needs.thread ? this.#needs.sendLink(thread, target, other) : this.linked(target, other);
      }
      case 'answer':
        return answer.value !== undefined ? undefined : this.#tellEnded(other, target, { type: 'notFound' });
      case 'notThere':
        return this.#tellEnded(other, target, { type: 'notFound' });
      case 'nodeLost':
        return this.#tellEnded(other, target, { type: 'nodeLost', node: answer.node.name });
      case 'over':
    }
  }

  /** As `linked`, from another node. Whether they are linked now. @param isNew false: only if they were */
  linkedFromNode(cell: AgentCell, other: AgentReference, life: number, isNew: boolean): boolean {
    if (!isNew) return keyAmong(cell.extra?.linked, other, this.#needs.nodes) !== undefined;
    extraOf(cell).nodeName ??= this.#needs.nodes.nameWith(this.#needs.referenceOf(cell), life);
    this.#add(cell, other);
    return true;
  }

  unlinked(target: AgentReference, other: AgentReference): void {
    const cell = this.#needs.cellOf(target);
    if (cell?.status === Status.arriving) return onArrival(cell, () => this.unlinked(target, other));
    if (cell !== undefined) this.#remove(cell, other);
    // It was on its way here when that left for another node.
    else if (this.#needs.nodes.leads(target)) void this.#needs.nodes.ask(target, 'untieFromNode', { tie: 'link', target, other });
  }

  /** An agent of this thread has ended: those linked to it learn it. */
  ended(cell: AgentCell, reason: StopReason): void {
    const linked = cell.extra?.linked;
    if (linked === undefined) return;
    this.#linked.delete(cell);
    const self = this.#needs.referenceOf(cell);
    const { id } = self;
    const { nodes } = this.#needs;
    // Asked for now: it has a name only as long as it is in the table.
    const name = nodes.isNode ? (cell.extra?.nodeName ?? nodes.nameOf(self)) : undefined;
    for (const other of linked.values()) {
      if (this.#needs.cellOf(other) !== undefined) this.#news.push(() => this.linkedEnded(other, self, id, reason));
      else {
        const thread = this.#needs.threadOf(other);
        if (thread >= 0 && thread !== this.#needs.thread) this.#needs.sendEnded(thread, other, self, id, reason);
        else if (!nodes.leads(other)) continue;
        else if (name !== undefined) this.#tellNode(other, name, reason);
        else this.#endedBefore.set(cell, reason);
      }
    }
    this.#tell();
  }

  /** One after the other, not one within the other: there may be as many in a row as there are agents. */
  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let next = 0; next < this.#news.length; next++) this.#news[next]?.();
    } finally {
      this.#news = [];
      this.#isTelling = false;
    }
  }

  /** An agent that one of this thread is linked to has ended. */
  linkedEnded(target: AgentReference, ended: AgentReference, id: string, reason: StopReason): void {
    const cell = this.#needs.cellOf(target);
    if (cell?.status === Status.arriving) return onArrival(cell, () => this.linkedEnded(target, ended, id, reason));
    const key = keyAmong(cell?.extra?.linked, ended, this.#needs.nodes);
    const other = key === undefined ? undefined : cell?.extra?.linked?.get(key);
    // Not linked any more: unlinked meanwhile.
    if (cell === undefined || other === undefined || isKept(extraOf(cell), { tie: 'link', other, reason })) return;
    this.#remove(cell, other);
    const cause = causeOf(reason, ended, id);
    if (cause === undefined) return;
    const message = `${ended.kind} '${id}', which this agent is linked to, has failed: ${messageOf(cause)}`;
    this.#needs.failed(cell, new NexusError('NEXUS_LINK_FAILED', message, { cause, data: { id, kind: ended.kind } }));
  }

  /** As `linkedEnded`, of an agent of another node. */
  linkedEndedOnNode(target: AgentReference, ended: NamedAgent, reason: StopReason): void {
    const cell = this.#needs.cellOf(target);
    if (cell?.status === Status.arriving) return onArrival(cell, () => this.linkedEndedOnNode(target, ended, reason));
    const key = keyOfNamed(cell?.extra?.linked, ended);
    const other = key === undefined ? undefined : cell?.extra?.linked?.get(key);
    if (other !== undefined) this.linkedEnded(target, other, ended.id, reason);
  }

  linkedOf(cell: AgentCell, placeOf: (agent: AgentReference) => { readonly thread: number; readonly incarnation: number }): LinkedAgent[] | undefined {
    const linked = cell.extra?.linked;
    if (linked === undefined || linked.size === 0) return undefined;
    return [...linked.values()].map((agent) => ({ agent, ...placeOf(agent), isCarried: cell.extra?.carriedLinks?.has(agent) === true }));
  }

  left(cell: AgentCell): void {
    this.#linked.delete(cell);
  }

  /** @param isLost whether the thread of a linked agent has been lost since this one left, so that nobody here was told */
  arrived(cell: AgentCell, links: readonly LinkedAgent[], isLost: (link: LinkedAgent) => boolean): void {
    for (const link of links) {
      if (link.isCarried) this.carry(cell, link.agent);
      else this.#add(cell, link.agent);
    }
    const self = this.#needs.referenceOf(cell);
    for (const link of links.filter((each) => !each.isCarried && isLost(each))) {
      const { agent } = link;
      const owner = this.#needs.threadOf(agent);
      if (owner < 0 && !this.#needs.nodes.leads(agent)) this.linkedEnded(self, agent, agent.id, { type: 'threadFailed' });
      else if (owner < 0) this.#request(cell, agent);
      else if (owner !== this.#needs.thread) this.#needs.sendLink(owner, agent, self);
      else this.linked(agent, self);
    }
  }

  /** A thread was lost. Its successor knows of no links; or there will be none. */
  threadLost(thread: number, replaced: boolean): void {
    for (const cell of [...this.#linked]) {
      for (const target of [...(cell.extra?.linked?.values() ?? [])]) {
        const owner = this.#needs.threadOf(target);
        const self = this.#needs.referenceOf(cell);
        if (owner === thread && replaced) this.#needs.sendLink(thread, target, self);
        else if (owner === thread || (owner < 0 && !this.#needs.nodes.leads(target))) this.linkedEnded(self, target, target.id, { type: 'threadFailed' });
      }
    }
  }

  /** Of what has come with it, that is not there, nobody has told. */
  #judge(cell: AgentCell): void {
    const carried = cell.extra?.carriedLinks;
    if (cell.extra === undefined || carried === undefined) return;
    cell.extra.carriedLinks = undefined;
    const self = this.#needs.referenceOf(cell);
    for (const [other, isMissing] of carried) if (isMissing) this.linkedEnded(self, other, other.id, { type: 'notFound' });
  }

  #tellEnded(other: AgentReference, ended: AgentReference, reason: StopReason): void {
    const thread = this.#needs.threadOf(other);
    if (thread >= 0 && thread !== this.#needs.thread) this.#needs.sendEnded(thread, other, ended, ended.id, reason);
    else if (thread >= 0) this.linkedEnded(other, ended, ended.id, reason);
  }

  #tellNode(other: AgentReference, ended: NamedAgent, reason: StopReason): void {
    void this.#needs.nodes.ask(other, 'endedOnNode', { tie: 'link', target: other, ended, reason: sendableReason(reason) });
  }

  #nodeLost(node: NodeIdentity, isGone: boolean): void {
    for (const cell of [...this.#linked]) {
      for (const target of [...(cell.extra?.linked?.values() ?? [])]) {
        if (!this.#needs.nodes.mayBeOn(target, node, isGone)) continue;
        if (!isGone) void this.#linkOnNode(cell, target, true);
        else if ((target.remote?.life ?? 0) < 0) this.linkedEnded(this.#needs.referenceOf(cell), target, target.id, { type: 'nodeLost', node: node.name });
        else void this.#linkOnNode(cell, target, false, node);
      }
    }
  }

  /** @param isNew false: it has moved from the lost node if it knows of the link; another one of its kind that was started since does not */
  async #linkOnNode(cell: AgentCell, target: AgentReference, isNew: boolean, lost?: NodeIdentity): Promise<void> {
    const self = this.#needs.referenceOf(cell);
    const { nodes } = this.#needs;
    const answer = await nodes.ask(target, 'tieFromNode', { tie: 'link', target, life: target.remote?.life ?? 0, other: self, isNew });
    const name = answer.type === 'answer' && answer.value !== undefined ? nodes.nameWith(self, answer.value) : undefined;
    const endedBefore = this.#endedBefore.get(cell);
    // It has ended before it knew what the other node calls it.
    if (endedBefore !== undefined && name !== undefined) return this.#tellNode(target, name, endedBefore);
    // Unlinked, or ended.
    if (cell.status >= Status.stopped || keyAmong(cell.extra?.linked, target, nodes) === undefined) return;
    if (name !== undefined) extraOf(cell).nodeName ??= name;
    const ended = (reason: StopReason): void => this.linkedEnded(self, target, target.id, reason);
    switch (answer.type) {
      case 'home':
        return this.#request(cell, target);
      case 'answer':
        return answer.value !== undefined ? undefined : ended(lost === undefined ? { type: 'notFound' } : { type: 'nodeLost', node: lost.name });
      case 'notThere':
        return ended(lost === undefined ? { type: 'notFound' } : { type: 'nodeLost', node: lost.name });
      case 'nodeLost':
        return ended({ type: 'nodeLost', node: (lost ?? answer.node).name });
      case 'over':
    }
  }

  #request(cell: AgentCell, target: AgentReference): void {
    const self = this.#needs.referenceOf(cell);
    const local = this.#needs.cellOf(target);
    if (local !== undefined && local.status < Status.stopped) return this.linked(target, self);
    const thread = this.#needs.threadOf(target);
    if (thread >= 0 && thread !== this.#needs.thread) return this.#needs.sendLink(thread, target, self);
    if (this.#needs.nodes.leads(target)) return void this.#linkOnNode(cell, target, true);
    this.linkedEnded(self, target, target.id, { type: 'notFound' });
  }

  #add(cell: AgentCell, other: AgentReference): boolean {
    const extra = extraOf(cell);
    extra.linked ??= new Map();
    if (keyAmong(extra.linked, other, this.#needs.nodes) !== undefined) return false;
    addAmong(extra.linked, other);
    this.#linked.add(cell);
    return true;
  }

  #remove(cell: AgentCell, other: AgentReference): boolean {
    const linked = cell.extra?.linked;
    const key = keyAmong(linked, other, this.#needs.nodes);
    if (linked === undefined || key === undefined) return false;
    // Whoever is linked to it again is so anew.
    cell.extra?.carriedLinks?.delete(linked.get(key) as AgentReference);
    linked.delete(key);
    if (linked.size === 0) this.#linked.delete(cell);
    return true;
  }
}

/** The failure behind an end; undefined for an end that is none. */
function causeOf(reason: StopReason, ended: AgentReference, id: string): unknown {
  switch (reason.type) {
    case 'failed':
      return reason.error;
    case 'threadFailed':
      return new NexusError('NEXUS_THREAD_FAILED', `the thread of ${ended.kind} ${quoted(id)} was given up`, { data: { id, kind: ended.kind } });
    case 'nodeLost':
      return new NexusError('NEXUS_NODE_LOST', `node ${reason.node} of ${ended.kind} ${quoted(id)} has left the cluster or was removed from it`, {
        data: { id, kind: ended.kind, node: reason.node },
      });
    case 'notFound':
      return new NexusError('NEXUS_AGENT_NOT_FOUND', `${ended.kind} ${quoted(id)} had ended already`, { data: { kind: ended.kind, id } });
    case 'stopped':
    case 'restart':
    case 'parentStopped':
    case 'shutdown':
    case 'passivated':
      return undefined;
  }
}
