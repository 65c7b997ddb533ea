/** The agent that both processes know. */
import { defineAgent } from 'nexus-agents';

/** What is looked up. */
export const Named = defineAgent({ kind: 'named', state: () => ({}), actions: { here: () => true } });

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
    /** Starts agents on the node that owns their ids. */
    start: async (_state, ids, ctx) => {
      for (const id of ids) await ctx.getOrSpawn(Named, id);
    },
  },
});
