/**
 * What a voter has promised: when it last answered a ping of each member, and so how long it must wait until it may agree to a view without that member. The other half of it is `lease.ts`, at the
 * member; why it suffices is in `docs/decisions/0005-agreed-views.md`.
 */
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';

/** How much faster the clock of one node may run than that of another. */
export const CLOCK_DRIFT_MAX = 0.02;

export class Grants {
  readonly #waitMs: number;
  readonly #lastGrantedMs = new Map<string, number>();
  /** Everybody is taken to have been granted something then. */
  #allGrantedMs: number;

  constructor(nowMs: number, waitMs: number) {
    this.#waitMs = waitMs;
    this.#allGrantedMs = nowMs;
  }

  granted(nowMs: number, node: NodeIdentity): void {
    this.#lastGrantedMs.set(nodeKey(node), nowMs);
  }

  /** Others than now may have granted until now: leases of before are theirs. */
  grantedByOthers(nowMs: number): void {
    this.#allGrantedMs = nowMs;
    this.#lastGrantedMs.clear();
  }

  forget(node: NodeIdentity): void {
    this.#lastGrantedMs.delete(nodeKey(node));
  }

  /** From when on the lease of this member cannot rest on this voter any more, and what it ran is stopped. */
  removableAtMs(node: NodeIdentity): number {
    return Math.max(this.#lastGrantedMs.get(nodeKey(node)) ?? Number.NEGATIVE_INFINITY, this.#allGrantedMs) + this.#waitMs;
  }
}

/** The time between the last grant and the end of whatever the member ran by it, on any clock. */
export function removalWaitMs({ leaseMs, stopMarginMs }: { readonly leaseMs: number; readonly stopMarginMs: number }): number {
  return (leaseMs + stopMarginMs) * (1 + CLOCK_DRIFT_MAX);
}
