/**
 * Tells what happens in a cluster to whoever watches the process: on the channels of `node:diagnostics_channel`, in the log, each thing once, and what was refused as counts by code. Listeners of
 * `nexus.cluster.on` are another matter (`cluster.ts`, which calls this). Decides nothing.
 */
import { channels } from '../adapters/diagnostics.js';
import type { Logger } from '../model/agent-context.js';
import { addressText, type NodeAddress, type NodeIdentity } from '../model/node-identity.js';
import type { Clock } from '../ports/clock.js';
import type { ClusterEvents } from './cluster-events.js';
import { StallLines } from './stall-lines.js';

/** Codes that are counted by themselves; the others together as `(other)`. */
const CODES_MAX = 63;
const OTHER = '(other)';

type Told = { readonly [E in keyof ClusterEvents]: (value: ClusterEvents[E][0]) => void };

export class ClusterTelling {
  readonly #cluster: string;
  readonly #logger: Logger;
  readonly #self: () => NodeIdentity;
  readonly #refusals = new Map<string, number>();
  /** Said to be so: what comes back is news only of these. */
  readonly #unreachable = new Set<string>();
  readonly #stalls: StallLines;

  /** @param self its incarnation may be another one until it is a member */
  constructor(cluster: string, logger: Logger, clock: Clock, self: () => NodeIdentity) {
    this.#stalls = new StallLines(clock, ({ name: node, incarnation }, threads, leftOut) => {
      const data = { event: 'stalled', ...this.#about, node, incarnation, threads, ...(leftOut > 0 ? { suppressed: leftOut } : {}) };
      if (threads.length > 0) logger.warn(data, 'event loops of a node are blocked');
      else logger.info(data, 'no event loop of a node is blocked any more');
    });
    this.#cluster = cluster;
    this.#logger = logger;
    this.#self = self;
  }

  /** What was refused, by code. */
  get refusals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refusals);
  }

  happened<E extends keyof ClusterEvents>(event: E, value: ClusterEvents[E][0]): void {
    this.#told[event](value);
  }

  /** Something that another one sent. The first of each code is a warning; the others are counted. */
  refused(from: NodeAddress, code: string, because: string): void {
    const counted = this.#refusals.has(code) || this.#refusals.size < CODES_MAX ? code : OTHER;
    const count = (this.#refusals.get(counted) ?? 0) + 1;
    this.#refusals.set(counted, count);
    const place = addressText(from);
    if (count === 1)
      this.#logger.warn(
        { ...this.#about, from: place, code },
        `what another node sent was refused: ${because}; more of ${counted} are counted, and not said again`,
      );
    else this.#logger.debug({ ...this.#about, from: place, code }, `what another node sent was refused: ${because}`);
    if (channels['nexus:cluster:refused'].hasSubscribers) channels['nexus:cluster:refused'].publish({ ...this.#about, from: place, code, because });
  }

  /** Something that is for the operator to mend. The membership says the same thing once. */
  warned(because: string): void {
    this.#logger.warn(this.#about, because);
  }

  /** Nothing happens any more. */
  close(): void {
    this.#stalls.close();
  }

  get #about(): { readonly cluster: string; readonly self: string } {
    return { cluster: this.#cluster, self: this.#self().name };
  }

  readonly #told: Told = {
    memberJoined: ({ name: node, incarnation }) => {
      this.#logger.info({ event: 'memberJoined', ...this.#about, node, incarnation }, 'a node has joined the cluster');
      if (channels['nexus:member:joined'].hasSubscribers) channels['nexus:member:joined'].publish({ ...this.#about, node, incarnation });
    },
    memberLeft: ({ name: node, incarnation }) => {
      this.#unreachable.delete(node);
      this.#stalls.forget({ name: node, incarnation });
      this.#logger.info({ event: 'memberLeft', ...this.#about, node, incarnation }, 'a node has left the cluster');
      if (channels['nexus:member:left'].hasSubscribers) channels['nexus:member:left'].publish({ ...this.#about, node, incarnation });
    },
    memberRemoved: ({ name: node, incarnation }) => {
      this.#unreachable.delete(node);
      this.#stalls.forget({ name: node, incarnation });
      this.#logger.warn({ event: 'memberRemoved', ...this.#about, node, incarnation }, 'a node was removed from the cluster: it runs no agents any more');
      if (channels['nexus:member:removed'].hasSubscribers) channels['nexus:member:removed'].publish({ ...this.#about, node, incarnation });
    },
    reachability: ({ node: { name: node, incarnation }, reachability }) => {
      const data = { ...this.#about, node, incarnation, reachability };
      if (reachability === 'unreachable') {
        this.#unreachable.add(node);
        this.#logger.warn({ event: 'reachability', ...data }, 'a node cannot be reached');
      } else if (reachability === 'reachable' && this.#unreachable.delete(node))
        this.#logger.info({ event: 'reachability', ...data }, 'a node can be reached again');
      else this.#logger.debug({ event: 'reachability', ...data }, 'the failure detector has changed its mind about a node');
      if (channels['nexus:member:reachability'].hasSubscribers) channels['nexus:member:reachability'].publish(data);
    },
    stalled: ({ node: { name: node, incarnation }, threads }) => {
      this.#stalls.happened({ name: node, incarnation }, threads);
      if (channels['nexus:member:stalled'].hasSubscribers) channels['nexus:member:stalled'].publish({ ...this.#about, node, incarnation, threads });
    },
    view: ({ number, members }) => {
      this.#logger.debug({ event: 'view', ...this.#about, view: number, members: members.length }, 'another view was agreed on');
      if (channels['nexus:cluster:view'].hasSubscribers)
        channels['nexus:cluster:view'].publish({ ...this.#about, number, members: members.map(({ name }) => name) });
    },
    standing: ({ standing, because }) => {
      // That it is fenced is an error, and said by who stops the agents.
      if (standing !== 'fenced')
        this.#logger.info({ event: 'standing', ...this.#about, standing, because }, `this node of the cluster is ${STANDING_WORDS[standing]}`);
      if (channels['nexus:cluster:standing'].hasSubscribers) channels['nexus:cluster:standing'].publish({ ...this.#about, standing, because });
    },
  };
}

const STANDING_WORDS = { joining: 'joining', member: 'a member', leaving: 'leaving', left: 'gone from it' } as const;
