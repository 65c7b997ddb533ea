/**
 * The local health multiplier (Lifeguard, "Local Health Aware Probe"): signs that it is this node that is slow, and not those it probes. 0 is healthy; at h, probes are h + 1 times as patient. It
 * goes up for a probe that failed without a word from the relays, for each relay that should have said that it is there and did not, for having to refute a suspicion, and for a step that came
 * late; down for each answer in time.
 */
export const LOCAL_HEALTH_MAX = 8;

export class LocalHealth {
  readonly #isHeeded: boolean;
  #score = 0;

  /** @param isHeeded false: it stays 0 */
  constructor(isHeeded: boolean) {
    this.#isHeeded = isHeeded;
  }

  /** 0 to LOCAL_HEALTH_MAX. */
  get score(): number {
    return this.#score;
  }

  /** How many times as long as by a healthy node everything is waited for. */
  get patience(): number {
    return this.#score + 1;
  }

  improved(): void {
    this.#add(-1);
  }

  worsened(by = 1): void {
    this.#add(by);
  }

  #add(difference: number): void {
    if (this.#isHeeded) this.#score = Math.min(LOCAL_HEALTH_MAX, Math.max(0, this.#score + difference));
  }
}
