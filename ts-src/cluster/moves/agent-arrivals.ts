/**
 * Agents that come to this node from others. What one is made of comes first and is kept as a value; nothing of it runs before the owner of its id says that it is this node's, however late that is, and it never does when
 * the owner says otherwise. Not here: those that leave (`agent-moves.ts`), and how one is put together on its thread (`runtime/remote/node-arrivals.ts`).
 */
import { type ErrorCode, NexusError } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { Registration } from '../../model/registration.js';
import type { Clock } from '../../ports/clock.js';
import type { Registry } from '../../ports/registry.js';
import { lifeOfRegistration } from '../../runtime/remote/agent-life.js';
import type { NodeArrival } from '../../runtime/remote/node-arrivals.js';
import type { Routing } from '../agents/routing.js';
import type { MoveMessage } from './move-frames.js';

/** Agents that are kept for other nodes at a time; more are refused. */
export const PREPARED_MAX = 4096;
/** How long one is kept that nobody has handed over: longer than an owner is waited for that is lost. */
const PREPARED_MS_MAX = 60_000;
const LOOK_MS = 5000;
/** One that is this node's and finds no room, or whose thread is lost, is put together again after so long, for so long: nobody else has it any more. */
const AGAIN_MS = 100;
const ARRIVE_MS_MAX = 60_000;
const PASSING: readonly ErrorCode[] = ['NEXUS_TABLE_FULL', 'NEXUS_THREAD_LOST'];

export type Prepare = Extract<MoveMessage, { type: 'prepare' }>;

export interface AgentArrivalsNeeds {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly logger: Logger;
  readonly routing: Pick<Routing, 'coming' | 'came' | 'comesNot'>;
  hold(id: string): void;
  settled(id: string): void;
  isDurable(kind: string): boolean;
  /** Why such an agent cannot come, or undefined. */
  refusalOf(message: Prepare): string | undefined;
  /** Whether an agent of this id is in the table of this node. */
  isHere(id: string): boolean;
  /** Puts it together on some thread: it handles messages when this resolves. */
  arrive(arrival: NodeArrival): Promise<unknown>;
  send(to: NodeIdentity, message: MoveMessage): boolean;
}

interface Prepared {
  readonly from: NodeIdentity;
  readonly message: Prepare;
  readonly untilMs: number;
}

export class AgentArrivals {
  /** Since the start of this node. */
  arrived = 0;
  readonly #needs: AgentArrivalsNeeds;
  readonly #prepared = new Map<string, Prepared>();
  readonly #arriving = new Set<string>();
  #cancelLook: (() => void) | undefined;
  #isClosed = false;

  constructor(needs: AgentArrivalsNeeds) {
    this.#needs = needs;
  }

  /** Agents that are kept, and may come. */
  get size(): number {
    return this.#prepared.size;
  }

  /** Whether its owner has said that it is this node's, and it is not here yet. */
  isArriving(id: string): boolean {
    return this.#arriving.has(id);
  }

  /** Of one that is kept, and may come. */
  kindOf(id: string): string | undefined {
    return this.#prepared.get(id)?.message.kind;
  }

  prepare(from: NodeIdentity, message: Prepare): void {
    const { clock } = this.#needs;
    const refusal = this.#prepared.size >= PREPARED_MAX ? `${PREPARED_MAX} agents are about to come there already` : this.#needs.refusalOf(message);
    if (refusal === undefined) {
      this.#prepared.set(message.id, { from, message, untilMs: clock.nowMs() + PREPARED_MS_MAX });
      this.#cancelLook ??= clock.after(LOOK_MS, () => this.#look());
    }
    this.#needs.send(from, { type: 'prepared', number: message.number, refusal });
  }

  cancel(from: NodeIdentity, id: string, token: number): void {
    const prepared = this.#prepared.get(id);
    if (prepared !== undefined && prepared.message.token === token && sameNode(prepared.from, from) && !this.#arriving.has(id)) this.#prepared.delete(id);
  }

  /** The owner says that it is this node's. */
  async handed(registration: Registration, from: NodeIdentity): Promise<void> {
    const { registry, routing, logger } = this.#needs;
    const { id, life, token } = registration;
    // It is said again after a change of owners.
    if (this.#arriving.has(id)) return;
    const prepared = this.#prepared.get(id);
    // What was kept is of another move, or was given up: it goes back to where it is.
    if (prepared === undefined || prepared.message.life !== life || !sameNode(prepared.from, from)) return registry.release(id, token);
    this.#arriving.add(id);
    this.#needs.hold(id);
    const { kind, baggage } = prepared.message;
    const isDurable = this.#needs.isDurable(kind);
    const meant = lifeOfRegistration(registration, isDurable);
    routing.coming(id, meant, from);
    try {
      const own = await registry.accept(registration);
      const arriving = this.#arrive({ kind, id, life, baggage });
      // It is this node's now, in memory or not: the next message brings it back.
      await (isDurable ? arriving.catch((error: unknown) => this.#notInMemory(registration, error)) : arriving);
      this.arrived++;
      routing.came(id, meant, own.token);
      this.#needs.send(from, { type: 'arrived', id, life, isHere: true });
    } catch (error) {
      routing.comesNot(id, meant, from);
      this.#needs.send(from, { type: 'arrived', id, life, isHere: false });
      // Without an agent the id is given back, which is all that is left if it was accepted.
      if (!(error instanceof NexusError && (error.code === 'NEXUS_TOKEN_STALE' || error.code === 'NEXUS_STOPPED')))
        logger.error({ error, agent: id, kind: registration.kind, node: from.name }, 'an agent that was to come from another node did not');
    } finally {
      this.#prepared.delete(id);
      this.#arriving.delete(id);
      this.#needs.settled(id);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelLook?.();
    this.#prepared.clear();
  }

  #notInMemory({ id, kind }: Registration, error: unknown): void {
    if (!this.#isClosed)
      this.#needs.logger.warn({ error, agent: id, kind }, 'a durable agent that has come from another node is not in memory: its next message brings it back');
  }

  async #arrive(arrival: NodeArrival): Promise<void> {
    const { clock } = this.#needs;
    const untilMs = clock.nowMs() + ARRIVE_MS_MAX;
    for (;;) {
      try {
        await this.#needs.arrive(arrival);
        return;
      } catch (error) {
        if (!(error instanceof NexusError && PASSING.includes(error.code)) || this.#isClosed || clock.nowMs() >= untilMs) throw error;
        // It had come to its thread: whoever comes after that thread starts it.
        if (error.code === 'NEXUS_THREAD_LOST' && this.#needs.isHere(arrival.id)) return;
      }
      await new Promise<void>((resolve) => {
        clock.after(AGAIN_MS, resolve);
      });
    }
  }

  /** What was kept for so long is not handed over any more. */
  #look(): void {
    const nowMs = this.#needs.clock.nowMs();
    for (const [id, { untilMs }] of this.#prepared) if (untilMs <= nowMs && !this.#arriving.has(id)) this.#prepared.delete(id);
    this.#cancelLook = this.#prepared.size === 0 ? undefined : this.#needs.clock.after(LOOK_MS, () => this.#look());
  }
}
