/** A counter: an agent with a number. There is one for each id, on one of the threads; nobody but its own actions can touch its state. */
import { defineAgent, type Nexus, shape } from 'nexus-agents';

/** A counter that nobody adds to for so long ends. Its id is free then, and the next one with it begins at 0. */
export const IDLE_MS = 3_600_000;

interface CounterState {
  value: number;
  idle: { cancel(): void } | undefined;
}

export const Counter = defineAgent({
  kind: 'counter',
  state: (init?: { readonly start: number }): CounterState => ({ value: init?.start ?? 0, idle: undefined }),
  actions: {
    // Declared shapes: what does not fit is refused where it is sent, with the name of the field.
    add: {
      input: shape.safeInteger,
      reply: shape.safeInteger,
      handler: (state, by, ctx) => {
        state.idle?.cancel();
        state.idle = ctx.timers.after(IDLE_MS, 'expire');
        state.value += by;
        return state.value;
      },
    },
    read: (state) => state.value,
    expire: (_state, _input: undefined, ctx) => ctx.stop(),
  },
});

/** `nexus run` calls this once, before the port opens: the place for the agents that are to be there from the beginning. */
export async function setup(nexus: Nexus): Promise<void> {
  await nexus.spawn(Counter, { id: 'first' });
}
