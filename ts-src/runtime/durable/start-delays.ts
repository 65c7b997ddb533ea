/**
 * When a durable agent of a cluster starts again whose state could not be stored: later each time, as supervision restarts agents, but also after it has ended and a message brings it back. Otherwise each message to it would be
 * an attempt of its own, which takes its id and asks all that have copies of it. Messages wait meanwhile, as they do for any agent that starts. Of one thread; forgotten with it.
 */
import type { StopReason } from '../../model/agent-definition.js';
import { backoffMs, type RestartHistory } from '../../model/supervision.js';
import type { Clock } from '../../ports/clock.js';
import { type AgentCell, extraOf, Status } from '../agent-cell.js';
import { nexusStopped } from '../failures.js';
import type { Kind } from '../kind.js';
import type { DurableRecord } from './durable-record.js';

/** Agents that are remembered; the oldest give way. */
export const REFUSED_MAX = 65_536;
/** Whatever supervision of the kind says: less than a start may take. */
export const DELAY_MS_MAX = 10_000;

export interface StartDelaysNeeds {
  readonly clock: Clock;
  /** Seeded, for jitter. */
  random(): number;
  isStopping(): boolean;
}

interface Refused {
  /** Attempts in a row. */
  readonly count: number;
  readonly untilMs: number;
  /** Its restarts of before, which count for its next activation too. */
  readonly restarts: RestartHistory;
}

export class StartDelays {
  readonly #needs: StartDelaysNeeds;
  readonly #refused = new Map<string, Refused>();

  constructor(needs: StartDelaysNeeds) {
    this.#needs = needs;
  }

  /** Starts a life of it when it may be tried again. */
  start(cell: AgentCell, record: DurableRecord, begin: () => Promise<unknown> | undefined): Promise<unknown> | undefined {
    const { clock } = this.#needs;
    const refused = this.#refused.get(keyOf(cell.kind, record.id));
    // Between lives of one activation it is supervision that waits.
    const waitMs = refused === undefined || record.version !== undefined ? 0 : refused.untilMs - clock.nowMs();
    if (refused !== undefined && extraOf(cell).restarts.length === 0) extraOf(cell).restarts = refused.restarts;
    if (waitMs <= 0) return this.#watched(cell, record, begin());
    const { life } = extraOf(cell);
    return new Promise<void>((resolve) => clock.after(waitMs, resolve, false)).then(() => {
      // It has ended meanwhile, and whoever waits for its start knows.
      if (cell.extra?.life !== life || cell.status !== Status.starting) return undefined;
      if (this.#needs.isStopping()) throw nexusStopped();
      return this.#watched(cell, record, begin());
    });
  }

  /** Its end begins. */
  ends(cell: AgentCell, record: DurableRecord, reason: StopReason): void {
    if (reason.type === 'failed') this.#failed(cell, record, reason.error);
  }

  /** Something of it is on disk. */
  stored(kind: Kind, id: string): void {
    if (this.#refused.size > 0) this.#refused.delete(keyOf(kind, id));
  }

  #watched(cell: AgentCell, record: DurableRecord, starting: Promise<unknown> | undefined): Promise<unknown> | undefined {
    return starting?.catch((error: unknown) => {
      this.#failed(cell, record, error);
      throw error;
    });
  }

  #failed({ kind, extra }: AgentCell, { id }: DurableRecord, error: unknown): void {
    const { code } = (error ?? {}) as { readonly code?: unknown };
    if (code !== 'NEXUS_STORE_FULL' && code !== 'NEXUS_STORE_FAILED') return;
    const nowMs = this.#needs.clock.nowMs();
    const key = keyOf(kind, id);
    const before = this.#refused.get(key);
    const isInRow = before !== undefined && nowMs - before.untilMs < kind.supervision.periodMs;
    const restarts = extra?.restarts ?? [];
    const count = Math.max((isInRow ? before.count : 0) + 1, restarts.length);
    const delayMs = Math.min(
      DELAY_MS_MAX,
      backoffMs(kind.supervision, count - 1, () => this.#needs.random()),
    );
    // The youngest is the last.
    this.#refused.delete(key);
    this.#refused.set(key, { count, untilMs: nowMs + delayMs, restarts });
    for (const oldest of this.#refused.keys()) {
      if (this.#refused.size <= REFUSED_MAX) return;
      this.#refused.delete(oldest);
    }
  }
}

function keyOf(kind: Kind, id: string): string {
  return `${kind.index} ${id}`;
}
