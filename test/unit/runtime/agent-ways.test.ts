/** When a worker changes the way to an agent that comes to its node or leaves it, with its thread played: whether it is early enough in coming is seen in `order-at-home.test.ts`. */
import { expect, test } from 'vitest';
import { AgentWays } from '../../../dist/ts-src/runtime/remote/agent-ways.js';
import type { AgentReference } from '../../../dist/ts-src/runtime/agent-reference.js';
import type { ThreadHost } from '../../../dist/ts-src/runtime/thread-host.js';

const AGENT = { slot: 3, generation: 7, kind: 1, id: 'x', life: 40 } as const;
const NODE = { name: 'n2', incarnation: 1 };
const AWAY = 1 << 29;
const COMING = 1 << 28;

interface Played {
  readonly ways: AgentWays;
  /** What was asked of the calling thread and of others, and has not been answered. */
  readonly asked: { readonly what: string; answer(): void }[];
  mark(word: number): void;
}

function worker(): Played {
  const asked: Played['asked'] = [];
  const words = new Int32Array(128);
  const ask = (what: string): Promise<void> => new Promise((resolve) => asked.push({ what, answer: resolve }));
  const host = {
    thread: 2,
    shared: { words, recordsOffset: 0 },
    engine: { table: { threadOf: () => 1 } },
    links: { canReach: () => true },
    reference: (slot: number, generation: number) => ({ slot, generation, remote: undefined, id: AGENT.id }),
    router: {
      roundTrip: (thread: number) => ask(`round trip ${thread}`),
      request: (_thread: number, name: string, input: unknown) => ask(`${name} ${JSON.stringify(input)}`),
    },
  };
  const mark = (word: number): void => {
    words[(AGENT.slot * 64) / 4 + 7] = word;
  };
  return { ways: new AgentWays(host as unknown as ThreadHost), asked, mark };
}

function reference(remote: object | undefined): AgentReference {
  const made = { id: AGENT.id, kind: 'k', slot: remote === undefined ? AGENT.slot : 0, generation: remote === undefined ? AGENT.generation : 0, remote };
  return Object.assign(made, {
    rebind: (live: { slot: number; generation: number }) => Object.assign(made, { remote: undefined, slot: live.slot, generation: live.generation }),
    becomeRemote: (to: object) => Object.assign(made, { remote: to, slot: 0, generation: 0 }),
  }) as unknown as AgentReference;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what is sent to an agent that comes home is kept, in order and by whatever reference, until what went by the calling thread has come; then all references lead straight', async () => {
  const { ways, asked, mark } = worker();
  const sent: number[] = [];
  const [remote, local] = [reference({ node: NODE, life: AGENT.life }), reference(undefined)];
  mark(COMING);
  expect([ways.leads(remote), ways.goesRound(local)]).toEqual([true, true]);
  expect(ways.keep(local, 'a', undefined, () => () => undefined)).toBeUndefined();
  let isHome = false;
  void ways.cameHome([AGENT]).then(() => {
    isHome = true;
  });
  for (const [number, target] of [local, remote, local].entries()) {
    expect(ways.goesRound(local)).toBe(true);
    expect(ways.keep(target, 'a', undefined, () => () => void sent.push(number))).toBe('accepted');
  }
  await settled();
  expect([asked.map(({ what }) => what), sent, isHome]).toEqual([['wayFlushed {"threads":[1]}'], [], false]);
  asked[0]?.answer();
  await settled();
  expect([sent, isHome]).toEqual([[0, 1, 2], true]);
  expect([ways.leads(remote), remote.slot, remote.remote, ways.goesRound(local)]).toEqual([false, AGENT.slot, undefined, false]);
  expect(ways.keep(local, 'a', undefined, () => () => undefined)).toBeUndefined();
});

test('what is sent to an agent that has left is kept until its old thread has read what it was sent, and the calling thread what that sent on', async () => {
  const { ways, asked, mark } = worker();
  const sent: string[] = [];
  const local = reference(undefined);
  mark(AWAY);
  expect(ways.goesRound(local)).toBe(false);
  ways.movedAway({ ...AGENT, thread: 1, node: NODE });
  expect(ways.goesRound(local)).toBe(true);
  expect(ways.leads(local)).toBe(true);
  expect(ways.keep(local, 'a', undefined, () => () => void sent.push('kept'))).toBe('accepted');
  await settled();
  expect(asked.map(({ what }) => what)).toEqual(['round trip 1']);
  asked[0]?.answer();
  await settled();
  expect(asked.map(({ what }) => what)).toEqual(['round trip 1', 'wayFlushed {"threads":[1],"leaving":{"id":"x","life":40}}']);
  expect(sent).toEqual([]);
  asked[1]?.answer();
  await settled();
  expect([sent, ways.leads(local), ways.isEmpty]).toEqual([['kept'], true, true]);
});

test('an agent that leaves and comes home at once is sent what was kept when both ways have changed', async () => {
  const { ways, asked, mark } = worker();
  const sent: string[] = [];
  mark(AWAY);
  ways.movedAway({ ...AGENT, thread: 1, node: NODE });
  const home = { ...AGENT, generation: 8 };
  void ways.cameHome([home]);
  const remote = reference({ node: NODE, life: AGENT.life });
  ways.keep(remote, 'a', undefined, () => () => void sent.push('kept'));
  for (const step of [0, 1]) {
    await settled();
    asked[step]?.answer();
  }
  await settled();
  expect([asked.length, sent, ways.leads(remote)]).toEqual([3, [], true]);
  asked[2]?.answer();
  await settled();
  expect([sent, ways.leads(remote), remote.generation]).toEqual([['kept'], false, 8]);
});

test('from the thread that an agent has left all goes one way, before and after', () => {
  const { ways, mark } = worker();
  mark(AWAY);
  ways.movedAway({ ...AGENT, thread: 2, node: NODE });
  expect(ways.keep(reference({ node: NODE, life: AGENT.life }), 'a', undefined, () => () => undefined)).toBeUndefined();
});

test('more than 65,536 messages are not kept: the next one is refused, and an ask says why', () => {
  const { ways } = worker();
  void ways.cameHome([AGENT]);
  const remote = reference({ node: NODE, life: AGENT.life });
  const keep = (): unknown => ways.keep(remote, 'a', reply, () => () => undefined);
  const failures: { code?: string }[] = [];
  const reply = { fail: (error: object) => void failures.push(error) } as never;
  for (let count = 0; count < 65_536; count++) keep();
  expect(failures).toEqual([]);
  expect([keep(), failures.map(({ code }) => code)]).toEqual(['full', ['NEXUS_BACKPRESSURE']]);
});
