/** What there are many of: a number. */
import { defineAgent } from 'nexus-agents';

export const Cell = defineAgent({
  kind: 'cell',
  state: () => ({ count: 0 }),
  actions: { add: (state, by) => (state.count += by) },
});

export const idOf = (index) => `cell-${index}`;
