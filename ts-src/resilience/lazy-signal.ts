/**
 * The abort of a call by a `timeout`, as an AbortSignal only for those who ask for one: making a signal and listening to it costs microseconds, and an operation that
 * is done in time mostly does not look. Policies within listen by `onAbort`. Owned by one call.
 */
export class LazySignal {
  /** Nothing but the deadline of its call can abort it: who keeps the deadline need not listen. */
  readonly onlyByDeadline: boolean;
  #aborted = false;
  #reason: unknown;
  #controller: AbortController | undefined;
  #listeners: Set<() => void> | undefined;

  constructor(onlyByDeadline: boolean) {
    this.onlyByDeadline = onlyByDeadline;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#aborted = true;
    this.#reason = reason;
    const listeners = this.#listeners ?? [];
    this.#listeners = undefined;
    for (const listener of listeners) listener();
    this.#controller?.abort(reason);
  }

  /** Calls back once, when it is aborted. Returns a function that ends that. */
  onAbort(listener: () => void): () => void {
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
    return () => void this.#listeners?.delete(listener);
  }
}
