/**
 * Which agents of this thread take its time: one of so many turns is timed, and only while somebody wants to know. Counts what handlers do until they return or await; what they
 * do after an await is nobody's. Called by the dispatcher for each turn while it is on; asked by `balancing.ts`.
 */
import { Heaviest } from '../model/heaviest.js';
import { Sampling } from '../model/sampling.js';
import type { AgentCell } from './agent-cell.js';

/** Agents that are told apart. */
const AGENTS_MAX = 256;
/** One of so many turns is timed. */
const TURNS_PERIOD = 13;

export class AgentLoads {
  readonly #sampling = new Sampling(TURNS_PERIOD);
  readonly #sinceMs: number;
  readonly #times = new Heaviest<AgentCell>(AGENTS_MAX);

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** Whether the next turn is to be timed. */
  take(): boolean {
    return this.#sampling.take();
  }

  took(cell: AgentCell, durationMs: number): void {
    this.#times.add(cell, durationMs * TURNS_PERIOD);
  }

  /** Each agent's share of the time since the start, the heaviest first. */
  shares(nowMs: number, countMax: number): { readonly cell: AgentCell; readonly share: number }[] {
    const tookMs = Math.max(1, nowMs - this.#sinceMs);
    return this.#times.top(countMax).map(({ key, amount }) => ({ cell: key, share: Math.min(1, amount / tookMs) }));
  }
}
