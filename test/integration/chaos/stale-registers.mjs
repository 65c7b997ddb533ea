/** Registers with a mistake that chaos must find: reads are answered from a cache that a write updates only after a while. */
import { defineAgent } from 'nexus-agents';

const STALE_MS = 150;

export const StaleRegister = defineAgent({
  kind: 'staleRegister',
  state: () => ({ value: null, cached: null, cachedAtMs: 0 }),
  actions: {
    read(state) {
      if (Date.now() - state.cachedAtMs > STALE_MS) Object.assign(state, { cached: state.value, cachedAtMs: Date.now() });
      return state.cached;
    },
    write(state, value) {
      state.value = value;
    },
    cas(state, [expected, value]) {
      if (state.value !== expected) return false;
      state.value = value;
      return true;
    },
  },
});
