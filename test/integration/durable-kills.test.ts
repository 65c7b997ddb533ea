/** The process is killed during durable traffic. `test/long/durable-kill.mjs` does it a hundred times; here it is done a few times, with other seeds each day. */
import { expect, test } from 'vitest';

test('a kill of the process loses nothing that was acknowledged with through, and of write-behind no more than its bound', async () => {
  const { killRounds } = (await import('../long/durable-kill.mjs')) as {
    killRounds(options: { rounds: number; agents: number; seed: number }): Promise<{ rounds: number; acknowledged: number; handled: number }>;
  };
  const seed = Math.floor(Date.now() / 86_400_000);
  // Throws, and says which agent, if something is not there.
  const totals = await killRounds({ rounds: 4, agents: 16, seed });
  expect(totals.rounds, `seed ${seed}`).toBe(4);
}, 120_000);
