/** The last signals of one agent, published and received: what an operator sees of them. Kept only while somebody looks at the nexus, and only of agents that have signals. */

/** Of one agent. */
const SIGNALS_MAX = 8;

export interface RecentSignal {
  readonly atMs: number;
  readonly direction: 'published' | 'received';
  readonly topic: string;
}

export class RecentSignals {
  readonly #signals: (RecentSignal | undefined)[] = new Array<undefined>(SIGNALS_MAX).fill(undefined);
  #next = 0;

  add(signal: RecentSignal): void {
    this.#signals[this.#next] = signal;
    this.#next = (this.#next + 1) % SIGNALS_MAX;
  }

  latestFirst(): RecentSignal[] {
    const signals: RecentSignal[] = [];
    for (let back = 1; back <= SIGNALS_MAX; back++) {
      const signal = this.#signals[(this.#next - back + SIGNALS_MAX) % SIGNALS_MAX];
      if (signal !== undefined) signals.push(signal);
    }
    return signals;
  }
}
