/**
 * Which lines are said about blocked event loops. Under load they block by the hundred, for moments: of each node one is said at once, with its end, and the others of the next minute are counted; at the end of that minute
 * a line says how it is now, with their count. So no more than that is said, and the last that was said is true within a minute. Used for the log (`cluster-telling.ts`) and for what `nexus run` prints;
 * events and channels have each of them.
 */
import { type NodeIdentity, nodeKey } from '../model/node-identity.js';
import type { Clock } from '../ports/clock.js';

export const STALL_LINES_PERIOD_MS = 60_000;

/** @param threads that are blocked, none when they go on again @param leftOut how often some were blocked since the last line, and nothing was said */
export type SayStall = (node: NodeIdentity, threads: readonly number[], leftOut: number) => void;

interface Said {
  /** As it is now. */
  threads: readonly number[];
  /** That some are blocked was said, and not that they go on. */
  isOpen: boolean;
  leftOut: number;
  readonly cancel: () => void;
}

export class StallLines {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #say: SayStall;
  /** Of nodes of which something was said in the last minute, or is to be: no more than there are members. */
  readonly #said = new Map<string, Said>();

  constructor(clock: Pick<Clock, 'after'>, say: SayStall) {
    this.#clock = clock;
    this.#say = say;
  }

  happened(node: NodeIdentity, threads: readonly number[]): void {
    const said = this.#said.get(nodeKey(node));
    if (said === undefined) {
      this.#begin(node, threads);
      this.#say(node, threads, 0);
      return;
    }
    said.threads = threads;
    if (threads.length > 0) said.leftOut++;
    else if (said.isOpen) {
      said.isOpen = false;
      this.#say(node, threads, said.leftOut);
      said.leftOut = 0;
    }
  }

  /** It is no member any more. */
  forget(node: NodeIdentity): void {
    this.#said.get(nodeKey(node))?.cancel();
    this.#said.delete(nodeKey(node));
  }

  close(): void {
    for (const { cancel } of this.#said.values()) cancel();
    this.#said.clear();
  }

  #begin(node: NodeIdentity, threads: readonly number[]): void {
    const cancel = this.#clock.after(STALL_LINES_PERIOD_MS, () => this.#passed(node), false);
    this.#said.set(nodeKey(node), { threads, isOpen: threads.length > 0, leftOut: 0, cancel });
  }

  #passed(node: NodeIdentity): void {
    const said = this.#said.get(nodeKey(node));
    this.#said.delete(nodeKey(node));
    if (said === undefined) return;
    const { threads, isOpen, leftOut } = said;
    if (leftOut > 0) {
      this.#begin(node, threads);
      this.#say(node, threads, leftOut);
    } else if (isOpen) this.#begin(node, threads);
  }
}
