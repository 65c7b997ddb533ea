/** Named groups: who is in them, as every thread sees it, and whom their messages go to. */
import type { AgentRef, Nexus } from 'nexus-agents';
import { circuitBreaker, retry, timeout, wrap } from 'nexus-agents/resilience';
import { describe, expect, test } from 'vitest';
import { Helper, Joiner, Loner, Patient, Worker } from '../fixtures/grouped.mjs';
import { codeOf, describeEngines, failureOf, fixture, freshId, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

describeEngines((engine) => {
  const start = (threads = 2): Promise<Nexus> => startNexus({ agents: [fixture('grouped.mjs')], threads, engine: { force: engine }, seed: 1 });
  const spread = (nexus: Nexus, definition: typeof Worker, count: number, threads = 3): Promise<AgentRef<typeof Worker>[]> =>
    Promise.all(Array.from({ length: count }, (_, number) => nexus.spawn(definition, { id: `${definition.kind}-${number}`, thread: number % threads })));
  /** Until every thread sees as many members. */
  const seen = async (nexus: Nexus, group: string, count: number): Promise<void> => {
    const eyes = await Promise.all([0, 1, 2].map((thread) => nexus.getOrSpawn(Loner, `eye-${thread}`, { thread })));
    await until(async () => (await Promise.all(eyes.map((eye) => eye.ask('size', group)))).every((size) => size === count));
  };

  test('an agent is in the groups of its definition once it has started, and until it has ended', async () => {
    const nexus = await start();
    const [first, second, third] = (await spread(nexus, Worker, 3)) as [AgentRef<typeof Worker>, AgentRef<typeof Worker>, AgentRef<typeof Worker>];
    // Whoever waited for the spawn sees it at once; others when they hear of it.
    expect(nexus.group('workers').members().length).toBe(3);
    await nexus.spawn(Helper, { id: 'helper', thread: 1 });
    expect([nexus.group('workers').size, nexus.group('helpers').size]).toEqual([4, 1]);
    await seen(nexus, 'workers', 4);
    const eye = await nexus.getOrSpawn(Loner, 'eye-2', { thread: 2 });
    expect(await eye.ask('ids', 'workers')).toEqual(['helper', 'worker-0', 'worker-1', 'worker-2']);
    await second.stop();
    await seen(nexus, 'workers', 3);
    await third.ask('leave', 'workers');
    await seen(nexus, 'workers', 2);
    await third.ask('join', 'workers');
    await seen(nexus, 'workers', 3);
    expect(await first.ask('who')).toBe('worker-0');
  });

  test('a restart ends what an agent has joined itself, and it is in the groups of its definition again, by the same reference', async () => {
    const nexus = await start();
    const worker = await nexus.spawn(Worker, { id: 'w', thread: 1 });
    const joiner = await nexus.spawn(Joiner, { id: 'j', thread: 2 });
    await worker.ask('join', 'extra');
    await joiner.ask('join', 'extra');
    await seen(nexus, 'extra', 2);
    await failureOf(worker.ask('fail'));
    await failureOf(joiner.ask('fail'));
    await seen(nexus, 'extra', 0);
    await seen(nexus, 'workers', 1);
    // Joined by its start hook.
    await seen(nexus, 'joiners', 1);
    expect(nexus.group('workers').members()[0]?.equals(worker)).toBe(true);
  });

  test('an agent that waits for its restart is in no group', async () => {
    const nexus = await start();
    const patient = await nexus.spawn(Patient, { thread: 1 });
    await seen(nexus, 'patients', 1);
    await failureOf(patient.ask('fail'));
    await seen(nexus, 'patients', 0);
    expect(await codeOf(nexus.group('patients').ask('who'))).toBe('NEXUS_GROUP_EMPTY');
  });

  test('members of a lost thread are out of their groups until they come back', async () => {
    const nexus = await start();
    const [here, lost] = (await spread(nexus, Worker, 3)) as [AgentRef<typeof Worker>, AgentRef<typeof Worker>];
    await lost.ask('join', 'extra');
    await seen(nexus, 'extra', 1);
    const sizes: number[] = [];
    nexus.on('threadLost', () => sizes.push(nexus.group('workers').size));
    const restored = new Promise((resolve) => nexus.on('threadRestored', resolve));
    lost.tell('exit');
    await restored;
    await seen(nexus, 'workers', 3);
    await seen(nexus, 'extra', 0);
    expect(
      nexus
        .group('workers')
        .members()
        .some((ref) => ref.equals(lost)),
    ).toBe(true);
    const answered = new Set(await Promise.all(Array.from({ length: 3 }, () => nexus.group('workers', Worker).ask('who'))));
    expect([...answered].sort()).toEqual(['worker-0', 'worker-1', 'worker-2']);
    expect(await here.ask('size', 'workers')).toBe(3);
    // What the successor was told of the others.
    expect(await lost.ask('ids', 'workers')).toEqual(['worker-0', 'worker-1', 'worker-2']);
  });

  test('round robin gives every member its turn, counted by all threads together and for each group alone', async () => {
    const nexus = await start();
    const members = await spread(nexus, Worker, 6);
    await spread(nexus, Helper, 0);
    const senders = await Promise.all([0, 1, 2].map((thread) => nexus.spawn(Loner, { thread })));
    for (const [index, member] of members.entries()) await member.ask('join', `group of ${index % 2}`);
    await seen(nexus, 'workers', 6);
    await seen(nexus, 'group of 0', 3);
    await seen(nexus, 'group of 1', 3);
    const told = await Promise.all(senders.map((sender) => sender.ask('tellMany', { group: 'workers', action: 'add', count: 200 })));
    expect(told).toEqual([200, 200, 200]);
    await until(async () => (await Promise.all(members.map((member) => member.ask('read')))).every((n) => n === 100));
    // Every second message goes to another group: if both counted together, some members would get nothing.
    for (let turn = 0; turn < 30; turn++) for (const number of [0, 1]) nexus.group(`group of ${number}`).tell('add');
    await until(async () => (await Promise.all(members.map((member) => member.ask('read')))).every((n) => n === 110));
  });

  test('an agent that is asked to end leaves its groups first, and nothing that was sent through them is lost', async () => {
    const nexus = await start();
    const letters: unknown[] = [];
    nexus.on('deadLetter', (letter) => letters.push(letter));
    const senders = await Promise.all([0, 1, 2].map((thread) => nexus.spawn(Loner, { thread })));
    const keeper = await nexus.spawn(Worker, { id: 'keeper', thread: 0 });
    let handled = 0;
    for (let round = 0; round < 20; round++) {
      const leaver = await nexus.spawn(Worker, { id: `leaver-${round}`, thread: 1 + (round % 2) });
      await seen(nexus, 'workers', 2);
      const asks = Array.from({ length: 60 }, (_, number) =>
        (senders[number % 3] as AgentRef<typeof Worker>).ask('askGroup', { group: 'workers', action: 'add' }),
      );
      const stopped = leaver.stop();
      const answers = await Promise.all(asks);
      handled += answers.length;
      await stopped;
    }
    expect(handled).toBe(1200);
    expect(letters).toEqual([]);
    expect(
      nexus
        .group('workers')
        .members()
        .map(({ id }) => id),
    ).toEqual([keeper.id]);
  });

  test('the least loaded member is found by its live load on any thread', async () => {
    const nexus = await start();
    const members = await spread(nexus, Worker, 6);
    await seen(nexus, 'workers', 6);
    const gate = freshId('gate');
    // All but one have an async handler that runs, and messages behind it.
    const holding = members.slice(1).flatMap((member) => [member.ask('hold', gate, { timeoutMs: 60_000 }), member.ask('add'), member.ask('add')]);
    const idle = members[0] as AgentRef<typeof Worker>;
    for (const thread of [0, 1, 2]) {
      const sender = await nexus.spawn(Loner, { thread });
      for (const routing of ['leastLoaded', 'powerOfTwoChoices', 'optimized'] as const) {
        const ask = (timeoutMs: number): Promise<unknown> =>
          sender.ask('askGroup', { group: 'workers', action: 'who', options: { routing, timeoutMs } }).catch(() => undefined);
        // Until the loads are known here. One that is busy does not answer.
        await until(async () => (await ask(50)) === idle.id);
        // The one that is idle does, if not within 50 ms.
        if (routing === 'leastLoaded') for (let turn = 0; turn < 10; turn++) expect(await ask(10_000)).toBe(idle.id);
      }
    }
    for (const thread of [0, 1, 2]) (await nexus.getOrSpawn(Loner, `eye-${thread}`, { thread })).tell('open', gate);
    await Promise.all(holding);
    // And it is known that they are free again.
    const answered = new Set<unknown>();
    await until(async () => answered.add(await nexus.group('workers').ask('who', undefined, { routing: 'leastLoaded' })).size === 6);
  });

  test('a key belongs to the same member on every thread, and only keys of a member that leaves move', async () => {
    const nexus = await start();
    const members = await spread(nexus, Worker, 9);
    await seen(nexus, 'workers', 9);
    const keys = Array.from({ length: 200 }, (_, number) => (number % 2 === 0 ? `key ${number}` : number));
    const senders = await Promise.all([0, 1, 2].map((thread) => nexus.spawn(Loner, { thread })));
    const owners = await Promise.all(senders.map((sender) => sender.ask('ownersOf', { group: 'workers', keys })));
    expect(owners[1]).toEqual(owners[0]);
    expect(owners[2]).toEqual(owners[0]);
    expect(new Set(owners[0]).size).toBe(9);
    await (members[4] as AgentRef<typeof Worker>).stop();
    const after = (await (senders[0] as AgentRef<typeof Worker>).ask('ownersOf', { group: 'workers', keys })) as string[];
    for (const [index, owner] of (owners[0] as string[]).entries()) {
      if (owner === 'worker-4') expect(after[index]).not.toBe('worker-4');
      else expect(after[index]).toBe(owner);
    }
  });

  test('a group without members takes nothing: a tell is a dead letter, an ask and a gathering reject', async () => {
    const nexus = await start(1);
    const letters: unknown[] = [];
    nexus.on('deadLetter', (letter) => letters.push(letter));
    const nobody = nexus.group('nobody');
    expect(nobody.tell('add')).toBe('noAgent');
    expect(letters).toMatchObject([{ reason: 'noAgent', id: 'nobody', action: 'add' }]);
    expect(await failureOf(nobody.ask('add'))).toMatchObject({ code: 'NEXUS_GROUP_EMPTY', error: { data: { group: 'nobody' } } });
    expect(await codeOf(nobody.gather('add'))).toBe('NEXUS_GROUP_EMPTY');
    expect(nobody.broadcast('add')).toEqual({ members: 0, accepted: 0, full: 0, dropped: 0, noAgent: 0, stopped: 0 });
    expect([nobody.size, nobody.members(), String(nobody)]).toEqual([0, [], "Group('nobody', 0 members)"]);
  });

  test('a broadcast reaches every member, of every kind, and reports the outcomes', async () => {
    const nexus = await start();
    const members = [...(await spread(nexus, Worker, 3)), await nexus.spawn(Helper, { thread: 2 })];
    expect(nexus.group('workers').broadcast('add')).toEqual({ members: 4, accepted: 4, full: 0, dropped: 0, noAgent: 0, stopped: 0 });
    await until(async () => (await Promise.all(members.map((member) => member.ask('read')))).every((n) => n === 1));
    // What cannot be sent to another thread is found before anything was sent.
    expect(() => nexus.group('workers').broadcast('add', () => undefined)).toThrow(expect.objectContaining({ code: 'NEXUS_NOT_CLONEABLE' }));
    expect(() => nexus.group('workers').broadcast('nothing')).toThrow(expect.objectContaining({ code: 'NEXUS_ACTION_UNKNOWN' }));
    expect(await Promise.all(members.map((member) => member.ask('read')))).toEqual([1, 1, 1, 1]);
  });

  describe('a gathering', () => {
    test('resolves with what all members say, failures among it', async () => {
      const nexus = await start();
      await spread(nexus, Worker, 4);
      const report = await nexus.group('workers', Worker).gather('failIf', ['worker-1']);
      expect(report.replies.map(({ ref, value }) => [ref.id, value]).sort()).toEqual(['worker-0', 'worker-2', 'worker-3'].map((id) => [id, id]));
      expect(report.failures).toMatchObject([{ ref: { id: 'worker-1' }, error: { message: 'worker-1 fails' } }]);
      expect(report.missing).toEqual([]);
    });

    test('resolves with part of it when the time is over', async () => {
      const nexus = await start();
      await spread(nexus, Worker, 4);
      const gate = freshId('gate');
      const report = await nexus.group('workers').gather('holdUnless', { ids: ['worker-0', 'worker-3'], gate }, { timeoutMs: 60 });
      expect(report.replies.map(({ value }) => value).sort()).toEqual(['worker-0', 'worker-3']);
      expect(report.missing.map(({ id }) => id).sort()).toEqual(['worker-1', 'worker-2']);
      expect(report.failures).toEqual([]);
    });

    test('resolves as soon as the quorum has replied', async () => {
      const nexus = await start();
      await spread(nexus, Worker, 5);
      const gate = freshId('gate');
      const input = { ids: ['worker-0', 'worker-1', 'worker-2'], gate };
      const report = await nexus.group('workers').gather('holdUnless', input, { timeoutMs: 3_600_000, quorum: 'majority' });
      expect(report.replies.length).toBe(3);
      expect(report.missing.map(({ id }) => id).sort()).toEqual(['worker-3', 'worker-4']);
      // The others are not waited for any more.
      expect(await codeOf(nexus.group('workers').gather('holdUnless', input, { timeoutMs: 60, quorum: 4 }))).toBe('NEXUS_QUORUM_FAILED');
    });

    test('rejects as soon as the quorum cannot be reached, with what there is', async () => {
      const nexus = await start();
      await spread(nexus, Worker, 4);
      const gate = freshId('gate');
      const failure = await failureOf(nexus.group('workers').gather('failIf', ['worker-1', 'worker-2'], { timeoutMs: 3_600_000, quorum: 3 }));
      expect(failure).toMatchObject({ code: 'NEXUS_QUORUM_FAILED', error: { data: { group: 'workers', needed: 3, members: 4 } } });
      expect((failure?.error as unknown as { data: { failures: unknown[] } }).data.failures.length).toBe(2);
      const none = await failureOf(nexus.group('workers').gather('hold', gate, { quorum: 5 }));
      expect(none).toMatchObject({ code: 'NEXUS_QUORUM_FAILED', error: { data: { needed: 5, replies: [], failures: [] } } });
    });

    test('rejects when it is aborted', async () => {
      const nexus = await start();
      const members = await spread(nexus, Worker, 3);
      const gate = freshId('gate');
      const controller = new AbortController();
      const code = codeOf(nexus.group('workers').gather('hold', gate, { signal: controller.signal, timeoutMs: 3_600_000 }));
      controller.abort();
      expect(await code).toBe('NEXUS_ASK_ABORTED');
      expect(await codeOf(nexus.group('workers').gather('add', undefined, { signal: controller.signal }))).toBe('NEXUS_ASK_ABORTED');
      for (const member of members) expect(member.tell('add')).toBe('accepted');
    });
  });

  test('send goes to the agent of that id, else to the group of that name, by the routing that is given', async () => {
    const nexus = await start();
    const members = await spread(nexus, Worker, 4, 2);
    await seen(nexus, 'workers', 4);
    const sender = await nexus.spawn(Loner, { thread: 2 });
    for (let turn = 0; turn < 4; turn++) expect(nexus.send('workers', 'add')).toBe('accepted');
    for (let turn = 0; turn < 4; turn++) expect(await sender.ask('sendTo', { address: 'workers', action: 'add' })).toBe('accepted');
    await until(async () => (await Promise.all(members.map((member) => member.ask('read')))).every((n) => n === 2));
    for (const routing of ['optimized', 'leastLoaded', 'powerOfTwoChoices', 'default'] as const)
      expect(nexus.send('workers', 'add', undefined, { routing })).toBe('accepted');
    for (let turn = 0; turn < 6; turn++) expect(nexus.send('workers', 'add', undefined, { routing: 'consistentHash', key: 'k' })).toBe('accepted');
    await until(async () => {
      const counts = await Promise.all(members.map((member) => member.ask('read')));
      return counts.reduce((sum, n) => sum + n, 0) === 18 && counts.some((n) => n >= 8);
    });
    // An id is nearer than a name.
    const named = await nexus.spawn(Loner, { id: 'workers', thread: 1 });
    expect(nexus.send('workers', 'add', undefined, { routing: 'optimized' })).toBe('accepted');
    expect(await named.ask('read')).toBe(1);
    await named.stop();
    expect(nexus.send('no such', 'add')).toBe('noAgent');
  });

  test('each attempt of a retry goes to another member, and the failure of one is not that of the group', async () => {
    const nexus = await start();
    await spread(nexus, Worker, 3);
    const workers = nexus.group('workers', Worker);
    const breaker = circuitBreaker({ failures: 100 });
    const policy = wrap(timeout({ ms: 5000 }), retry({ attemptsMax: 3, backoff: { initialMs: 0, jitter: 'none' }, budget: { burst: 1000 } }), breaker);
    for (const routing of ['roundRobin', 'leastLoaded', 'powerOfTwoChoices', 'consistentHash'] as const) {
      for (let turn = 0; turn < 6; turn++) {
        const tried: AgentRef[] = [];
        const answer = await policy.execute((context) =>
          workers.ask('failIf', ['worker-0', 'worker-1'], { ...context.askOptions, routing, key: `k${turn}`, tried }),
        );
        expect(answer).toBe('worker-2');
        expect(new Set(tried.map(({ id }) => id)).size).toBe(tried.length);
      }
    }
    expect(breaker.statistics.failures).toBeGreaterThan(0);
    // When all have been tried, any of them is asked again.
    await until(() => workers.size === 3);
    const tried: AgentRef[] = [];
    for (let attempt = 0; attempt < 4; attempt++) await workers.ask('who', undefined, { tried });
    expect(
      tried
        .map(({ id }) => id)
        .slice(0, 3)
        .sort(),
    ).toEqual(['worker-0', 'worker-1', 'worker-2']);
    expect(tried.length).toBe(4);
    // A mistake of the caller is no failure.
    const before = breaker.statistics.failures;
    expect(await codeOf(policy.execute(() => workers.ask('nothing' as never)))).toBe('NEXUS_ACTION_UNKNOWN');
    expect(breaker.statistics.failures).toBe(before);
  });

  test('an agent names itself as the sender, and asks through a group no longer than it is asked itself', async () => {
    const nexus = await start();
    await spread(nexus, Worker, 3);
    const sender = await nexus.spawn(Loner, { id: 'sender', thread: 2 });
    await seen(nexus, 'workers', 3);
    expect(await sender.ask('askGroup', { group: 'workers', action: 'sender' })).toBe('sender');
    const before = performance.now();
    const deadline = (await sender.ask('askGroup', { group: 'workers', action: 'deadline' }, { timeoutMs: 30_000 })) as number;
    expect(deadline).toBeGreaterThan(before);
    expect(deadline).toBeLessThanOrEqual(performance.now() + 5001);
    const gate = freshId('gate');
    expect(await codeOf(sender.ask('askGroup', { group: 'workers', action: 'hold', input: gate, options: { timeoutMs: 60_000 } }, { timeoutMs: 60 }))).toBe(
      'NEXUS_ASK_TIMEOUT',
    );
    for (const thread of [0, 1, 2]) (await nexus.getOrSpawn(Loner, `eye-${thread}`, { thread })).tell('open', gate);
    const gathered = await sender.ask('gatherGroup', { group: 'workers', action: 'who', options: { timeoutMs: 60_000 } });
    expect(gathered).toEqual(['worker-0', 'worker-1', 'worker-2']);
  });

  test('wrong names, options and too many groups are refused by name', async () => {
    const nexus = await start(1);
    const worker = await nexus.spawn(Worker, { thread: 1 });
    const bad = (attempt: () => unknown): Promise<string | undefined> => codeOf(attempt);
    for (const name of ['', 'x'.repeat(201), 5, undefined]) {
      expect(await bad(() => nexus.group(name as string))).toBe('NEXUS_OPTION_INVALID');
      expect(await codeOf(worker.ask('join', name))).toBe('NEXUS_OPTION_INVALID');
    }
    const group = nexus.group('x'.repeat(200));
    expect(await bad(() => nexus.group('a', undefined, { routing: 'random' } as never))).toBe('NEXUS_OPTION_INVALID');
    expect(await bad(() => nexus.group('a', { routing: 'leastLoaded' } as never))).toBe('NEXUS_OPTION_INVALID');
    expect(await bad(() => nexus.group('a', undefined, { rooting: 'leastLoaded' } as never))).toBe('NEXUS_OPTION_UNKNOWN');
    expect(await bad(() => group.tell('add', undefined, { routing: 'roundrobin' as never }))).toBe('NEXUS_OPTION_INVALID');
    expect((await failureOf(() => group.tell('add', undefined, { routing: 'roundrobin' as never })))?.message).toContain("did you mean 'roundRobin'?");
    expect(await bad(() => group.tell('add', undefined, { timeoutMs: 1 } as never))).toBe('NEXUS_OPTION_UNKNOWN');
    for (const options of [{ key: Number.NaN }, { key: {} }, { tried: 'x' }])
      expect(await codeOf(group.ask('add', undefined, options as never))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(nexus.group('workers').ask('add', undefined, { routing: 'consistentHash' }))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(nexus.group('workers').ask('add', undefined, { timeoutMs: 0 }))).toBe('NEXUS_OPTION_INVALID');
    for (const quorum of [0, 1.5, 'most', -1]) expect(await codeOf(group.gather('add', undefined, { quorum } as never))).toBe('NEXUS_OPTION_INVALID');
    expect(await bad(() => nexus.send('workers', 'add', undefined, { routing: 'swarm' as never }))).toBe('NEXUS_OPTION_INVALID');
    expect(await bad(() => nexus.send('workers', 'add', undefined, { keys: 1 } as never))).toBe('NEXUS_OPTION_UNKNOWN');
    await until(() => nexus.group('workers').size === 1);
    expect(await codeOf(worker.ask('joinMany', 99))).toBe(undefined);
    expect(await failureOf(worker.ask('joinMany', 100))).toMatchObject({ code: 'NEXUS_GROUP_FULL' });
    await until(() => nexus.group('workers').size === 1);
    expect(await codeOf(nexus.group('workers').ask('add'))).toBe(undefined);
  });

  test('a stopped nexus takes nothing for a group', async () => {
    const nexus = await start(1);
    await spread(nexus, Worker, 2, 2);
    const group = nexus.group('workers');
    await nexus.stop();
    expect(group.tell('add')).toBe('stopped');
    expect(await codeOf(group.ask('add'))).toBe('NEXUS_STOPPED');
    expect(await codeOf(group.gather('add'))).toBe('NEXUS_STOPPED');
    expect(group.broadcast('add').accepted).toBe(0);
  });
});
