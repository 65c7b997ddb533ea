/**
 * The supervisors of one thread: a process for each that lives (`supervisor-process.ts`), and the way from there to children on this thread and on others. What comes
 * from children arrives here, through `lineage.ts`.
 */
import { NexusError } from '../errors.js';
import type { AnyAgent, StopReason } from '../model/agent-definition.js';
import type { Logger } from '../model/agent-context.js';
import type { SpawnOptions } from '../model/spawn-options.js';
import type { ChildSummary, ResolvedChild, Supervised } from '../model/supervisor-definition.js';
import type { SupervisorPolicy } from '../model/supervisor.js';
import type { Clock } from '../ports/clock.js';
import type { RoutingTable } from '../ports/engine.js';
import type { AgentCell } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import { agentStopped, threadLost } from './failures.js';
import type { KindRegistry } from './kind.js';
import { messageOf } from './lifecycle.js';
import { hasParent, parentSlotOf } from './record-word.js';
import { sendableError } from './remote-reply.js';
import type { NodeTies } from './remote/node-ties.js';
import type { SupervisedAgents } from './supervised-agents.js';
import { DEPTH_MAX, SupervisorProcess } from './supervisor-process.js';
import type { EndChild } from './system-calls.js';

/** The thread of a child answers after the time that the child has; if it does not even then, it is held up itself. */
const GRACE_MS = 500;
/** How often an id is tried again that an agent of a lost node has. */
const ID_FREE_MS = 200;
/** In the place of a thread. */
const OTHER_NODE = -2;

export interface SupervisorsNeeds {
  readonly thread: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly table: RoutingTable;
  readonly kinds: KindRegistry;
  readonly children: SupervisedAgents;
  random(): number;
  referenceOf(cell: AgentCell): AgentReference;
  cellOf(agent: AgentReference): AgentCell | undefined;
  readonly nodes: NodeTies;
  spawn(definition: AnyAgent, options: SpawnOptions, parent: AgentCell): Promise<AgentReference>;
  holderOf(id: string, parent: AgentReference): { readonly agent: AgentReference; readonly isChild: boolean } | undefined;
  failed(cell: AgentCell, error: unknown): void;
  requestEnd(thread: number, call: EndChild, timeoutMs: number, agent: AgentReference): Promise<boolean>;
  requestStart(thread: number, agent: AgentReference, timeoutMs: number): Promise<void>;
}

export class Supervisors {
  readonly #needs: SupervisorsNeeds;
  readonly #processes = new Map<AgentCell, SupervisorProcess>();

  constructor(needs: SupervisorsNeeds) {
    this.#needs = needs;
  }

  /** What the actions of a supervisor use; made with each of its lives. */
  of(cell: AgentCell): Supervised {
    let process = this.#processes.get(cell);
    if (process === undefined) {
      process = this.#process(cell, cell.kind.definition?.supervisor as SupervisorPolicy);
      this.#processes.set(cell, process);
    }
    return process;
  }

  /** The supervisor's life ends. */
  end(cell: AgentCell): Promise<unknown> | undefined {
    const process = this.#processes.get(cell);
    this.#processes.delete(cell);
    const ended = process?.stop();
    cell.extra?.children?.clear();
    // A spawn under way ends its agent itself when it sees that this life is over; the next life waits for that.
    const spawning = [...(cell.extra?.spawning?.keys() ?? [])];
    return ended === undefined && spawning.length === 0 ? undefined : Promise.all([ended, ...spawning]);
  }

  /** What a supervisor knows of its children. None while it is not started. */
  childrenOf(cell: AgentCell): readonly ChildSummary[] {
    return this.#processes.get(cell)?.list() ?? [];
  }

  childFailed(supervisor: AgentCell, child: AgentReference, error: unknown, escalates: boolean): void {
    this.#processes.get(supervisor)?.childFailed(child, error, escalates);
  }

  childEnded(supervisor: AgentCell, child: AgentReference, reason: StopReason): void {
    this.#processes.get(supervisor)?.childEnded(child, reason);
  }

