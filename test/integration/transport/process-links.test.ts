/** Links between processes by themselves, both ends in this process: what is read when one side finishes, gives up or sends more than there is room for. */
import { expect, onTestFinished, test } from 'vitest';
import { openProcessLinks } from '../../../dist/bindings/process-links.js';
import type { ProcessLink, ProcessLinkEvents, ProcessLinks } from '../../../dist/ts-src/ports/process-links.js';
import { until } from '../../until.js';
import { unavailableBecause } from './same-host-peers.js';

const onSharedMemory = test.skipIf(unavailableBecause !== undefined);
let names = 0;

interface End {
  readonly link: ProcessLink;
  readonly happened: string[];
}

/** The side that has made the memory, and the one that has taken it. */
async function linked(): Promise<[End, End]> {
  const [here, there] = [0, 1].map(() => {
    const links = openProcessLinks(20).links as ProcessLinks;
    onTestFinished(() => links.close());
    return links;
  }) as [ProcessLinks, ProcessLinks];
  const name = Buffer.from(`nexus-links-test-${process.pid}-${names++}`);
  const eventsOf = (happened: string[], message: ProcessLinkEvents['message']): ProcessLinkEvents => ({
    message,
    frame: (lane, bytes) => happened.push(`frame ${lane} ${bytes.length < 100 ? Buffer.from(bytes).toString() : bytes.length}`),
    room: (lanes) => happened.push(`room ${lanes}`),
    laneEnded: (lane) => happened.push(`ended ${lane}`),
    closed: (error) => happened.push(`closed ${error?.message ?? ''}`),
  });
  const ends: End[] = [];
  expect(
    here.listen(name, (link) => {
      ends[0] = { link, happened: [] };
      link.listen(eventsOf(ends[0].happened, () => expect(link.offer(Buffer.from('here'))).toBeUndefined()));
    }),
  ).toBeUndefined();
  const link = there.connect(name) as ProcessLink;
  let isAccepted = false;
  const happened: string[] = [];
  link.listen(
    eventsOf(happened, (_bytes, hasMemory) => {
      expect([hasMemory, link.accept()]).toEqual([true, undefined]);
      isAccepted = true;
    }),
  );
  ends[1] = { link, happened };
  expect(link.send(Buffer.from('hello'))).toBeUndefined();
  await until(() => isAccepted);
  return ends as [End, End];
}

onSharedMemory('what was sent on lanes that were finished is read, and then the end', async () => {
  for (const first of [0, 1]) {
    const ends = await linked();
    const [from, to] = [ends[first] as End, ends[1 - first] as End];
    for (const lane of [2, 0, 1]) expect(from.link.write(lane, Buffer.from(`on ${lane}`), false)).toBe('written');
    for (const lane of [0, 1, 2]) from.link.finishLane(lane);
    from.link.end();
    expect(from.link.write(1, Buffer.from('too late'), false)).toBe('closed');
    await until(() => to.happened.at(-1)?.startsWith('closed') === true);
    expect(to.happened).toEqual(['frame 0 on 0', 'frame 1 on 1', 'frame 2 on 2', 'ended 0', 'ended 1', 'ended 2', 'closed ']);
    expect(from.happened).toEqual([]);
  }
});

onSharedMemory('of a link that was given up nothing is read any more: what is sent by another way afterwards is not followed by it', async () => {
  for (const first of [0, 1]) {
    const ends = await linked();
    const [from, to] = [ends[first] as End, ends[1 - first] as End];
    for (let number = 0; number < 10; number++) expect(from.link.write(number % 3, Buffer.from(String(number)), false)).toBe('written');
    from.link.end();
    await until(() => to.happened.length > 0);
    expect(to.happened).toEqual(['closed the other process has given up the shared memory']);
  }
});

onSharedMemory('a ring that is full is told, and there is room again when the other side has read; nothing is refused or lost in between', async () => {
  const [from, to] = await linked();
  const frame = Buffer.alloc(60_000, 1);
  let written = 0;
  while (from.link.write(2, frame, false) === 'written') written++;
  expect(written).toBeGreaterThan(4);
  expect(written).toBeLessThan(10);
  // The other lanes have rings of their own.
  expect(from.link.write(0, Buffer.from('urgent'), false)).toBe('written');
  await until(() => from.happened.includes('room 4'));
  expect(from.link.write(2, frame, false)).toBe('written');
  await until(() => to.happened.length === written + 2);
  expect(to.happened).toEqual(['frame 0 urgent', ...Array.from({ length: written + 1 }, () => 'frame 2 60000')]);
});

onSharedMemory('frames of every size up to the largest come whole, around the end of the ring and again', async () => {
  const [from, to] = await linked();
  const sizes = [0, 1, 7, 8, 9, 65_535, 65_536, 40_001, 12];
  let sent = 0;
  for (let round = 0; round < 20; round++)
    for (const size of sizes) {
      await until(() => from.link.write(1, Buffer.alloc(size, 2), false) === 'written');
      sent++;
    }
  await until(() => to.happened.filter((each) => each.startsWith('frame')).length === sent);
  const expected = Array.from({ length: 20 }, () => sizes.map((size) => `frame 1 ${size < 100 ? Buffer.alloc(size, 2).toString() : size}`)).flat();
  expect(to.happened.filter((each) => each.startsWith('frame'))).toEqual(expected);
});

onSharedMemory('a name that somebody listens at cannot be taken, one that nobody does cannot be reached, and calls after the end do nothing', async () => {
  const { links } = openProcessLinks(0) as { links: ProcessLinks };
  const name = Buffer.from(`nexus-links-name-${process.pid}`);
  expect(links.listen(name, () => undefined)).toBeUndefined();
  expect(links.listen(name, () => undefined)?.message).toMatch(/EADDRINUSE/);
  expect((links.connect(Buffer.from(`${name.toString()}-nobody`)) as Error).message).toMatch(/ECONNREFUSED/);
  const link = links.connect(name) as ProcessLink;
  expect(link.accept()?.message).toMatch(/EBADF/);
  links.close();
  links.close();
  expect(links.listen(name, () => undefined)?.message).toMatch(/EBADF/);
  expect(link.send(Buffer.from('x'))?.message).toMatch(/EBADF/);
  expect(link.write(0, Buffer.from('x'), false)).toBe('closed');
  link.finishLane(0);
  link.end();
});
