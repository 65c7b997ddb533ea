/**
 * Where the parts of the agent model meet: random agents with ties of every kind (groups, subscriptions, links, supervisors, durable state) that talk, fail, move, leave memory and
 * lose their threads, under many seeds, against a plain model. Nothing is handled twice, each sender's messages and signals stay in order, every ask settles, an
 * id is on one thread, and in the end each agent has the ties that it should have.
 */
import type { AgentRef } from 'nexus-agents';
import { memoryStorage, type TestNexus, withSeeds } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../dist/ts-src/model/seeded-random.js';
import { partsOf } from '../../dist/ts-src/nexus.js';
import { Crew, Guest, Kept, Tied, worlds } from '../fixtures/tied.mjs';

type Ref = AgentRef<typeof Tied>;
interface Entry {
  readonly to: string;
  readonly from: string;
  readonly number: number;
}

const COMMANDS = 40;
const TOPICS = ['red', 'blue'];
const GROUPS = ['north', 'south'];
const LONG_MS = 86_000_000;
const ENDS = ['NEXUS_THREAD_LOST', 'NEXUS_MIGRATION_REFUSED', 'boom', 'NEXUS_LINK_FAILED'];

/** Of each pair, what was handled is what was sent, in its order, once; all of it where `isWhole`. */
function checkOrder(journal: readonly Entry[], sent: ReadonlyMap<string, readonly number[]>, isWhole: boolean): void {
  const handled = new Map<string, number[]>();
  for (const { to, from, number } of journal) handled.set(`${from} → ${to}`, [...(handled.get(`${from} → ${to}`) ?? []), number]);
  for (const [pair, numbers] of handled) {
    expect({ pair, numbers }).toEqual({ pair, numbers: [...new Set(numbers)].sort((a, b) => a - b) });
    for (const number of numbers) expect({ pair, isSent: sent.get(pair)?.includes(number) ?? pair.startsWith('crew of') }).toEqual({ pair, isSent: true });
  }
  if (!isWhole) return;
  for (const [pair, numbers] of sent) {
    const certain = numbers.filter((number) => !signals.has(number));
    expect({ pair, numbers: (handled.get(pair) ?? []).filter((number) => !signals.has(number)) }).toEqual({ pair, numbers: certain });
  }
}
/** Numbers of signals of which the model does not know who gets them: it depends on who was subscribed when they came by. */
const signals = new Set<number>();

