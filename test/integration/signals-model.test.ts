/** Random subscriptions, unsubscriptions, restarts, ends and signals on several threads, against a list that is searched from end to end. */
import fc from 'fast-check';
import { type AgentRef, type AnyAgent, createNexus, type Nexus } from 'nexus-agents';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { patternMatches } from '../../dist/ts-src/model/topic.js';
import { Declared, Listener } from '../fixtures/subscribers.mjs';
import { fixture, freshId, recorder } from '../start-nexus.js';

const THREADS = 3;
const DECLARED = [
  ['orders.*', 'keep'],
  ['orders.>', 'keep'],
  ['orders.created', 'keepToo'],
] as const;
const ACTIONS = ['keep', 'keepToo'] as const;

interface ModelAgent {
  readonly ref: AgentRef;
  readonly thread: number;
  readonly isDeclared: boolean;
  /** Pattern and action. */
  subscriptions: Set<string>;
  log: unknown[];
}

let nexus: Nexus;
beforeAll(async () => {
  nexus = await createNexus({ agents: [fixture('subscribers.mjs')], threads: THREADS - 1, logger: recorder(), workers: { restart: { intensity: 1_000_000 } } });
});
afterAll(() => nexus.stop());

const token = fc.constantFrom('orders', 'created', 'eu');
const topic = fc.array(token, { minLength: 1, maxLength: 3 }).map((tokens) => tokens.join('.'));
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { maxLength: 2 }), fc.boolean())
  .map(([tokens, rest]) => [...tokens, ...(rest || tokens.length === 0 ? ['>'] : [])].join('.'));
const who = fc.nat(20);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('subscribe' as const), who, pattern, action: fc.constantFrom(...ACTIONS) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('unsubscribe' as const), who, pattern }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('emit' as const), signals: fc.array(fc.tuple(who, topic), { minLength: 1, maxLength: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('publish' as const), topic }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart' as const), who }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('stop' as const), who }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('spawn' as const), thread: fc.nat(THREADS - 1), isDeclared: fc.boolean() }) },
);
const withLosses = fc.oneof(
  { weight: 12, arbitrary: step },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('lose' as const), thread: fc.integer({ min: 1, max: THREADS - 1 }) }) },
);

type Step = typeof withLosses extends fc.Arbitrary<infer S> ? S : never;

async function run(steps: readonly Step[]): Promise<void> {
  const agents: ModelAgent[] = [];
  const declared = (isDeclared: boolean): Set<string> => new Set(isDeclared ? DECLARED.map((pair) => pair.join(' ')) : []);
  const spawn = async (thread: number, isDeclared: boolean): Promise<void> => {
    const ref = await nexus.spawn((isDeclared ? Declared : Listener) as AnyAgent, { thread, id: freshId('model') });
    agents.push({ ref, thread, isDeclared, subscriptions: declared(isDeclared), log: [] });
  };
  let sequence = 0;
  const expectSignal = (name: string, data: number, source: string | undefined): void => {
    for (const agent of agents) {
      const actions = new Set(
        [...agent.subscriptions]
          .map((each) => each.split(' ') as [string, string])
          .filter(([wanted]) => patternMatches(wanted, name))
          .map(([, action]) => action),
      );
      if (actions.has('keep')) agent.log.push([name, data, source]);
      if (actions.has('keepToo')) agent.log.push(['too', name, data]);
    }
  };
  for (let thread = 0; thread < THREADS; thread++) await spawn(thread, thread === 1);
  // A third thread may hear of a subscription after a spawn has resolved.
  await nexus.subscribed();
  for (const each of steps) {
    const agent = 'who' in each ? agents[each.who % agents.length] : undefined;
    switch (each.type) {
      case 'subscribe':
        await agent?.ref.ask('subscribe', { pattern: each.pattern, action: each.action });
        agent?.subscriptions.add(`${each.pattern} ${each.action}`);
        break;
      case 'unsubscribe':
        await agent?.ref.ask('unsubscribe', { pattern: each.pattern });
        for (const action of ACTIONS) agent?.subscriptions.delete(`${each.pattern} ${action}`);
        break;
      case 'emit':
        // All on their way at once.
        await Promise.all(
          each.signals.map(([index, name]) => {
            const emitter = agents[index % agents.length] as ModelAgent;
            expectSignal(name, ++sequence, emitter.ref.id);
            return emitter.ref.ask('emit', { topic: name, data: sequence });
          }),
        );
        break;
      case 'publish':
        expectSignal(each.topic, ++sequence, undefined);
        nexus.publish(each.topic, sequence);
        break;
      case 'restart':
        await agent?.ref.ask('fail').catch(() => undefined);
        await agent?.ref.ask('where');
        Object.assign(agent as ModelAgent, { log: [], subscriptions: declared(agent?.isDeclared === true) });
        break;
      case 'stop':
        if (agents.length === 1) break;
        await agent?.ref.stop();
        agents.splice(agents.indexOf(agent as ModelAgent), 1);
        break;
      case 'spawn':
        if (agents.length < 8) await spawn(each.thread, each.isDeclared);
        break;
      case 'lose': {
        const lost = agents.filter(({ thread }) => thread === each.thread);
        if (lost.length === 0) break;
        const restored = new Promise<void>((resolve) => {
          const done = ({ thread }: { thread: number }): void => {
            if (thread !== each.thread) return;
            nexus.off('threadRestored', done);
            resolve();
          };
          nexus.on('threadRestored', done);
        });
        lost[0]?.ref.tell('exit');
        await restored;
        for (const back of lost) Object.assign(back, { log: [], subscriptions: declared(back.isDeclared) });
      }
    }
    // Every thread has read what every other one has sent.
    await nexus.subscribed();
  }
  const text = (log: unknown[]): string[] => log.map((entry) => JSON.stringify(entry));
  for (const agent of agents) {
    const log = (await agent.ref.ask('log')) as unknown[];
    expect(text(log).sort()).toEqual(text(agent.log).sort());
    for (const emitter of agents) {
      const of = (entries: unknown[]): string[] => text(entries.filter((entry) => (entry as unknown[])[2] === emitter.ref.id));
      expect(of(log)).toEqual(of(agent.log));
    }
  }
  await Promise.all(agents.map(({ ref }) => ref.stop()));
}

test('random sequences of subscriptions and signals on several threads deliver what a plain list says', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), run), { numRuns: 150 });
});

test('random sequences with losses of threads deliver what a plain list says', async () => {
  await fc.assert(fc.asyncProperty(fc.array(withLosses, { minLength: 5, maxLength: 30 }), run), { numRuns: 25 });
});
