/**
 * The workload that `nexus chaos` runs if it is given no other: registers that are agents, one for each key, durable with every change written through. Loaded by `nexus run` on each node.
 *
 * An agent is active once in the cluster and does one thing after the other, and what it has acknowledged is on the disks of its copies: operations on one register are linearizable, also across moves, kills and
 * partitions, as long as one of its copies lives. That is what the run is judged by.
 */
import { defineAgent } from '../../define-agent.js';

interface Register {
  value: unknown;
}

export const ChaosRegister = defineAgent({
  kind: 'chaosRegister',
  state: (): Register => ({ value: null }),
  durable: { writes: 'through' },
  actions: {
    read: (state: Register) => state.value,
    write(state: Register, value: unknown) {
      state.value = value;
    },
    cas(state: Register, [expected, value]: readonly [unknown, unknown]) {
      if (state.value !== expected) return false;
      state.value = value;
      return true;
    },
  },
});
