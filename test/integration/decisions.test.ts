/** Decisions in a running nexus: the new state, then the effects in order; what becomes of the agent when an effect or the decision fails. */
import type { AgentRef, AgentSummary } from 'nexus-agents';
import { describe, expect, test } from 'vitest';
import { Log, Order } from '../fixtures/deciding.mjs';
import { codeOf, failureOf, fixture, freshId, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const agents = [fixture('deciding.mjs')];

describe.each([
  { distance: 'on the same thread, without others', thread: 0, threads: 0 },
  { distance: 'on the same thread', thread: 0, threads: 2 },
  { distance: 'on another thread', thread: 2, threads: 2 },
])('an agent $distance', ({ thread, threads }) => {
  const start = async () => {
    const nexus = await startNexus({ agents, threads });
    const log = (await nexus.spawn(Log, { thread })) as AgentRef;
    const order = (await nexus.spawn(Order, { thread, init: { log } as never })) as AgentRef;
    return { nexus, log, order };
  };

  test('a decision replaces the state and replies', async () => {
    const { order } = await start();
    expect(await order.ask('add', 'a')).toBe(1);
    order.tell('add', 'b');
    expect(await order.ask('add', 'c')).toBe(3);
    order.tell('plain');
    expect(await order.ask('read')).toEqual({ status: 'plain', lines: ['a', 'b', 'c'], ended: 0 });
    // The validators of the input and of the state.
    expect(await codeOf(order.ask('add', 5))).toBe('NEXUS_INPUT_INVALID');
    expect(await codeOf(order.ask('add', 'd'))).toBe('NEXUS_STATE_INVALID');
    expect(await order.ask('read')).toMatchObject({ lines: ['a', 'b', 'c'] });
  });

  test('the effects of a decision are performed in order, when the new state is in place', async () => {
    const { nexus, log, order } = await start();
    const signals: unknown[] = [];
    nexus.on('signal', ({ topic, data }) => signals.push([topic, data]));
    const child = freshId();
    const asked = order.ask('everything', child);
    expect(await asked).toEqual({ id: order.id, sender: undefined });
    expect(await log.ask('entries')).toEqual([
      ['told', order.id],
      ['child started', child],
      ['after the child', order.id],
    ]);
    expect(nexus.summary(child)).toEqual({ id: child, kind: 'child', thread } satisfies AgentSummary);
    await until(async () => ((await order.ask('read')) as { status: string }).status === 'once');
    await until(() => signals.length > 0);
    expect(signals).toEqual([['order.busy', child]]);
  });

  test('a decision that waits for a child holds the next message back', async () => {
    const { order } = await start();
    const [, read] = await Promise.all([order.ask('everything', freshId()), order.ask('read')]);
    // Behind the child's start, which is async, and in front of what the timer sends.
    expect(read).toMatchObject({ status: 'busy' });
  });

  test('decisions watch, repeat and stop', async () => {
    const { nexus, log, order } = await start();
    const other = await nexus.spawn(Log, { thread });
    await order.ask('watch', other);
    await other.stop();
    await until(async () => ((await order.ask('read')) as { ended: number }).ended === 1);
    await order.ask('every');
    await until(async () => ((await order.ask('read')) as { status: string }).status === 'again');
    expect(await order.ask('leave')).toBe(undefined);
    await until(() => nexus.summary(order.id) === undefined);
    expect(await log.ask('entries')).toEqual([]);
  });

  test('an effect that fails is a failure of the agent: the new state and the effects before it stay, those behind it are not performed', async () => {
    const { nexus, log, order } = await start();
    const failures: unknown[] = [];
    nexus.on('agentFailed', ({ action, error }) => failures.push([action, (error as { code: string }).code]));
    expect(await codeOf(order.ask('half'))).toBe('NEXUS_ACTION_UNKNOWN');
    expect(await order.ask('read')).toMatchObject({ status: 'half' });
    expect(await log.ask('entries')).toEqual([['before', order.id]]);
    await until(() => failures.length > 0);
    expect(failures).toEqual([['half', 'NEXUS_ACTION_UNKNOWN']]);
    // Also a child that does not start.
    expect(await codeOf(order.ask('everything', order.id))).toBe('NEXUS_ID_DUPLICATE');
    expect(await log.ask('entries')).toEqual([
      ['before', order.id],
      ['told', order.id],
    ]);
  });

  test.each([
    [5, 'returned 5; it must return { state, effects }'],
    [null, 'returned null; it must return { state, effects }'],
    ['later', 'returned a promise; it must decide at once'],
    ['stateLater', 'returned a promise; it must decide at once'],
    [{}, 'returned an object without a state; it must return { state, effects }'],
    [{ state: {}, effect: [] }, "returned the unknown field 'effect'; it must return { state, effects }"],
    [{ state: {}, effects: 5 }, 'effects must be a list, not number'],
    [{ state: {}, effects: [{ type: 'emit' }, { type: 'jump' }] }, 'effects[1] is no effect; make it with effect.emit, effect.tell,'],
    [{ state: {}, effects: [null] }, 'effects[0] is no effect'],
    [
      {
        state: {},
        effects: [
          { type: 'reply', value: 1 },
          { type: 'reply', value: 2 },
        ],
      },
      'effects[1] is a second reply',
    ],
  ])('a decision that returns %j is a failure with a clear error, and nothing of it happens', async (returned, message) => {
    const { order } = await start();
    await order.ask('add', 'kept');
    const failure = await failureOf(order.ask('rubbish', returned));
    expect(failure).toMatchObject({ code: 'NEXUS_DECISION_INVALID', name: 'TypeError' });
    expect(failure?.message).toContain(`'rubbish' of 'order': ${message}`);
    expect(await order.ask('read')).toMatchObject({ lines: ['kept'], status: 'new' });
  });

  test('a decision that changes the state it is given is a failure in development', async () => {
    const { order } = await start();
    expect(await failureOf(order.ask('inPlace'))).toMatchObject({ code: 'NEXUS_STATE_CHANGED', message: expect.stringContaining('at state.lines.length;') });
  });
});
