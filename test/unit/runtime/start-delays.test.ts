/** When a durable agent is tried again whose state could not be stored. */
import { expect, test } from 'vitest';
import { NexusError } from '../../../dist/ts-src/errors.js';
import type { ErrorCode } from '../../../dist/ts-src/errors.js';
import { resolveSupervision } from '../../../dist/ts-src/model/supervision.js';
import { AgentCell, extraOf, Status } from '../../../dist/ts-src/runtime/agent-cell.js';
import type { DurableRecord } from '../../../dist/ts-src/runtime/durable/durable-record.js';
import { StartDelays } from '../../../dist/ts-src/runtime/durable/start-delays.js';
import type { Kind } from '../../../dist/ts-src/runtime/kind.js';
import { ManualClock } from './manual-clock.js';

function world(jitter = 0) {
  const clock = new ManualClock();
  const kind = { index: 1, supervision: resolveSupervision({ backoff: { jitter } }) } as Kind;
  let random = 0;
  const standing = { isStopping: false };
  const delays = new StartDelays({ clock, random: () => random, isStopping: () => standing.isStopping });
  const record = { id: 'x', version: undefined } as DurableRecord;
  /** An activation: resolves with how long it waited, and how its start came out. */
  const activate = async (code?: ErrorCode, id = 'x'): Promise<{ readonly waitedMs: number; readonly outcome: string; readonly cell: AgentCell }> => {
    const cell = new AgentCell(kind, 1, 1);
    const fromMs = clock.nowMs();
    let begunMs = Number.NaN;
    let outcome = '';
    const begin = (): Promise<unknown> => {
      begunMs = clock.nowMs();
      return code === undefined ? Promise.resolve() : Promise.reject(new NexusError(code, 'refused'));
    };
    delays.start(cell, { ...record, id } as DurableRecord, begin)?.then(
      () => (outcome = 'started'),
      (error: NexusError) => (outcome = error.code),
    );
    for (let step = 0; outcome === '' && step < 20_000; step++) {
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
      if (outcome === '') clock.advance(1);
    }
    return { waitedMs: begunMs - fromMs, outcome, cell };
  };
  return { clock, kind, delays, record, activate, standing, draw: (value: number) => (random = value) };
}

test('a durable agent whose state cannot be stored is tried again later each time, to a limit, also by its next activations', async () => {
  const { activate } = world();
  const waits: number[] = [];
  for (let attempt = 0; attempt < 14; attempt++) waits.push((await activate('NEXUS_STORE_FULL')).waitedMs);
  expect(waits).toEqual([0, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_000, 10_000, 10_000]);
});

test('less a random share of the time, so that many are not tried at once', async () => {
  const { activate, draw } = world(0.2);
  draw(0.5);
  const waits: number[] = [];
  for (let attempt = 0; attempt < 4; attempt++) waits.push((await activate('NEXUS_STORE_FAILED')).waitedMs);
  expect(waits).toEqual([0, 9, 18, 36]);
});

test('what has been stored, or was not tried for a while, begins anew; others wait for nobody', async () => {
  const { activate, delays, kind, clock } = world();
  for (let attempt = 0; attempt < 8; attempt++) await activate('NEXUS_STORE_FULL');
  expect((await activate('NEXUS_STORE_FULL', 'another')).waitedMs).toBe(0);
  delays.stored(kind, 'x');
  expect([(await activate('NEXUS_STORE_FULL')).waitedMs, (await activate('NEXUS_STORE_FULL')).waitedMs]).toEqual([0, 10]);
  for (let attempt = 0; attempt < 6; attempt++) await activate('NEXUS_STORE_FULL');
  clock.advance(60_000);
  expect([(await activate('NEXUS_STORE_FULL')).waitedMs, (await activate('NEXUS_STORE_FULL')).waitedMs]).toEqual([0, 10]);
});

test('starts that fail for another reason are none of its business', async () => {
  const { activate } = world();
  for (const code of ['NEXUS_AGENT_NOT_FOUND', 'NEXUS_ID_DUPLICATE', 'NEXUS_TOKEN_STALE'] as const) {
    await activate(code);
    expect(await activate(code)).toMatchObject({ waitedMs: 0, outcome: code });
  }
});

test('one that has ended because what it did could not be stored goes on with the restarts that it had', async () => {
  const { activate, delays, kind, clock, record } = world();
  const ended = new AgentCell(kind, 1, 1);
  const restarts = [1, 2, 3, 4, 5].map((ago) => clock.nowMs() - ago);
  extraOf(ended).restarts = restarts;
  delays.ends(ended, record, { type: 'failed', error: new NexusError('NEXUS_STORE_FULL', 'refused') });
  const { waitedMs, cell } = await activate();
  expect([waitedMs, extraOf(cell).restarts]).toEqual([160, restarts]);
  delays.ends(new AgentCell(kind, 1, 1), { id: 'y', version: undefined } as DurableRecord, { type: 'stopped' });
  expect((await activate(undefined, 'y')).waitedMs).toBe(0);
});

test('between lives of one activation supervision waits; one that ends, or whose node stops, while it waits is not started', async () => {
  const { activate, delays, clock, record, kind, standing } = world();
  for (let attempt = 0; attempt < 6; attempt++) await activate('NEXUS_STORE_FULL');
  let begun = 0;
  const begin = async (): Promise<unknown> => ++begun;
  delays.start(new AgentCell(kind, 1, 1), { ...record, version: { token: 1, revision: 1 } } as DurableRecord, begin);
  expect(begun).toBe(1);
  const ending = new AgentCell(kind, 2, 1);
  const ended = delays.start(ending, record, begin);
  ending.status = Status.stopping;
  const stopped = delays.start(new AgentCell(kind, 3, 1), record, begin)?.catch((error: NexusError) => error.code);
  standing.isStopping = true;
  clock.advance(1000);
  expect([await ended, await stopped, begun]).toEqual([undefined, 'NEXUS_STOPPED', 1]);
});
