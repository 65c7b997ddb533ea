/**
 * Shared memory with processes that are killed, stopped and hostile: the other side goes on, reads what had been published, and gives everything back. `SAME_HOST_KILLS` says how many are killed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openProcessLinks } from '../../../dist/bindings/process-links.js';
import { encodeAnswer, encodeHello } from '../../../dist/ts-src/cluster/same-host/link-handshake.js';
import type { ProcessLink, ProcessLinkEvents, ProcessLinks } from '../../../dist/ts-src/ports/process-links.js';
import { SeededRandom } from '../../../dist/ts-src/model/seeded-random.js';
import { until } from '../../until.js';
import { held, leftBehind, openStarter, type Peer, type Starter, startPeer, unavailableBecause } from './same-host-peers.js';

const onSharedMemory = test.skipIf(unavailableBecause !== undefined);
const KILLS = Number(process.env['SAME_HOST_KILLS'] ?? 6);
const LINKS_MODULE = new URL('../../../dist/bindings/process-links.js', import.meta.url).href;

/** What comes from floods: in order on each stream, or it is counted. */
function listenToFloods({ transport }: Starter): { received: number; disorder: number } {
  const seen = { received: 0, disorder: 0 };
  const next = new Map<string, number>();
  transport.listen(2, ({ from, value }) => {
    const [stream, number] = value as [number, number];
    const key = `${from.name} ${stream}`;
    if (number <= (next.get(key) ?? -1)) seen.disorder++;
    next.set(key, number);
    seen.received++;
  });
  return seen;
}

/** Sends for as long as it is not stopped, and says how long the event loop was away at most. */
function flood({ transport }: Starter, peer: Peer): { stop(): void; readonly loopMs: number; readonly outcomes: Map<string, number> } {
  const outcomes = new Map<string, number>();
  let isOver = false;
  let loopMs = 0;
  let last = performance.now();
  const numbers = [0, 0, 0];
  const round = (): void => {
    if (isOver) return;
    loopMs = Math.max(loopMs, performance.now() - last);
    for (let count = 0; count < 100; count++) {
      const stream = count % 3;
      const lane = (['control', 'normal', 'bulk'] as const)[stream] as 'control';
      const filling = 'x'.repeat(count === 50 ? 100_000 : count);
      const outcome = transport.send(peer.node, lane, { channel: 2, value: [stream, numbers[stream], filling], stream });
      if (outcome === 'accepted') numbers[stream] = (numbers[stream] as number) + 1;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    last = performance.now();
    setImmediate(round);
  };
  round();
  return {
    stop() {
      isOver = true;
    },
    get loopMs() {
      return loopMs;
    },
    outcomes,
  };
}

const isShared = ({ transport }: Starter, { node }: Peer): boolean =>
  transport.statistics().find((each) => each.node.name === node.name)?.sharedMemory === true;

onSharedMemory(
  'a peer that is killed at any moment under load blocks nobody, and leaves nothing behind',
  async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    const random = new SeededRandom(seed, 'kills');
    const starter = await openStarter();
    const seen = listenToFloods(starter);
    let before: ReturnType<typeof held> | undefined;
    for (let kill = 0; kill < KILLS; kill++) {
      const peer = await startPeer(starter, { name: `${kill % 2 === 0 ? 'peer' : 'zeta'}-${kill}`, does: ['flood'] });
      const load = flood(starter, peer);
      await until(() => isShared(starter, peer));
      const killAt = performance.now() + random.next() * 60;
      await until(() => performance.now() >= killAt);
      await peer.kill();
      const killedAt = performance.now();
      // The end of the process is noticed by the socket: not by waiting for an answer.
      await until(() => !isShared(starter, peer));
      expect(performance.now() - killedAt, `seed ${seed}, kill ${kill}`).toBeLessThan(2_000);
      load.stop();
      starter.transport.forget(peer.node);
      expect(load.loopMs, `the event loop was held up; seed ${seed}, kill ${kill}`).toBeLessThan(2_000);
      await until(() => held().mappings === 0);
      // The first one has also opened what stays open.
      if (before === undefined) before = held();
      await until(() => held().descriptors <= (before as ReturnType<typeof held>).descriptors);
    }
    expect(seen.received).toBeGreaterThan(KILLS * 100);
    expect(seen.disorder, `seed ${seed}`).toBe(0);
    await starter.close();
    expect(leftBehind()).toEqual([]);
  },
  60_000 + KILLS * 5_000,
);

