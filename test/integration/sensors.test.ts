/** Sensors on workers, over a real file, a real server and the real process. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Nexus, Signal } from 'nexus-agents';
import type { ProcessUsage } from 'nexus-agents/sensors';
import { expect, onTestFinished, test } from 'vitest';
import { Beat, Broken, File, Page, Pushing, Usage, Watcher } from '../fixtures/sensors.mjs';
import { fixture, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const start = async (pattern: string, logger = recorder()): Promise<{ nexus: Nexus; seen: Signal[] }> => {
  const nexus = await startNexus({ agents: [fixture('sensors.mjs')], threads: 1, logger });
  const seen: Signal[] = [];
  nexus.subscribe(pattern, (signal) => void seen.push(signal));
  await nexus.subscribed();
  return { nexus, seen };
};
const topics = (seen: readonly Signal[]): string[] => seen.map(({ topic }) => topic);

test('a sensor that throws for ever is stopped by its intensity, and its end is seen by who watches and in the log', async () => {
  const logger = recorder();
  const { nexus } = await start('>', logger);
  const failures: unknown[] = [];
  nexus.on('agentFailed', ({ id, error }) => void failures.push([id, (error as Error).message]));
  const watcher = await nexus.spawn(Watcher, { thread: 0 });
  const sensor = await nexus.spawn(Broken, { id: 'b1' });
  await watcher.ask('watch', sensor as never);
  await until(async () => ((await watcher.ask('ended')) as unknown[]).length === 1);
  expect(await watcher.ask('ended')).toEqual([['b1', 'failed', 'no such device']]);
  // Five restarts, although its period is an hour: each begins with a look.
  expect(failures).toEqual(Array(6).fill(['b1', 'no such device']));
  expect(logger.lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
    'agent failed more often than its restart intensity allows: it ends',
  ]);
  expect(nexus.find('b1')).toBeUndefined();
});

test('a source that fails again and again stops its sensor too, and is closed every time', async () => {
  const { nexus, seen } = await start('pushing.>');
  await nexus.spawn(Pushing, { id: 'p1' });
  await until(() => nexus.find('p1') === undefined && seen.length === 6);
  expect(topics(seen)).toEqual(Array(6).fill('pushing.opened'));
  const witness = await nexus.spawn(Watcher, { thread: 1 });
  expect(await witness.ask('closed')).toBe(6);
});

test('interval', async () => {
  const { nexus, seen } = await start('beats');
  const sensor = await nexus.spawn(Beat);
  await until(() => seen.length >= 3);
  expect(seen.slice(0, 3).map(({ data }) => data)).toEqual([{ count: 1 }, { count: 2 }, { count: 3 }]);
  expect(seen[0]?.source?.id).toBe(sensor.id);
  await sensor.stop();
  const count = seen.length;
  await nexus.subscribed();
  expect(seen.length).toBe(count);
});

test('a file that is made, written, replaced by a rename and removed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-sensors-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'watched');
  const { nexus, seen } = await start('files.watched.*');
  const sensor = await nexus.spawn(File, { init: { path } });
  await sensor.ask('look');
  writeFileSync(path, 'a');
  await until(() => seen.length === 1);
  writeFileSync(path, 'ab');
  // One write may be seen as two, of which the second is the whole.
  await until(() => (seen.at(-1)?.data as { bytes: number }).bytes === 2);
  const written = seen.length;
  writeFileSync(`${path}.new`, 'ab');
  renameSync(`${path}.new`, path);
  await until(() => seen.length > written);
  rmSync(path);
  await until(() => seen.at(-1)?.topic === 'files.watched.removed');
  expect([...new Set(topics(seen))]).toEqual(['files.watched.created', 'files.watched.changed', 'files.watched.removed']);
  expect(seen[0]?.data).toMatchObject({ path });
});

test('a page that changes, is too large, goes away and comes back', async () => {
  let body = '{"a":1}';
  const conditions: (string | undefined)[] = [];
  const serve = (port: number): Promise<ReturnType<typeof createServer>> =>
    new Promise((resolve) => {
      const server = createServer((request, response) => {
        const etag = `"${body.length}"`;
        conditions.push(request.headers['if-none-match']);
        if (request.headers['if-none-match'] === etag) response.writeHead(304, { etag, connection: 'close' }).end();
        else response.writeHead(200, { etag, 'content-type': 'application/json', connection: 'close' }).end(body);
      });
      server.listen(port, '127.0.0.1', () => resolve(server));
    });
  let server = await serve(0);
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/`;
  const { nexus, seen } = await start('pages.watched.*');
  await nexus.spawn(Page, { init: { url } });
  await until(() => seen.length === 1 && conditions.length >= 2);
  expect(seen[0]).toMatchObject({ topic: 'pages.watched.changed', data: { url, status: 200, contentType: 'application/json', body: '{"a":1}' } });
  expect(conditions.slice(0, 2)).toEqual([undefined, '"7"']);
  body = 'x'.repeat(1001);
  await until(() => seen.length === 2);
  expect(seen[1]).toMatchObject({ topic: 'pages.watched.failed', data: { url, message: 'the body is larger than 1000 bytes' } });
  body = '{"a":22}';
  await until(() => seen.length === 4);
  await new Promise((resolve) => server.close(resolve));
  await until(() => seen.length === 5);
  server = await serve(port);
  await until(() => seen.length === 6);
  expect(topics(seen).map((topic) => topic.split('.').at(-1))).toEqual(['changed', 'failed', 'recovered', 'changed', 'failed', 'recovered']);
});

test('the process it runs in', async () => {
  const { nexus, seen } = await start('process.usage');
  await nexus.spawn(Usage);
  await until(() => seen.length >= 2);
  const usage = seen[1]?.data as ProcessUsage;
  expect(usage.periodMs).toBeGreaterThan(25);
  expect(usage.cpu.user + usage.cpu.system).toBeGreaterThan(0);
  expect(usage.memory.residentBytes).toBeGreaterThan(10_000_000);
  expect(usage.memory.heapUsedBytes).toBeGreaterThan(1_000_000);
  expect(usage.eventLoop.utilization).toBeGreaterThanOrEqual(0);
  expect(usage.eventLoop.utilization).toBeLessThanOrEqual(1);
  expect(usage.eventLoop.delayMaxMs).toBeGreaterThan(0);
});
