/** Agents of this node as other nodes name them: by id and life. Knows those that were asked for lately, because looking a name up in the shared table costs more than a message. */
import type { Registry } from '../../ports/registry.js';
import type { AgentReference } from '../../runtime/agent-reference.js';
import { DURABLE_LIFE, lifeOf } from '../../runtime/remote/agent-life.js';
import type { ThreadHost } from '../../runtime/thread-host.js';

/** Agents that are remembered; when there are as many, all are forgotten. */
const REMEMBERED_MAX = 65_536;

interface Remembered {
  readonly agent: AgentReference;
  readonly life: number;
}

export class LocalAgents {
  readonly #host: ThreadHost;
  readonly #registry: () => Registry | undefined;
  readonly #byId = new Map<string, Remembered>();
  /** Of one that is handed over to another node, and is here as yet (`cluster/moves/agent-moves.ts`). */
  leaving: (agent: AgentReference) => number | undefined = () => undefined;

  constructor(host: ThreadHost, registry: () => Registry | undefined) {
    this.#host = host;
    this.#registry = registry;
  }

  /** The live agent of this id, if that is the one that is meant. */
  find(id: string, life: number): AgentReference | undefined {
    const known = this.#byId.get(id);
    if (known !== undefined && known.life === life && this.#isLive(known.agent)) return known.agent;
    const agent = this.#host.directory.find(id, undefined);
    if (agent === undefined) return undefined;
    const lifeFound = this.lifeOf(agent);
    if (lifeFound !== life) return undefined;
    if (this.#byId.size >= REMEMBERED_MAX) this.#byId.clear();
    this.#byId.set(id, { agent, life });
    return agent;
  }

  /** What all nodes know a local agent by; undefined if it has ended. */
  lifeOf(agent: AgentReference): number | undefined {
    if (agent.kindEntry.isDurable) return DURABLE_LIFE;
    if (!this.#isLive(agent)) return undefined;
    const { slot, generation } = agent;
    // An id of the cluster is another agent's, which may be about to come here.
    if (agent.kindEntry.isOfNode) return lifeOf(slot, generation);
    return this.#registry()?.own(agent.id)?.life ?? this.leaving(agent) ?? lifeOf(slot, generation);
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }

  #isLive({ slot, generation }: AgentReference): boolean {
    return this.#host.engine.table.threadOf(slot, generation) >= 0;
  }
}
