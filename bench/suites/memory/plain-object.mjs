/** The floor: a state that can be found by name, without an agent around it. */
import { reportGrowth } from './growth.mjs';

export async function run(size, report, { agents }) {
  await reportGrowth(size, report, agents, async () => {
    const states = new Map();
    const create = (from, to) => {
      for (let index = from; index < to; index++) {
        const id = `agent-${index}`;
        states.set(id, { id, n: 0 });
      }
    };
    return { create, count: () => states.size };
  });
}
