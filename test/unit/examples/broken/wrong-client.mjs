/** A client agent that is broken on purpose. Gives some answers in the name of another client. */
import { defineAgent } from 'nexus-agents';
import { Client } from '../../../../examples/rate-limiter/client.mjs';

const { admit } = Client.actions;
export const Broken = defineAgent({
  ...Client,
  actions: {
    ...Client.actions,
    admit: (client, request, ctx) => {
      const reply = admit(client, request, ctx);
      return reply.sequence % 10 === 0 ? { ...reply, client: 'somebody-else' } : reply;
    },
  },
});
