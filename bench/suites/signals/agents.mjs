/** One agent emits, others count and add up what they get. */
import { defineAgent } from 'nexus-agents';

const actions = {
  take: (state, { data }) => {
    state.count++;
    state.sum = (state.sum + data) | 0;
  },
  totals: ({ count, sum }) => ({ count, sum }),
};
const state = () => ({ count: 0, sum: 0 });

export const Here = defineAgent({ kind: 'bench-here', state, actions, subscriptions: { 'bench.*.here': 'take' } });
export const There = defineAgent({ kind: 'bench-there', state, actions, subscriptions: { 'bench.*.there': 'take' } });
export const Emitter = defineAgent({
  kind: 'bench-emitter',
  state: () => ({}),
  actions: {
    emit: (_state, { topic, from, to }, ctx) => {
      for (let value = from; value < to; value++) ctx.emit(topic, value);
    },
  },
});
