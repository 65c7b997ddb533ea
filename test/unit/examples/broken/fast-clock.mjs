/** A client agent that is broken on purpose. Lives in a time that is ten times too fast. */
import { defineAgent } from 'nexus-agents';
import { Client } from '../../../../examples/rate-limiter/client.mjs';

const { admit } = Client.actions;
export const Broken = defineAgent({
  ...Client,
  actions: {
    ...Client.actions,
    admit: (client, _request, ctx) => admit(client, { atMs: ctx.clock.nowMs() * 10 }, ctx),
  },
});
