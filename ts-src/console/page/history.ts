/** The last minutes of what the charts show. Kept by the page alone: who opens it sees the time since then. */
import type { SystemSnapshot } from '../../model/observation.js';

const POINTS_MAX = 240;

export interface HistoryPoint {
  readonly atMs: number;
  /** What it is an average over; a gap before it means that nobody looked. */
  readonly periodMs: number;
  readonly agents: number;
  readonly handled: number;
  readonly failed: number;
  readonly local: number;
  readonly remote: number;
  readonly waiting: number;
  readonly cpuCores: number;
  readonly residentBytes: number;
  readonly deadLetters: number;
  readonly restarts: number;
}

export class History {
  #points: HistoryPoint[] = [];

  get points(): readonly HistoryPoint[] {
    return this.#points;
  }

  add({ takenAtMs, periodMs, process, agents, messages, deadLetters, restarts }: SystemSnapshot): void {
    // Without a period there are no rates.
    if (periodMs === 0) return;
    this.#points.push({
      atMs: takenAtMs,
      periodMs,
      agents: agents.live,
      handled: messages.handledPerSecond,
      failed: messages.failedPerSecond,
      local: messages.localPerSecond,
      remote: messages.remotePerSecond,
      waiting: messages.waiting,
      cpuCores: process.cpuCores,
      residentBytes: process.residentBytes,
      deadLetters: deadLetters.perSecond,
      restarts: restarts.perSecond,
    });
    if (this.#points.length > POINTS_MAX) this.#points = this.#points.slice(-POINTS_MAX);
  }

  /** Another process answers: its history is another one. */
  clear(): void {
    this.#points = [];
  }
}
