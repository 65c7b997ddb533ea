/**
 * A moving average of durations that goes up at once and comes down slowly, as the load balancer of Finagle (`P2CPeakEwma`) keeps it: a duration above the average
 * replaces it, others are weighed in by the time since the last one (exponentially, with a half-life of about 7 s). While nothing is measured it decays, so that a
 * member that was slow is tried again. Pure: the caller brings the time.
 */

/** The time in which an average loses all but 1/e. */
export const DECAY_MS = 10_000;
/** More than any duration: a member that has messages and was never timed is the last choice. */
const UNKNOWN_MS = 1e9;

export class PeakEwma {
  #averageMs = 0;
  #stampMs = 0;

  observe(durationMs: number, nowMs: number): void {
    const averageMs = this.averageMs(nowMs);
    if (durationMs > averageMs) this.#averageMs = durationMs;
    else {
      const weight = this.#weight(nowMs);
      this.#averageMs = this.#averageMs * weight + durationMs * (1 - weight);
    }
    this.#stampMs = nowMs;
  }

  /** 0 while nothing was measured. */
  averageMs(nowMs: number): number {
    return this.#averageMs === 0 ? 0 : this.#averageMs * this.#weight(nowMs);
  }

  /** What another message would cost here: the average times all messages there would be. One without messages that was never timed costs nothing, so that it is tried. */
  cost(pending: number, nowMs: number): number {
    const averageMs = this.averageMs(nowMs);
    if (averageMs === 0) return pending === 0 ? 0 : UNKNOWN_MS + pending;
    return averageMs * (pending + 1);
  }

  #weight(nowMs: number): number {
    return Math.exp(-Math.max(0, nowMs - this.#stampMs) / DECAY_MS);
  }
}
