/**
 * What a thread shows of itself in the tree of supervision: its services, the agents without parents, and below them their children, on whichever threads those are.
 * Costs as much as is shown, but for one walk over the agents of the thread, which counts.
 */
import type { Logger } from '../model/agent-context.js';
import type { RestartType } from '../model/supervisor.js';
import { type NodeIdentity, nodeKey } from '../model/node-identity.js';
import type { RemoteAgent } from '../model/remote-agent.js';
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

/** A node that does not describe its agents by then is shown without them. */
const NODE_TIMEOUT_MS = 1500;

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
  /** Of another node, which has at least one of them. */
  requestFromNode(node: NodeIdentity, agents: readonly AgentReference[], limits: TreeLimits, timeoutMs: number): Promise<readonly (AgentNode | undefined)[]>;
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
      // Below its parent; one whose parent is on another node is shown there and here.
      if (cell.extra?.parent !== undefined && cell.extra.parent.remote === undefined) continue;
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

  /** Agents of whichever thread, for another node. */
  async agentsOfAll(agents: readonly AgentReference[], limits: TreeLimits): Promise<readonly (AgentNode | undefined)[]> {
    const children = agents.map((agent): KnownChild => ({ id: agent.id, kind: agent.kind, agent, supervised: undefined }));
    return this.#nodesOf(children, { ...limits, nodeTimeoutMs: Math.min(NODE_TIMEOUT_MS, limits.nodeTimeoutMs ?? NODE_TIMEOUT_MS) / 2 });
  }

  /** Asks each other thread and each node once for all of its agents among these. */
  async #nodesOf(children: readonly KnownChild[], limits: TreeLimits): Promise<AgentNode[]> {
    const { thread } = this.#needs;
    const byThread = new Map<number, AgentReference[]>();
    const byNode = new Map<string, AgentReference[]>();
    for (const { agent } of children) {
      if (agent?.remote !== undefined) {
        const key = nodeKey(agent.remote.node);
        byNode.set(key, [...(byNode.get(key) ?? []), agent]);
        continue;
      }
      const owner = agent === undefined ? -1 : this.#needs.threadOf(agent);
      if (agent === undefined || owner < 0) continue;
      byThread.set(owner, [...(byThread.get(owner) ?? []), agent]);
    }
    const found = new Map<AgentReference, AgentNode | undefined>();
    const fromNodes = Promise.all([...byNode.values()].map((agents) => this.#askNode(agents, limits, found)));
    await Promise.all(
      [...byThread].map(async ([owner, agents]) => {
        const nodes = await (owner === thread ? this.agents(agents, limits) : this.#needs.request(owner, agents, limits)).catch((error: unknown) => {
          this.#needs.logger.debug({ thread: owner, error: messageOf(error) }, 'a thread did not describe its agents');
          return [];
        });
        for (const [index, agent] of agents.entries()) found.set(agent, nodes[index]);
      }),
    );
    await fromNodes;
    return children.map((child) => nodeOf(child, child.agent === undefined ? undefined : found.get(child.agent)));
  }

  async #askNode(agents: readonly AgentReference[], limits: TreeLimits, found: Map<AgentReference, AgentNode | undefined>): Promise<void> {
    const { node } = (agents[0] as AgentReference).remote as RemoteAgent;
    const asked = this.#needs.requestFromNode(node, agents, limits, limits.nodeTimeoutMs ?? NODE_TIMEOUT_MS);
    const nodes = await asked.catch((error: unknown) => {
      this.#needs.logger.debug({ node: node.name, error: messageOf(error) }, 'a node did not describe its agents');
      return [];
    });
    for (const [index, agent] of agents.entries()) {
      const described = nodes[index];
      found.set(agent, described === undefined ? undefined : { ...described, node: described.node ?? node.name });
    }
  }
}

function nodeOf({ id, kind, agent, supervised }: KnownChild, node: AgentNode | undefined): AgentNode {
  const where = agent?.remote === undefined ? {} : { node: agent.remote.node.name };
  const known = node ?? { type: 'agent', id, kind, thread: undefined, ...where, status: 'unknown', restarts: 0, policy: undefined, children: [], omitted: 0 };
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
