/** Whether the other side of a session is there, and how long a frame to it and back takes. Pings go out at an interval; anything that comes is a sign of life. Decides; the session sends. */
import { PINGS_PER_SECOND_MAX } from './wire-limits.js';

/** Weight of a new round trip in the smoothed one, as in TCP (RFC 6298). */
const ROUND_TRIP_WEIGHT = 1 / 8;

export class Keepalive {
  readonly #intervalMs: number;
  readonly #deadAfterMs: number;
  #heardMs: number;
  #pingMs: number;
  #id = 0;
  /** The ping whose answer is awaited; one at a time. */
  #asked: { readonly id: number; readonly atMs: number } | undefined;
  #floodFromMs = 0;
  #floodCount = 0;
  /** Last and smoothed. */
  roundTripMs: number | undefined;
  smoothedRoundTripMs: number | undefined;

  constructor(intervalMs: number, deadAfterMs: number, nowMs: number) {
    this.#intervalMs = intervalMs;
    this.#deadAfterMs = deadAfterMs;
    this.#heardMs = nowMs;
    // The first one at once: whoever chooses by round trip wants one.
    this.#pingMs = nowMs;
  }

  get pingDueMs(): number {
    return this.#intervalMs === 0 ? Number.POSITIVE_INFINITY : this.#pingMs;
  }

  get deadMs(): number {
    return this.#deadAfterMs === 0 ? Number.POSITIVE_INFINITY : this.#heardMs + this.#deadAfterMs;
  }

  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  isDead(nowMs: number): boolean {
    return nowMs >= this.deadMs;
  }

  /** The number of a ping that is to be sent now. */
  ping(nowMs: number): number | undefined {
    if (this.#intervalMs === 0 || nowMs < this.#pingMs) return undefined;
    this.#pingMs = nowMs + this.#intervalMs;
    this.#id = (this.#id + 1) >>> 0;
    this.#asked = { id: this.#id, atMs: nowMs };
    return this.#id;
  }

  /** Late answers say nothing and do no harm. False if no such ping was ever sent. */
  pong(id: number, nowMs: number): boolean {
    if (id === 0 || id > this.#id) return false;
    if (this.#asked?.id !== id) return true;
    const roundTripMs = Math.max(0, nowMs - this.#asked.atMs);
    this.#asked = undefined;
    this.roundTripMs = roundTripMs;
    const before = this.smoothedRoundTripMs;
    this.smoothedRoundTripMs = before === undefined ? roundTripMs : before + (roundTripMs - before) * ROUND_TRIP_WEIGHT;
    return true;
  }

  /** A ping has come. False if that is a flood. */
  pinged(nowMs: number): boolean {
    if (nowMs - this.#floodFromMs >= 1000) {
      this.#floodFromMs = nowMs;
      this.#floodCount = 0;
    }
    return ++this.#floodCount <= PINGS_PER_SECOND_MAX;
  }
}
