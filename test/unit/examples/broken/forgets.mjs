/** A client agent that is broken on purpose. Ends after a few requests, so that its client starts anew. */
import { defineAgent } from 'nexus-agents';
import { Client } from '../../../../examples/rate-limiter/client.mjs';

const { admit } = Client.actions;
export const Broken = defineAgent({
  ...Client,
  actions: {
    ...Client.actions,
    admit: (client, request, ctx) => {
      const reply = admit(client, request, ctx);
      if (reply.sequence === 10) {
        ctx.send('ledger', 'close', { requests: client.sequence, admitted: client.admitted, refused: client.sequence - client.admitted });
        ctx.stop();
      }
      return reply;
    },
  },
});