onSharedMemory('what a process had published before it was killed is read, and then its end is told', async () => {
  const links = openProcessLinks(0).links as ProcessLinks;
  onTestFinished(() => links.close());
  const name = `nexus-last-words-${process.pid}`;
  const happened: string[] = [];
  let linked = false;
  links.listen(Buffer.from(name), (link) =>
    link.listen({
      message() {
        expect(link.offer(Buffer.from('here'))).toBeUndefined();
        linked = true;
      },
      frame: (lane, bytes) => happened.push(`${lane} ${Buffer.from(bytes).toString().trim()}`),
      ...{ room: () => undefined, laneEnded: () => undefined },
      closed: (error) => happened.push(`closed ${error?.message ?? ''}`),
    }),
  );
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { openProcessLinks } from '${LINKS_MODULE}';
       const { links } = openProcessLinks(0);
       const link = links.connect(Buffer.from('${name}'));
       link.listen({ frame() {}, room() {}, laneEnded() {}, closed() {}, message() {
         link.accept();
         for (let number = 0; number < 1500; number++) link.write(number % 3, Buffer.from(String(number).padEnd(1000)), false);
         process.kill(process.pid, 'SIGKILL');
       } });
       link.send(Buffer.from('hello'));
       setInterval(() => {}, 1000);`,
    ],
    { stdio: 'inherit' },
  );
  await until(() => linked);
  // Nothing is read while the other process writes and is killed; and it is more than is read in one turn.
  const blockedUntil = performance.now() + 1_000;
  while (performance.now() < blockedUntil) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  await until(() => child.signalCode === 'SIGKILL' && happened.some((each) => each.startsWith('closed')));
  expect(happened.at(-1)).toBe('closed ');
  for (const lane of [0, 1, 2])
    expect(happened.filter((each) => each.startsWith(`${lane} `))).toEqual(Array.from({ length: 500 }, (_, index) => `${lane} ${index * 3 + lane}`));
});

onSharedMemory('a side that sleeps is woken by what comes, each time, and does not wait for its next timer', async () => {
  const links = openProcessLinks(20).links as ProcessLinks;
  onTestFinished(() => links.close());
  const name = `nexus-sleeper-${process.pid}`;
  let echoed = (): void => undefined;
  let link: ProcessLink | undefined;
  links.listen(Buffer.from(name), (each) => {
    link = each;
    each.listen({
      message: () => void each.offer(Buffer.from('here')),
      frame: () => echoed(),
      ...{ room: () => undefined, laneEnded: () => undefined, closed: () => undefined },
    });
  });
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { openProcessLinks } from '${LINKS_MODULE}';
     const { links } = openProcessLinks(20);
     const link = links.connect(Buffer.from('${name}'));
     link.listen({ room() {}, laneEnded() {}, closed: () => process.exit(), message: () => { link.accept(); link.write(0, Buffer.from('ready'), false); }, frame: (lane, bytes) => void link.write(lane, bytes, false) });
     link.send(Buffer.from('hello'));
     setInterval(() => {}, 60_000);`,
  ]);
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise<void>((resolve) => {
    echoed = resolve;
  });
  for (let round = 0; round < 20; round++) {
    // Long enough for both to go to sleep.
    await new Promise((resolve) => setTimeout(resolve, 5 + round));
    // Nobody looks in between: only the wake-ups bring the question there and the answer back.
    await new Promise<void>((resolve) => {
      echoed = resolve;
      expect(link?.write(1, Buffer.from([round]), false)).toBe('written');
    });
  }
});

