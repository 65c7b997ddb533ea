/** A client agent that is broken on purpose. Lets one request more through than the burst allows. */
import { defineAgent } from 'nexus-agents';
import { Client } from '../../../../examples/rate-limiter/client.mjs';

export const Broken = defineAgent({
  ...Client,
  state: (changes) => Client.state({ ...changes, burst: 11 }),
});
