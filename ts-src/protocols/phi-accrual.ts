/**
 * The φ accrual failure detector (Hayashibara, Défago, Yared, Katayama 2004) for one peer: how surprising it is that nothing has been heard. It decides nothing.
 *
 * The paper looks at the time between heartbeats that come at a fixed pace. Nodes here answer pings, and the pace of these varies. So what is estimated is the *wait*: the time from the first
 * ping since the last answer, to the next answer. On a healthy link that is the round trip; a lost ping makes it longer by the time to the next one. While nothing has been asked there is no
 * wait, and φ is 0: silence is no sign if nobody has asked. φ = -log10 of the probability that a wait is longer than the present one, of a normal distribution with the mean and the deviation of
 * the last `WAITS_MAX` waits. φ = 1 is wrong one time in ten, φ = 3 one in a thousand.
 */

/** Waits that are remembered. */
export const WAITS_MAX = 100;
/** Fewer say nothing. */
export const WAITS_MIN = 5;
/** A very even link is not to be suspected for a pause of the garbage collector. */
export const DEVIATION_MS_MIN = 100;
export const PHI_MAX = 100;

export class PhiAccrual {
  readonly #waitsMs: number[] = [];
  #next = 0;
  #sumMs = 0;
  #squaresMs = 0;
  /** When the first ping since the last answer was sent. */
  #sinceMs: number | undefined;

  asked(nowMs: number): void {
    this.#sinceMs ??= nowMs;
  }

  answered(nowMs: number): void {
    if (this.#sinceMs === undefined) return;
    const waitMs = nowMs - this.#sinceMs;
    this.#sinceMs = undefined;
    const forgottenMs = this.#waitsMs.length < WAITS_MAX ? 0 : (this.#waitsMs[this.#next] as number);
    this.#waitsMs[this.#next] = waitMs;
    this.#next = (this.#next + 1) % WAITS_MAX;
    this.#sumMs += waitMs - forgottenMs;
    this.#squaresMs += waitMs * waitMs - forgottenMs * forgottenMs;
  }

  /** This node itself did not run for so long: that is not a part of the wait. */
  postpone(lateMs: number): void {
    if (this.#sinceMs !== undefined) this.#sinceMs += lateMs;
  }

  /** 0 to PHI_MAX; undefined before WAITS_MIN answers. */
  phi(nowMs: number): number | undefined {
    const count = this.#waitsMs.length;
    if (count < WAITS_MIN) return undefined;
    if (this.#sinceMs === undefined) return 0;
    const meanMs = this.#sumMs / count;
    const deviationMs = Math.max(DEVIATION_MS_MIN, Math.sqrt(Math.max(0, this.#squaresMs / count - meanMs * meanMs)));
    return phiOf((nowMs - this.#sinceMs - meanMs) / deviationMs);
  }
}

/** -log10 of the probability that a normal variable is above its mean by more than `deviations`, by the logistic approximation (Bowling et al. 2009), which makes far tails less likely than they are. */
export function phiOf(deviations: number): number {
  const exponent = deviations * (1.5976 + 0.070566 * deviations * deviations);
  // log10(1 + e^x), which is x / ln 10 where e^x would be infinite.
  const phi = exponent > 500 ? exponent * Math.LOG10E : Math.log1p(Math.exp(exponent)) * Math.LOG10E;
  return Math.min(PHI_MAX, phi);
}
