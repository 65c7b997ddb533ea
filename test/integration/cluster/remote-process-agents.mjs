/** The agent of `remote-processes.test.ts`. */
import { defineAgent } from 'nexus-agents';

export const Held = defineAgent({
  kind: 'held',
  state: () => ({ numbers: [] }),
  actions: {
    add: (state, number) => void state.numbers.push(number),
    numbers: (state) => state.numbers,
    hold: { concurrent: true, handler: () => new Promise(() => undefined) },
    fail: () => {
      throw new RangeError('from afar', { cause: new TypeError('the cause') });
    },
  },
});
