/** What this node does for others as a relay: whose answer goes to whom, and by when a nack is due. Bounded; it sends nothing itself. */
import { type NodeAddress, type NodeIdentity, sameNode } from '../../model/node-identity.js';

/** Pings for others that are under way at once; more are not taken on, which their origin sees as silence. */
export const ERRANDS_MAX = 256;

/** A ping of `target` for `origin`. */
export interface Errand {
  readonly origin: NodeIdentity;
  readonly originAddress: NodeAddress;
  /** By which the origin knows its probe. */
  readonly originSequence: number;
  readonly target: NodeIdentity;
  /** When the origin is told that there was no answer, but a relay; infinity when it has been told. */
  nackAtMs: number;
  /** When an answer is of no use to anybody. */
  readonly endsAtMs: number;
}

export class Relaying {
  /** By the sequence number of our own ping. */
  readonly #errands = new Map<number, Errand>();

  /** When something is due; infinity for nothing. */
  get dueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const { nackAtMs, endsAtMs } of this.#errands.values()) dueMs = Math.min(dueMs, nackAtMs, endsAtMs);
    return dueMs;
  }

  /** Whether it is taken on. */
  begin(sequence: number, errand: Errand): boolean {
    if (this.#errands.size >= ERRANDS_MAX) return false;
    this.#errands.set(sequence, errand);
    return true;
  }

  /** The errand that an answer of this node belongs to. It is done. */
  answered(sequence: number, from: NodeIdentity): Errand | undefined {
    const errand = this.#errands.get(sequence);
    if (errand === undefined || !sameNode(errand.target, from)) return undefined;
    this.#errands.delete(sequence);
    return errand;
  }

  /** Errands whose origin is to be told now that there was no answer. An answer that comes later is still passed on. */
  overdue(nowMs: number): readonly Errand[] {
    const overdue: Errand[] = [];
    for (const [sequence, errand] of this.#errands) {
      if (nowMs >= errand.nackAtMs) {
        overdue.push(errand);
        errand.nackAtMs = Number.POSITIVE_INFINITY;
      }
      if (nowMs >= errand.endsAtMs) this.#errands.delete(sequence);
    }
    return overdue;
  }

  /** There will be no answer of this target: nobody listens there. Who has been told is not told again: a nack may itself go to where nobody listens. */
  refused(isTarget: (target: NodeIdentity) => boolean, nowMs: number): void {
    for (const errand of this.#errands.values()) {
      const isTold = errand.nackAtMs === Number.POSITIVE_INFINITY;
      if (!isTold && isTarget(errand.target)) errand.nackAtMs = Math.min(errand.nackAtMs, nowMs);
    }
  }
}
