/**
 * Agents that run here by the ring and belong to another node now move there, some at a time: few enough that whoever is asked meanwhile hardly notices. The pace follows the load: after each round it waits for a multiple of what the round
 * has taken, here and on the nodes that it needed, and of the nodes that do the same, and longer still when the event loop was late or much waits in mailboxes. Not here: the moving itself (`agent-moves.ts`), and who belongs where (the registry).
 */
import type { NexusError } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import type { Registration } from '../../model/registration.js';
import type { Clock } from '../../ports/clock.js';
import type { Registry } from '../../ports/registry.js';

/** Agents that move in one round. What is asked on the node they go to waits behind those of all its sources. */
export const ROUND_AGENTS = 4;
/**
 * So many times as long as a round has taken nothing moves, for each node that moves agents to the same one: that and this node have three quarters of their time, or more, for others. Nobody waits for a round, but every agent
 * that moves costs time and leaves garbage on all nodes that take part, and whoever is asked meanwhile waits for that.
 */
export const REST = 3;
/** Rounds of which it is remembered where their agents have gone. */
const ROUNDS_KNOWN = 16;
/** Between two rounds, at least. */
export const PAUSE_MS_MIN = 2;
export const PAUSE_MS_MAX = 500;
/** So late a timer may be before the pace slows down. */
const LATE_MS = 5;
/** So many messages may wait on all threads. */
const DEPTH_MAX = 10_000;
/** One that could not move is tried again after so long, so often. */
const AGAIN_MS = 5000;
const ATTEMPTS = 10;

export interface RebalancingNeeds {
  readonly clock: Clock;
  readonly registry: Pick<Registry, 'own' | 'ownerOf'>;
  readonly logger: Logger;
  move(id: string, to: NodeIdentity): Promise<NexusError | undefined>;
  /** Members that agents belong to. */
  takers(): number;
  /** Messages that wait in the mailboxes of all threads of this node. */
  depth(): number;
}

export class Rebalancing {
  /** Whether misplaced agents move by themselves. */
  isOn = true;
  /** Since the start of this node. */
  moved = 0;
  readonly #needs: RebalancingNeeds;
  /** How often each has been tried, with this time. */
  readonly #waiting = new Map<string, number>();
  /** Those that are not among the waiting yet, taken when they are needed: a change of the ring says a great many at once, and must not hold up the event loop. */
  #news: Iterator<Registration>[] = [];
  #isRunning = false;
  #isClosed = false;
  #pauseMs = PAUSE_MS_MIN;
  #roundMs = 0;
  /** Where agents have gone lately: of each node, the last round in which one did. */
  readonly #targets = new Map<string, number>();
  #rounds = 0;

  constructor(needs: RebalancingNeeds) {
    this.#needs = needs;
  }

  get pauseMs(): number {
    return this.#pauseMs;
  }

  misplaced(registrations: Iterable<Registration>): void {
    if (!this.isOn || this.#isClosed) return;
    this.#news.push(registrations[Symbol.iterator]());
    void this.#run();
  }

  close(): void {
    this.#isClosed = true;
    this.#clear();
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#waiting.size + this.#news.length > 0 && !this.#isClosed) {
        await this.#pause();
        if (this.isOn) await this.#round();
        else this.#clear();
      }
    } finally {
      this.#isRunning = false;
    }
  }

  async #round(): Promise<void> {
    while (this.#waiting.size < ROUND_AGENTS && this.#news.length > 0) {
      const { value, done } = (this.#news[0] as Iterator<Registration>).next();
      if (done === true) this.#news.shift();
      else if (!this.#waiting.has(value.id)) this.#waiting.set(value.id, 1);
    }
    const round: [string, number][] = [];
    for (const each of this.#waiting) {
      round.push(each);
      if (round.length >= ROUND_AGENTS) break;
    }
    const { clock } = this.#needs;
    const beginMs = clock.nowMs();
    await Promise.all(round.map(([id, attempt]) => this.#move(id, attempt)));
    this.#roundMs = clock.nowMs() - beginMs;
    this.#rounds += 1;
    for (const [name, last] of this.#targets) if (last < this.#rounds - ROUNDS_KNOWN) this.#targets.delete(name);
  }

  #clear(): void {
    this.#waiting.clear();
    this.#news = [];
  }

  async #move(id: string, attempt: number): Promise<void> {
    const { registry, clock, logger } = this.#needs;
    this.#waiting.delete(id);
    const own = registry.own(id);
    // By now it may be elsewhere, or belong here again.
    const to = registry.ownerOf(id);
    if (own === undefined || own.placement !== 'ring' || to === undefined) return;
    this.#targets.set(to.name, this.#rounds);
    const error = await this.#needs.move(id, to);
    if (error === undefined) {
      this.moved++;
      return;
    }
    if (error.code !== 'NEXUS_MIGRATION_REFUSED') return;
    if (attempt >= ATTEMPTS) return logger.debug({ error, agent: id }, 'an agent stays on a node that its id does not belong to any more');
    clock.after(AGAIN_MS, () => {
      if (this.#isClosed) return;
      if (!this.#waiting.has(id)) this.#waiting.set(id, attempt + 1);
      void this.#run();
    });
  }

  /** Nodes that move agents to the same node as this one, as far as can be told from here: all do that agents do not go to. At least one: this one. */
  get #sources(): number {
    const targets = Math.max(1, this.#targets.size);
    return Math.max(1, (this.#needs.takers() - targets) / targets);
  }

  async #pause(): Promise<void> {
    const { clock } = this.#needs;
    const beginMs = clock.nowMs();
    const pauseMs = Math.max(this.#pauseMs, Math.min(PAUSE_MS_MAX, this.#roundMs * REST * this.#sources));
    await new Promise<void>((resolve) => {
      clock.after(pauseMs, resolve);
    });
    const lateMs = clock.nowMs() - beginMs - pauseMs;
    const isLoaded = lateMs > LATE_MS || this.#needs.depth() > DEPTH_MAX;
    this.#pauseMs = isLoaded ? Math.min(PAUSE_MS_MAX, this.#pauseMs * 2) : Math.max(PAUSE_MS_MIN, this.#pauseMs / 2);
  }
}
