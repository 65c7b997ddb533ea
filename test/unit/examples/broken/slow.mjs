/** A client agent that takes its time. */
import { defineAgent } from 'nexus-agents';
import { Client } from '../../../../examples/rate-limiter/client.mjs';

const { admit } = Client.actions;

export const Slow = defineAgent({
  ...Client,
  actions: {
    ...Client.actions,
    admit: async (client, request, ctx) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return admit(client, request, ctx);
    },
  },
});
