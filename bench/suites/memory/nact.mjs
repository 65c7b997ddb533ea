/** Idle actors of nact. */
import { spawn, start } from 'nact';
import { reportGrowth } from './growth.mjs';

export async function run(size, report, { agents }) {
  const counter = (state, message) => ({ n: state.n + message.by });
  await reportGrowth(size, report, agents, async () => {
    const system = start();
    let created = 0;
    const create = (from, to) => {
      for (let index = from; index < to; index++, created++) spawn(system, counter, `agent-${index}`, { initialState: { n: 0 } });
    };
    // A spawn that fails throws, and nact itself holds the system.
    return { create, count: () => created };
  });
}
