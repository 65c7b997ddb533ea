/**
 * The load of members of groups on other nodes, as those have told it last. It is as old as the period in which nodes tell each other, so what this thread has sent through groups since then is counted in: else everybody would run
 * to the one that was told to be idle, until it is told to be busy. One for each thread, kept by `groups.ts`.
 */

/** Nodes tell changes of loads so often, at most; what was sent is counted for as long. */
export const LOAD_PERIOD_MS = 200;

class RemoteLoad {
  load = 0;
  sent = 0;
  sinceMs = 0;
}

export class RemoteLoads {
  readonly #loads = new Map<number, RemoteLoad>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  told(slot: number, load: number): void {
    const known = this.#of(slot);
    known.load = load;
    known.sent = 0;
  }

  /** A message was sent to it through a group. */
  sent(slot: number): void {
    const known = this.#of(slot);
    const nowMs = this.#nowMs();
    if (nowMs - known.sinceMs >= LOAD_PERIOD_MS) {
      known.sinceMs = nowMs;
      known.sent = 0;
    }
    known.sent++;
  }

  read(slot: number): number {
    const known = this.#loads.get(slot);
    if (known === undefined) return 0;
    return known.load + (known.sent > 0 && this.#nowMs() - known.sinceMs < LOAD_PERIOD_MS ? known.sent : 0);
  }

  forget(slot: number): void {
    this.#loads.delete(slot);
  }

  #of(slot: number): RemoteLoad {
    let known = this.#loads.get(slot);
    if (known === undefined) {
      known = new RemoteLoad();
      this.#loads.set(slot, known);
    }
    return known;
  }
}
