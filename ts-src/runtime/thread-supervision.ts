/**
 * What a thread has for supervision beyond the life of one agent: its supervisors, links, services, and what it says of them. Puts these parts together for
 * `thread-host.ts`.
 */
import type { AnyAgent, StopReason } from '../model/agent-definition.js';
import type { SpawnOptions } from '../model/spawn-options.js';
import type { AgentCell } from './agent-cell.js';
import { AgentLinks } from './agent-links.js';
import type { AgentReference } from './agent-reference.js';
import { Describing } from './describing.js';
import { sendableError, sendableReason } from './remote-reply.js';
import { SupervisedAgents } from './supervised-agents.js';
import { NodeLineage } from './remote/node-lineage.js';
import { Supervisors } from './supervisors.js';
import type { AgentFailure } from './system-calls.js';
import type { ThreadHost } from './thread-host.js';
import { cellOfTied, threadOfTied } from './thread-agents.js';
import { ThreadServices } from './thread-services.js';

/** A thread that does not describe its agents by then is shown without them. */
const DESCRIBE_TIMEOUT_MS = 2000;

export interface ThreadSupervisionNeeds {
  random(): number;
  spawn(definition: AnyAgent, options: SpawnOptions, parent: AgentCell): Promise<AgentReference>;
  escalated(failure: AgentFailure): void;
}

export class ThreadSupervision {
  readonly links: AgentLinks;
  readonly agents: SupervisedAgents;
  readonly supervisors: Supervisors;
  readonly services: ThreadServices;
  readonly describing: Describing;
  /** Parents and children on other nodes. */
  readonly ofNodes: NodeLineage;
  readonly #host: ThreadHost;

  constructor(host: ThreadHost, { random, spawn, escalated }: ThreadSupervisionNeeds) {
    this.#host = host;
    const { thread, clock, logger, kinds, router } = host;
    const { table } = host.engine;
    const cellOf = (agent: AgentReference): AgentCell | undefined => cellOfTied(host, agent);
    const threadOf = (agent: AgentReference): number => table.threadOf(agent.slot, agent.generation);
    const referenceOf = (cell: AgentCell): AgentReference => host.referenceOf(cell);
    const nameOf = (cell: AgentCell): string => host.nameOf(cell.slot, cell.generation) ?? '';
    const failed = (cell: AgentCell, error: unknown): void => host.lifecycle.failed(cell, error, undefined);
    const nodes = host.nodeTies;
    this.links = new AgentLinks({
      thread,
      clock,
      nodes,
      cellOf,
      threadOf: (agent) => threadOfTied(host, agent),
      referenceOf,
      failed,
      sendLink: (to, target, other) => router.call(to, 'link', { target, other }),
      sendUnlink: (to, target, other) => router.call(to, 'unlink', { target, other }),
      sendEnded: (to, target, ended, id, reason) => router.call(to, 'linkedEnded', { target, ended, id, reason: sendableReason(reason) }),
    });
    this.agents = new SupervisedAgents({ clock, logger, lifecycle: host.lifecycle, stopHere: (cell) => host.stopping.stopHere(cell), nameOf });
    this.supervisors = new Supervisors({
      thread,
      clock,
      logger,
      table,
      kinds,
      children: this.agents,
      random,
      referenceOf,
      cellOf,
      nodes,
      spawn,
      holderOf: (id, parent) => host.directory.holderOf(id, parent),
      failed,
      requestEnd: (to, call, timeoutMs, agent) =>
        router.request(to, 'endChild', { ...call, error: call.error === undefined ? undefined : sendableError(call.error) }, timeoutMs, agent),
      requestStart: (to, agent, timeoutMs) =>
        router.request(to, 'startChild', { slot: agent.slot, generation: agent.generation, timeoutMs }, timeoutMs, agent) as Promise<void>,
    });
    this.ofNodes = new NodeLineage({
      ...{ nodes, cellOf, referenceOf },
      cells: () => host.cells,
      stop: (cell, reason) => host.lifecycle.stop(cell, reason),
      childOfSupervisorEnded: (supervisor, child, reason) => this.supervisors.childEnded(supervisor, child, reason),
    });
    this.services = new ThreadServices({
      clock,
      logger,
      random,
      escalate: (service, error) => escalated({ id: service, kind: 'service', action: undefined, thread, error }),
    });
    this.describing = new Describing({
      thread,
      cells: host.cells,
      supervisors: this.supervisors,
      services: this.services,
      logger,
      nameOf,
      threadOf,
      requestFromNode: async (node, agents, limits, timeoutMs) =>
        (await host.remote?.request(node, undefined, 'describeFromNode', { agents, limits }, timeoutMs)) ?? [],
      request: (to, agents, limits) => router.request(to, 'describeAgents', { agents, limits }, DESCRIBE_TIMEOUT_MS, { kind: 'thread', id: String(to) }),
    });
  }

  /** An agent of this thread that has a supervisor failed. */
  childFailed(cell: AgentCell, error: unknown, escalates: boolean): void {
    if (!this.agents.failedWhileEnding(cell, error)) this.#host.lineage.reportFailure(cell, error, escalates);
  }

  referenceOf(child: AgentCell): AgentReference {
    return this.#host.referenceOf(child);
  }

  sendChildEnded(thread: number, parent: AgentReference, child: AgentCell, reason: StopReason): void {
    const told = parent.kindEntry.isSupervisor ? { child: this.referenceOf(child), reason: sendableReason(reason) } : { child: undefined, reason: undefined };
    this.#host.router.call(thread, 'childEnded', { parent, slot: child.slot, ...told });
  }

  sendChildFailed(thread: number, parent: AgentReference, child: AgentCell, error: unknown, escalates: boolean): void {
    this.#host.router.call(thread, 'childFailed', { parent, child: this.referenceOf(child), error: sendableError(error), escalates });
  }
}
