/** Connections of a simulated network when it goes wrong: what stays true of them, and how they end. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LinkConditions } from '../../../../dist/ts-src/testing/simulation/link.js';
import type { CloseReason, WireConnection } from '../../../../dist/ts-src/ports/wire.js';
import { numbered, openWorld, type OpenWorld } from './worlds.js';

interface Side {
  connection: WireConnection;
  readonly heard: number[];
  readonly endings: CloseReason[];
}

async function connected(open: OpenWorld, from = 1, to = 2): Promise<{ readonly dialed: Side; readonly accepted: Side }> {
  const sides: Side[] = [];
  const side = (connection: WireConnection): void => {
    const made: Side = { connection, heard: [], endings: [] };
    connection.listen({
      received: (bytes) => made.heard.push(Buffer.from(bytes).readUInt32LE(0)),
      drained: () => undefined,
      closed: (reason) => made.endings.push(reason),
    });
    sides.push(made);
  };
  const listener = await open.at(to).wire.listen({ host: `n${to}`, port: 0 }, side);
  open.at(from).wire.dial(listener.address, 60_000, { opened: side, failed: (error) => expect.unreachable(error.message) });
  await open.world.until(() => sides.length === 2, 60_000);
  // The accepting side is there first.
  return { accepted: sides[0] as Side, dialed: sides[1] as Side };
}

const conditions = fc.record({
  loss: fc.double({ min: 0, max: 0.3, noNaN: true }),
  duplication: fc.double({ min: 0, max: 0.5, noNaN: true }),
  reordering: fc.double({ min: 0, max: 0.5, noNaN: true }),
  isCut: fc.boolean(),
  isClogged: fc.boolean(),
  latency: fc.constantFrom<LinkConditions['latency']>(1, { type: 'exponential', meanMs: 20 }, { type: 'pareto', minMs: 1, alpha: 1, maxMs: 5000 }),
  bytesPerSecond: fc.constantFrom(undefined, 10_000),
});

test('ordered frames arrive in order and at most once, whatever goes wrong; all of them, while the connection lives', async () => {
  const step = fc.record({ frames: fc.nat(20), advanceMs: fc.nat(10_000), there: conditions, back: conditions, pauses: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.nat(1_000_000), fc.array(step, { maxLength: 12 }), async (seed, steps) => {
      const open = await openWorld(2, seed);
      const { dialed, accepted } = await connected(open);
      const node = open.nodes[1];
      let sent = 0;
      for (const { frames, advanceMs, there, back, pauses } of steps) {
        open.world.network.set(1, 2, there);
        open.world.network.set(2, 1, back);
        if (pauses) node?.pause();
        else node?.resume();
        for (let frame = 0; frame < frames; frame++) dialed.connection.send(numbered(sent++, 4 + frame * 1000), 'ordered');
        await open.world.advance(advanceMs);
      }
      open.world.network.heal();
      node?.resume();
      await open.world.advance(300_000);
      expect(accepted.heard).toEqual(accepted.heard.map((_, index) => index));
      if (dialed.endings.length === 0) expect(accepted.heard).toHaveLength(sent);
      expect([dialed.endings.length, accepted.endings.length].every((count) => count <= 1)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('datagrams of a connection are lost and doubled, and never overtake an ordered frame that was sent before', async () => {
  const open = await openWorld(2);
  const { dialed, accepted } = await connected(open);
  open.world.network.set(1, 2, { loss: 0.3, duplication: 0.5, reordering: 0.3, reorderingMs: 30 });
  for (let number = 0; number < 2000; number++) {
    if (number % 100 === 0) dialed.connection.send(numbered(number), 'ordered');
    else dialed.connection.send(numbered(number), 'datagram');
    await open.world.advance(20);
  }
  await open.world.advance(10_000);
  const { heard } = accepted;
  const ordered = heard.filter((number) => number % 100 === 0);
  expect(ordered).toEqual(Array.from({ length: 20 }, (_, index) => index * 100));
  const datagrams = heard.filter((number) => number % 100 !== 0);
  const different = new Set(datagrams).size;
  expect(different / 1980).toBeGreaterThan(0.5);
  expect(different / 1980).toBeLessThan(0.75);
  expect(datagrams.length / different).toBeGreaterThan(1.35);
  expect(datagrams.some((number, index) => number < (datagrams[index - 1] ?? 0))).toBe(true);
  for (const [index, number] of heard.entries())
    expect(Math.floor(number / 100) * 100, `datagram ${number}`).toBeLessThanOrEqual(Math.max(...heard.slice(0, index + 1).filter((each) => each % 100 === 0)));
});

test('what is lost is sent again, and late', async () => {
  const open = await openWorld(2, 3);
  const { dialed, accepted } = await connected(open);
  open.world.network.set(1, 2, { loss: 0.9, latency: 1 });
  dialed.connection.send(numbered(0), 'ordered');
  await open.world.advance(100);
  expect(accepted.heard).toEqual([]);
  await open.world.advance(10_000);
  expect(accepted.heard).toEqual([0]);
});

test('a cut that heals in time delays a connection; one that lasts ends the side that sends, and the other one hears nothing of it', async () => {
  const open = await openWorld(2);
  const { dialed, accepted } = await connected(open);
  open.world.network.partition([[1], [2]]);
  dialed.connection.send(numbered(0), 'ordered');
  await open.world.advance(10_000);
  open.world.network.heal();
  await open.world.advance(5000);
  expect([accepted.heard, dialed.endings]).toEqual([[0], []]);
  open.world.network.partition([[1], [2]]);
  dialed.connection.send(numbered(1), 'ordered');
  await open.world.advance(30_000);
  expect(dialed.endings).toMatchObject([{ type: 'failed', error: { message: 'the connection to n2:49152 timed out' } }]);
  open.world.network.heal();
  await open.world.advance(60_000);
  expect(accepted.endings).toEqual([]);
  // Half open: it learns it when it says something.
  accepted.connection.send(numbered(2), 'ordered');
  await open.world.advance(10);
  expect(accepted.endings).toMatchObject([{ type: 'failed', error: { message: expect.stringContaining('reset') } }]);
});

test('a cut one way ends a connection that sends the other way too: nobody confirms what arrives', async () => {
  const open = await openWorld(2);
  const { dialed, accepted } = await connected(open);
  open.world.network.set(2, 1, { isCut: true });
  dialed.connection.send(numbered(0), 'ordered');
  await open.world.advance(10);
  expect(accepted.heard).toEqual([0]);
  await open.world.advance(30_000);
  expect(dialed.endings).toMatchObject([{ type: 'failed' }]);
});

test('a crash resets the connections of a process at its peers, or they hear nothing until the machine is there again', async () => {
  const open = await openWorld(3);
  const [reset, silent] = [await connected(open, 1, 2), await connected(open, 1, 3)];
  open.nodes[1]?.crash({ isSilent: false });
  open.nodes[2]?.crash({ isSilent: true });
  await open.world.advance(5000);
  expect([reset.dialed.endings.length, silent.dialed.endings.length]).toEqual([1, 0]);
  silent.dialed.connection.send(numbered(0), 'ordered');
  await open.world.advance(1000);
  expect(silent.dialed.endings).toEqual([]);
  open.nodes[2]?.start();
  await open.world.advance(5000);
  expect(silent.dialed.endings).toMatchObject([{ type: 'failed', error: { message: expect.stringContaining('reset') } }]);
  expect([reset.accepted.endings, silent.accepted.endings]).toEqual([[], []]);
});

test('a dial is answered, refused, or runs into its timeout', async () => {
  const open = await openWorld(4);
  await open.at(2).wire.listen({ host: 'n2', port: 7400 }, (connection) => connection.listen({ received() {}, drained() {}, closed() {} }));
  await open.at(4).wire.listen({ host: '0.0.0.0', port: 7400 }, (connection) => connection.listen({ received() {}, drained() {}, closed() {} }));
  open.world.network.partition([[1], [4]]);
  open.nodes[2]?.crash({ isSilent: true });
  const outcomes: string[] = [];
  for (const [host, port] of [
    ['n2', 7400],
    ['n2', 7401],
    ['n3', 7400],
    ['n4', 7400],
    ['n9', 7400],
  ] as const)
    open.at(1).wire.dial({ host, port }, 3000, {
      opened: () => outcomes.push(`${host}:${port} opened`),
      failed: (_error, isRefused) => outcomes.push(`${host}:${port} ${isRefused ? 'refused' : 'silent'} at ${Math.round(open.world.nowMs / 1000)} s`),
    });
  await open.world.advance(5000);
  expect(outcomes.sort()).toEqual(['n2:7400 opened', 'n2:7401 refused at 0 s', 'n3:7400 silent at 3 s', 'n4:7400 silent at 3 s', 'n9:7400 silent at 0 s']);
});

test('a dial gets through when the cut heals before its timeout', async () => {
  const open = await openWorld(2);
  await open.at(2).wire.listen({ host: 'n2', port: 7400 }, (connection) => connection.listen({ received() {}, drained() {}, closed() {} }));
  open.world.network.partition([[1], [2]]);
  const outcomes: string[] = [];
  open.at(1).wire.dial({ host: 'n2', port: 7400 }, 30_000, { opened: () => outcomes.push('opened'), failed: () => outcomes.push('failed') });
  await open.world.advance(2000);
  open.world.network.heal();
  await open.world.advance(2000);
  expect(outcomes).toEqual(['opened']);
});
