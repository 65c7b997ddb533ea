/**
 * What a voter has promised: when it last answered a ping of each member, and so how long it must wait until it may agree to a view without that member. The other half of it is `lease.ts`, at the
 * member; why it suffices is in `docs/decisions/0005-agreed-views.md`.
 */
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import { type Removable, SOON_INCARNATION } from './view-messages.js';

/** How much faster the clock of one node may run than that of another. */
export const CLOCK_DRIFT_MAX = 0.02;

/** Of a lease: who could agree within that is soon enough for those who have agreed already, and grant nothing meanwhile. What they have been granted has half of a lease to go at least, as they ask for more by then. */
const SOON_PARTS = 4;

interface Known {
  isDeparting(node: NodeIdentity): boolean;
  isUnreachable(node: NodeIdentity): boolean;
}

export class Grants {
  readonly #waitMs: number;
  readonly #soonMs: number;
  readonly #ballotMs: number;
  readonly #lastGrantedMs = new Map<string, number>();
  /** Everybody is taken to have been granted something then. */
  #allGrantedMs: number;
  /** To whom nothing is granted until then. */
  #held: ReadonlySet<string> = new Set();
  #heldUntilMs = Number.NEGATIVE_INFINITY;

  /** @param ballotMs how long a proposer may take from what it was told to what it proposes */
  constructor(nowMs: number, times: { readonly leaseMs: number; readonly stopMarginMs: number }, ballotMs: number) {
    this.#waitMs = removalWaitMs(times);
    this.#soonMs = times.leaseMs / SOON_PARTS;
    this.#ballotMs = ballotMs;
    this.#allGrantedMs = nowMs;
  }

  granted(nowMs: number, node: NodeIdentity): void {
    this.#lastGrantedMs.set(nodeKey(node), nowMs);
  }

  /** What was offered was for the view after one that is over. */
  installed(): void {
    this.#held = new Set();
  }

  /** Others than now may have granted until now: leases of before are theirs. */
  grantedByOthers(nowMs: number): void {
    this.#allGrantedMs = nowMs;
    this.#lastGrantedMs.clear();
  }

  forget(node: NodeIdentity): void {
    this.#lastGrantedMs.delete(nodeKey(node));
  }

  /**
   * Those of these members that this voter would agree to remove, now or soon, which a proposer counts on. Whom it cannot reach it grants nothing until the ballot has had its time, so that it stays true. A member's own word that it
   * runs nothing any more is as good as the end of its lease.
   */
  offer(nowMs: number, members: readonly NodeIdentity[], known: Known): Removable {
    const offered: NodeIdentity[] = [];
    const held = new Set<string>();
    for (const node of members) {
      const isNow = nowMs >= this.removableAtMs(node) || known.isDeparting(node);
      const isUnreachable = known.isUnreachable(node);
      if (!isNow && !(isUnreachable && nowMs + this.#soonMs >= this.removableAtMs(node))) continue;
      offered.push(isNow ? node : { name: node.name, incarnation: SOON_INCARNATION });
      if (isUnreachable) held.add(nodeKey(node));
    }
    this.#held = held;
    this.#heldUntilMs = nowMs + this.#ballotMs;
    return offered;
  }

  isHeld(nowMs: number, node: NodeIdentity): boolean {
    return nowMs < this.#heldUntilMs && this.#held.has(nodeKey(node));
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
