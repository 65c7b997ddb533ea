/** Each switch of the simulated network does to datagrams what it says. Statistics with fixed seeds: nothing here depends on time. */
import { expect, test } from 'vitest';
import { numbered, numbersAt, openProgram, openWorld, sendNumbers } from './worlds.js';

const COUNT = 4000;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test('a good link delivers everything once, within its latency', async () => {
  const open = await openWorld(2);
  open.world.network.set(1, 2, { latency: { type: 'uniform', fromMs: 3, toMs: 8 } });
  const arrivals = await numbersAt(open, 2);
  await sendNumbers(open, 1, 'n2', 500);
  expect(arrivals.map(({ number }) => number)).toEqual(numbers(500));
  const delays = arrivals.map(({ atMs, number }) => atMs - number * 10);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(3);
  expect(Math.max(...delays)).toBeLessThanOrEqual(8.001);
  expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(4.5);
});

test('loss, duplication and corruption befall the share of the messages that they should', async () => {
  const open = await openWorld(2);
  open.world.network.set(1, 2, { loss: 0.3, duplication: 0.5, corruption: 0.1 });
  const arrivals = await numbersAt(open, 2);
  await sendNumbers(open, 1, 'n2', COUNT);
  const marks = (mark: string): number => open.trace.entries.filter((entry) => entry.mark === mark).length;
  expect(marks('lose') / COUNT).toBeCloseTo(0.3, 1);
  // Of those that are not lost.
  expect(marks('duplicate') / (COUNT * 0.7)).toBeCloseTo(0.5, 1);
  expect(marks('corrupt') / (COUNT * 0.7)).toBeCloseTo(0.1, 1);
  expect(arrivals).toHaveLength(COUNT - marks('lose') + marks('duplicate'));
  const wrong = arrivals.filter(({ number, atMs }) => number < 0 || number > COUNT || Math.abs(atMs - number * 10) > 2).length;
  expect(wrong / marks('corrupt')).toBeGreaterThan(0.9);
  expect(wrong).toBeLessThanOrEqual(marks('corrupt'));
});

test('reordering lets later datagrams overtake, and without it none does on a link of one latency', async () => {
  const overtaken = async (reordering: number): Promise<number> => {
    const open = await openWorld(2);
    open.world.network.set(1, 2, { latency: 1, reordering, reorderingMs: 100 });
    const arrivals = await numbersAt(open, 2);
    await sendNumbers(open, 1, 'n2', 1000);
    await open.world.advance(200);
    expect(arrivals.map(({ number }) => number).sort((a, b) => a - b)).toEqual(numbers(1000));
    return arrivals.filter(({ number }, index) => number < Math.max(0, ...arrivals.slice(Math.max(0, index - 20), index).map((each) => each.number))).length;
  };
  expect(await overtaken(0)).toBe(0);
  const count = await overtaken(0.2);
  expect(count).toBeGreaterThan(100);
  expect(count).toBeLessThan(250);
});

test('a cut is one-way: what goes the other way arrives, and what is on its way does not', async () => {
  const open = await openWorld(2);
  open.world.network.setAll({ latency: 50 });
  const [there, back] = [await numbersAt(open, 2), await numbersAt(open, 1)];
  const socket = await open.at(1).openDatagrams(0, { received: () => undefined, refused: () => undefined });
  socket.send({ host: 'n2', port: 7400 }, numbered(1));
  await open.world.advance(20);
  open.world.network.partition([[1], [2]], true);
  socket.send({ host: 'n2', port: 7400 }, numbered(2));
  await sendNumbers(open, 2, 'n1', 3);
  await open.world.advance(100);
  expect([there.length, back.length]).toEqual([0, 3]);
  open.world.network.heal();
  socket.send({ host: 'n2', port: 7400 }, numbered(3));
  await open.world.advance(51);
  expect(there.map(({ number }) => number)).toEqual([3]);
});

test('partitions are symmetric, by groups, or not transitive, and heal', async () => {
  const open = await openWorld(3);
  const reached = async (): Promise<string> => {
    const heard: string[] = [];
    for (const to of [1, 2, 3]) {
      const sockets = await open.at(to).openDatagrams(0, { received: (from) => heard.push(`${from.host.slice(1)}${to}`), refused: () => undefined });
      for (const from of [1, 2, 3]) {
        if (from === to) continue;
        const socket = await open.at(from).openDatagrams(0, { received: () => undefined, refused: () => undefined });
        socket.send(sockets.address, numbered(0));
      }
    }
    await open.world.advance(10);
    return heard.sort().join(' ');
  };
  const { network } = open.world;
  expect(await reached()).toBe('12 13 21 23 31 32');
  network.partition([[1, 2], [3]]);
  expect(await reached()).toBe('12 21');
  network.heal();
  network.partition([[1], [2]]);
  expect(await reached()).toBe('13 23 31 32');
  network.heal();
  expect(await reached()).toBe('12 13 21 23 31 32');
});

