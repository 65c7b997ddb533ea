/** Ids of the cluster on one node: taken before an agent starts, given back when it has ended, and agents that start on other nodes. */
import { expect, test } from 'vitest';
import { AgentArrivals } from '../../../../dist/ts-src/cluster/moves/agent-arrivals.js';
import { Orphans } from '../../../../dist/ts-src/cluster/moves/orphans.js';
import { NexusError } from '../../../../dist/ts-src/errors.js';
import type { Registration } from '../../../../dist/ts-src/model/registration.js';
import type { AgentReference } from '../../../../dist/ts-src/runtime/agent-reference.js';
import type { AgentBaggage } from '../../../../dist/ts-src/runtime/remote/agent-baggage.js';
import { claimOf, member, spawnOf, turn, world } from './placing-world.js';

test('an id is taken before its agent starts, and given back when it has ended', async () => {
  const { placing, registry, table } = world();
  await placing.claim(claimOf('x'));
  table.set('x', true);
  placing.settled('x');
  expect(registry.own('x')?.token).toBe(1);
  table.delete('x');
  placing.ended('x');
  await turn();
  expect(registry.calls).toEqual(['register x', 'release x']);
});

test('a node that knows a view and is not a member yet starts nothing', async () => {
  const { placing, registry, standing } = world();
  let join = (): void => undefined;
  standing.isJoined = false;
  standing.joined = new Promise((resolve) => {
    join = resolve;
  });
  const claimed = placing.claim(claimOf('x'));
  await turn();
  expect(registry.ownerOf('x')).toBeDefined();
  expect(registry.calls).toEqual([]);
  join();
  await claimed;
  expect(registry.calls).toEqual(['register x']);
});

test('an id whose agent did not start is given back, but not while another start of it is under way', async () => {
  const { placing, registry } = world();
  await placing.claim(claimOf('x'));
  await placing.claim(claimOf('x'));
  placing.settled('x');
  placing.ended('x');
  await turn();
  expect(registry.own('x')).toBeDefined();
  placing.settled('x');
  expect(registry.own('x')).toBeUndefined();
});

test('an id that a worker has taken is given back when the worker is lost, before or after it has got it', async () => {
  const { placing, registry, table } = world();
  await placing.claim(claimOf('x'), 1);
  await placing.claim(claimOf('y'), 1);
  await placing.claim(claimOf('z'), 2);
  table.set('y', true);
  placing.settled('y', 1);
  let register: (() => void) | undefined;
  registry.beforeRegister = () =>
    new Promise((resolve) => {
      register = resolve;
    });
  const late = placing.claim(claimOf('late'), 1);
  await turn();
  placing.threadLost(1);
  register?.();
  await late;
  expect(['x', 'y', 'z', 'late'].map((id) => registry.own(id) !== undefined)).toEqual([false, true, true, false]);
  table.delete('y');
  placing.ended('y');
  await turn();
  expect(registry.own('y')).toBeUndefined();
});

test('the claims of a lost worker are given up when the others have read what it has sent them', async () => {
  const { placing, registry, table, workers } = world();
  let read: (() => void) | undefined;
  workers.read = new Promise<void>((resolve) => {
    read = resolve;
  });
  await placing.claim(claimOf('x'), 1);
  await placing.claim(claimOf('y'), 1);
  placing.threadLost(1);
  // Its successor wants one too.
  await placing.claim(claimOf('y'), 1);
  await turn();
  expect(['x', 'y'].map((id) => registry.own(id) !== undefined)).toEqual([true, true]);
  table.set('x', true);
  read?.();
  await turn();
  expect(['x', 'y'].map((id) => registry.own(id) !== undefined)).toEqual([true, true]);
  placing.settled('y', 1);
  expect(registry.own('y')).toBeUndefined();
});

test('an id is not given back before its agent has left the table', async () => {
  const { placing, registry, table, clock } = world();
  await placing.claim(claimOf('x'));
  table.set('x', false);
  placing.settled('x');
  await turn();
  expect(registry.own('x')).toBeDefined();
  table.delete('x');
  clock.advance(10);
  await turn();
  expect(registry.own('x')).toBeUndefined();
});

test('another agent of an id that has just ended is another one', async () => {
  const { placing, registry, table } = world();
  await placing.claim(claimOf('x'));
  table.set('x', true);
  placing.settled('x');
  table.delete('x');
  // Its thread has not said so yet.
  await placing.claim(claimOf('x'));
  expect(registry.own('x')?.life).toBe(2);
  expect(registry.calls).toEqual(['register x', 'release x', 'register x']);
});

