/** A client agent that is broken on purpose. Refuses some requests for no reason. */
import { defineAgent } from 'nexus-agents';
import { Client } from '../../../../examples/rate-limiter/client.mjs';

const { admit } = Client.actions;
export const Broken = defineAgent({
  ...Client,
  actions: {
    ...Client.actions,
    admit: (client, request, ctx) => {
      const reply = admit(client, request, ctx);
      return reply.sequence === 3 ? { ...reply, admitted: false, retryAfterMs: 1 } : reply;
    },
  },
});
