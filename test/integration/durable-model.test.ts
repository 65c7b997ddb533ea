/** Random lives of durable agents against a plain model: what must be there after each failure, restart, passivation and kill, and what may be lost. */
import fc from 'fast-check';
import { createNexus, type Nexus } from 'nexus-agents';
import { expect, test } from 'vitest';
import { type MemoryStorage, memoryStorage } from '../../dist/ts-src/adapters/memory-storage.js';
import { Behind, Brief, Ledger, Through } from '../fixtures/durable.mjs';
import { recorder } from '../start-nexus.js';
import { until } from '../until.js';

/** Notes of an agent are 0, 1, 2, ...: so many are surely stored, so many may be. */
interface Modelled {
  sure: number;
  most: number;
}

type Step =
  | { readonly type: 'note'; readonly agent: number; readonly times: number }
  | { readonly type: 'fail' | 'persist' | 'stop' | 'forget' | 'refuse'; readonly agent: number }
  | { readonly type: 'leave' | 'kill' | 'restart' };

const KINDS = [Through, Behind, Brief] as const;
const AGENTS = 6;

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('note' as const), agent: fc.nat(AGENTS - 1), times: fc.integer({ min: 1, max: 5 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constantFrom('fail' as const, 'persist' as const, 'stop' as const, 'forget' as const, 'refuse' as const),
      agent: fc.nat(AGENTS - 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('leave' as const, 'kill' as const, 'restart' as const) }) },
);

class World {
  readonly memory: MemoryStorage = memoryStorage();
  readonly models: Modelled[] = Array.from({ length: AGENTS }, () => ({ sure: 0, most: 0 }));
  nexus!: Nexus;

  async start(): Promise<void> {
    this.nexus = await createNexus({ agents: [...KINDS, Ledger], threads: 0, storage: this.memory, logger: recorder() });
  }

  async perform(action: Step): Promise<void> {
    switch (action.type) {
      case 'note': {
        const { model, kind, ask, tell } = this.of(action.agent);
        const first = await this.look(action.agent);
        for (let n = 0; n < action.times; n++)
          if (n < action.times - 1) tell('note', first + n);
          else await ask('note', first + n);
        model.most = first + action.times;
        if (kind === Through) model.sure = model.most;
        return;
      }
      case 'fail': {
        const { model, kind, ask } = this.of(action.agent);
        await expect(ask('fail')).rejects.toThrow('failed on purpose');
        if (kind === Through) expect(await this.look(action.agent)).toBe(model.most);
        return void (await this.look(action.agent));
      }
      case 'persist': {
        const { model, ask } = this.of(action.agent);
        const count = await this.look(action.agent);
        await ask('persist', 0);
        model.sure = count;
        model.most = count;
        return;
      }
      case 'refuse': {
        const { model, kind, ask } = this.of(action.agent);
        if (kind !== Through) return;
        const count = await this.look(action.agent);
        this.memory.failNextWrite('NEXUS_STORE_FULL');
        await expect(ask('note', count)).rejects.toMatchObject({ code: 'NEXUS_STORE_FULL' });
        expect(await this.look(action.agent)).toBe(model.sure);
        return;
      }
      case 'stop': {
        const { model } = this.of(action.agent);
        const count = await this.look(action.agent);
        await this.nexus.find(`a${action.agent}`)?.stop();
        model.sure = count;
        model.most = count;
        return;
      }
      case 'forget': {
        const { model, kind } = this.of(action.agent);
        await this.nexus.forget(kind, `a${action.agent}`);
        model.sure = 0;
        model.most = 0;
        return;
      }
      case 'leave': {
        await until(() => ![...this.nexus.agents('brief')].length && ![...this.nexus.agents('through')].length);
        for (const agent of this.models.keys()) if (KINDS[agent % KINDS.length] !== Behind) this.settled(agent);
        return;
      }
      case 'kill': {
        this.memory.crash();
        void this.nexus.stop({ deadlineMs: 0 }).catch(() => undefined);
        await this.start();
        for (const agent of this.models.keys()) await this.look(agent);
        return;
      }
      case 'restart': {
        expect((await this.nexus.stop()).complete).toBe(true);
        for (const agent of this.models.keys()) this.settled(agent);
        await this.start();
        for (const agent of this.models.keys()) await this.look(agent);
      }
    }
  }

  /** It was saved as it was. */
  settled(agent: number): void {
    const model = this.models[agent] as Modelled;
    model.sure = model.most;
  }

  of(agent: number) {
    const kind = KINDS[agent % KINDS.length] as (typeof KINDS)[number];
    const ask = async (action: 'note' | 'fail' | 'persist', input?: unknown): Promise<unknown> =>
      (await this.nexus.getOrSpawn(kind, `a${agent}`)).ask(action, input);
    const tell = (action: 'note', input: unknown): void => void this.nexus.send(`a${agent}`, action, input);
    return { model: this.models[agent] as Modelled, kind, ask, tell };
  }

  /** What it has must be within the model, in order and without gaps; from then on that is what it has. */
  async look(agent: number): Promise<number> {
    const { model, kind } = this.of(agent);
    const notes = (await (await this.nexus.getOrSpawn(kind, `a${agent}`)).ask('notes')) as number[];
    expect(notes).toEqual(notes.map((_, index) => index));
    expect(notes.length).toBeGreaterThanOrEqual(model.sure);
    expect(notes.length).toBeLessThanOrEqual(model.most);
    model.most = notes.length;
    const names = [...this.nexus.agents()].map(({ id }) => id);
    expect(new Set(names).size).toBe(names.length);
    return notes.length;
  }
}

test('whatever happens to durable agents, what was acknowledged is there, in order, and each agent once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const world = new World();
      await world.start();
      try {
        for (const each of steps) await world.perform(each);
      } finally {
        await world.nexus.stop({ deadlineMs: 500 });
      }
    }),
    { numRuns: 12, endOnFailure: true },
  );
}, 120_000);