test('an id that another node has is refused with the name of the node, after a few looks', async () => {
  const { placing, elsewhere, clock } = world();
  await elsewhere.register({ id: 'x', kind: 'counter', placement: 'pinned', init: undefined });
  const claimed = placing.claim(claimOf('x')).catch((error: NexusError) => error);
  for (let look = 0; look < 5; look++) {
    await turn();
    clock.advance(50);
  }
  expect(await claimed).toMatchObject({ code: 'NEXUS_ID_DUPLICATE', data: { id: 'x', node: 'b' } });
});

test('getOrSpawn makes the agent on the owner of its id, and finds it wherever it is', async () => {
  const { placing, directory, requested, registry, table } = world();
  directory.owners.set('there', { name: 'b', incarnation: 1 });
  await placing.getOrSpawn(spawnOf('there', 'ring'));
  await placing.getOrSpawn(spawnOf('there', 'ring'));
  await placing.getOrSpawn(spawnOf('here', 'ring'));
  expect(requested).toEqual(['getOrSpawnOnNode there on b']);
  expect([registry.own('here')?.id, table.get('here')]).toEqual(['here', true]);
});

test('getOrSpawn of many at once makes one agent', async () => {
  const { placing, registry, clock } = world();
  const finding = Promise.all(Array.from({ length: 20 }, () => placing.getOrSpawn(spawnOf('x', 'ring'))));
  for (let look = 0; look < 10; look++) {
    await turn();
    clock.advance(50);
  }
  const found = await finding;
  expect(new Set(found.map(({ id }) => id))).toEqual(new Set(['x']));
  expect(registry.calls.filter((call) => call === 'register x')).toHaveLength(1);
});

test('what is about to be here is said to be coming, from before its id is known to be of this node until it is in the table', async () => {
  const { placing, registry, table, arriving } = world();
  const coming = { kind: 'counter', thread: -1 };
  expect(placing.coming('x')).toBeUndefined();
  arriving.add('x');
  expect(placing.coming('x')).toEqual(coming);
  arriving.delete('x');
  await placing.claim(claimOf('x'));
  expect(placing.coming('x')).toEqual(coming);
  for (const isLive of [true, false]) {
    table.set('x', isLive);
    expect(placing.coming('x')).toBeUndefined();
  }
  table.delete('x');
  placing.settled('x');
  expect([placing.coming('x'), registry.own('x')]).toEqual([undefined, undefined]);
});

test('auto goes round among the members in proportion of their weights, and never to one with weight 0', async () => {
  const { placing, requested, table } = world();
  for (let index = 0; index < 9; index++) await placing.spawn(spawnOf(`x${index}`, 'auto'));
  expect([requested.length, table.size]).toEqual([6, 3]);
  expect(requested.every((request) => request.endsWith(' on b'))).toBe(true);
});

test('a name that is no member yet is waited for, for a second at most', async () => {
  const { placing, requested, members, clock } = world();
  const spawned = placing.spawn(spawnOf('x', 'd'));
  const mistaken = placing.spawn(spawnOf('y', 'nobody')).catch((error: unknown) => error);
  await turn();
  expect(requested).toEqual([]);
  members.viewed([...members.members, member('d', 1)]);
  await spawned;
  expect(requested).toEqual(['spawnOnNode x on d']);
  clock.advance(1000);
  expect(await mistaken).toMatchObject({
    code: 'NEXUS_OPTION_INVALID',
    message: expect.stringContaining("'nobody', which is no member of the cluster; members are a, b, c"),
  });
  expect(clock.timers).toBe(0);
});

test('an agent that another node wants moved to a later start of a node waits until that is known here, and to an earlier one does not', async () => {
  const { placing, members, moved, clock } = world();
  const move = (id: string, incarnation: number): Promise<void> => placing.moveToNode({ id, node: { name: 'b', incarnation }, timeoutMs: 5000 });
  const [later, never] = [move('later', 2), move('never', 3)];
  await move('earlier', 0);
  await move('now', 1);
  expect(moved).toEqual(['earlier to b#0', 'now to b#1']);
  members.viewed([member('a', 1), { ...member('b', 2), incarnation: 2 }]);
  await later;
  expect(moved.slice(2)).toEqual(['later to b#2']);
  clock.advance(1000);
  await never;
  expect(moved.slice(3)).toEqual(['never to b#3']);
  expect(clock.timers).toBe(0);
});

