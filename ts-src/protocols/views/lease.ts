/**
 * Until when a member may run: as long as a quorum of the voters of its view has answered pings that it sent within the last `leaseMs`, under the number of that view. Computed from the clock
 * whenever asked, so that a process that did not run for a while knows before it does anything else. It also says which voters should be pinged so that the lease does not end. What a voter may do
 * once its answers are old enough is in `grants.ts`.
 */
import type { NodeIdentity } from '../../model/node-identity.js';
import type { QuorumSystem } from './quorum.js';

export interface LeaseOptions {
  readonly leaseMs: number;
  readonly probeTimeoutMs: number;
}

interface VoterPromise {
  grantedUnder: number;
  sentAtMs: number;
  askedAtMs: number;
  /** Under a view that this node does not know yet: it counts from when it does, and takes nothing from what it has till then. */
  ahead: { readonly grantedUnder: number; readonly sentAtMs: number } | undefined;
}

const NOTHING = { grantedUnder: 0, sentAtMs: Number.NEGATIVE_INFINITY };

export class Lease {
  readonly #self: string;
  readonly #options: LeaseOptions;
  #viewNumber = 0;
  #system: QuorumSystem | undefined;
  /** By name of the voter. */
  #promises = new Map<string, VoterPromise>();
  /** When this node accepted a successor of its view, which ends its own promise to itself. */
  #acceptedAtMs = Number.POSITIVE_INFINITY;
  /** What it had under the views before. */
  #carriedEndMs = Number.NEGATIVE_INFINITY;
  #endMs = Number.NEGATIVE_INFINITY;

  constructor(self: string, options: LeaseOptions) {
    this.#self = self;
    this.#options = options;
  }

  /** Until when this node may run; infinity if it is a quorum by itself. */
  get endMs(): number {
    return this.#endMs;
  }

  /** Answers under the view before do not count for the next one: that may have other voters. What they have given already ends when it ends. */
  installed(nowMs: number, viewNumber: number, system: QuorumSystem): void {
    this.#acceptedAtMs = Math.min(this.#acceptedAtMs, nowMs);
    this.#compute();
    this.#carriedEndMs = this.#endMs;
    this.#acceptedAtMs = Number.POSITIVE_INFINITY;
    this.#viewNumber = viewNumber;
    this.#system = system;
    const promises = new Map<string, VoterPromise>();
    for (const { name } of system.voters) {
      const ahead = this.#promises.get(name)?.ahead;
      const { grantedUnder, sentAtMs } = ahead?.grantedUnder === viewNumber ? ahead : NOTHING;
      const isAhead = ahead !== undefined && ahead.grantedUnder > viewNumber;
      promises.set(name, { grantedUnder, sentAtMs, askedAtMs: Number.NEGATIVE_INFINITY, ahead: isAhead ? ahead : undefined });
    }
    this.#promises = promises;
    this.#compute();
  }

  /** This node, a voter, has agreed to a next view: from now on it promises nothing under this one, not to itself either. */
  accepted(nowMs: number): void {
    this.#acceptedAtMs = Math.min(this.#acceptedAtMs, nowMs);
    this.#compute();
  }

  /** A ping that was sent then was answered. */
  acked({ name }: NodeIdentity, grantedUnder: number, sentAtMs: number): void {
    const promise = this.#promises.get(name);
    if (promise === undefined) return;
    if (grantedUnder > this.#viewNumber) {
      if (isLater({ grantedUnder, sentAtMs }, promise.ahead ?? NOTHING)) promise.ahead = { grantedUnder, sentAtMs };
      return;
    }
    if (!isLater({ grantedUnder, sentAtMs }, promise)) return;
    promise.grantedUnder = grantedUnder;
    promise.sentAtMs = sentAtMs;
    this.#compute();
  }

  /** When voters are to be pinged next. */
  get dueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const [name, promise] of this.#promises) if (name !== this.#self) dueMs = Math.min(dueMs, this.#askAtMs(promise));
    return dueMs;
  }

  /** Voters to be pinged now, out of turn. */
  ask(nowMs: number): readonly NodeIdentity[] {
    const asked: NodeIdentity[] = [];
    for (const voter of this.#system?.voters ?? []) {
      const promise = this.#promises.get(voter.name) as VoterPromise;
      if (voter.name === this.#self || this.#askAtMs(promise) > nowMs) continue;
      promise.askedAtMs = nowMs;
      asked.push(voter);
    }
    return asked;
  }

  /** When the answer is half as old as it may get, and then again and again: faster when the lease ends soon. */
  #askAtMs({ grantedUnder, sentAtMs, askedAtMs }: VoterPromise): number {
    const { leaseMs, probeTimeoutMs } = this.#options;
    if (grantedUnder === this.#viewNumber && sentAtMs + leaseMs / 2 >= askedAtMs + probeTimeoutMs) return sentAtMs + leaseMs / 2;
    const isUrgent = this.#endMs - askedAtMs < leaseMs / 2;
    const againMs = askedAtMs + (isUrgent ? probeTimeoutMs / 2 : probeTimeoutMs);
    return grantedUnder === this.#viewNumber ? Math.max(sentAtMs + leaseMs / 2, againMs) : againMs;
  }

  /** The promises that end last make a quorum first. */
  #compute(): void {
    const system = this.#system;
    if (system === undefined) return;
    const ends = system.voters.map(({ name }, index) => ({ index, endMs: this.#promiseEndMs(name) })).sort((a, b) => b.endMs - a.endMs);
    let mask = 0;
    let endMs = Number.NEGATIVE_INFINITY;
    for (const promise of ends) {
      mask |= 1 << promise.index;
      if (!system.isQuorum(mask)) continue;
      endMs = promise.endMs;
      break;
    }
    this.#endMs = Math.max(endMs, this.#carriedEndMs);
  }

  #promiseEndMs(name: string): number {
    if (name === this.#self) return this.#acceptedAtMs + this.#options.leaseMs;
    const promise = this.#promises.get(name);
    return promise?.grantedUnder === this.#viewNumber ? promise.sentAtMs + this.#options.leaseMs : Number.NEGATIVE_INFINITY;
  }
}

type Granted = Pick<VoterPromise, 'grantedUnder' | 'sentAtMs'>;

function isLater(one: Granted, other: Granted): boolean {
  return one.grantedUnder > other.grantedUnder || (one.grantedUnder === other.grantedUnder && one.sentAtMs > other.sentAtMs);
}
