/** Signals and groups of agents that move between real threads, on each engine. */
import type { AgentRef } from 'nexus-agents';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Tied } from '../fixtures/tied.mjs';
import { describeEngines, fixture, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

type Ref = AgentRef<typeof Tied>;

describeEngines((engine) => {
  test('signals and sends through a group arrive once and in order while agents move between threads', { timeout: 60_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nexus-ties-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const nexus = await startNexus({ agents: [fixture('tied.mjs')], threads: 3, engine: { force: engine }, storage: { path: join(directory, 'store') } });
    const movers: Ref[] = [];
    for (let index = 0; index < 6; index++) movers.push(await nexus.spawn(Tied, { id: `mover ${index}`, thread: index % 4 }));
    const emitters: Ref[] = [];
    for (let thread = 0; thread < 4; thread++) emitters.push(await nexus.spawn(Tied, { id: `emitter ${thread}`, thread }));
    for (const mover of movers) await mover.ask('subscribe', 'red');
    await nexus.subscribed();
    const numbers = emitters.map(() => 0);
    for (let round = 0; round < 25; round++) {
      const moved = nexus.migrateMany(movers, round % 4);
      for (let burst = 0; burst < 10; burst++) {
        emitters.forEach((emitter, index) => {
          const from = numbers[index] as number;
          emitter.tell('spread', { ref: movers[burst % 6], topic: 'red', numbers: [from + 1, from + 3, from + 5] });
          numbers[index] = from + 6;
        });
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await moved).failures).toEqual([]);
    }
    const expected = Array.from({ length: (numbers[0] as number) / 2 }, (_, index) => index * 2 + 1);
    for (const mover of movers) {
      await until(async () => ((await mover.ask('received')) as unknown[]).length >= expected.length * emitters.length);
      const received = (await mover.ask('received')) as [string, number][];
      for (const emitter of emitters) expect(received.filter(([from]) => from === emitter.id).map(([, number]) => number)).toEqual(expected);
    }
  });
});
