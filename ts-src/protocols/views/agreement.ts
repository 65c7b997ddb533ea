/**
 * Which change makes the next view: single-decree Paxos (Lamport, "Paxos made simple") for each number of a view, among the voters of the view before it. One node's part in it, as acceptor and as
 * proposer. Nothing of it is on disk: a node that starts anew is another incarnation, and no voter. When to propose and what is decided in `views.ts`, what a voter may agree to in `grants.ts`.
 */
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import type { QuorumSystem } from './quorum.js';
import type { Departure, ViewChange } from './view.js';
import { type Removable, SOON_INCARNATION, type ViewMessage } from './view-messages.js';

/** A ballot is a round and, below that, the place of its proposer among the voters: no two proposers have the same, and they agree on which is greater. */
const PROPOSERS = 16;

export interface AgreementNeeds {
  sendToVoter(index: number, message: ViewMessage): void;
  /** Members that this voter would agree to remove, now or soon. It stands by that for `BALLOT_MS_MAX`. */
  removable(): Removable;
  /** Whether this voter may agree to this departure now. */
  mayDepart(departure: Departure): boolean;
  /** This voter has agreed to a next view. */
  accepted(): void;
  /** What this proposer would have, given members whose removal a quorum agrees to; undefined for nothing. */
  wanted(number: number, isRemovable: (node: NodeIdentity) => boolean): ViewChange | undefined;
  chosen(change: ViewChange): void;
}

interface Acceptance {
  readonly ballot: number;
  readonly change: ViewChange;
}

interface Promised {
  readonly accepted: Acceptance | undefined;
  readonly removable: ReadonlySet<string>;
}

type Proposal =
  | { readonly phase: 'idle' }
  | { readonly phase: 'preparing'; readonly ballot: number; readonly promises: Map<number, Promised>; readonly untilMs: number }
  | { readonly phase: 'accepting'; readonly ballot: number; readonly change: ViewChange; readonly untilMs: number; acceptedMask: number };

/**
 * A quorum that can be reached has answered by then, and one that could agree to a change has done so. One that has not may have heard meanwhile of those that were to go: then another ballot finds out what it would agree to now.
 */
export const BALLOT_MS_MAX = 2000;

export class Agreement {
  readonly #needs: AgreementNeeds;
  #system: QuorumSystem;
  #number: number;
  /** Of this node among the voters; -1 if it is none. */
  #index: number;
  #promised = 0;
  #accepted: Acceptance | undefined;
  #proposal: Proposal = { phase: 'idle' };
  #resendAtMs = Number.POSITIVE_INFINITY;
  readonly #resendMs: number;
  /** When something of the agreement on this number was last seen. */
  #activeAtMs = Number.NEGATIVE_INFINITY;

  constructor(system: QuorumSystem, index: number, number: number, resendMs: number, needs: AgreementNeeds) {
    this.#system = system;
    this.#index = index;
    this.#number = number;
    this.#resendMs = resendMs;
    this.#needs = needs;
  }

