/** Messages to agents of another process: over sockets on the loopback interface, and through shared memory. */
import { type ChildProcess, fork } from 'node:child_process';
import type { AgentRef } from 'nexus-agents';
import { expect, onTestFinished, test } from 'vitest';
import { codeOf, failureOf, startNexus } from '../../start-nexus.js';
import { until } from '../../until.js';

async function otherNode(seed: string, sameHost: boolean): Promise<ChildProcess> {
  const child = fork(new URL('./remote-node-main.mjs', import.meta.url), [JSON.stringify({ node: 'other', seed, sameHost })], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => reject(new Error(`the other node has ended with ${code}`)));
  });
  return child;
}

test.each([false, true])(
  'agents of another process are told in order, asked, and lost with it: what was asked has an outcome that is not known (shared memory: %s)',
  async (sameHost) => {
    const nexus = await startNexus({
      agents: [new URL('./remote-process-agents.mjs', import.meta.url)],
      threads: 1,
      cluster: { name: 'processes', node: 'own', join: [], listen: { port: 0, dataPort: 0 }, sameHost },
    });
    await nexus.cluster?.joined();
    const { host, port } = nexus.cluster?.address as { host: string; port: number };
    const child = await otherNode(`${host}:${port}`, sameHost);
    const numbers = Array.from({ length: 3000 }, (_, number) => number);
    for (const thread of [0, 1]) {
      let ref: AgentRef | undefined;
      await until(async () => {
        await nexus.locate(`held-${thread}`);
        ref = nexus.find(`held-${thread}`);
        return ref !== undefined;
      });
      const held = ref as AgentRef;
      for (const number of numbers) while (held.tell('add', number) !== 'accepted') await new Promise((resolve) => setImmediate(resolve));
      expect(await held.ask('numbers', undefined, { timeoutMs: 20_000 })).toEqual(numbers);
      const failure = await failureOf(held.ask('fail'));
      expect(failure).toMatchObject({ name: 'RangeError', message: 'from afar' });
      expect(failure?.error.cause).toBeInstanceOf(TypeError);
    }
    const held = codeOf((nexus.find('held-1') as AgentRef).ask('hold', undefined, { timeoutMs: 80_000 }));
    await (nexus.find('held-1') as AgentRef).ask('numbers');
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
    expect(await held).toBe('NEXUS_OUTCOME_UNKNOWN');
  },
  90_000,
);
