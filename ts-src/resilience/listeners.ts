/** Those who listen to a policy. A listener that throws or rejects is reported and harms neither the call nor the other listeners. Owned by one policy. */
export class Listeners<E> {
  readonly #report: (error: unknown) => void;
  #listeners: readonly ((event: E) => unknown)[] = [];

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** Returns a function that ends the subscription. */
  add(listener: (event: E) => void): () => void {
    // One function may listen twice; each subscription ends alone.
    const own = (event: E): unknown => (listener as (event: E) => unknown)(event);
    this.#listeners = [...this.#listeners, own];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== own);
    };
  }

  emit(event: E): void {
    for (const listener of this.#listeners) {
      try {
        const returned = listener(event);
        if (returned instanceof Promise) returned.catch(this.#report);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
