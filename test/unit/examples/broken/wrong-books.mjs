/** A client agent that is broken on purpose. Tells other totals in the end than it gave in its answers. */
import { defineAgent } from 'nexus-agents';
import { Client } from '../../../../examples/rate-limiter/client.mjs';

const { stats } = Client.actions;
export const Broken = defineAgent({
  ...Client,
  actions: {
    ...Client.actions,
    stats: (client, input, ctx) => ({ ...stats(client, input, ctx), admitted: client.admitted + 1 }),
  },
});