test('an agent that comes from another node runs only when its owner says so, and goes back if it was given up here', async () => {
  const { registry, clock, placing } = world();
  const events: string[] = [];
  const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const from = { name: 'b', incarnation: 1 };
  const arrivals = new AgentArrivals({
    ...{ clock, registry, logger },
    routing: { coming: () => events.push('coming'), came: () => events.push('came'), comesNot: () => events.push('comesNot') },
    hold: (id) => placing.hold(id),
    settled: (id) => placing.settled(id),
    isDurable: () => false,
    refusalOf: ({ kind }) => (kind === 'counter' ? undefined : 'unknown'),
    isHere: () => false,
    arrive: async () => void events.push('arrives'),
    send: (_to, message) => {
      events.push(message.type === 'prepared' ? `prepared ${message.refusal ?? ''}` : message.type);
      return true;
    },
  });
  const baggage = {} as AgentBaggage;
  const registration: Registration = { id: 'x', kind: 'counter', host: registry.self, token: 9, life: 4, placement: 'ring', init: undefined };
  arrivals.prepare(from, { type: 'prepare', number: 1, id: 'x', kind: 'counter', life: 4, token: 8, baggage });
  arrivals.prepare(from, { type: 'prepare', number: 2, id: 'y', kind: 'other', life: 4, token: 8, baggage });
  registry.accept = async () => {
    throw new NexusError('NEXUS_TOKEN_STALE', 'somebody else has it');
  };
  await arrivals.handed(registration, from);
  expect(events).toEqual(['prepared ', 'prepared unknown', 'coming', 'comesNot', 'arrived']);
  // Nothing is kept of it any more: what is said again goes back.
  registry.directory.entries.set('x', registration);
  await arrivals.handed(registration, from);
  expect(registry.calls).toEqual(['release x']);
});

test('an agent that is of this node by now and finds no room, or whose thread is lost, is put together again until it is here', async () => {
  const { registry, clock, placing, table } = world();
  const events: string[] = [];
  const failures: unknown[] = [];
  const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (data: object) => failures.push(data) };
  const from = { name: 'b', incarnation: 1 };
  const errors = ['NEXUS_TABLE_FULL', 'NEXUS_THREAD_LOST', 'NEXUS_TABLE_FULL'] as const;
  let attempts = 0;
  const arrivals = new AgentArrivals({
    ...{ clock, registry, logger },
    routing: { coming: () => events.push('coming'), came: () => events.push('came'), comesNot: () => events.push('comesNot') },
    hold: (id) => placing.hold(id),
    settled: (id) => placing.settled(id),
    isDurable: () => false,
    refusalOf: () => undefined,
    isHere: () => false,
    async arrive({ id }) {
      const code = errors[attempts++];
      if (code !== undefined) throw new NexusError(code, 'not now');
      table.set(id, true);
    },
    send: (_to, message) => {
      if (message.type === 'arrived') events.push(`arrived ${message.isHere}`);
      return true;
    },
  });
  arrivals.prepare(from, { type: 'prepare', number: 1, id: 'x', kind: 'counter', life: 4, token: 8, baggage: {} as AgentBaggage });
  const handed = arrivals.handed({ id: 'x', kind: 'counter', host: registry.self, token: 9, life: 4, placement: 'ring', init: undefined }, from);
  for (let each = 0; each < 4; each++) {
    await turn();
    clock.advance(100);
  }
  await handed;
  expect([attempts, events, failures]).toEqual([4, ['coming', 'came', 'arrived true'], []]);
  expect(registry.own('x')?.token).toBe(9);
});

