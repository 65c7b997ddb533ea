/** What the directory has of one id, and how two versions of it are joined: the greater token, and of one token the later state. */
import type { NodeIdentity } from '../../model/node-identity.js';
import type { Registration } from '../../model/registration.js';
import { mixed, textHash } from '../../routing/text-hash.js';

/**
 * `granted`: to whoever asked for it by `request`, and it has not been heard yet that it was taken. `returned`: the same, to the source of a move that came to nothing. `offered`: to a node that has to accept it; nobody
 * runs it. `settled`: its host has it. `orphan`: its host is lost, and `declined`: its host did not take it; nobody runs it, and the node of its owner decides what becomes of it.
 */
export type EntryState = 'granted' | 'returned' | 'offered' | 'settled' | 'orphan' | 'declined';

export interface DirectoryEntry {
  readonly registration: Registration;
  readonly state: EntryState;
  /** Of the host that asked (`granted`), or of the source of the move (`returned`, `offered`). 0 for none. */
  readonly request: number;
  /** Whoever hands it over (`offered`): it gets it back if that comes to nothing. */
  readonly source: NodeIdentity | undefined;
  /** Of `returned`: the other node may have run it before it was lost. */
  readonly mayHaveRun?: boolean;
}

const RANKS: Readonly<Record<EntryState, number>> = { granted: 0, returned: 0, offered: 0, settled: 1, orphan: 2, declined: 2 };

/** Whether nobody runs it although its host is there: what a successor cannot see by itself. */
export function isIdle({ state }: DirectoryEntry): boolean {
  return state === 'offered' || state === 'declined';
}

export function isOrphan({ state }: DirectoryEntry): boolean {
  return state === 'orphan' || state === 'declined';
}

/** Whether `next` takes the place of `before`. */
export function isLater(next: DirectoryEntry, before: DirectoryEntry): boolean {
  const difference = next.registration.token - before.registration.token;
  return difference > 0 || (difference === 0 && RANKS[next.state] > RANKS[before.state]);
}

/** What a set of registrations is compared by: their number, and 64 bits that do not depend on their order. */
export class Digest {
  count = 0;
  low = 0;
  high = 0;

  add(id: string, token: number): void {
    this.count++;
    this.#toggle(id, token);
  }

  delete(id: string, token: number): void {
    this.count--;
    this.#toggle(id, token);
  }

  equals(other: DigestValue): boolean {
    return this.count === other.count && this.low === other.low && this.high === other.high;
  }

  value(): DigestValue {
    return { count: this.count, low: this.low, high: this.high };
  }

  #toggle(id: string, token: number): void {
    const text = textHash(id, token | 0);
    const number = (token / 2 ** 32) | 0;
    this.low = (this.low ^ mixed(text + number)) >>> 0;
    this.high = (this.high ^ mixed((text ^ 0x5bd1e995) + Math.imul(token | 0, 0x9e3779b1) + number)) >>> 0;
  }
}

export interface DigestValue {
  readonly count: number;
  readonly low: number;
  readonly high: number;
}