test('a clogged link holds everything back, and lets it go at once', async () => {
  const open = await openWorld(2);
  open.world.network.set(1, 2, { isClogged: true });
  const arrivals = await numbersAt(open, 2);
  await sendNumbers(open, 1, 'n2', 20, 100);
  expect(arrivals).toEqual([]);
  open.world.network.set(1, 2, { isClogged: false });
  await open.world.run();
  expect(arrivals.map(({ number }) => number)).toEqual(numbers(20));
  expect(new Set(arrivals.map(({ atMs }) => atMs))).toEqual(new Set([open.world.nowMs]));
});

test('a link with a bandwidth lets no more through than that', async () => {
  const open = await openWorld(2);
  open.world.network.set(1, 2, { latency: 1, bytesPerSecond: 10_000 });
  const arrivals = await numbersAt(open, 2);
  const socket = await open.at(1).openDatagrams(0, { received: () => undefined, refused: () => undefined });
  for (let number = 0; number < 10; number++) socket.send({ host: 'n2', port: 7400 }, numbered(number, 1000));
  await open.world.advance(500.9);
  expect(arrivals).toHaveLength(4);
  await open.world.advance(1000);
  expect(arrivals.map(({ atMs, number }) => Math.round(atMs - number * 100))).toEqual(new Array(10).fill(101));
});

test('where nobody listens the sender is told; where nobody is, or the machine is off, it hears nothing', async () => {
  const open = await openWorld(3);
  const refused: string[] = [];
  const socket = await open.at(1).openDatagrams(0, { received: () => undefined, refused: ({ host, port }) => refused.push(`${host}:${port}`) });
  open.nodes[2]?.crash({ isSilent: true });
  for (const host of ['n2', 'n3', 'n9']) socket.send({ host, port: 7400 }, numbered(1));
  await open.world.advance(1000);
  expect(refused).toEqual(['n2:7400']);
  open.nodes[1]?.crash({ isSilent: false });
  socket.send({ host: 'n2', port: 7401 }, numbered(1));
  await open.world.advance(1000);
  expect(refused).toEqual(['n2:7400', 'n2:7401']);
});

test('a draw depends on its own message only: a fault that is taken away leaves the others as they were', async () => {
  const lost = async (duplication: number): Promise<string> => {
    const open = await openWorld(2, 5);
    open.world.network.set(1, 2, { loss: 0.2, duplication, reordering: duplication });
    const arrivals = await numbersAt(open, 2);
    await sendNumbers(open, 1, 'n2', 300);
    await open.world.advance(1000);
    return [...new Set(arrivals.map(({ number }) => number))].sort((a, b) => a - b).join(' ');
  };
  expect(await lost(0)).toBe(await lost(0.5));
});

test('who keeps the bytes it was given finds them spoilt', async () => {
  const open = await openWorld(2);
  const kept: Uint8Array[] = [];
  await open.at(2).openDatagrams(7400, { received: (_from, bytes) => kept.push(bytes), refused: () => undefined });
  await sendNumbers(open, 1, 'n2', 1);
  expect(kept).toEqual([Uint8Array.of(0xdb, 0xdb, 0xdb, 0xdb)]);
});

test('a datagram that is too large is refused, and one that is changed after it was sent is not', async () => {
  const open = await openWorld(2);
  const arrivals = await numbersAt(open, 2);
  const socket = await open.at(1).openDatagrams(0, { received: () => undefined, refused: () => undefined });
  expect(() => socket.send({ host: 'n2', port: 7400 }, new Uint8Array(1_048_577))).toThrow(RangeError);
  const bytes = numbered(7);
  socket.send({ host: 'n2', port: 7400 }, bytes);
  bytes.fill(0);
  await open.world.advance(10);
  expect(arrivals.map(({ number }) => number)).toEqual([7]);
});

test('a process that stands still is sent no more than its sockets hold', async () => {
  const open = await openWorld(2, 1, openProgram());
  const arrivals = await numbersAt(open, 2);
  open.nodes[1]?.pause();
  const socket = await open.at(1).openDatagrams(0, { received: () => undefined, refused: () => undefined });
  for (let number = 0; number < 400; number++) socket.send({ host: 'n2', port: 7400 }, numbered(number, 1024));
  await open.world.advance(1000);
  expect(arrivals).toEqual([]);
  open.nodes[1]?.resume();
  await open.world.run();
  expect(arrivals).toHaveLength(256);
});
