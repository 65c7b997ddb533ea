/** A policy that tells what it does. All but `wrap` are: whoever wants to know what happens within that listens to the policies it is made of. */
import { optionError, valueText } from '../errors.js';
import { Listeners } from './listeners.js';
import { Policy } from './policy.js';

/** A policy with events. @typeParam F as of `Policy`. @typeParam E its events. */
export abstract class ObservablePolicy<F, E> extends Policy<F> {
  protected readonly listeners: Listeners<E>;

  constructor(report: (error: unknown) => void) {
    super();
    this.listeners = new Listeners(report);
  }

  /** Calls the listener with every event, at once. One that fails is reported and harms nothing. Returns a function that ends the subscription. */
  on(listener: (event: E) => void): () => void {
    if (typeof listener !== 'function') throw optionError('listener', `must be a function, not ${valueText(listener)}`);
    return this.listeners.add(listener);
  }
}
