/** Nodes of a simulated world: their clocks, and what becomes of them when they are paused, slow, crashed or started again. */
import { expect, test } from 'vitest';
import type { ProgramSurroundings } from '../../../../dist/ts-src/testing/simulation/program.js';
import { codeOf } from '../../../start-nexus.js';
import { numbersAt, openProgram, openWorld, sendNumbers } from './worlds.js';

test('a clock that drifts is fast or slow by that share, and its timers with it, also those that are set already', async () => {
  const open = await openWorld(2);
  const [fast, slow] = [open.at(1).clock, open.at(2).clock];
  const fired: string[] = [];
  const [fastFrom, slowFrom] = [fast.nowMs(), slow.nowMs()];
  fast.after(10_000, () => fired.push(`fast ${Math.round(open.world.nowMs)} ${Math.round((fast.nowMs() - fastFrom) * 100) / 100}`));
  slow.after(10_000, () => fired.push(`slow ${Math.round(open.world.nowMs)} ${Math.round((slow.nowMs() - slowFrom) * 100) / 100}`));
  await open.world.advance(5000);
  open.nodes[0]?.drift(0.1);
  open.nodes[1]?.drift(-0.1);
  await open.world.advance(10_000);
  // 5,000 ms are left: 5,000 / 1.1 and 5,000 / 0.9.
  expect(fired).toEqual(['fast 9545 10000', 'slow 10556 10000']);
  expect(Math.round(fast.nowMs() - fastFrom)).toBe(16_000);
  expect(Math.round(slow.nowMs() - slowFrom)).toBe(14_000);
});

test('the time of a process never goes back, and a timer is never early by it, whatever its clock does', async () => {
  const open = await openWorld(1, 4);
  const { clock } = open.at(1);
  const random = open.world.randomOf('test');
  let last = clock.nowMs();
  let fired = 0;
  for (let round = 0; round < 300; round++) {
    const due = clock.nowMs() + random.next() * 100;
    clock.after(due - clock.nowMs(), () => {
      fired++;
      expect(clock.nowMs()).toBeGreaterThanOrEqual(due - 1e-6);
    });
    open.nodes[0]?.drift(random.next() * 0.4 - 0.2);
    open.nodes[0]?.jump(Math.round((random.next() - 0.5) * 1e7));
    await open.world.advance(random.next() * 50);
    expect(clock.nowMs()).toBeGreaterThanOrEqual(last);
    last = clock.nowMs();
  }
  await open.world.advance(200);
  expect(fired).toBe(300);
});

test('a jump changes the wall clock, and nothing else', async () => {
  const open = await openWorld(1);
  const { clock } = open.at(1);
  const [nowMs, epochMs] = [clock.nowMs(), clock.epochMs()];
  const fired: number[] = [];
  clock.after(1000, () => fired.push(open.world.nowMs));
  open.nodes[0]?.jump(-3_600_000);
  await open.world.advance(2000);
  expect([clock.nowMs() - nowMs, clock.epochMs() - epochMs, fired]).toEqual([2000, 2000 - 3_600_000, [1000]]);
});

test('wall clocks of nodes differ, and the times of their processes have nothing to do with each other', async () => {
  const open = await openWorld(3);
  const shown = [1, 2, 3].map((number) => open.at(number).clock);
  expect(new Set(shown.map((clock) => clock.epochMs())).size).toBe(3);
  expect(new Set(shown.map((clock) => clock.nowMs())).size).toBe(3);
  for (const clock of shown) expect(Math.abs(clock.epochMs() - 1_767_225_600_000)).toBeLessThanOrEqual(500);
  await open.world.advance(60_000);
  open.nodes[0]?.restart();
  await open.world.run();
  expect(open.at(1).clock.nowMs()).toBeLessThan(1001);
  expect(open.at(1).clock.epochMs()).toBeGreaterThan(1_767_225_600_000 + 59_000);
});

test('a node that stands still gets neither timers nor messages; when it goes on, its clock has, and both come late', async () => {
  const open = await openWorld(2);
  const arrivals = await numbersAt(open, 2);
  const { clock } = open.at(2);
  const fired: number[] = [];
  clock.after(1000, () => fired.push(clock.nowMs()));
  const from = clock.nowMs();
  open.nodes[1]?.pause();
  await sendNumbers(open, 1, 'n2', 3);
  await open.world.advance(60_000);
  expect([fired, arrivals]).toEqual([[], []]);
  open.nodes[1]?.resume();
  await open.world.run();
  expect(arrivals.map(({ number }) => number)).toEqual([0, 1, 2]);
  expect(fired).toHaveLength(1);
  expect(Math.round((fired[0] as number) - from)).toBe(60_030);
});

