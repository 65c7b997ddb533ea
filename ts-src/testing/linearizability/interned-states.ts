/** Gives equal states of a model one number, so that configurations of the search can be compared by numbers. Called by `search.ts`. */
import { canonicalText } from './history.js';
import type { SequentialModel } from './sequential-model.js';

export class InternedStates<State> {
  readonly #model: SequentialModel<State, never, never>;
  readonly #numbers = new Map<string | number, number[]>();
  readonly #states: State[] = [];

  constructor(model: SequentialModel<State, never, never>) {
    this.#model = model;
  }

  numberOf(state: State): number {
    const { hash, equals } = this.#model;
    const key = hash === undefined ? canonicalText(state) : hash(state);
    const alike = this.#numbers.get(key);
    for (const number of alike ?? []) {
      const other = this.#states[number] as State;
      // The text of a state is its content: two with the same text are the same, unless the model says something else.
      if (equals === undefined ? hash === undefined || canonicalText(other) === canonicalText(state) : equals(other, state)) return number;
    }
    const number = this.#states.push(state) - 1;
    if (alike === undefined) this.#numbers.set(key, [number]);
    else alike.push(number);
    return number;
  }

  state(number: number): State {
    return this.#states[number] as State;
  }
}
