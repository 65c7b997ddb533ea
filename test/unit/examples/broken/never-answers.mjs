/** A client agent that is broken on purpose. Drops some messages: no answer ever comes. */
import { defineAgent } from 'nexus-agents';
import { Client } from '../../../../examples/rate-limiter/client.mjs';

const { admit } = Client.actions;
export const Broken = defineAgent({
  ...Client,
  actions: {
    ...Client.actions,
    admit: (client, request, ctx) => {
      const reply = admit(client, request, ctx);
      return reply.sequence === 15 ? new Promise(() => undefined) : reply;
    },
  },
});
