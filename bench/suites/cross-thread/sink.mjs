/** The agent on the other thread: counts what it gets, and answers. */
import { defineAgent } from 'nexus-agents';
import { weigh } from './messages.mjs';

export const Sink = defineAgent({
  kind: 'bench-sink',
  state: () => ({ count: 0, sum: 0 }),
  actions: {
    take: (state, value) => {
      state.count++;
      state.sum = (state.sum + weigh(value)) | 0;
    },
    totals: (state) => ({ count: state.count, sum: state.sum }),
    echo: (_state, value) => value,
  },
});
