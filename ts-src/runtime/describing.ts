/**
 * What a thread shows of itself in the tree of supervision: its services, the agents without parents, and below them their children, on whichever threads those are.
 * Costs as much as is shown, but for one walk over the agents of the thread, which counts.
 */
import type { Logger } from '../model/agent-context.js';
import type { RestartType } from '../model/supervisor.js';
import type { AgentNode, NodePolicy, ThreadTree, TreeLimits } from '../model/supervision-tree.js';
import { type AgentCell, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import type { CellTable } from './cell-table.js';
import { messageOf } from './lifecycle.js';
import { isPaused } from './pausing.js';
import type { Supervisors } from './supervisors.js';
import type { ThreadServices } from './thread-services.js';

const STATUS_NAMES: Readonly<Record<Status, string>> = {
  [Status.starting]: 'starting',
  [Status.ready]: 'ready',
  [Status.busy]: 'busy',
  [Status.suspended]: 'waiting',
  [Status.held]: 'moving',
  [Status.arriving]: 'moving',
  [Status.stopping]: 'ending',
  [Status.stopped]: 'absent',
  [Status.moved]: 'absent',
};

export interface DescribingNeeds {
  readonly thread: number;
  readonly cells: CellTable;
  readonly supervisors: Supervisors;
  readonly services: ThreadServices;
  readonly logger: Logger;
  /** Without making a reference that stays. */
  nameOf(cell: AgentCell): string;
  threadOf(agent: AgentReference): number;
  request(thread: number, agents: readonly AgentReference[], limits: TreeLimits): Promise<readonly (AgentNode | undefined)[]>;
}

/** A child as its parent knows it. */
interface KnownChild {
  readonly id: string;
  readonly kind: string;
  readonly agent: AgentReference | undefined;
  /** Of a child of a supervisor. */
  readonly supervised: { readonly status: string; readonly restarts: number; readonly restart: RestartType } | undefined;
}

export class Describing {
  readonly #needs: DescribingNeeds;

  constructor(needs: DescribingNeeds) {
    this.#needs = needs;
  }

  async thread(limits: TreeLimits): Promise<ThreadTree> {
    const { cells, services } = this.#needs;
    const supervisors: AgentCell[] = [];
    const others: AgentCell[] = [];
    let count = 0;
    for (const cell of cells) {
      if (cell.extra?.parent !== undefined) continue;
      count++;
      if (cell.kind.isSupervisor && supervisors.length < limits.agentsMax) supervisors.push(cell);
      else if (others.length < limits.agentsMax) others.push(cell);
    }
    const shown = [...supervisors, ...others].slice(0, limits.agentsMax);
    const agents = await Promise.all(shown.map((cell) => this.#agent(cell, limits)));
    return { policy: services.policy, services: services.describe(), agents, omitted: count - shown.length };
  }

  /** Agents of this thread; undefined for one that is not here. */
  agents(agents: readonly AgentReference[], limits: TreeLimits): Promise<readonly (AgentNode | undefined)[]> {
    return Promise.all(
      agents.map(({ slot, generation }) => {
        const cell = this.#needs.cells.get(slot, generation);
        return cell === undefined ? undefined : this.#agent(cell, limits);
      }),
    );
  }

  /** An agent of whatever thread, with what is below it. */
  async agent(agent: AgentReference, limits: TreeLimits): Promise<AgentNode | undefined> {
    const [node] = await this.#nodesOf([{ id: agent.id, kind: agent.kind, agent, supervised: undefined }], limits);
    return node;
  }

  async #agent(cell: AgentCell, { depthMax, agentsMax }: TreeLimits): Promise<AgentNode> {
    const children = this.#childrenOf(cell);
    const shown = depthMax > 1 ? children.slice(0, agentsMax) : [];
    return {
      type: 'agent',
      id: this.#needs.nameOf(cell),
      kind: cell.kind.name,
      thread: this.#needs.thread,
      status: isPaused(cell) && cell.status === Status.held ? 'paused' : STATUS_NAMES[cell.status],
      restarts: cell.extra?.life ?? 0,
      restart: undefined,
      policy: policyOf(cell),
      children: shown.length === 0 ? [] : await this.#nodesOf(shown, { depthMax: depthMax - 1, agentsMax }),
      omitted: children.length - shown.length,
    };
  }

  #childrenOf(cell: AgentCell): KnownChild[] {
    if (!cell.kind.isSupervisor)
      return [...(cell.extra?.children?.values() ?? [])].map((agent) => ({ id: agent.id, kind: agent.kind, agent, supervised: undefined }));
    return this.#needs.supervisors
      .childrenOf(cell)
      .map(({ id, kind, ref, ...supervised }) => ({ id, kind, agent: ref as AgentReference | undefined, supervised }));
  }

  /** Asks each other thread once for all of its agents among these. */
  async #nodesOf(children: readonly KnownChild[], limits: TreeLimits): Promise<AgentNode[]> {
    const { thread } = this.#needs;
    const byThread = new Map<number, AgentReference[]>();
    for (const { agent } of children) {
      const owner = agent === undefined ? -1 : this.#needs.threadOf(agent);
      if (agent === undefined || owner < 0) continue;
      byThread.set(owner, [...(byThread.get(owner) ?? []), agent]);
    }
    const found = new Map<AgentReference, AgentNode | undefined>();
    await Promise.all(
      [...byThread].map(async ([owner, agents]) => {
        const nodes = await (owner === thread ? this.agents(agents, limits) : this.#needs.request(owner, agents, limits)).catch((error: unknown) => {
          this.#needs.logger.debug({ thread: owner, error: messageOf(error) }, 'a thread did not describe its agents');
          return [];
        });
        for (const [index, agent] of agents.entries()) found.set(agent, nodes[index]);
      }),
    );
    return children.map((child) => nodeOf(child, child.agent === undefined ? undefined : found.get(child.agent)));
  }
}

function nodeOf({ id, kind, agent, supervised }: KnownChild, node: AgentNode | undefined): AgentNode {
  const known = node ?? { type: 'agent', id, kind, thread: undefined, status: 'unknown', restarts: 0, policy: undefined, children: [], omitted: 0 };
  if (supervised === undefined) return { ...known, restart: undefined };
  const { restarts, restart, status } = supervised;
  return {
    ...known,
    restarts,
    restart,
    status: node !== undefined && status === 'running' ? node.status : agent === undefined || node !== undefined ? status : 'unknown',
  };
}

function policyOf(cell: AgentCell): NodePolicy | undefined {
  const policy = cell.kind.definition?.supervisor;
  return policy === undefined ? undefined : { strategy: policy.strategy, intensity: policy.intensity, periodMs: policy.periodMs };
}
