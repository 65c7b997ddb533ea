/**
 * The sessions with one node that have ended here while something of them was on its way. Nobody knows how much of that the other side still has before it: a session may end here because of what was
 * damaged the other way, or because a network took too long. So it is told of them on each other session, before whatever is sent there next, and ends them: otherwise what was sent first could be
 * handled last. Kept by the pool of the node.
 */
import { SUPERSEDED_MAX } from '../../protocols/wire/wire-limits.js';

/** Longer than anything of a session can arrive: its connection is closed by force before, and the other side ends it when it hears nothing of it for ten seconds. */
export const SUPERSEDED_FOR_MS = 60_000;

export class SupersededSessions {
  /** Oldest first. */
  #ended: { readonly id: Uint8Array; readonly atMs: number }[] = [];

  add(id: Uint8Array, nowMs: number): void {
    this.#ended = [...this.#ended, { id, atMs: nowMs }].slice(-SUPERSEDED_MAX);
  }

  /** What is said on a session that opens now. */
  at(nowMs: number): readonly Uint8Array[] {
    this.#ended = this.#ended.filter(({ atMs }) => nowMs - atMs < SUPERSEDED_FOR_MS);
    return this.#ended.map(({ id }) => id);
  }
}
