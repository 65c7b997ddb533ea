/**
 * Agents that fail together, across threads, as in Erlang: the end of one by a failure is a failure of the other. Made like watches (`watches.ts`), but both sides know
 * of it, and it lasts until one of the two ends: restarts, of either, change nothing. When a thread is lost, the other side makes its links again.
 */
import { NexusError, quoted } from '../errors.js';
import type { StopReason } from '../model/agent-definition.js';
import { type AgentCell, extraOf, onArrival, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import { messageOf } from './lifecycle.js';

export interface AgentLinksNeeds {
  readonly thread: number;
  /** The agent on this thread, if it is here. */
  cellOf(ref: AgentReference): AgentCell | undefined;
  /** Thread of a live agent, -1 if it has ended. */
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
}

export class AgentLinks {
  readonly #needs: AgentLinksNeeds;
  /** Agents of this thread that have links. */
  readonly #linked = new Set<AgentCell>();
  /** Ends that agents of this thread are to learn of. */
  #news: (() => void)[] = [];
  #isTelling = false;

  constructor(needs: AgentLinksNeeds) {
    this.#needs = needs;
  }

  link(cell: AgentCell, target: AgentReference): void {
    const self = this.#needs.referenceOf(cell);
    if (target.equals(self) || !this.#add(cell, target)) return;
    this.#request(cell, target);
  }

  unlink(cell: AgentCell, target: AgentReference): void {
    if (!this.#remove(cell, target)) return;
    const self = this.#needs.referenceOf(cell);
    const local = this.#needs.cellOf(target);
    if (local !== undefined) return this.unlinked(target, self);
    const thread = this.#needs.threadOf(target);
    if (thread >= 0 && thread !== this.#needs.thread) this.#needs.sendUnlink(thread, target, self);
  }

  /** Another thread's agent links itself to one of this thread. */
  linked(target: AgentReference, other: AgentReference): void {
    const cell = this.#needs.cellOf(target);
    if (cell?.status === Status.arriving) return onArrival(cell, () => this.linked(target, other));
    if (cell !== undefined && cell.status < Status.stopped) return void this.#add(cell, other);
    const thread = this.#needs.threadOf(other);
    if (thread >= 0 && thread !== this.#needs.thread) this.#needs.sendEnded(thread, other, target, target.id, { type: 'notFound' });
  }

  unlinked(target: AgentReference, other: AgentReference): void {
    const cell = this.#needs.cellOf(target);
    if (cell?.status === Status.arriving) return onArrival(cell, () => this.unlinked(target, other));
    if (cell !== undefined) this.#remove(cell, other);
  }

  /** An agent of this thread has ended: those linked to it learn it. */
  ended(cell: AgentCell, reason: StopReason): void {
    const linked = cell.extra?.linked;
    if (linked === undefined) return;
    this.#linked.delete(cell);
    const self = this.#needs.referenceOf(cell);
    const { id } = self;
    for (const other of linked.values()) {
      if (this.#needs.cellOf(other) !== undefined) this.#news.push(() => this.linkedEnded(other, self, id, reason));
      else {
        const thread = this.#needs.threadOf(other);
        if (thread >= 0 && thread !== this.#needs.thread) this.#needs.sendEnded(thread, other, self, id, reason);
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
    // Not linked any more: unlinked meanwhile.
    if (cell === undefined || !this.#remove(cell, ended)) return;
    const cause = causeOf(reason, ended, id);
    if (cause === undefined) return;
    const message = `${ended.kind} '${id}', which this agent is linked to, has failed: ${messageOf(cause)}`;
    this.#needs.failed(cell, new NexusError('NEXUS_LINK_FAILED', message, { cause, data: { id, kind: ended.kind } }));
  }

  linkedOf(cell: AgentCell, placeOf: (agent: AgentReference) => { readonly thread: number; readonly incarnation: number }): LinkedAgent[] | undefined {
    const linked = cell.extra?.linked;
    return linked === undefined || linked.size === 0 ? undefined : [...linked.values()].map((agent) => ({ agent, ...placeOf(agent) }));
  }

  left(cell: AgentCell): void {
    this.#linked.delete(cell);
  }

  /** @param isLost whether the thread of a linked agent has been lost since this one left, so that nobody here was told */
  arrived(cell: AgentCell, links: readonly LinkedAgent[], isLost: (link: LinkedAgent) => boolean): void {
    for (const link of links) this.#add(cell, link.agent);
    const self = this.#needs.referenceOf(cell);
    for (const link of links.filter(isLost)) {
      const { agent } = link;
      const owner = this.#needs.threadOf(agent);
      if (owner < 0) this.linkedEnded(self, agent, agent.id, { type: 'threadFailed' });
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
        else if (owner === thread || owner < 0) this.linkedEnded(self, target, target.id, { type: 'threadFailed' });
      }
    }
  }

  #request(cell: AgentCell, target: AgentReference): void {
    const self = this.#needs.referenceOf(cell);
    const local = this.#needs.cellOf(target);
    if (local !== undefined && local.status < Status.stopped) return this.linked(target, self);
    const thread = this.#needs.threadOf(target);
    if (thread >= 0 && thread !== this.#needs.thread) return this.#needs.sendLink(thread, target, self);
    this.linkedEnded(self, target, target.id, { type: 'notFound' });
  }

  #add(cell: AgentCell, other: AgentReference): boolean {
    const extra = extraOf(cell);
    extra.linked ??= new Map();
    if (extra.linked.get(other.slot)?.generation === other.generation) return false;
    extra.linked.set(other.slot, other);
    this.#linked.add(cell);
    return true;
  }

  #remove(cell: AgentCell, other: AgentReference): boolean {
    const linked = cell.extra?.linked;
    if (linked === undefined || linked.get(other.slot)?.generation !== other.generation) return false;
    linked.delete(other.slot);
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
