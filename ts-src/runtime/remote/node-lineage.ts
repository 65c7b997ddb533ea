/**
 * Parents and children on different nodes: what goes from one to the other, and what becomes of them when a node is lost. A child whose parent was on a node that is gone ends, as when the thread of its parent is lost; a parent
 * learns that its child is gone, and a supervisor starts it again. Those that have moved from that node before go on.
 *
 * Joined to the lineage of one thread by `lineage.ts`; what a supervisor does then is `supervisors.ts`.
 */
import type { StopReason } from '../../model/agent-definition.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import { type AgentCell, extraOf, onArrival, Status } from '../agent-cell.js';
import type { AgentReference } from '../agent-reference.js';
import { sendableError, sendableReason } from '../remote-reply.js';
import { addAmong, keyAmong, keyOfNamed, type NamedAgent } from './agent-keys.js';
import type { NodeTies } from './node-ties.js';

export interface NodeLineageNeeds {
  readonly nodes: NodeTies;
  cells(): Iterable<AgentCell>;
  cellOf(agent: AgentReference): AgentCell | undefined;
  referenceOf(cell: AgentCell): AgentReference;
  /** Ends an agent of this thread. */
  stop(cell: AgentCell, reason: StopReason): void;
  /** A supervisor of this thread has lost a child. */
  childOfSupervisorEnded(supervisor: AgentCell, child: AgentReference, reason: StopReason): void;
}

export class NodeLineage {
  readonly #needs: NodeLineageNeeds;
  /** Agents of this thread that have children on other nodes. */
  readonly #parents = new Set<AgentCell>();

  constructor(needs: NodeLineageNeeds) {
    this.#needs = needs;
    needs.nodes.onLoss((node, isGone) => this.#nodeLost(node, isGone));
  }

  /** A child has started on another node. It may have ended before its parent knew of it. */
  adopt(parent: AgentCell, child: AgentReference): void {
    const extra = extraOf(parent);
    extra.children ??= new Map();
    addAmong(extra.children, child);
    this.#parents.add(parent);
    void this.#confirmChild(parent, child, { type: 'notFound' });
  }

  /** The parent on another node says that this is its child: whether it is there, under which parent is said. */
  adopted(child: AgentCell, parent: AgentReference, life: number, isNew: boolean): boolean {
    if (child.status >= Status.stopping) return false;
    const extra = extraOf(child);
    // One that came back after the loss of its thread has forgotten it; one of the same kind that was started since the loss of its node is nobody's child.
    if (isNew) extra.parent ??= parent;
    if (extra.parent === undefined) return false;
    extra.nodeName ??= this.#needs.nodes.nameWith(this.#needs.referenceOf(child), life);
    return extra.parent.equals(parent);
  }

  isParentOf(parent: AgentCell, child: AgentReference): boolean {
    return parent.status < Status.stopping && keyAmong(parent.extra?.children, child, this.#needs.nodes) !== undefined;
  }

  escalate(parent: AgentReference, error: unknown): void {
    void this.#needs.nodes.ask(parent, 'escalate', { parent, error: sendableError(error) });
  }

  childFailed(parent: AgentReference, child: AgentCell, error: unknown, escalates: boolean): void {
    const { nodes, referenceOf } = this.#needs;
    const call = { parent, child: referenceOf(child), error: sendableError(error), escalates };
    void nodes.ask(parent, 'childFailed', call).then(({ type }) => {
      if (type === 'notThere' || type === 'nodeLost') this.#needs.stop(child, { type: 'parentStopped' });
    });
  }

  /** A child of this thread has ended. */
  leaveParent(parent: AgentReference, child: AgentCell, reason: StopReason): void {
    const { nodes, referenceOf } = this.#needs;
    // Without a name its parent has not heard of it yet, and finds it gone.
    const ended = child.extra?.nodeName ?? nodes.nameOf(referenceOf(child));
    if (ended !== undefined) void nodes.ask(parent, 'endedOnNode', { tie: 'child', target: parent, ended, reason: sendableReason(reason) });
  }

  childEnded(parent: AgentCell, ended: NamedAgent, reason: StopReason): void {
    if (parent.status === Status.arriving) return onArrival(parent, () => this.childEnded(parent, ended, reason));
    const key = keyOfNamed(parent.extra?.children, ended);
    const child = key === undefined ? undefined : parent.extra?.children?.get(key);
    if (child !== undefined) this.#childGone(parent, child, reason);
  }

  left(cell: AgentCell): void {
    this.#parents.delete(cell);
  }

  arrived(cell: AgentCell): void {
    for (const { remote } of cell.extra?.children?.values() ?? []) if (remote !== undefined) this.#parents.add(cell);
  }

  #nodeLost(node: NodeIdentity, isGone: boolean): void {
    const isThere = (agent: AgentReference | undefined): agent is AgentReference => agent !== undefined && this.#needs.nodes.mayBeOn(agent, node, isGone);
    for (const cell of [...this.#needs.cells()]) {
      const parent = cell.extra?.parent;
      if (isThere(parent)) void this.#confirmParent(cell, parent, isGone);
    }
    for (const cell of [...this.#parents]) {
      if (cell.status >= Status.stopped) this.#parents.delete(cell);
      for (const child of [...(cell.extra?.children?.values() ?? [])]) {
        if (!isThere(child)) continue;
        if (isGone && (child.remote?.life ?? 0) < 0) this.#childGone(cell, child, { type: 'nodeLost', node: node.name });
        else void this.#confirmChild(cell, child, isGone ? { type: 'nodeLost', node: node.name } : { type: 'threadFailed' });
      }
    }
  }

  async #confirmParent(cell: AgentCell, parent: AgentReference, isGone: boolean): Promise<void> {
    const { nodes, referenceOf, stop } = this.#needs;
    const end = (): void => stop(cell, { type: 'parentStopped' });
    if (isGone && (parent.remote?.life ?? 0) < 0) return end();
    const answer = await nodes.ask(parent, 'tieFromNode', {
      tie: 'parent',
      target: parent,
      life: parent.remote?.life ?? 0,
      other: referenceOf(cell),
      isNew: false,
    });
    if (cell.status >= Status.stopping || answer.type === 'home' || answer.type === 'over') return;
    if (answer.type !== 'answer' || answer.value === undefined) end();
  }

  async #confirmChild(parent: AgentCell, child: AgentReference, otherwise: StopReason): Promise<void> {
    const { nodes, referenceOf } = this.#needs;
    const call = { tie: 'child', target: child, life: child.remote?.life ?? 0, other: referenceOf(parent), isNew: otherwise.type !== 'nodeLost' } as const;
    const answer = await nodes.ask(child, 'tieFromNode', call);
    if (answer.type === 'home' || answer.type === 'over' || (answer.type === 'answer' && answer.value !== undefined)) return;
    this.#childGone(parent, child, answer.type === 'nodeLost' ? { type: 'nodeLost', node: answer.node.name } : otherwise);
  }

  #childGone(parent: AgentCell, child: AgentReference, reason: StopReason): void {
    const key = keyAmong(parent.extra?.children, child, this.#needs.nodes);
    if (key === undefined || parent.status >= Status.stopping) return;
    parent.extra?.children?.delete(key);
    if (parent.kind.isSupervisor) this.#needs.childOfSupervisorEnded(parent, child, reason);
  }
}
