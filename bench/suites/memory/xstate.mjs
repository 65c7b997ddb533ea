/** Idle actors of XState. Nothing holds a root actor, so a Map does, as an application would. */
import { createActor, fromTransition } from 'xstate';
import { reportGrowth } from './growth.mjs';

export async function run(size, report, { agents }) {
  const counter = fromTransition(
    (state, event) => (event.type === 'add' ? { n: state.n + event.by } : state),
    () => ({ n: 0 }),
  );
  await reportGrowth(size, report, agents, async () => {
    const actors = new Map();
    const create = (from, to) => {
      for (let index = from; index < to; index++) actors.set(`agent-${index}`, createActor(counter, { id: `agent-${index}` }).start());
    };
    return { create, count: () => actors.size };
  });
}
