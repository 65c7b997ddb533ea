/** The agent that both processes know. */
import { defineAgent } from 'nexus-agents';

export const Target = defineAgent({
  kind: 'target',
  state: () => ({ count: 0, sum: 0 }),
  actions: {
    echo: (_state, input) => input,
    add: (state, { number }) => {
      state.count++;
      state.sum += number;
    },
    /** What has come since it was asked before. */
    taken: (state) => {
      const { count, sum } = state;
      state.count = 0;
      state.sum = 0;
      return { count, sum };
    },
  },
});
