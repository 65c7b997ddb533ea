/**
 * Agents that have come to this node from another one, or were started here again because that was lost, from the moment in which nothing is on its way to them from there any more: has every worker send straight to them, as to any agent of this node, and when all do,
 * takes away the mark that made what was sent to them go by the calling thread (`runtime/remote/agent-ways.ts`). Many at a time. Until then they stay here. On the calling thread of a node.
 */
import { NexusError } from '../../errors.js';
import type { HomeAgent } from '../../runtime/remote/agent-ways.js';
import type { SystemCallName, SystemCalls } from '../../runtime/system-calls.js';
import type { ThreadHost } from '../../runtime/thread-host.js';

/** Agents of one round. */
const ROUND_AGENTS = 1024;
const CALL_TIMEOUT_MS = 86_400_000;
/** Until the successor of a lost thread is asked. */
const AGAIN_MS = 20;

interface Homecoming {
  readonly agent: HomeAgent;
  readonly isHome: () => void;
}

export class Homecomings {
  readonly #host: ThreadHost;
  #waiting: Homecoming[] = [];
  #isUnderway = false;

  constructor(host: ThreadHost) {
    this.#host = host;
  }

  /** @param isHome called when all threads send straight to it, or it is not there any more */
  begin(agent: HomeAgent, isHome: () => void): void {
    this.#waiting.push({ agent, isHome });
    if (!this.#isUnderway) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isUnderway = true;
    while (this.#waiting.length > 0) {
      const round = this.#waiting.slice(0, ROUND_AGENTS);
      this.#waiting = this.#waiting.slice(ROUND_AGENTS);
      const agents = round.map(({ agent }) => agent);
      const { threadCount } = this.#host.shared;
      // Nobody else has to learn of it.
      if (threadCount === 1) this.#host.calls.agentsAreHome({ agents });
      else {
        const workers = Array.from({ length: threadCount - 1 }, (_, index) => index + 1);
        await Promise.all(workers.map((thread) => this.#surely(() => thread, 'agentsCameHome', { agents })));
        await Promise.all(
          agents.map((agent) => this.#surely(() => this.#host.engine.table.threadOf(agent.slot, agent.generation), 'agentsAreHome', { agents: [agent] })),
        );
      }
      for (const { isHome } of round) isHome();
    }
    this.#isUnderway = false;
  }

  /** If the thread is lost, its successor is told. */
  async #surely<N extends 'agentsCameHome' | 'agentsAreHome'>(threadOf: () => number, name: N, input: Parameters<SystemCalls[N]>[0]): Promise<void> {
    const host = this.#host;
    while (!host.isStopping) {
      const thread = threadOf();
      if (thread < 0) return;
      try {
        if (thread > 0) await host.router.request(thread, name as SystemCallName, input as never, CALL_TIMEOUT_MS, { kind: 'thread', id: String(thread) });
        else await (host.calls[name] as (call: unknown) => unknown)(input);
        return;
      } catch (error) {
        if (!(error instanceof NexusError && error.code === 'NEXUS_THREAD_LOST')) return;
      }
      await new Promise<void>((resolve) => host.clock.after(AGAIN_MS, resolve));
    }
  }
}
