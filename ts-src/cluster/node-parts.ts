/**
 * What a nexus does as a node, beyond being a member: its parts, put together, each told of views and connections in the order in which they are made here. Made on the calling thread when the cluster is opened
 * (`create-nexus.ts`), kept by `Cluster`, which tells it what happens. What a part does is in its own folder: `cluster/agents`, `cluster/registry`, `cluster/moves`, `cluster/entries`, `cluster/copies`.
 */
import type { Logger } from '../model/agent-context.js';
import type { NodeIdentity } from '../model/node-identity.js';
import type { ReferenceCodec } from '../codec/reference-codec.js';
import type { Clock } from '../ports/clock.js';
import type { ThreadStorage } from '../ports/storage.js';
import type { Lane, Transport } from '../ports/transport.js';
import type { ViewMember } from '../protocols/views/view.js';
import type { ThreadHost } from '../runtime/thread-host.js';
import { NodeAgents } from './agents/node-agents.js';
import { type Cluster, membershipOf } from './cluster.js';
import { NodeMoves } from './moves/node-moves.js';
import { NodeBonds } from './entries/node-bonds.js';
import { RegistryService } from './registry/registry-service.js';
import type { NodeCopies } from './copies/node-copies.js';
import { openCopies } from './copies/open-copies.js';
import type { ResolvedCluster } from './resolve-cluster-options.js';

/** A view that was agreed on. If its number is not the last one's + 1, views were missed, and `joined`, `left` and `removed` are what has changed since. */
export interface NodeView {
  readonly number: number;
  readonly members: readonly ViewMember[];
  /** A node that is no member and has no greater incarnation than this has departed. */
  readonly incarnationFloor: number;
  readonly joined: readonly NodeIdentity[];
  readonly left: readonly NodeIdentity[];
  /** They run nothing any more. */
  readonly removed: readonly NodeIdentity[];
}

/** One part, as it is told what happens. Never from within a call of the part. */
export interface NodePart {
  /** Before the listeners of `nexus.cluster` are told, and after the transport knows whom it may talk to. */
  viewed?(view: NodeView): void;
  /** The first connection to that node is open. */
  connected?(node: NodeIdentity): void;
  /** A connection that had been open has failed: what was on its way on it, in both directions, may be lost. */
  lost?(node: NodeIdentity, lane: Lane | 'any', error: Error): void;
  /** The last one has ended, or none can be made. Messages that were accepted may be lost. */
  disconnected?(node: NodeIdentity, error: Error | undefined): void;
  /** The agents of this node have stopped; it leaves the cluster next, and messages can still be sent. What is to be done before is waited for, for a while. */
  leaving?(): Promise<void> | void;
  /** It has left, or is fenced: nothing is sent any more. */
  closed?(): void;
}

export interface NodePartsNeeds {
  /** Of the calling thread. */
  readonly host: ThreadHost;
  readonly cluster: Cluster;
  readonly transport: Transport;
  readonly options: ResolvedCluster;
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  random(): number;
  readonly logger: Logger;
  /** Where durable agents are kept; undefined in a nexus without. */
  readonly storage: NodeStorage | undefined;
}

export interface NodeStorage {
  /** Of the node's store, for the copies of other nodes alone. */
  openThread(): ThreadStorage;
  /** All nodes have the same one. */
  readonly isShared: boolean;
}

export class NodeParts {
  readonly registry: RegistryService;
  readonly agents: NodeAgents;
  /** Undefined in a nexus without storage. */
  readonly copies: NodeCopies | undefined;
  /** Where agents start, and how they get to other nodes. */
  readonly moves: NodeMoves;
  /** In the order in which they are told. */
  readonly #parts: readonly NodePart[];
  readonly #logger: Logger;
  /** Signals, groups and what else nodes tell all others. */
  readonly bonds: NodeBonds;

  constructor(needs: NodePartsNeeds) {
    const { host, cluster, transport, options, clock, logger, storage } = needs;
    this.#logger = logger;
    this.registry = new RegistryService({ ...{ transport, clock, logger }, self: () => cluster.self, copies: options.copies });
    this.agents = new NodeAgents({ host, transport, clock, logger, self: () => cluster.self, registry: () => this.registry });
    host.remote = this.agents;
    this.moves = new NodeMoves({
      ...{ host, transport, clock, logger, registry: this.registry, agents: this.agents, rebalances: options.rebalance },
      isJoined: () => cluster.standing === 'member' || cluster.standing === 'leaving',
      joined: (timeoutMs) => cluster.joined({ timeoutMs }),
      weigh: (weight) => membershipOf(cluster).weigh(weight),
    });
    this.bonds = new NodeBonds(needs, this.references);
    this.copies =
      storage && openCopies({ host, transport, clock, logger, registry: this.registry, copies: options.copies, routing: this.agents.routing }, storage);
    this.#parts = [this.registry, this.agents, this.moves, ...this.bonds.parts, ...(this.copies === undefined ? [] : [this.copies])];
  }

  /** How references travel between nodes. */
  get references(): ReferenceCodec & Required<Pick<ReferenceCodec, 'restoreRemote'>> {
    return this.agents.references;
  }

  /** Resolves when each has done what it has to do before the node leaves. */
  async leaving(): Promise<void> {
    const underway: Promise<void>[] = [];
    this.tell((part) => {
      const leaving = part.leaving?.();
      if (leaving !== undefined) underway.push(leaving);
    });
    await Promise.all(underway);
  }

  /** For each part by itself: one that fails keeps the others from nothing. */
  tell(call: (part: NodePart) => void): void {
    for (const part of this.#parts) {
      try {
        call(part);
      } catch (error) {
        this.#logger.error({ error }, 'a part of the node failed');
      }
    }
  }
}