onSharedMemory(
  'a peer that is stopped for seconds does not hold up the other one, which is told full; what was accepted arrives when it goes on',
  async () => {
    const starter = await openStarter();
    const stopped = await startPeer(starter, { name: 'stopped' });
    const other = await startPeer(starter, { name: 'other' });
    const answers: unknown[] = [];
    starter.transport.listen(1, ({ value }) => answers.push(value));
    for (const peer of [stopped, other]) starter.transport.send(peer.node, 'normal', { channel: 1, value: 'hello' });
    await until(() => isShared(starter, stopped) && isShared(starter, other) && answers.length === 2);
    stopped.process.kill('SIGSTOP');
    const load = flood(starter, stopped);
    await until(() => (load.outcomes.get('full') ?? 0) > 1_000);
    const pausedAt = performance.now();
    let echoes = 0;
    while (performance.now() - pausedAt < 3_000) {
      const expected = answers.length + 1;
      expect(starter.transport.send(other.node, 'normal', { channel: 1, value: echoes++ })).toBe('accepted');
      await until(() => answers.length >= expected);
    }
    expect(echoes).toBeGreaterThan(20);
    expect(load.loopMs).toBeLessThan(2_000);
    load.stop();
    stopped.process.kill('SIGCONT');
    const accepted = load.outcomes.get('accepted') as number;
    let report = await stopped.report();
    await until(async () => {
      report = await stopped.report();
      return report.received >= accepted;
    }, 30_000);
    expect(report).toMatchObject({ received: accepted, disorder: 0, isShared: true });
  },
  60_000,
);

onSharedMemory(
  'whatever a hostile peer writes into the shared memory, this process goes on, says why the link has ended, and hears other nodes',
  async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    const starter = await openStarter();
    const honest = await startPeer(starter, { name: 'honest' });
    const answers: unknown[] = [];
    starter.transport.listen(1, ({ value }) => answers.push(value));
    listenToFloods(starter);
    const reasons = new Set<string>();
    for (let round = 0; round < 5; round++) {
      const peer = await startPeer(starter, { name: `hostile-${round}`, does: ['flood', 'scribble'], seed: seed + round });
      const load = flood(starter, peer);
      const statistics = () => starter.transport.statistics().find(({ node }) => node.name === peer.node.name);
      await until(() => isShared(starter, peer) || statistics()?.notSharedBecause !== undefined);
      // What is found ends the link; or nothing was hit that anybody reads, and it goes on.
      await until(() => statistics()?.notSharedBecause !== undefined || (statistics()?.receivedMessages ?? 0) > 20_000, 30_000);
      const because = statistics()?.notSharedBecause;
      if (because !== undefined) reasons.add(because);
      load.stop();
      const expected = answers.length + 1;
      starter.transport.send(honest.node, 'normal', { channel: 1, value: round });
      await until(() => answers.length >= expected);
      await peer.kill();
      starter.transport.forget(peer.node);
    }
    expect(reasons.size, `nothing was found; seed ${seed}`).toBeGreaterThan(0);
    await until(() => held().mappings <= 1);
  },
  120_000,
);

