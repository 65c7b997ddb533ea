/**
 * What goes from a child to its parent, on whichever thread that is: that it has ended, and a failure that the parent has to deal with. Not here: what a
 * parent does with its children (`lifecycle.ts`, `spawning.ts`).
 */
import { type AgentCell, onArrival, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import { sendableError } from './remote-reply.js';

export interface LineageNeeds {
  readonly thread: number;
  cellOf(agent: AgentReference): AgentCell | undefined;
  /** Thread of a live agent, or -1. */
  threadOf(agent: AgentReference): number;
  /** Supervision decides about an agent of this thread. */
  failed(cell: AgentCell, error: unknown): void;
  sendChildEnded(thread: number, parent: AgentReference, slot: number): void;
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
    if (parent !== undefined && this.#needs.threadOf(parent) >= 0) return this.escalateTo(parent, error);
    this.#needs.escalateToThread(cell, error);
  }

  escalateTo(parent: AgentReference, error: unknown): void {
    const cell = this.#needs.cellOf(parent);
    if (cell !== undefined) return this.#needs.failed(cell, error);
    const thread = this.#needs.threadOf(parent);
    if (thread >= 0 && thread !== this.#needs.thread) this.#needs.sendEscalate(thread, parent, sendableError(error));
  }

  /** An agent of this thread has ended. */
  leaveParent(cell: AgentCell): void {
    const parent = cell.extra?.parent;
    if (parent === undefined) return;
    if (this.#needs.cellOf(parent) !== undefined) return this.childEnded(parent, cell.slot);
    const thread = this.#needs.threadOf(parent);
    if (thread >= 0 && thread !== this.#needs.thread) this.#needs.sendChildEnded(thread, parent, cell.slot);
  }

  childEnded(parent: AgentReference, slot: number): void {
    const cell = this.#needs.cellOf(parent);
    if (cell?.status === Status.arriving) return onArrival(cell, () => this.childEnded(parent, slot));
    cell?.extra?.children?.delete(slot);
  }
}
