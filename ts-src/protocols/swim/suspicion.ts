/**
 * One suspicion of a member, as this node sees it (Lifeguard, "Local Health Aware Suspicion"): it begins with much time for the suspect to refute it, which shrinks with the logarithm of the
 * number of others that say the same. It has no timer: `timeoutMs` is asked for.
 */

/** Accusers that are remembered; those that count are fewer. */
export const ACCUSERS_MAX = 8;

export interface SuspicionTimes {
  readonly minMs: number;
  readonly maxMs: number;
  /** K: confirmations that bring it down to `minMs`; 0 if there is nobody who could confirm. */
  readonly confirmations: number;
}

export class Suspicion {
  /** Moved by the time that this node did not run. */
  sinceMs: number;
  /** Whether this node itself has found that nobody listens at the address. */
  isRefused = false;
  readonly #accusers = new Set<string>();

  constructor(sinceMs: number, accuser: string) {
    this.sinceMs = sinceMs;
    this.#accusers.add(accuser);
  }

  get accusers(): ReadonlySet<string> {
    return this.#accusers;
  }

  /** Whether that is news. */
  confirm(accuser: string): boolean {
    if (this.#accusers.has(accuser) || this.#accusers.size >= ACCUSERS_MAX) return false;
    this.#accusers.add(accuser);
    return true;
  }

  /** From its beginning until the member counts as unreachable. A refused connection is a stronger sign than silence: a third of the time. */
  timeoutMs({ minMs, maxMs, confirmations }: SuspicionTimes): number {
    const confirmed = Math.min(confirmations, this.#accusers.size - 1);
    const share = confirmations === 0 ? 1 : Math.log(confirmed + 1) / Math.log(confirmations + 1);
    const timeoutMs = maxMs - share * (maxMs - minMs);
    return this.isRefused ? timeoutMs / 3 : timeoutMs;
  }
}
