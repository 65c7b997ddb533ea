/** A client agent that is broken on purpose. Fails once, and is restarted by its supervision without its memory. */
import { defineAgent } from 'nexus-agents';
import { Client } from '../../../../examples/rate-limiter/client.mjs';

const { admit } = Client.actions;
let hasFailed = false;
export const Broken = defineAgent({
  ...Client,
  actions: {
    ...Client.actions,
    admit: (client, request, ctx) => {
      const reply = admit(client, request, ctx);
      if (reply.sequence === 15 && !hasFailed) {
        hasFailed = true;
        throw new Error('lost its head');
      }
      return reply;
    },
  },
});