onSharedMemory(
  'a process that connects and does not know the secret of a node is refused and counted, and gets no memory',
  async () => {
    const names: Uint8Array[] = [];
    const hellos: Uint8Array[] = [];
    // What is noted are the names of sockets, and what a node says that has connected: as if somebody had overheard it, which nobody can.
    const noted = (): ProcessLinks => {
      const real = openProcessLinks(0).links as ProcessLinks;
      return {
        place: real.place,
        listen(name, accepted) {
          names.push(name);
          return real.listen(name, accepted);
        },
        connect(name) {
          const link = real.connect(name) as ProcessLink;
          const { send } = link;
          link.send = (bytes) => {
            hellos.push(bytes);
            return send.call(link, bytes);
          };
          return link;
        },
        close: () => real.close(),
      };
    };
    const a = await openStarter({ links: noted() }, { name: 'a', incarnation: 1 });
    const b = await openStarter({ links: noted() }, { name: 'b', incarnation: 1 });
    a.transport.admit({ name: 'b', incarnation: 1 }, b.transport.address);
    b.transport.admit({ name: 'a', incarnation: 1 }, a.transport.address);
    a.transport.send({ name: 'b', incarnation: 1 }, 'normal', { channel: 7, value: 1 });
    await until(() => hellos.length === 1 && [a, b].every(({ transport }) => transport.statistics()[0]?.sharedMemory === true));
    const stranger = openProcessLinks(0).links as ProcessLinks;
    onTestFinished(() => stranger.close());
    const got: string[] = [];
    const listener = (): ProcessLinkEvents => ({
      message: (_bytes, hasMemory) => got.push(hasMemory ? 'memory' : 'message'),
      ...{ frame: () => undefined, room: () => undefined, laneEnded: () => undefined },
      closed: () => got.push('closed'),
    });
    const connectAnd = (bytes: Uint8Array): void => {
      const link = stranger.connect(names[1] as Uint8Array) as ProcessLink;
      link.listen(listener());
      expect(link.send(bytes)).toBeUndefined();
    };
    connectAnd(Buffer.from('hello'));
    // It names a session that there is, and proves nothing.
    connectAnd((hellos[0] as Uint8Array).map((byte, index, all) => (index === all.length - 1 ? byte ^ 1 : byte)));
    await until(() => got.length === 2 && b.transport.refusals().get('NEXUS_HANDSHAKE_REFUSED') === 2);
    // It names no session, and is given time until there is one.
    connectAnd(encodeHello(new Uint8Array(32), new Uint8Array(16)));
    await until(() => got.length === 3, 15_000);
    expect([got, b.transport.refusals().get('NEXUS_HANDSHAKE_REFUSED')]).toEqual([['closed', 'closed', 'closed'], 3]);
    expect(held().mappings).toBe(2);
  },
  30_000,
);

onSharedMemory('whoever listens at the name of a node and does not know its secret is not believed, and the network is used', async () => {
  const impostors = openProcessLinks(0).links as ProcessLinks;
  onTestFinished(() => impostors.close());
  const false_ = Buffer.from(`nexus-impostor-${process.pid}`);
  expect(
    impostors.listen(false_, (link) => {
      link.listen({
        message: () => void link.offer(encodeAnswer(new Uint8Array(32).fill(1), new Uint8Array(16))),
        ...{ frame: () => undefined, room: () => undefined, laneEnded: () => undefined, closed: () => undefined },
      });
    }),
  ).toBeUndefined();
  const real = openProcessLinks(0).links as ProcessLinks;
  const misled: ProcessLinks = {
    place: real.place,
    listen: (name, accepted) => real.listen(name, accepted),
    connect: () => real.connect(false_),
    close: () => real.close(),
  };
  // The one whose name is first is the one that connects.
  const victim = await openStarter({ links: misled }, { name: 'a', incarnation: 1 });
  const other = await openStarter(undefined, { name: 'b', incarnation: 1 });
  victim.transport.admit({ name: 'b', incarnation: 1 }, other.transport.address);
  other.transport.admit({ name: 'a', incarnation: 1 }, victim.transport.address);
  const received: unknown[] = [];
  other.transport.listen(7, ({ value }) => received.push(value));
  victim.transport.send({ name: 'b', incarnation: 1 }, 'normal', { channel: 7, value: 'by the network' });
  await until(() => received.length === 1 && /does not know what the node knows/.test(victim.transport.statistics()[0]?.notSharedBecause ?? ''));
  expect(victim.transport.statistics()[0]?.sharedMemory).toBe(false);
});

