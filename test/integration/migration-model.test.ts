/**
 * Random senders on all threads, random moves, and in the second test lost threads, against a plain model: of each sender every agent handles what was accepted, once and in
 * its order, whatever moves meanwhile. fast-check prints the seed of what fails.
 */
import fc from 'fast-check';
import type { AgentRef } from 'nexus-agents';
import { expect, it } from 'vitest';
import { SeededRandom } from '../../dist/ts-src/model/seeded-random.js';
import { Migrant } from '../fixtures/migrants.mjs';
import { describeEngines, fixture, freshId, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const THREADS = 4;
const AGENTS = 12;
type Ref = AgentRef<typeof Migrant>;

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('tell' as const), target: fc.nat(AGENTS - 1), count: fc.integer({ min: 1, max: 30 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('burst' as const),
      target: fc.nat(AGENTS - 1),
      sender: fc.nat(THREADS - 1),
      count: fc.integer({ min: 1, max: 60 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('ask' as const), target: fc.nat(AGENTS - 1), sender: fc.nat(THREADS) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('move' as const),
      targets: fc.array(fc.nat(AGENTS - 1), { minLength: 1, maxLength: 6 }),
      to: fc.nat(THREADS - 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('busy' as const), target: fc.nat(AGENTS - 1), ms: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('breathe' as const) }) },
);

describeEngines((engine) => {
  it('messages of one sender stay in order, none is lost or handled twice, and every ask is answered once, whatever moves', { timeout: 120_000 }, async () => {
    const nexus = await startNexus({ agents: [fixture('migrants.mjs')], threads: THREADS - 1, engine: { force: engine } });
    const senders: Ref[] = [];
    for (let thread = 0; thread < THREADS; thread++) senders.push(await nexus.spawn(Migrant, { thread }));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), async (steps) => {
        const targets: Ref[] = [];
        for (let index = 0; index < AGENTS; index++) targets.push(await nexus.spawn(Migrant, { id: freshId('m'), thread: index % THREADS }));
        /** What each label has sent to each agent. */
        const sent = targets.map(() => new Map<string, number>());
        const settled: Promise<unknown>[] = [];
        let answers = 0;
        let asks = 0;
        for (const each of steps) {
          if (each.type === 'tell') {
            const from = sent[each.target]?.get('here') ?? 0;
            for (let number = from; number < from + each.count; number++) expect(targets[each.target]?.tell('put', ['here', number])).toBe('accepted');
            sent[each.target]?.set('here', from + each.count);
          } else if (each.type === 'burst') {
            const label = `thread ${each.sender}`;
            const from = sent[each.target]?.get(label) ?? 0;
            senders[each.sender]?.tell('burst', { ref: targets[each.target], from, count: each.count, label });
            sent[each.target]?.set(label, from + each.count);
          } else if (each.type === 'ask') {
            asks++;
            const sender = senders[each.sender];
            const asked = sender === undefined ? targets[each.target]?.ask('where') : sender.ask('askTo', { ref: targets[each.target], action: 'where' });
            settled.push((asked as Promise<number>).then((thread) => (answers += Number(thread >= 0 && thread < THREADS))));
          } else if (each.type === 'move') {
            const some = [...new Set(each.targets)].map((index) => targets[index] as Ref);
            settled.push(nexus.migrateMany(some, each.to).then(({ failures }) => expect(failures).toEqual([])));
          } else if (each.type === 'busy') settled.push(targets[each.target]?.ask('busyFor', each.ms) as Promise<unknown>);
          else await new Promise((resolve) => setImmediate(resolve));
        }
        await Promise.all(settled);
        expect(answers).toBe(asks);
        const total = (index: number) => [...(sent[index] as Map<string, number>).values()].reduce((sum, count) => sum + count, 0);
        for (const [index, target] of targets.entries()) {
          // What others sent may still be on its way.
          await until(async () => (await target.ask('read')).received.length >= total(index));
          const { received } = await target.ask('read');
          const next = new Map<string, number>();
          for (const [label, number] of received as [string, number][]) {
            expect([label, number]).toEqual([label, next.get(label) ?? 0]);
            next.set(label, number + 1);
          }
          expect(next).toEqual(sent[index]);
        }
        await Promise.all(targets.map((target) => target.stop()));
        expect(nexus.tableStatistics()).toMatchObject({ live: THREADS, staleEntries: 0 });
      }),
      { numRuns: 25, endOnFailure: true },
    );
    expect(nexus.threads().reduce((sum, { counters }) => sum + (counters['dead_no_agent'] as number), 0)).toBe(0);
  });

  it('threads that are lost while agents move: each agent is there exactly once, no message is handled twice or out of order', {
    timeout: 120_000,
  }, async () => {
    const seed = Number(process.env['NEXUS_MODEL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const random = new SeededRandom(seed, 'moves');
    const below = (limit: number) => Math.floor(random.next() * limit);
    const nexus = await startNexus({
      agents: [fixture('migrants.mjs')],
      threads: THREADS - 1,
      engine: { force: engine },
      workers: { restart: { intensity: 1_000_000 } },
    });
    const handled = new Map<string, number>();
    const wrong: string[] = [];
    nexus.on('signal', ({ topic, data }) => {
      if (topic !== 'put') return;
      const { id, value } = data as { id: string; value: [string, number] };
      const key = `${id} ${value[0]}`;
      if (value[1] <= (handled.get(key) ?? -1)) wrong.push(`${key}: ${value[1]} after ${handled.get(key)}`);
      handled.set(key, value[1]);
    });
    const targets: Ref[] = [];
    for (let index = 0; index < 40; index++) targets.push(await nexus.spawn(Migrant, { id: freshId('k'), thread: index % THREADS, init: { tell: true } }));
    const exits: Ref[] = [];
    for (let thread = 1; thread < THREADS; thread++) exits.push(await nexus.spawn(Migrant, { id: freshId('exit'), thread }));
    let lost = 0;
    nexus.on('threadRestored', () => lost++);
    const settled: Promise<unknown>[] = [];
    const codes = new Map<string, number>();
    const note = (code: string) => codes.set(code, (codes.get(code) ?? 0) + 1);
    const numbers = targets.map(() => 0);
    for (let round = 0; round < 120; round++) {
      const some = targets.filter(() => below(3) === 0);
      settled.push(
        nexus.migrateMany(some, below(THREADS)).then(({ moved, failures }) => {
          for (const { error } of failures) note(error.code);
          codes.set('moved', (codes.get('moved') ?? 0) + moved);
        }),
      );
      for (let index = 0; index < targets.length; index++) {
        targets[index]?.tell('put', ['here', (numbers[index] as number)++]);
        if (below(4) === 0)
          settled.push(
            (targets[index] as Ref).ask('where').then(
              () => note('answered'),
              (error) => note(error.code),
            ),
          );
      }
      if (round % 12 === 5) exits[below(exits.length)]?.tell('exit');
      await new Promise((resolve) => setTimeout(resolve, below(4)));
    }
    // Every promise comes to an end.
    await Promise.all(settled);
    await until(() => nexus.threads().every(({ state }) => state === 'ready'));
    expect(lost).toBeGreaterThan(0);
    expect({ seed, wrong: wrong.slice(0, 5) }).toEqual({ seed, wrong: [] });
    for (const target of targets) {
      const { thread, id } = await target.ask('read');
      expect([id, nexus.summary(id)?.thread]).toEqual([target.id, thread]);
    }
    const ids = [...nexus.agents('migrant')].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBe(targets.length + exits.length);
    await until(() => nexus.agentCount === ids.length);
    expect(
      [...codes.keys()].filter((code) => !['moved', 'answered', 'NEXUS_MIGRATION_REFUSED', 'NEXUS_THREAD_LOST', 'NEXUS_ASK_TIMEOUT'].includes(code)),
    ).toEqual([]);
    expect(codes.get('moved')).toBeGreaterThan(0);
    if (process.env['NEXUS_REPORT'] !== undefined) process.stderr.write(`${JSON.stringify([...codes])}\n`);
  });
});
