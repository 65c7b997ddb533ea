/**
 * Moves agents of any thread to another, for whoever asks: finds out where each is, asks that thread, and looks again for those that moved meanwhile. The moving itself
 * is `departures.ts` and `arrivals.ts`.
 */
import { type ErrorCode, NexusError, NexusTypeError, quoted, valueText } from '../errors.js';
import { agentNotFound, threadFailed, threadLost } from './failures.js';
import type { AgentReference } from './agent-reference.js';
import type { MovingHost } from './arrivals.js';
import type { Departures, MoveOutcome } from './departures.js';

/** Agents in one request to a thread. */
const REQUEST_AGENTS = 1024;
/** Beyond what the moves themselves may take: an answer comes, or its thread is lost. */
const REQUEST_TIMEOUT_MS = 86_400_000;
const AGAIN_MS = 2;

export class Relocation {
  readonly #host: MovingHost;
  readonly #departures: Departures;

  constructor(host: MovingHost, departures: Departures) {
    this.#host = host;
    this.#departures = departures;
  }

  /**
   * Resolves when all have come to an end: for each undefined if it is on that thread now, else why not.
   * @throws NexusTypeError NEXUS_THREAD_UNKNOWN
   */
  async relocate(agents: readonly AgentReference[], to: number, timeoutMs: number): Promise<(NexusError | undefined)[]> {
    const { shared, links, clock, engine } = this.#host;
    if (!Number.isInteger(to) || to < 0 || to >= shared.threadCount || !links.canReach(to)) {
      throw new NexusTypeError(
        'NEXUS_THREAD_UNKNOWN',
        `thread: ${valueText(to)} is not a thread of this nexus; use a number from 0 to ${shared.threadCount - 1}`,
        { thread: to },
      );
    }
    const deadlineMs = clock.nowMs() + timeoutMs;
    const results: (NexusError | undefined)[] = agents.map(() => undefined);
    let left = agents.map((_, index) => index);
    while (left.length > 0) {
      const byThread = new Map<number, number[]>();
      for (const index of left) {
        const agent = agents[index] as AgentReference;
        const owner = engine.table.threadOf(agent.slot, agent.generation);
        if (agent.kindEntry.callingThreadOnly && to !== 0)
          results[index] = refusal(agent, owner, `only the calling thread has the code of kind '${agent.kind}'`);
        else if (owner < 0) results[index] = agentNotFound(agent.kind, agent.knownId);
        else if (owner !== to) {
          const indices = byThread.get(owner);
          if (indices === undefined) byThread.set(owner, [index]);
          else indices.push(index);
        }
      }
      const again: number[] = [];
      await Promise.all(
        [...byThread].map(([owner, indices]) => this.#fromThread(owner, agents, indices, to, Math.max(1, deadlineMs - clock.nowMs()), results, again)),
      );
      left = again;
      if (left.length === 0) break;
      if (clock.nowMs() >= deadlineMs) {
        for (const index of left) {
          const agent = agents[index] as AgentReference;
          results[index] = refusal(agent, engine.table.threadOf(agent.slot, agent.generation), `another move of it went on for ${timeoutMs} ms`);
        }
        break;
      }
      await new Promise<void>((resolve) => {
        clock.after(AGAIN_MS, resolve);
      });
    }
    return results;
  }

  async #fromThread(
    owner: number,
    agents: readonly AgentReference[],
    indices: readonly number[],
    to: number,
    timeoutMs: number,
    results: (NexusError | undefined)[],
    again: number[],
  ): Promise<void> {
    for (let start = 0; start < indices.length; start += REQUEST_AGENTS) {
      const some = indices.slice(start, start + REQUEST_AGENTS);
      const asked = some.map((index) => agents[index] as AgentReference);
      let outcomes: readonly MoveOutcome[];
      try {
        outcomes = await this.#ask(owner, asked, to, timeoutMs);
      } catch (error) {
        for (const index of some) results[index] = this.#afterLoss(agents[index] as AgentReference, owner, to, error);
        continue;
      }
      for (const [at, outcome] of outcomes.entries()) {
        const index = some[at] as number;
        if (outcome.type === 'elsewhere') again.push(index);
        else results[index] = this.#errorOf(outcome, agents[index] as AgentReference, owner, to);
      }
    }
  }

  #errorOf(outcome: Exclude<MoveOutcome, { readonly type: 'elsewhere' }>, agent: AgentReference, owner: number, to: number): NexusError | undefined {
    switch (outcome.type) {
      case 'moved':
        return undefined;
      case 'ended':
        return agentNotFound(agent.kind, agent.knownId);
      case 'refused':
        return refusal(agent, owner, outcome.message);
      case 'targetLost':
        return this.#host.links.canReach(to)
          ? threadLost(to, `${agent.kind} ${quoted(agent.id)}, which had moved there,`, { id: agent.id, kind: agent.kind })
          : threadFailed(to, `${agent.kind} ${quoted(agent.id)}`, { id: agent.id, kind: agent.kind });
    }
  }

  #ask(owner: number, agents: readonly AgentReference[], to: number, timeoutMs: number): Promise<readonly MoveOutcome[]> {
    if (owner === this.#host.thread) return this.#departures.move(agents, to, timeoutMs);
    return this.#host.router.request(owner, 'migrateAgents', { agents, to, timeoutMs }, REQUEST_TIMEOUT_MS, { kind: 'thread', id: String(owner) });
  }

  /** The thread that was asked is lost: the table says whose the agent was then. */
  #afterLoss(agent: AgentReference, owner: number, to: number, error: unknown): NexusError | undefined {
    const now = this.#host.engine.table.threadOf(agent.slot, agent.generation);
    if (now === to) return undefined;
    if (now < 0) return agentNotFound(agent.kind, agent.knownId);
    const code: ErrorCode = error instanceof NexusError ? error.code : 'NEXUS_THREAD_LOST';
    return new NexusError(
      code,
      `${agent.kind} ${quoted(agent.id)} has not moved: its thread ${owner} was lost, and its successor starts it again; move it then`,
      {
        cause: error,
        data: { id: agent.id, kind: agent.kind, thread: now },
      },
    );
  }
}

function refusal(agent: AgentReference, thread: number, reason: string): NexusError {
  return new NexusError('NEXUS_MIGRATION_REFUSED', `${agent.kind} ${quoted(agent.id)} stays on thread ${thread}: ${reason}`, {
    data: { id: agent.id, kind: agent.kind, thread, reason },
  });
}