test('a slow node does everything late, in the same order', async () => {
  const open = await openWorld(2);
  const arrivals = await numbersAt(open, 2);
  open.nodes[1]?.slow({ type: 'uniform', fromMs: 100, toMs: 400 });
  await sendNumbers(open, 1, 'n2', 100);
  open.nodes[1]?.slow(0);
  await sendNumbers(open, 1, 'n2', 1);
  await open.world.advance(1000);
  expect(arrivals.map(({ number }) => number)).toEqual([...Array.from({ length: 100 }, (_, index) => index), 0]);
  const delays = arrivals.slice(0, 100).map(({ atMs, number }) => atMs - number * 10);
  expect(Math.min(...delays)).toBeGreaterThan(100);
  expect(Math.max(...delays)).toBeLessThan(403);
  await sendNumbers(open, 1, 'n2', 1);
  await open.world.advance(10);
  expect(open.world.nowMs - (arrivals.at(-1)?.atMs ?? 0)).toBeLessThan(20);
});

test('nothing of a process that has crashed does anything, and the next one is another', async () => {
  const events: string[] = [];
  const program = openProgram((surroundings: ProgramSurroundings) => {
    const name = `${surroundings.name}#${surroundings.restarts}`;
    const tick = (): void => {
      events.push(name);
      surroundings.clock.after(100, tick);
    };
    tick();
  });
  const open = await openWorld(2, 1, program);
  const arrivals = await numbersAt(open, 1);
  await open.world.advance(250);
  expect(events.filter((name) => name === 'n1#0')).toHaveLength(3);
  const draws = [open.at(1).random(), open.at(2).random()];
  open.nodes[0]?.crash();
  await open.world.advance(1000);
  expect(open.nodes[0]?.status).toBe('down');
  expect(events.filter((name) => name === 'n1#0')).toHaveLength(3);
  open.nodes[0]?.start();
  await open.world.advance(250);
  expect(events.filter((name) => name === 'n1#1')).toHaveLength(3);
  await sendNumbers(open, 2, 'n1', 1);
  expect(arrivals).toEqual([]);
  expect(new Set([...draws, open.at(1).random()]).size).toBe(3);
});

test('a disk outlives a process, but what was not synced, unless the node loses it', async () => {
  const open = await openWorld(1);
  const { disk } = open.at(1);
  disk.write('synced', 0, Uint8Array.of(1));
  void disk.sync('synced').then(() => disk.syncDirectory());
  await open.world.advance(10);
  disk.write('unsynced', 0, Uint8Array.of(2));
  open.nodes[0]?.restart();
  await open.world.run();
  expect(open.at(1).disk.list()).toEqual(['synced']);
  open.nodes[0]?.restart({ disk: 'lost' });
  await open.world.run();
  expect(open.at(1).disk.list()).toEqual([]);
});

test('the state of a node is written in the time of the world, and read by the next process', async () => {
  const read: (string | undefined)[] = [];
  const program = openProgram(async ({ state }) => {
    const bytes = await state.load();
    read.push(bytes === undefined ? undefined : Buffer.from(bytes).toString());
  }, false);
  const open = await openWorld(1, 1, program);
  let isSaved = false;
  void open
    .at(1)
    .state.save(Buffer.from('kept'))
    .then(() => {
      isSaved = true;
    });
  await open.world.run();
  expect(isSaved).toBe(false);
  await open.world.advance(10);
  expect(isSaved).toBe(true);
  open.nodes[0]?.restart();
  await open.world.advance(10);
  expect(read).toEqual([undefined, 'kept']);
});

test('a program that is stopped ends as it should, and one that exits is down with its code', async () => {
  const ended: string[] = [];
  const open = await openWorld(1, 1, {
    async start(surroundings) {
      return { surroundings, stop: () => new Promise<void>((resolve) => surroundings.clock.after(500, () => resolve(void ended.push('stopped')))) };
    },
  });
  const stopping = open.nodes[0]?.stop();
  await open.world.advance(100);
  expect([open.nodes[0]?.status, ended]).toEqual(['stopping', []]);
  await open.world.advance(500);
  await stopping;
  expect([open.nodes[0]?.status, open.nodes[0]?.exitCode, ended]).toEqual(['down', 0, ['stopped']]);
  open.nodes[0]?.start();
  await open.world.run();
  open.at(1).clock.after(10, () => open.at(1).exit(3));
  await open.world.advance(20);
  expect([open.nodes[0]?.status, open.nodes[0]?.exitCode]).toEqual(['down', 3]);
});

test('a node that is down cannot be paused, and one that runs cannot be started', async () => {
  const open = await openWorld(1);
  expect(await codeOf(() => open.nodes[0]?.start())).toBe('NEXUS_NODE_STATE');
  open.nodes[0]?.crash();
  for (const call of ['pause', 'resume', 'crash'] as const) expect(await codeOf(() => open.nodes[0]?.[call]())).toBe('NEXUS_NODE_STATE');
  expect(await codeOf(() => open.nodes[0]?.drift(2))).toBe('NEXUS_OPTION_INVALID');
  expect(await codeOf(() => open.nodes[0]?.slow(-1))).toBe('NEXUS_OPTION_INVALID');
  expect(await codeOf(() => open.world.network.set(1, 1, { loss: 2 }))).toBe('NEXUS_OPTION_INVALID');
  expect(await codeOf(() => open.world.node('n7'))).toBe('NEXUS_NODE_UNKNOWN');
});
