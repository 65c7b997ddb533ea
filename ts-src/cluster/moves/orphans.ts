/**
 * Agents whose node is lost, on the node that owns their ids now: each is taken over and started again with its `init`, some at a time, so that what lives on goes on meanwhile. Those without an `init` are given up:
 * children, which their parents start again, durable agents, which come back with their next message, and those whose `init` cannot be kept. Not here: who is an orphan (the registry), and that what it is told stays in order (`placing.ts`).
 */
import { type ErrorCode, NexusError } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import type { Registration } from '../../model/registration.js';
import type { Registry } from '../../ports/registry.js';
import type { AgentReference } from '../../runtime/agent-reference.js';

/** Orphans that are taken over and started at a time. */
export const ORPHANS_UNDERWAY_MAX = 128;
/** Somebody else has it by now, or this node is going. */
const EXPECTED: readonly ErrorCode[] = ['NEXUS_TOKEN_STALE', 'NEXUS_STOPPED', 'NEXUS_ID_DUPLICATE'];

export interface OrphansNeeds {
  readonly registry: Registry;
  readonly logger: Logger;
  /** While it is started nothing gives its id back. */
  hold(id: string): void;
  settled(id: string): void;
  /** On this node, with the id taken. */
  start(registration: Registration): Promise<AgentReference>;
}

export class Orphans {
  /** Started again since the start of this node. */
  restarted = 0;
  readonly #needs: OrphansNeeds;
  #waiting: { readonly registration: Registration; readonly isAdopted: boolean }[] = [];
  #taken = 0;
  #underway = 0;

  constructor(needs: OrphansNeeds) {
    this.#needs = needs;
  }

  get size(): number {
    return this.#waiting.length - this.#taken + this.#underway;
  }

  /** An id of this owner, whose agent was lost with its node. */
  orphaned(registration: Registration): void {
    if (registration.init === undefined) return this.#needs.registry.release(registration.id, registration.token);
    this.#add(registration, false);
  }

  /** Another owner has taken it over for this node. */
  handed(registration: Registration): void {
    this.#add(registration, true);
  }

  #add(registration: Registration, isAdopted: boolean): void {
    this.#waiting.push({ registration, isAdopted });
    this.#begin();
  }

  #begin(): void {
    while (this.#underway < ORPHANS_UNDERWAY_MAX && this.#taken < this.#waiting.length) {
      const { registration, isAdopted } = this.#waiting[this.#taken++] as { registration: Registration; isAdopted: boolean };
      this.#underway++;
      void this.#restart(registration, isAdopted).finally(() => {
        this.#underway--;
        this.#begin();
      });
    }
    if (this.#taken < this.#waiting.length) return;
    this.#waiting = [];
    this.#taken = 0;
  }

  async #restart(orphan: Registration, isAdopted: boolean): Promise<void> {
    const { registry, logger } = this.#needs;
    const { id, kind } = orphan;
    this.#needs.hold(id);
    try {
      const own = isAdopted ? await registry.accept(orphan) : await registry.adopt(orphan, registry.self);
      await this.#needs.start(own);
      this.restarted++;
    } catch (error) {
      if (!(error instanceof NexusError && EXPECTED.includes(error.code)))
        logger.error({ error, agent: id, kind, node: orphan.host.name }, 'an agent whose node was lost could not be started again');
    } finally {
      // Without an agent the id is given back.
      this.#needs.settled(id);
    }
  }
}