test('an agent that starts here in the life that it had on another node is told from a new one, and messages wait until it is here or is given up, whoever starts it', async () => {
  const { placing, registry, elsewhere, table, hasLeft, routed } = world();
  const adopted = async (id: string, kind = 'counter') => {
    const orphan = await elsewhere.register({ id, kind, placement: 'ring', init: undefined });
    placing.hold(id);
    return registry.adopt(orphan, registry.self);
  };
  // A new one, also where two start it at once.
  expect(await placing.claim(claimOf('new'))).toBe(false);
  table.set('new', true);
  expect(await placing.claim(claimOf('new'))).toBe(false);
  placing.settled('new');
  placing.settled('new');
  expect(routed).toEqual([]);
  // One whose node was lost, and somebody else who wants the id meanwhile: neither knows who comes first.
  const { life, token } = await adopted('x');
  expect(await placing.claim(claimOf('x'), 1)).toBe(true);
  expect(await placing.claim(claimOf('x'))).toBe(true);
  expect(routed.splice(0)).toEqual([`coming x ${life} undefined`, `coming x ${life} undefined`]);
  placing.settled('x');
  expect(routed).toEqual([]);
  table.set('x', true);
  placing.settled('x', 1);
  placing.settled('x');
  expect(routed.splice(0)).toEqual([`came x ${life} ${token}`]);
  // One that had been here before, and left: it keeps its place until the id is needed.
  const left = await adopted('y');
  table.set('y', false);
  hasLeft.add('y');
  expect(await placing.claim(claimOf('y'))).toBe(true);
  placing.settled('y');
  placing.settled('y');
  expect(routed.splice(0)).toEqual([`coming y ${left.life} undefined`, `comesNot y ${left.life} undefined`]);
  expect(registry.own('y')).toBeUndefined();
  // One whose worker is lost before it has come.
  const late = await adopted('z');
  expect(await placing.claim(claimOf('z'), 1)).toBe(true);
  placing.settled('z');
  placing.threadLost(1);
  expect(routed.splice(0)).toEqual([`coming z ${late.life} undefined`, `comesNot z ${late.life} undefined`]);
  // One whose end has begun is in nobody's way: whoever wants its id waits for that.
  const ending = await adopted('ending');
  table.set('ending', false);
  expect([await placing.claim(claimOf('ending')), registry.own('ending')]).toEqual([false, ending]);
  await adopted('durable', 'ledger');
  expect(await placing.claim({ ...claimOf('durable'), kind: 'ledger' })).toBe(false);
  expect(routed).toEqual([]);
});

test('who wants the id of an agent that is moving here waits until it is here, or does not come, or there is no time any more', async () => {
  const { placing, registry, elsewhere, directory, table, hasLeft, arriving, clock, routed } = world();
  const passing = async (count: number): Promise<void> => {
    for (let look = 0; look < count; look++) {
      await turn();
      clock.advance(50);
    }
  };
  for (const id of ['comes', 'gives up', 'late']) {
    const { token } = await elsewhere.register({ id, kind: 'counter', placement: 'ring', init: undefined });
    const registration = directory.entries.get(id) as Registration;
    await registry.accept({ ...registration, host: registry.self, token: token + 10 });
    placing.hold(id);
    arriving.add(id);
  }
  // Also one that was here before.
  table.set('comes', false);
  hasLeft.add('comes');
  const settled: string[] = [];
  const claims = ['comes', 'gives up', 'late'].map((id) =>
    placing.claim(claimOf(id)).then(
      (isComing) => settled.push(`${id}: ${isComing}`),
      (error: NexusError) => settled.push(`${id}: ${error.code}`),
    ),
  );
  await passing(5);
  expect([settled, routed]).toEqual([[], []]);
  // The table says then that it is taken.
  table.set('comes', true);
  arriving.delete('gives up');
  placing.settled('gives up');
  await passing(3);
  expect(settled.sort()).toEqual(['comes: false', 'gives up: false']);
  expect(registry.calls.filter((call) => call.includes('gives up'))).toEqual(['release gives up', 'register gives up']);
  await passing(25);
  await Promise.all(claims);
  expect([settled.at(-1), routed]).toEqual(['late: NEXUS_ID_DUPLICATE', []]);
});

test('orphans are taken over and started again, so many at a time, and given up where that cannot be', async () => {
  const { placing, registry, elsewhere, directory } = world();
  const init = new Uint8Array(1);
  const lost = await Promise.all(
    Array.from({ length: 300 }, (_, index) =>
      elsewhere.register({ id: `x${index}`, kind: 'counter', placement: 'ring', init: index === 299 ? undefined : init }),
    ),
  );
  let underway = 0;
  let most = 0;
  const failures: unknown[] = [];
  const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (data: object) => failures.push(data) };
  const orphans = new Orphans({
    ...{ registry, logger },
    hold: (id) => placing.hold(id),
    settled: (id) => placing.settled(id),
    async start({ id }) {
      most = Math.max(most, ++underway);
      await turn();
      underway--;
      if (id === 'x7') throw new NexusError('NEXUS_START_FAILED', 'it does not start');
      return { id } as AgentReference;
    },
  });
  for (const registration of lost) orphans.orphaned(registration);
  while (orphans.size > 0) await turn();
  expect([most, orphans.restarted, failures.length]).toEqual([128, 298, 1]);
  // In this world no agent is in the table, so that all are given back; the one without an init at once.
  expect([directory.entries.size, registry.calls.filter((call) => call.startsWith('adopt')).length]).toEqual([0, 299]);
});
