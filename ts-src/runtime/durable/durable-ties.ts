/** Watches of and links to durable agents that are not in memory: each brings its agent back, where it stays as long as the tie lasts. One that runs on another node is tied to there. */
import { type AgentCell, extraOf, Status } from '../agent-cell.js';
import { AgentReference } from '../agent-reference.js';
import { DURABLE_LIFE } from '../remote/agent-life.js';
import type { ThreadHost } from '../thread-host.js';
import type { Activations } from './activations.js';
import { elsewhereOf } from './cluster-states.js';

export interface DurableTiesNeeds {
  readonly host: ThreadHost;
  readonly activations: Pick<Activations, 'bring'>;
  /** Sets a reference on where its agent is now, if it is in memory. */
  follow(target: AgentReference): void;
}

export class DurableTies {
  readonly #needs: DurableTiesNeeds;

  constructor(needs: DurableTiesNeeds) {
    this.#needs = needs;
  }

  watch(cell: AgentCell, target: AgentReference): void {
    this.#tie(cell, target, (own) => this.#needs.host.watches.watch(cell, own));
  }

  /** As `watch`, of one that comes from another node. */
  carryWatch(cell: AgentCell, target: AgentReference): void {
    this.#tie(cell, target, (own) => this.#needs.host.watches.carry(cell, own));
  }

  link(cell: AgentCell, target: AgentReference): void {
    this.#tie(cell, target, (own) => this.#needs.host.supervision.links.link(cell, own));
  }

  #tie(cell: AgentCell, target: AgentReference, make: (own: AgentReference) => void): void {
    const { host, activations } = this.#needs;
    const own = new AgentReference(host, target.kindEntry, 0, 0, undefined, target.id);
    own.rebind(target);
    this.#needs.follow(own);
    const { life } = extraOf(cell);
    const tie = (): void => {
      if (cell.extra?.life === life && cell.status < Status.stopping) make(own);
    };
    if (host.engine.table.threadOf(own.slot, own.generation) >= 0) return tie();
    activations.bring(own.kindEntry, own.id).then(
      (live) => {
        own.rebind(live);
        tie();
      },
      (error: unknown) => {
        const node = elsewhereOf(error);
        if (node !== undefined && host.remote !== undefined) own.remote = host.remote.remoteOf(own.id, node, DURABLE_LIFE);
        tie();
      },
    );
  }
}
