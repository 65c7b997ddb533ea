/**
 * What goes from a child to its parent, on whichever thread or node that is: that it has ended, and a failure that the parent has to deal with. Not here: what a
 * parent does with its children (`lifecycle.ts`, `spawning.ts`).
 */
import { type AgentCell, onArrival, Status } from './agent-cell.js';
import type { StopReason } from '../model/agent-definition.js';
import type { AgentReference } from './agent-reference.js';
import { sendableError } from './remote-reply.js';
import type { NodeLineage } from './remote/node-lineage.js';
import type { NodeTies } from './remote/node-ties.js';
import type { Supervisors } from './supervisors.js';

export interface LineageNeeds {
  readonly thread: number;
  readonly nodes: NodeTies;
  /** For parents and children on other nodes. */
  readonly ofNodes: NodeLineage;
  cellOf(agent: AgentReference): AgentCell | undefined;
  /** Thread of a live agent, or -1. */
  threadOf(agent: AgentReference): number;
  /** Supervision decides about an agent of this thread. */
  failed(cell: AgentCell, error: unknown): void;
  /** The ways to parents that are supervisors. */
  readonly supervision: {
    /** Supervisors of this thread. */
    readonly supervisors: Pick<Supervisors, 'childFailed' | 'childEnded'>;
    referenceOf(child: AgentCell): AgentReference;
    /** The reason is sent to supervisors only. */
    sendChildEnded(thread: number, parent: AgentReference, child: AgentCell, reason: StopReason): void;
    sendChildFailed(thread: number, parent: AgentReference, child: AgentCell, error: unknown, escalates: boolean): void;
  };
  sendEscalate(thread: number, parent: AgentReference, error: unknown): void;
  /** There is no parent: the thread has to deal with it. */
  escalateToThread(cell: AgentCell, error: unknown): void;
}

export class Lineage {
  readonly #needs: LineageNeeds;

  constructor(needs: LineageNeeds) {
    this.#needs = needs;
  }

  /** An agent of this thread failed and escalates. */
  escalate(cell: AgentCell, error: unknown): void {
    const parent = cell.extra?.parent;
    if (parent !== undefined && (this.#needs.threadOf(parent) >= 0 || this.#needs.nodes.leads(parent))) return this.escalateTo(parent, error);
    this.#needs.escalateToThread(cell, error);
  }

  escalateTo(parent: AgentReference, error: unknown): void {
    const cell = this.#needs.cellOf(parent);
    if (cell !== undefined) return this.#needs.failed(cell, error);
    const thread = this.#needs.threadOf(parent);
    if (thread >= 0 && thread !== this.#needs.thread) this.#needs.sendEscalate(thread, parent, sendableError(error));
    else if (this.#needs.nodes.leads(parent)) this.#needs.ofNodes.escalate(parent, error);
  }

  /** An agent of this thread failed, and its supervisor decides. */
  reportFailure(cell: AgentCell, error: unknown, escalates: boolean): void {
    const parent = cell.extra?.parent;
    if (parent === undefined) return;
    const { supervision } = this.#needs;
    const local = this.#needs.cellOf(parent);
    if (local !== undefined) return supervision.supervisors.childFailed(local, supervision.referenceOf(cell), error, escalates);
    const thread = this.#needs.threadOf(parent);
    if (thread >= 0 && thread !== this.#needs.thread) supervision.sendChildFailed(thread, parent, cell, error, escalates);
    else if (this.#needs.nodes.leads(parent)) this.#needs.ofNodes.childFailed(parent, cell, error, escalates);
  }

  /** An agent of this thread has ended. */
  leaveParent(cell: AgentCell, reason: StopReason): void {
    const parent = cell.extra?.parent;
    if (parent === undefined) return;
    const { supervision } = this.#needs;
    const local = this.#needs.cellOf(parent);
    if (local !== undefined) {
      this.childEnded(parent, cell.slot);
      if (parent.kindEntry.isSupervisor) supervision.supervisors.childEnded(local, supervision.referenceOf(cell), reason);
      return;
    }
    const thread = this.#needs.threadOf(parent);
    if (thread >= 0 && thread !== this.#needs.thread) supervision.sendChildEnded(thread, parent, cell, reason);
    else if (this.#needs.nodes.leads(parent)) this.#needs.ofNodes.leaveParent(parent, cell, reason);
  }

  childEnded(parent: AgentReference, slot: number): void {
    const cell = this.#needs.cellOf(parent);
    if (cell?.status === Status.arriving) return onArrival(cell, () => this.childEnded(parent, slot));
    const children = cell?.extra?.children;
    // One that is elsewhere by now may be kept by a slot that is another's.
    if (children?.get(slot)?.slot === slot) children.delete(slot);
    else for (const [key, child] of children ?? []) if (child.slot === slot) return void children?.delete(key);
  }
}
