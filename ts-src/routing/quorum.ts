/**
 * When a question to many is answered: as soon as enough have replied, when enough cannot reply any more, or when all have said something. Who said what is kept by the
 * caller. Pure.
 */

/** `reached`: enough replied, or, where no number is asked for, nobody is left. `failed`: it cannot be reached any more. */
export type QuorumState = 'waiting' | 'reached' | 'failed';

/** How many have to reply: a number, more than half of those asked, or all of them. */
export type QuorumChoice = number | 'majority' | 'all';

export class Quorum {
  readonly asked: number;
  /** Undefined: as many as do. */
  readonly needed: number | undefined;
  replied = 0;
  /** Failed, or gave no answer in time. */
  lost = 0;

  constructor(asked: number, choice: QuorumChoice | undefined) {
    this.asked = asked;
    this.needed = choice === 'majority' ? Math.floor(asked / 2) + 1 : choice === 'all' ? asked : choice;
  }

  get state(): QuorumState {
    const left = this.asked - this.replied - this.lost;
    if (this.needed === undefined) return left === 0 ? 'reached' : 'waiting';
    if (this.replied >= this.needed) return 'reached';
    return this.replied + left < this.needed ? 'failed' : 'waiting';
  }
}
