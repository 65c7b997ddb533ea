/** An agent that counts for its thread, and one per thread that tells the total. The counts are of the module, so of one thread. */
import { defineAgent } from 'nexus-agents';

let handled = 0;
let sum = 0;

export const Tiny = defineAgent({
  kind: 'bench-tiny',
  state: () => ({ n: 0 }),
  actions: {
    take: (state, number) => {
      state.n++;
      // A second message to one agent would count twice here and not at all for another.
      if (state.n === 1) handled++;
      sum += number;
    },
  },
});

export const Tally = defineAgent({
  kind: 'bench-tally',
  state: () => ({}),
  actions: { totals: () => ({ handled, sum }) },
});
