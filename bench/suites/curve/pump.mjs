/** The agent that sends from a worker thread. */
import { defineAgent } from 'nexus-agents';
import { countedTells } from '../cross-thread/counted-tells.mjs';
import { payloadNamed } from './points.mjs';

export const Pump = defineAgent({
  kind: 'bench-pump',
  state: () => ({}),
  actions: {
    /** Replies with what the sink has counted. */
    pump: (_state, { sink, name, declared, count }) => {
      const { make, action } = payloadNamed(name);
      return countedTells(sink, { make, action: declared ? action : 'take' }, count);
    },
  },
});
