/** Shared memory between nodes of one machine: that it is used, that nothing is overtaken when a lane goes over to it or back, and what keeps it from being used. */
import { expect, test } from 'vitest';
import { openProcessLinks } from '../../../dist/bindings/process-links.js';
import type { ProcessLinks } from '../../../dist/ts-src/ports/process-links.js';
import { LANES } from '../../../dist/ts-src/ports/transport.js';
import { until } from '../../until.js';
import { held, openStarter, startPeer, unavailableBecause } from './same-host-peers.js';
import { websocketTransports } from './websocket-transports.js';

const onSharedMemory = test.skipIf(unavailableBecause !== undefined);
const CHANNEL = 7;

onSharedMemory('two processes of one machine share memory, and what they send goes through it', async () => {
  const starter = await openStarter();
  const { transport } = starter;
  const peer = await startPeer(starter);
  const answers: [lane: string, value: unknown][] = [];
  transport.listen(1, ({ lane, value }) => answers.push([lane, value]));
  expect(transport.send(peer.node, 'normal', { channel: 1, value: 'over the network' })).toBe('accepted');
  await until(() => transport.statistics()[0]?.sharedMemory === true && answers.length === 1);
  expect(held().mappings).toBe(1);
  expect((await peer.report()).isShared).toBe(true);
  const large = 'x'.repeat(1_000_000);
  for (const lane of LANES) for (const value of [lane, { deep: [1n, new Map()] }, large]) transport.send(peer.node, lane, { channel: 1, value });
  await until(() => answers.length === 10);
  for (const lane of LANES)
    expect(
      answers
        .filter(([from]) => from === lane)
        .slice(-3)
        .map(([, value]) => value),
    ).toEqual([lane, { deep: [1n, new Map()] }, large]);
  expect(transport.statistics()).toMatchObject([{ sharedMemory: true, connections: 1, sentMessages: 10, receivedMessages: 10, lostMessages: 0 }]);
});

onSharedMemory(
  'a stream that never pauses keeps its order while its lane goes over to shared memory, and back to the network when that breaks, again and again',
  async () => {
    const network = websocketTransports({ sameHost: true, networkDelayMs: 15 });
    const [a, b] = [await network.open({ name: 'a', incarnation: 1 }), await network.open({ name: 'b', incarnation: 1 })];
    const to = { name: 'b', incarnation: 1 };
    const streams = 12;
    const received: number[][] = Array.from({ length: streams }, () => []);
    b.transport.listen(CHANNEL, ({ value }) => {
      const [stream, number] = value as [number, number];
      received[stream]?.push(number);
    });
    a.transport.admit(to, b.transport.address);
    b.transport.admit({ name: 'a', incarnation: 1 }, a.transport.address);
    const numbers = new Array<number>(streams).fill(0);
    let accepted = 0;
    let refused = 0;
    const sendSome = (): void => {
      for (let stream = 0; stream < streams; stream++) {
        const filling = (numbers[stream] as number) % 97 === stream ? 'x'.repeat(150_000) : '';
        const outcome = a.transport.send(to, LANES[stream % 3] as (typeof LANES)[number], {
          channel: CHANNEL,
          value: [stream, numbers[stream], filling],
          stream,
        });
        if (outcome !== 'accepted') {
          refused++;
          continue;
        }
        numbers[stream] = (numbers[stream] as number) + 1;
        accepted++;
      }
    };
    const isShared = (): boolean => a.transport.statistics()[0]?.sharedMemory === true;
    for (let round = 0; round < 5; round++) {
      // Never a pause in which everything could have arrived.
      const before = accepted;
      await until(() => {
        sendSome();
        return isShared() && accepted > before + 3_000;
      });
      network.breakLinks();
    }
    await until(() => {
      sendSome();
      return isShared();
    });
    const sent = accepted;
    await until(() => received.reduce((sum, each) => sum + each.length, 0) + (a.transport.statistics()[0]?.lostMessages ?? 0) >= sent);
    for (const [stream, each] of received.entries())
      for (let index = 1; index < each.length; index++) expect(each[index], `stream ${stream}`).toBeGreaterThan(each[index - 1] as number);
    expect(refused, 'a lane that goes over waits, and refuses nothing').toBe(0);
    await network.close();
  },
  60_000,
);

onSharedMemory('nothing is lost when lanes go over to shared memory', async () => {
  const network = websocketTransports({ sameHost: true });
  const [a, b] = [await network.open({ name: 'a', incarnation: 1 }), await network.open({ name: 'b', incarnation: 1 })];
  const received: number[] = [];
  b.transport.listen(CHANNEL, ({ value }) => received.push(value as number));
  a.transport.admit({ name: 'b', incarnation: 1 }, b.transport.address);
  b.transport.admit({ name: 'a', incarnation: 1 }, a.transport.address);
  let sent = 0;
  await until(() => {
    for (let count = 0; count < 50; count++)
      if (a.transport.send({ name: 'b', incarnation: 1 }, 'normal', { channel: CHANNEL, value: sent }) === 'accepted') sent++;
    return a.transport.statistics()[0]?.sharedMemory === true && sent > 5_000;
  });
  await until(() => received.length >= sent);
  expect(received).toEqual(Array.from({ length: sent }, (_, number) => number));
  await network.close();
});

test('a node that does not share memory is talked to over the network, and the reason is told', async () => {
  const starter = await openStarter({ reason: 'there is no native engine' });
  const other = await openStarter(undefined, { name: 'other', incarnation: 1 });
  const received: unknown[] = [];
  other.transport.listen(CHANNEL, ({ value }) => received.push(value));
  starter.transport.admit({ name: 'other', incarnation: 1 }, other.transport.address);
  other.transport.admit({ name: 'starter', incarnation: 1 }, starter.transport.address);
  starter.transport.send({ name: 'other', incarnation: 1 }, 'normal', { channel: CHANNEL, value: 1 });
  await until(() => received.length === 1);
  expect(starter.transport.statistics()[0]).toMatchObject({ sharedMemory: false, notSharedBecause: 'there is no native engine' });
  expect(other.transport.statistics()[0]?.sharedMemory).toBe(false);
  if (unavailableBecause === undefined) expect(other.transport.statistics()[0]?.notSharedBecause).toMatch(/does not say where it runs/);
});

onSharedMemory('a node in another place is talked to over the network', async () => {
  const elsewhere = (links: ProcessLinks | undefined): { links: ProcessLinks } => ({
    links: Object.assign(Object.create(links as ProcessLinks) as ProcessLinks, {
      place: new Uint8Array(16).fill(7),
      listen: (...values: Parameters<ProcessLinks['listen']>) => (links as ProcessLinks).listen(...values),
      connect: (...values: Parameters<ProcessLinks['connect']>) => (links as ProcessLinks).connect(...values),
      close: () => (links as ProcessLinks).close(),
    }),
  });
  const starter = await openStarter();
  const other = await openStarter(elsewhere(openProcessLinks(0).links), { name: 'other', incarnation: 1 });
  const received: unknown[] = [];
  other.transport.listen(CHANNEL, ({ value }) => received.push(value));
  starter.transport.admit({ name: 'other', incarnation: 1 }, other.transport.address);
  other.transport.admit({ name: 'starter', incarnation: 1 }, starter.transport.address);
  starter.transport.send({ name: 'other', incarnation: 1 }, 'normal', { channel: CHANNEL, value: 1 });
  await until(() => received.length === 1);
  for (const { transport } of [starter, other]) expect(transport.statistics()[0]?.notSharedBecause).toMatch(/another machine, or in another network namespace/);
  expect(held().mappings).toBe(0);
});
