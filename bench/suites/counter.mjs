/** The agent of the benchmarks on one thread, of `memory` and of `lookup`. */
import { defineAgent } from 'nexus-agents';

export const Counter = defineAgent({
  kind: 'bench-counter',
  state: () => ({ n: 0 }),
  actions: {
    add: (state, by) => {
      state.n += by;
    },
    read: (state) => state.n,
  },
});