  threadLost(thread: number, replaced: boolean): void {
    for (const process of [...this.#processes.values()]) process.threadLost(thread, replaced, threadLost(thread, 'a child'));
  }

  #process(cell: AgentCell, policy: SupervisorPolicy): SupervisorProcess {
    const { clock, table, kinds } = this.#needs;
    const self = this.#needs.referenceOf(cell);
    const threadOf = (agent: AgentReference): number => table.threadOf(agent.slot, agent.generation);
    return new SupervisorProcess({
      self,
      policy,
      nowMs: () => clock.nowMs(),
      random: () => this.#needs.random(),
      after: (delayMs, callback) => clock.after(delayMs, callback),
      isSupervisor: (kind) => kinds.byName(kind).isSupervisor,
      ancestry: () => this.#ancestry(self),
      spawn: (child) => this.#spawn(child, cell),
      startAgain: (agent, timeoutMs) => this.#startAgain(agent, timeoutMs),
      end: (agent, keep, error, timeoutMs) => this.#end(agent, keep, error, timeoutMs),
      childNamed: (id) => {
        const holder = this.#needs.holderOf(id, self);
        return holder?.isChild === true ? holder.agent : undefined;
      },
      isLive: (agent) => (agent.remote === undefined ? threadOf(agent) >= 0 : !this.#needs.nodes.isGone(agent.remote.node)),
      threadOf: (agent) => (agent.remote === undefined ? threadOf(agent) : OTHER_NODE),
      failed: (error) => this.#needs.failed(cell, error),
    });
  }

  /** The id of one that was lost with its node is free when the cluster has found that nobody has it: a moment after its supervisor has heard of the loss. */
  async #spawn({ kind, id, init, thread, node, startTimeoutMs }: ResolvedChild, cell: AgentCell): Promise<AgentReference> {
    const { clock, nodes } = this.#needs;
    const deadlineMs = clock.nowMs() + startTimeoutMs;
    for (;;) {
      const timeoutMs = Math.max(1, deadlineMs - clock.nowMs());
      const options = { id, thread, timeoutMs, ...(node === undefined ? {} : { node }), ...(init === undefined ? {} : { init }) };
      try {
        return await this.#needs.spawn({ kind } as AnyAgent, options, cell);
      } catch (error) {
        const isTaken = error instanceof NexusError && error.code === 'NEXUS_ID_DUPLICATE' && nodes.isGoneName(error.data?.['node']);
        if (!isTaken || clock.nowMs() + ID_FREE_MS >= deadlineMs) throw error;
        await new Promise<void>((resolve) => clock.after(ID_FREE_MS, resolve, false));
      }
    }
  }

  async #startAgain(agent: AgentReference, timeoutMs: number): Promise<void> {
    const { thread, table, children, nodes } = this.#needs;
    if (agent.remote !== undefined) {
      const call = { slot: 0, generation: 0, timeoutMs };
      const answer = await nodes.ask(agent, 'startChild', call, timeoutMs + GRACE_MS, this.#needs.clock.nowMs() + timeoutMs);
      if (answer.type === 'answer') return;
      throw agentStopped(agent.kind, agent.knownId, 'its start');
    }
    const owner = table.threadOf(agent.slot, agent.generation);
    if (owner === thread) return children.start(this.#needs.cellOf(agent), timeoutMs);
    if (owner < 0) throw agentStopped(agent.kind, agent.knownId, 'its start');
    return this.#needs.requestStart(owner, agent, timeoutMs + GRACE_MS);
  }

  async #end(agent: AgentReference, keep: boolean, error: unknown, timeoutMs: number): Promise<void> {
    const { thread, table, children, logger, clock, nodes } = this.#needs;
    const deadlineMs = clock.nowMs() + timeoutMs;
    if (agent.remote !== undefined) {
      const call = { slot: 0, generation: 0, keep, error: error === undefined ? undefined : sendableError(error), timeoutMs };
      // A node that does not answer by then is left to itself: the agent ends with it, or finds that its parent does not know it.
      await nodes.ask(agent, 'endChild', call, timeoutMs + GRACE_MS, deadlineMs);
      return;
    }
    for (;;) {
      const owner = table.threadOf(agent.slot, agent.generation);
      if (owner < 0) return;
      if (owner === thread) return void (await children.end(this.#needs.cellOf(agent), keep, error, timeoutMs));
      const call = { slot: agent.slot, generation: agent.generation, keep, error, timeoutMs };
      const failure = await this.#needs.requestEnd(owner, call, timeoutMs + GRACE_MS, agent).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (failure === undefined) return;
      const isLoss = failure instanceof NexusError && failure.code === 'NEXUS_THREAD_LOST';
      // Its life is over with its thread. The agent itself comes back, and may have to be ended there.
      if (isLoss && keep) return;
      if (isLoss && clock.nowMs() < deadlineMs) continue;
      const data = { child: agent.id, kind: agent.kind, thread: owner, error: messageOf(failure) };
      logger.warn(data, 'the thread of a child did not say that it has ended');
      return;
    }
  }

  /** From the parents that the shared table knows, which may be on any thread. */
  #ancestry(self: AgentReference): { readonly id: string; readonly kind: string }[] {
    const { table, kinds } = this.#needs;
    const ancestry: { id: string; kind: string }[] = [];
    for (let at = { slot: self.slot, generation: self.generation }; ancestry.length <= DEPTH_MAX; ) {
      const kind = table.kindOf(at.slot, at.generation);
      if (kind < 0) break;
      ancestry.push({ id: table.keyOf(at.slot, at.generation) ?? '', kind: kinds.byIndex(kind).name });
      const word = table.parentOf(at.slot, at.generation);
      const slot = parentSlotOf(word);
      if (slot === 0) break;
      const parent = { slot, generation: table.generationOf(slot) };
      if (!hasParent(word, parent)) break;
      at = parent;
    }
    return ancestry;
  }
}
