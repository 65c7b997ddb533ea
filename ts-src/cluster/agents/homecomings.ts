/**
 * Agents that have come to this node from another one, or were started here again because that was lost, from the moment in which nothing is on its way to them from there any more: has every worker send straight to them, as to any agent of this node, and when all do,
 * takes away the mark that made what was sent to them go by the calling thread (`runtime/remote/agent-ways.ts`). Many at a time. Until then they stay here. On the calling thread of a node.
 */
import type { HomeAgent } from '../../runtime/remote/agent-ways.js';
import type { SystemCalls } from '../../runtime/system-calls.js';
import type { ThreadHost } from '../../runtime/thread-host.js';
import { surelyOnThread } from '../surely-on-thread.js';

/** Agents of one round. */
const ROUND_AGENTS = 1024;

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
      if (threadCount === 1) {
        // Nobody else has to learn of it.
        if (!this.#host.isStopping) this.#host.calls.agentsAreHome({ agents });
      } else {
        const workers = Array.from({ length: threadCount - 1 }, (_, index) => index + 1);
        await Promise.all(workers.map((thread) => this.#call(() => thread, 'agentsCameHome', { agents })));
        await Promise.all(
          agents.map((agent) => this.#call(() => this.#host.engine.table.threadOf(agent.slot, agent.generation), 'agentsAreHome', { agents: [agent] })),
        );
      }
      for (const { isHome } of round) isHome();
    }
    this.#isUnderway = false;
  }

  async #call<N extends 'agentsCameHome' | 'agentsAreHome'>(threadOf: () => number, name: N, input: Parameters<SystemCalls[N]>[0]): Promise<void> {
    if (!this.#host.isStopping) await surelyOnThread(this.#host, threadOf, name, input);
  }
}
