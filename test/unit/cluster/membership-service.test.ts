/** The driver of a membership machine, with a machine that is told what to do: what it is given, in which order, and what becomes of what it wants. */
import { createManualClock } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { MembershipService } from '../../../dist/ts-src/cluster/membership-service.js';
import type { MembershipConfiguration, MembershipEffect, MembershipInput, MembershipMachine } from '../../../ts-src/protocols/membership/membership.js';
import type { DatagramEvents } from '../../../ts-src/ports/datagrams.js';
import type { DiscoveryEvents } from '../../../ts-src/ports/discovery.js';

const ADDRESS = { host: '127.0.0.1', port: 7400 };
const timing = { probeIntervalMs: 1000, probeTimeoutMs: 500, leaseMs: 5000, stopMarginMs: 1000, stalledAfterMs: 500 };
const description = { dataAddress: undefined, version: '1', metadata: {}, stalledThreads: [] };
const left: MembershipEffect = { type: 'event', event: { type: 'standing', standing: 'left', because: undefined } };

/** What the machine answers, and what it was given. */
function scripted(react: (input: MembershipInput, nowMs: number) => readonly MembershipEffect[]) {
  const inputs: { readonly nowMs: number; readonly input: MembershipInput }[] = [];
  const machine = {
    self: { name: 'a', incarnation: 7 },
    standing: 'joining',
    leaseEndMs: Number.NEGATIVE_INFINITY,
    dueMs: Number.POSITIVE_INFINITY,
    mayRun: () => false,
    snapshot: () => ({}),
    step(nowMs: number, input: MembershipInput) {
      if (nowMs >= machine.dueMs) machine.dueMs = Number.POSITIVE_INFINITY;
      inputs.push({ nowMs, input: input.type === 'received' ? { ...input, bytes: input.bytes.slice() } : input });
      return react(input, nowMs);
    },
  };
  return { machine, inputs };
}

async function opened(
  react: (input: MembershipInput, nowMs: number) => readonly MembershipEffect[],
  save: ((bytes: Uint8Array) => Promise<void>) | undefined = undefined,
) {
  const clock = createManualClock({ epochMs: 1_700_000_000_000.5 });
  const { machine, inputs } = scripted(react);
  const sent: { readonly to: object; readonly bytes: Uint8Array }[] = [];
  const failures: string[] = [];
  const happened: unknown[] = [];
  let datagrams: DatagramEvents | undefined;
  let discovery: DiscoveryEvents | undefined;
  let configuration: MembershipConfiguration | undefined;
  let isClosed = false;
  const service: MembershipService = await MembershipService.open(
    {
      ...{
        cluster: 'shop',
        weight: 1,
        node: ({ port }: { port: number }) => `node-${port}`,
        resolver: { strategy: 'keepMajority' } as const,
        timing,
        description,
      },
      machine: (given) => {
        configuration = given;
        return machine as unknown as MembershipMachine;
      },
    },
    {
      clock,
      random: () => 0.5,
      openDatagrams: async (events) => {
        datagrams = events;
        return { address: ADDRESS, send: (to, bytes) => void sent.push({ to, bytes }), close: async () => void (isClosed = true) };
      },
      discovery: { description: 'test', isStatic: true, start: (_self, events) => void (discovery = events), close: () => undefined },
      state: save && { load: async () => Uint8Array.of(1, 2), save },
      happened: (event) => void happened.push(event),
      failed: (error, what) => void failures.push(`${what}: ${error.message}`),
    },
  );
  return {
    ...{ service, machine, inputs, sent, failures, happened, clock },
    datagrams: datagrams as DatagramEvents,
    discovery: discovery as DiscoveryEvents,
    configuration: configuration as MembershipConfiguration,
    isClosed: () => isClosed,
  };
}

const types = (inputs: readonly { readonly input: MembershipInput }[]): string[] => inputs.map(({ input }) => input.type);

test('the machine gets the kept state, a whole incarnation and the address that was chosen', async () => {
  const { configuration, service } = await opened(
    () => [],
    async () => undefined,
  );
  expect(configuration).toMatchObject({ cluster: 'shop', node: 'node-7400', incarnation: 1_700_000_000_000, address: ADDRESS, state: Uint8Array.of(1, 2) });
  await service.close();
});