const inside = (prefix: readonly string[], code: string): { readonly status: number | null; readonly text: string } => {
  const script = `import { openProcessLinks } from '${LINKS_MODULE}'; const { links } = openProcessLinks(0); ${code}`;
  const [command, ...args] = [...prefix, process.execPath, '--input-type=module', '-e', script];
  const { status, stdout, stderr } = spawnSync(command as string, args, { encoding: 'utf8', timeout: 20_000 });
  return { status, text: `${stdout}${stderr}`.trim() };
};
const SAY =
  "console.log(JSON.stringify({ place: Buffer.from(links.place).toString('hex'), connected: String(links.connect(Buffer.from(NAME)).message ?? 'connected') })); links.close();";

/** A listener here, and what a process started with this prefix sees of it. */
async function seenFrom(
  prefix: readonly string[],
): Promise<{ readonly status: number | null; readonly text: string; readonly place: string; readonly accepted: number }> {
  const links = openProcessLinks(0).links as ProcessLinks;
  onTestFinished(() => links.close());
  let accepted = 0;
  const name = `nexus-test-${process.pid}-${prefix.length}`;
  expect(links.listen(Buffer.from(name), () => void accepted++)).toBeUndefined();
  const seen = inside(prefix, SAY.replace('NAME', JSON.stringify(name)));
  await new Promise((resolve) => setImmediate(resolve));
  return { ...seen, place: Buffer.from(links.place).toString('hex'), accepted };
}

onSharedMemory('a process of the same user on the same machine sees the same place, and can connect', async () => {
  const { text, place, accepted } = await seenFrom([]);
  expect(JSON.parse(text)).toEqual({ place, connected: 'connected' });
  expect(accepted).toBe(1);
});

const unshare = spawnSync('unshare', ['--user', '--map-root-user', '--net', 'true']).status === 0;
test.skipIf(unavailableBecause !== undefined || !unshare)(
  'a process in another network namespace is in another place, and cannot connect: it would use the network',
  async () => {
    const { text, place, accepted } = await seenFrom(['unshare', '--user', '--map-root-user', '--net']);
    const seen = JSON.parse(text) as { place: string; connected: string };
    expect(seen.place).not.toBe(place);
    expect(seen.connected).toMatch(/ECONNREFUSED/);
    expect(accepted).toBe(0);
  },
);

const setpriv = process.getuid?.() === 0 && spawnSync('setpriv', ['--reuid', '65534', process.execPath, fileURLToPath(LINKS_MODULE)]).status === 0;
test.skipIf(unavailableBecause !== undefined || !setpriv)('a process of another user is in another place, and is neither connected to nor heard', async () => {
  const { text, place, accepted } = await seenFrom(['setpriv', '--reuid', '65534']);
  const seen = JSON.parse(text) as { place: string; connected: string };
  expect(seen.place).not.toBe(place);
  expect(seen.connected).toMatch(/EPERM/);
  expect(accepted).toBe(0);
});

onSharedMemory('links that were opened and closed leave no descriptor, no mapping and no socket', async () => {
  const starter = await openStarter();
  const answers: unknown[] = [];
  starter.transport.listen(1, ({ value }) => answers.push(value));
  let first: ReturnType<typeof held> | undefined;
  for (let round = 0; round < 6; round++) {
    // Those whose name is first make the connection, and the others the memory.
    const peer = await startPeer(starter, { name: `${round % 2 === 0 ? 'peer' : 'zeta'}-${round}` });
    starter.transport.send(peer.node, 'normal', { channel: 1, value: round });
    await until(() => isShared(starter, peer) && answers.length === round + 1);
    starter.transport.forget(peer.node);
    await until(() => held().mappings === 0);
    await peer.kill();
    // One of each kind first: what stays open after them stays open for good.
    if (round === 1) first = held();
    if (first === undefined) continue;
    await until(() => held().descriptors <= (first as ReturnType<typeof held>).descriptors);
  }
  await starter.close();
  expect(leftBehind()).toEqual([]);
});

onSharedMemory(
  'a worker that is terminated while it shares memory takes nobody with it',
  async () => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('../../fixtures/same-host-worker.mjs', import.meta.url))], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    const status = await new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
    expect([status, output.trim()]).toEqual([0, 'ended 5']);
  },
  30_000,
);
