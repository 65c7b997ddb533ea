/** A counter: an agent with a number. There is one for each id, on one of the threads; nobody but its own actions can touch its state. */
import { defineAgent, type Nexus, shape } from 'nexus-agents';

/** Once in so long a counter looks whether anybody has added to it since it last looked. If nobody has it ends, its id is free, and the next one with it begins at 0. */
export const SWEEP_MS = 3_600_000;

interface CounterState {
  value: number;
  wasUsed: boolean;
}

export const Counter = defineAgent({
  kind: 'counter',
  state: (init?: { readonly start: number }): CounterState => ({ value: init?.start ?? 0, wasUsed: false }),
  onStart: (_state, ctx) => void ctx.timers.every(SWEEP_MS, 'sweep'),
  actions: {
    // Declared shapes: what does not fit is refused where it is sent, with the name of the field.
    add: {
      input: shape.safeInteger,
      reply: shape.safeInteger,
      handler: (state, by) => {
        state.wasUsed = true;
        state.value += by;
        return state.value;
      },
    },
    read: (state) => state.value,
    sweep: (state, _input: undefined, ctx) => {
      if (!state.wasUsed) ctx.stop();
      state.wasUsed = false;
    },
  },
});

/** `nexus run` calls this once, before the port opens: the place for the agents that are to be there from the beginning. */
export async function setup(nexus: Nexus): Promise<void> {
  await nexus.spawn(Counter, { id: 'first' });
}