test('time is given when the machine wants it, not earlier, and one timer serves many steps', async () => {
  const { machine, inputs, clock, datagrams } = await opened(() => []);
  machine.dueMs = 100;
  datagrams.received(ADDRESS, Uint8Array.of(1));
  for (let step = 0; step < 50; step++) {
    machine.dueMs += 1;
    datagrams.received(ADDRESS, Uint8Array.of(1));
  }
  await clock.advance(100);
  expect(types(inputs).filter((type) => type === 'tick')).toHaveLength(1);
  machine.dueMs = 150;
  datagrams.received(ADDRESS, Uint8Array.of(1));
  await clock.advance(49);
  expect(types(inputs).filter((type) => type === 'tick')).toHaveLength(1);
  await clock.advance(1);
  expect(inputs.at(-1)).toEqual({ nowMs: 150, input: { type: 'tick' } });
});

test('a due time that comes nearer is kept', async () => {
  const { machine, inputs, clock, datagrams } = await opened(() => []);
  machine.dueMs = 1000;
  datagrams.received(ADDRESS, Uint8Array.of(1));
  machine.dueMs = 10;
  datagrams.received(ADDRESS, Uint8Array.of(1));
  const before = inputs.length;
  await clock.advance(10);
  expect(types(inputs).slice(before)).toEqual(['tick']);
});

test('what comes while a step is under way is its own step after it, with the bytes as they were', async () => {
  const bytes = Uint8Array.of(9);
  let events: DatagramEvents | undefined;
  const order: string[] = [];
  const { datagrams, inputs, happened } = await opened((input) => {
    order.push(input.type);
    if (input.type === 'refused') {
      events?.received(ADDRESS, bytes);
      bytes[0] = 0;
      order.push('refused ends');
      return [left];
    }
    return [];
  });
  events = datagrams;
  datagrams.refused(ADDRESS, new Error('nobody listens'));
  expect(order).toEqual(['tick', 'refused', 'refused ends', 'received']);
  expect(inputs.at(-1)?.input).toMatchObject({ bytes: Uint8Array.of(9) });
  expect(happened).toHaveLength(1);
});

test('what is to be kept is written one at a time, the last of what is wanted, and said when nothing is left to write', async () => {
  const saves: { readonly bytes: number; done(): void }[] = [];
  const { datagrams, inputs } = await opened(
    (input) => (input.type === 'received' ? [{ type: 'persist', bytes: input.bytes.slice() }] : []),
    (bytes) => new Promise<void>((done) => saves.push({ bytes: bytes[0] as number, done })),
  );
  for (const byte of [1, 2, 3]) datagrams.received(ADDRESS, Uint8Array.of(byte));
  expect(saves.map(({ bytes }) => bytes)).toEqual([1]);
  saves[0]?.done();
  await expect.poll(() => saves.map(({ bytes }) => bytes)).toEqual([1, 3]);
  expect(types(inputs)).not.toContain('persisted');
  saves[1]?.done();
  await expect.poll(() => types(inputs).filter((type) => type === 'persisted')).toHaveLength(1);
});

test('a write that fails is logged and tried again, and what depends on it waits', async () => {
  let attempts = 0;
  const { datagrams, inputs, clock, failures } = await opened(
    (input) => (input.type === 'received' ? [{ type: 'persist', bytes: input.bytes.slice() }] : []),
    async () => {
      attempts++;
      if (attempts === 1) throw new Error('disk full');
    },
  );
  datagrams.received(ADDRESS, Uint8Array.of(1));
  await expect.poll(() => failures).toEqual(['the state of this node could not be written: disk full']);
  expect(types(inputs)).not.toContain('persisted');
  await clock.advance(1000);
  await expect.poll(() => types(inputs).filter((type) => type === 'persisted')).toHaveLength(1);
  expect(attempts).toBe(2);
});

test('a node that keeps nothing is told at once that it is kept', async () => {
  const { datagrams, inputs } = await opened((input) => (input.type === 'received' ? [{ type: 'persist', bytes: input.bytes }] : []));
  datagrams.received(ADDRESS, Uint8Array.of(1));
  expect(types(inputs)).toEqual(['tick', 'received', 'persisted']);
});

test('after the close nothing is given to the machine or sent', async () => {
  const { service, datagrams, discovery, machine, inputs, sent, clock, isClosed } = await opened(() => [
    { type: 'send', to: ADDRESS, bytes: Uint8Array.of(1) },
  ]);
  machine.dueMs = 10;
  discovery.discovered([ADDRESS]);
  const before = [inputs.length, sent.length];
  await service.close();
  datagrams.received(ADDRESS, Uint8Array.of(1));
  discovery.discovered([]);
  await clock.advance(100);
  expect([inputs.length, sent.length, isClosed()]).toEqual([...before, true]);
});