  /** Agrees on the successor of another view from now on; what was under way is over. */
  begin(system: QuorumSystem, index: number, number: number): void {
    this.#system = system;
    this.#index = index;
    this.#number = number;
    this.#promised = 0;
    this.#accepted = undefined;
    this.#proposal = { phase: 'idle' };
    this.#resendAtMs = Number.POSITIVE_INFINITY;
    this.#activeAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Whether this voter has agreed to a change and does not know what came of it. */
  get isUnsettled(): boolean {
    return this.#accepted !== undefined;
  }

  get isProposing(): boolean {
    return this.#proposal.phase !== 'idle';
  }

  get activeAtMs(): number {
    return this.#activeAtMs;
  }

  get dueMs(): number {
    return this.#resendAtMs;
  }

  /** Begins a ballot above all that this voter has seen. */
  propose(nowMs: number): void {
    const ballot = (Math.floor(this.#promised / PROPOSERS) + 1) * PROPOSERS + this.#index;
    this.#proposal = { phase: 'preparing', ballot, promises: new Map(), untilMs: nowMs + BALLOT_MS_MAX };
    this.#send(nowMs);
  }

  /** What was not answered is said again. */
  tick(nowMs: number): void {
    if (nowMs < this.#resendAtMs) return;
    const proposal = this.#proposal;
    if (proposal.phase === 'preparing' && this.#system.isQuorum(maskOf(proposal.promises.keys()))) {
      // Whoever has not answered by now may never.
      const change = this.#choice(proposal.promises, true);
      if (change === undefined) this.#giveUp();
      else this.#accepting(nowMs, proposal.ballot, change);
    } else if (proposal.phase !== 'idle' && nowMs >= proposal.untilMs) this.#giveUp();
    else this.#send(nowMs);
  }

  prepare(nowMs: number, from: number, ballot: number): void {
    if (ballot < this.#promised) return this.#needs.sendToVoter(from, { type: 'superseded', number: this.#number, ballot: this.#promised });
    this.#promise(nowMs, ballot);
    const removable = this.#needs.removable();
    if (from === this.#index) return this.promise(nowMs, from, ballot, this.#accepted, removable);
    this.#needs.sendToVoter(from, { type: 'promise', number: this.#number, ballot, accepted: this.#accepted, removable });
  }

  promise(nowMs: number, from: number, ballot: number, accepted: Acceptance | undefined, removable: Removable): void {
    const proposal = this.#proposal;
    if (proposal.phase !== 'preparing' || proposal.ballot !== ballot) return;
    proposal.promises.set(from, { accepted, removable: new Set(removable.map(nodeKey)) });
    if (!this.#system.isQuorum(maskOf(proposal.promises.keys()))) return;
    const isLast = proposal.promises.size === this.#system.voters.length;
    const change = this.#choice(proposal.promises, isLast);
    // Those who have not answered yet may agree to more.
    if (change === undefined) return isLast ? this.#giveUp() : undefined;
    this.#accepting(nowMs, ballot, change);
  }

  #accepting(nowMs: number, ballot: number, change: ViewChange): void {
    this.#proposal = { phase: 'accepting', ballot, change, untilMs: nowMs + BALLOT_MS_MAX, acceptedMask: 0 };
    this.#send(nowMs);
  }

  accept(nowMs: number, from: number, ballot: number, change: ViewChange): void {
    if (ballot < this.#promised) return this.#needs.sendToVoter(from, { type: 'superseded', number: this.#number, ballot: this.#promised });
    this.#promise(nowMs, ballot);
    // It is sent again: then perhaps the wait is over.
    if (!change.departed.every((departure) => this.#needs.mayDepart(departure))) return;
    this.#accepted = { ballot, change };
    this.#needs.accepted();
    if (from === this.#index) return this.accepted(from, ballot);
    this.#needs.sendToVoter(from, { type: 'accepted', number: this.#number, ballot });
  }

  accepted(from: number, ballot: number): void {
    const proposal = this.#proposal;
    if (proposal.phase !== 'accepting' || proposal.ballot !== ballot) return;
    proposal.acceptedMask |= 1 << from;
    if (this.#system.isQuorum(proposal.acceptedMask)) this.#needs.chosen(proposal.change);
  }

  superseded(nowMs: number, ballot: number): void {
    if (ballot <= this.#promised) return;
    this.#promise(nowMs, ballot);
  }

  /**
   * What has the greatest ballot of all that those who promise have agreed to may have been chosen: nothing else may be proposed then. Unless those who have agreed to anything are no quorum, even together with all that have not
   * answered: then nothing has been chosen, nor will be below this ballot. Whoever has not answered is waited for a little, as that makes the difference.
   */
  #choice(promises: ReadonlyMap<number, Promised>, isLast: boolean): ViewChange | undefined {
    let latest: Acceptance | undefined;
    for (const { accepted } of promises.values()) if (accepted !== undefined && (latest === undefined || accepted.ballot > latest.ballot)) latest = accepted;
    let mask = 0;
    for (let index = 0; index < this.#system.voters.length; index++) {
      const promise = promises.get(index);
      if (promise === undefined || promise.accepted !== undefined) mask |= 1 << index;
    }
    if (latest !== undefined && this.#system.isQuorum(mask)) return isLast ? latest.change : undefined;
    return this.#wish(promises, isLast);
  }

  /**
   * What this proposer would have. All whom it removes are such that one quorum agrees to it now; and whichever voter of that is lost before it has, others who answer are as good: those who have granted a member something of late
   * could agree only when the leases of all have ended, as those who have agreed grant nothing. Who answers this ballot is not removed by it.
   */
  #wish(promises: ReadonlyMap<number, Promised>, isLast: boolean): ViewChange | undefined {
    const { voters } = this.#system;
    let [now, soon, heard] = [-1, -1, isLast ? maskOf(promises.keys()) : maskOf(voters.keys())];
    let isOpen = false;
    const change = this.#needs.wanted(this.#number, (node) => {
      const index = voters.findIndex((voter) => sameNode(voter, node));
      if (promises.has(index)) return false;
      const [key, soonKey] = [nodeKey(node), nodeKey({ name: node.name, incarnation: SOON_INCARNATION })];
      let [nowToo, soonToo] = [0, 0];
      for (const [at, { removable }] of promises) {
        if (removable.has(key)) nowToo |= 1 << at;
        if (removable.has(key) || removable.has(soonKey)) soonToo |= 1 << at;
      }
      const left = index === -1 ? heard : heard & ~(1 << index);
      if (!this.#system.isQuorum(now & nowToo)) return false;
      if (!this.#isSpare(now & nowToo, soon & soonToo, left)) {
        isOpen = true;
        return false;
      }
      [now, soon, heard] = [now & nowToo, soon & soonToo, left];
      return true;
    });
    return isOpen && !isLast ? undefined : change;
  }

  /** Whether none of these voters is missed: wherever the others that are heard are still a quorum, so are those of them that could agree soon. */
  #isSpare(now: number, soon: number, heard: number): boolean {
    return this.#system.voters.every((_, index) => {
      const others = ~(1 << index);
      return (now & ~others) === 0 || !this.#system.isQuorum(heard & others) || this.#system.isQuorum(soon & others);
    });
  }

  #promise(nowMs: number, ballot: number): void {
    this.#activeAtMs = nowMs;
    this.#promised = Math.max(this.#promised, ballot);
    if (this.#proposal.phase !== 'idle' && this.#proposal.ballot < ballot) this.#giveUp();
  }

  #giveUp(): void {
    this.#proposal = { phase: 'idle' };
    this.#resendAtMs = Number.POSITIVE_INFINITY;
  }

  #send(nowMs: number): void {
    this.#resendAtMs = nowMs + this.#resendMs;
    const proposal = this.#proposal;
    const number = this.#number;
    if (proposal.phase === 'idle') return;
    // Others first: this voter alone may be a quorum, and then the ballot is over.
    this.#system.voters.forEach((_, index) => {
      if (index === this.#index) return;
      if (proposal.phase === 'preparing') {
        if (!proposal.promises.has(index)) this.#needs.sendToVoter(index, { type: 'prepare', number, ballot: proposal.ballot });
      } else if ((proposal.acceptedMask & (1 << index)) === 0) {
        this.#needs.sendToVoter(index, { type: 'accept', ballot: proposal.ballot, change: proposal.change });
      }
    });
    if (proposal.phase === 'preparing') {
      if (!proposal.promises.has(this.#index)) this.prepare(nowMs, this.#index, proposal.ballot);
    } else if ((proposal.acceptedMask & (1 << this.#index)) === 0) {
      this.accept(nowMs, this.#index, proposal.ballot, proposal.change);
    }
  }
}

function maskOf(indices: Iterable<number>): number {
  let mask = 0;
  for (const index of indices) mask |= 1 << index;
  return mask;
}