async function runOne(nexus: TestNexus): Promise<void> {
  const random = new SeededRandom(nexus.seed, 'ties');
  const below = (limit: number): number => Math.floor(random.next() * limit);
  const of = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const withKills = below(2) === 0;
  const key = String(nexus.seed);
  const journal: (Entry & { readonly what: string })[] = [];
  const lives = new Map<string, { readonly topics: Set<string>; readonly groups: Set<string>; readonly starts: number }>();
  const wrong: string[] = [];
  worlds.set(key, { journal, lives, wrong, gates: new Map() });
  signals.clear();
  const plain: Ref[] = [];
  for (let index = 0; index < 3; index++) plain.push(await nexus.spawn(Tied, { id: `tied ${index}`, init: key, thread: below(4) }));
  const kept = (await nexus.spawn(Kept, { id: 'kept', init: key, thread: below(4) })) as unknown as Ref;
  const guest = (await nexus.spawn(Guest, { id: 'guest', init: key })) as unknown as Ref;
  const crew = await nexus.spawn(Crew, { id: 'crew', thread: 0, init: { key, kind: of(['tied', 'kept']), threads: [0, 1, 2].map(() => below(4)) } });
  const children = [0, 1, 2].map((index) => nexus.find(`child ${index}`) as unknown as Ref);
  const all = [...plain, kept, guest, ...children];
  const sent = new Map<string, number[]>();
  const sends = (to: string, from: string, number: number): void => void sent.set(`${from} → ${to}`, [...(sent.get(`${from} → ${to}`) ?? []), number]);
  /** The subscriptions of a definition are there from before the first message to the end, whatever happens to the agent; others come and go. */
  const publishes = (from: string, topic: string, number: number): void => {
    if (topic !== 'news') signals.add(number);
    for (const { id } of topic === 'news' ? all.filter((each) => each !== guest) : all) sends(id, from, number);
  };
  await nexus.settle(nexus.subscribed());
  const links = new Set<string>();
  const asked: Promise<unknown>[] = [];
  const settles = (promise: Promise<unknown>, ...others: string[]): void => {
    const checked = promise.catch((error: { code?: string; message: string }) => expect([...ENDS, ...others]).toContain(error.code ?? error.message));
    asked.push(checked);
    checked.catch(() => undefined);
  };
  let number = 0;
  let kills = 0;
  for (let count = 0; count < COMMANDS; count++) {
    const [one, other] = [of(all), of(all)];
    const choice = below(100);
    number++;
    if (choice < 14) {
      sends(one.id, 'test', number);
      expect(one.tell('put', { from: 'test', number })).toBe('accepted');
    } else if (choice < 24) {
      sends(one.id, 'test', number);
      const own = number;
      settles(one.ask('put', { from: 'test', number }, { timeoutMs: LONG_MS }).then((reply) => expect(reply).toBe(own)));
    } else if (choice < 29 && one !== other) {
      sends(one.id, 'test', number);
      settles(one.ask('putSlowly', { from: 'test', number, ref: other }, { timeoutMs: LONG_MS }));
    } else if (choice < 38) {
      const numbers = Array.from({ length: 4 }, () => ++number);
      const topic = of([...TOPICS, 'news', 'news']);
      for (const each of numbers) {
        if (each % 2 === 0) sends(other.id, one.id, each);
        else publishes(one.id, topic, each);
      }
      one.tell('spread', { ref: other, topic, numbers });
    } else if (choice < 42) one.tell('crew', { number });
    else if (choice < 46) {
      const topic = of([...TOPICS, 'news']);
      publishes('outside', topic, number);
      nexus.publish(topic, { from: 'outside', number });
    } else if (choice < 54) one.tell(of(['subscribe', 'subscribe', 'unsubscribe'] as const), of(TOPICS));
    else if (choice < 60) one.tell(of(['join', 'join', 'leave'] as const), of(GROUPS));
    else if (choice < 64 && one !== other) {
      // Guests end when they leave memory, which is an end of their links; they stay with them, as the model knows no other way.
      const pair = [one.id, other.id].sort().join(' - ');
      const isNew = !links.has(pair);
      if (isNew) links.add(pair);
      settles(one.ask(isNew ? 'link' : 'echo', other, { timeoutMs: LONG_MS }));
    } else if (choice < 68) settles(one.ask('fail', undefined, { timeoutMs: LONG_MS }));
    else if (choice < 84) settles(nexus.migrate(one, below(4)), ...(one === guest ? ['NEXUS_AGENT_NOT_FOUND'] : []));
    else if (choice < 87 && withKills) {
      kills++;
      nexus.killThread(1 + below(3));
    } else if (choice < 94) for (let steps = below(30); steps > 0; steps--) await nexus.step();
    else await nexus.advance(below(120));
  }
  await nexus.settle(Promise.all(asked));
  await nexus.advance(10_000);
  checkOrder(journal, sent, kills === 0);
  expect(wrong).toEqual([]);

  // An id is on one thread, and answers there.
  const present = [...nexus.agents()].map(({ id }) => id);
  expect(present.filter((id) => id !== 'guest').sort()).toEqual([...all.map(({ id }) => id), 'crew'].filter((id) => id !== 'guest').sort());
  for (const one of all) expect(await nexus.settle(one.ask('echo', one.id))).toBe(one.id);

  // Each has the ties that its present life has made, and no others.
  const before = journal.length;
  for (const [at, topic] of [...TOPICS, 'news'].entries()) nexus.publish(topic, { from: topic, number: at });
  await nexus.run();
  const got = journal.slice(before);
  for (const topic of [...TOPICS, 'news']) {
    const expected = [...lives].filter(([, { topics }]) => topics.has(topic)).map(([id]) => id);
    expect({
      topic,
      to: got
        .filter(({ from }) => from === topic)
        .map(({ to }) => to)
        .sort(),
    }).toEqual({ topic, to: expected.sort() });
  }
  for (const name of [...GROUPS, 'crew']) {
    const expected = [...lives].filter(([, { groups }]) => groups.has(name)).map(([id]) => id);
    // As the calling thread sees them, and as an agent of each other thread does.
    expect({ name, members: [...partsOf(nexus as never).host.groups.membersOf(name)].map(({ id }) => id).sort() }).toEqual({ name, members: expected.sort() });
    const from = journal.length;
    nexus.group(name, Tied).broadcast('put', { from: name, number: 0 });
    await nexus.run();
    expect({
      name,
      to: journal
        .slice(from)
        .map(({ to }) => to)
        .sort(),
    }).toEqual({ name, to: expected.sort() });
  }

  // Who ends leaves nothing behind.
  await nexus.settle(crew.stop());
  for (const one of [...plain, kept, guest]) await nexus.settle(one.stop());
  await nexus.run();
  expect(nexus.leftovers()).toEqual({ agents: [], timers: 0, asks: 0, handlers: 0 });
  const { entries, groups } = partsOf(nexus as never).host;
  for (const topic of [...TOPICS, 'news']) expect({ topic, left: entries.find('subscriptions', topic) }).toEqual({ topic, left: undefined });
  for (let slot = 0; slot < 64; slot++) expect({ slot, moving: entries.find('moving', String(slot)) }).toEqual({ slot, moving: undefined });
  for (const name of [...GROUPS, 'crew']) expect({ name, has: groups.has(name) }).toEqual({ name, has: false });
  worlds.delete(key);
}

const SEEDS = 300;

test('whatever agents with ties of every kind go through, nothing is handled twice or out of order, every ask settles, and each has its ties in the end', {
  timeout: 300_000,
}, async () => {
  const first = Math.floor(Math.random() * 2 ** 31);
  for (let index = 0; index < (process.env['NEXUS_TEST_SEED'] === undefined ? SEEDS : 1); index++) {
    // Each with a store of its own.
    const options = { agents: [Tied, Kept, Guest, Crew], storage: memoryStorage(), workers: { restart: { intensity: 1_000_000 } } };
    await withSeeds(1, { ...options, seed: first + index }, runOne);
  }
});
