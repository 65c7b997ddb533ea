/**
 * What every `Transport` must do, as tests for any runner: over WebSockets, over the simulated network, over whatever is next. Nodes come and go, connections break, streams keep their order. How
 * fast it is, and what strangers send, is not in it.
 */
import assert from 'node:assert/strict';
import type { NodeIdentity } from '../../model/node-identity.js';
import { shape } from '../../model/shape.js';
import { type IncomingMessage, LANES, type Transport } from '../../ports/transport.js';
import { type RegisterTest, settled, type Until } from './conformance.js';

/** What carries the transports of a run of `transportConformance`. */
export interface TransportNetwork {
  /** A transport of another node, of the cluster of all the others; it listens, and knows nobody. */
  open(self: NodeIdentity): Promise<TransportNode>;
  readonly until: Until;
  /** Breaks all connections there are, as the network does. New ones can be made. */
  breakConnections(): void;
  /** After each test: whatever is left over. */
  close(): Promise<void>;
}

/** A node under test. */
export interface TransportNode {
  readonly transport: Transport;
  /** What its events have said, such as `opened b#1` and `closed b#1 NEXUS_CONNECTION_LOST`. */
  readonly events: readonly string[];
}

const CHANNEL = 7;

/**
 * Registers the tests.
 * @param open a network for one test
 */
export function transportConformance(test: RegisterTest, open: () => Promise<TransportNetwork>): void {
  const over = (name: string, run: (network: TransportNetwork) => Promise<void>): void =>
    test(name, async () => {
      const network = await open();
      try {
        await run(network);
      } finally {
        await network.close();
      }
    });

  over('messages of all lanes and kinds arrive, both ways, from whom they are', async (network) => {
    const [a, b] = await acquainted(network);
    const values = [
      undefined,
      null,
      0,
      -0,
      1.5,
      'text',
      '',
      true,
      123n,
      [1, [2]],
      { deep: { er: new Map([[1, new Set([2])]]) } },
      new Date(5),
      Uint8Array.of(1, 2),
    ];
    for (const lane of LANES) for (const value of values) assert.equal(a.transport.send(b.self, lane, { channel: CHANNEL, value }), 'accepted');
    for (const value of values) assert.equal(b.transport.send(a.self, 'normal', { channel: CHANNEL, value }), 'accepted');
    await network.until(() => b.received.length === 3 * values.length && a.received.length === values.length);
    for (const lane of LANES)
      assert.deepEqual(
        b.received.filter((message) => message.lane === lane).map(({ value }) => value),
        values,
      );
    assert.deepEqual(
      a.received.map(({ value }) => value),
      values,
    );
    assert.ok(b.received.every(({ from }) => from.name === a.self.name && from.incarnation === a.self.incarnation));
  });

  over('messages of a stream arrive once and in order, however large they are and whoever else sends', async (network) => {
    const [a, b] = await acquainted(network);
    const streams = 20;
    const each = 200;
    let refused = 0;
    for (let index = 0; index < each; index++) {
      for (let stream = 0; stream < streams; stream++) {
        const lane = LANES[stream % 3] as (typeof LANES)[number];
        const size = index % 50 === stream ? 300_000 : index % 7;
        while (a.transport.send(b.self, lane, { channel: CHANNEL, value: { stream, index, filling: 'x'.repeat(size) }, stream }) === 'full') {
          refused++;
          const before = b.received.length;
          await network.until(() => b.received.length > before);
        }
      }
    }
    await network.until(() => b.received.length >= streams * each);
    const next = new Array<number>(streams).fill(0);
    for (const { value } of b.received) {
      const { stream, index, filling } = value as { stream: number; index: number; filling: string };
      assert.equal(index, next[stream], `stream ${stream}`);
      assert.equal(filling.length, index % 50 === stream ? 300_000 : index % 7);
      next[stream] = index + 1;
    }
    assert.equal(b.received.length, streams * each, `${refused} were refused for lack of room`);
    const [statistics] = a.transport.statistics();
    assert.equal(statistics?.sentMessages, streams * each);
    assert.equal(statistics?.lostMessages, 0);
    assert.equal(b.transport.statistics()[0]?.receivedMessages, streams * each);
  });

  over('a value is encoded before `send` returns, and one that cannot be is refused with its path and harms nothing', async (network) => {
    const [a, b] = await acquainted(network);
    const value = { count: 1 };
    a.transport.send(b.self, 'normal', { channel: CHANNEL, value });
    value.count = 2;
    assert.throws(() => a.transport.send(b.self, 'normal', { channel: CHANNEL, value: { deep: [() => 1] } }), { code: 'NEXUS_NOT_CLONEABLE', message: /deep/ });
    a.transport.send(b.self, 'normal', { channel: CHANNEL, value });
    await network.until(() => b.received.length === 2);
    assert.deepEqual(
      b.received.map((message) => message.value),
      [{ count: 1 }, { count: 2 }],
    );
  });

  over('declared shapes travel by their own codec, and are refused, counted, where they are not registered', async (network) => {
    const [a, b] = await acquainted(network);
    const known = shape.object({ x: shape.float64, name: shape.string });
    const unknown = shape.object({ y: shape.float64 });
    b.transport.register(known);
    a.transport.send(b.self, 'normal', { channel: CHANNEL, value: { x: 1.5, name: 'é' }, shape: known });
    a.transport.send(b.self, 'normal', { channel: CHANNEL, value: { y: 1 }, shape: unknown });
    a.transport.send(b.self, 'normal', { channel: CHANNEL, value: 'last' });
    await network.until(() => b.received.at(-1)?.value === 'last');
    assert.deepEqual(
      b.received.map(({ value }) => value),
      [{ x: 1.5, name: 'é' }, 'last'],
    );
    assert.equal(b.transport.refusals().get('NEXUS_SHAPE_UNKNOWN'), 1);
    assert.throws(() => a.transport.send(b.self, 'normal', { channel: CHANNEL, value: { x: 'no', name: '' }, shape: known }), { code: 'NEXUS_SHAPE_MISMATCH' });
  });

  over('a message for a channel where nobody listens is refused and counted, a listener that throws is survived', async (network) => {
    const [a, b] = await acquainted(network);
    b.transport.listen(CHANNEL + 1, () => {
      throw new Error('a listener with a fault');
    });
    a.transport.send(b.self, 'normal', { channel: CHANNEL + 2, value: 1 });
    a.transport.send(b.self, 'normal', { channel: CHANNEL + 1, value: 2 });
    a.transport.send(b.self, 'normal', { channel: CHANNEL, value: 3 });
    await network.until(() => b.received.length === 1);
    assert.equal(b.transport.refusals().get('NEXUS_CHANNEL_UNKNOWN'), 1);
  });

  over('nobody is sent to who is not known, and nobody is heard who is not', async (network) => {
    const a = await join(network, 'a', 1);
    const b = await join(network, 'b', 1);
    assert.equal(a.transport.send(b.self, 'normal', { channel: CHANNEL, value: 1 }), 'unknown');
    a.transport.admit(b.self, b.transport.address);
    assert.equal(a.transport.send({ ...b.self, incarnation: 2 }, 'normal', { channel: CHANNEL, value: 1 }), 'unknown');
    assert.equal(a.transport.send(b.self, 'normal', { channel: CHANNEL, value: 'from a stranger' }), 'accepted');
    await network.until(() => (b.transport.refusals().get('NEXUS_HANDSHAKE_REFUSED') ?? 0) > 0);
    await network.until(() => a.node.events.includes('closed b#1 NEXUS_HANDSHAKE_REFUSED'));
    assert.deepEqual(b.received, []);
    // What waits arrives when the other side has learned of it too: it is tried again.
    b.transport.admit(a.self, a.transport.address);
    await network.until(() => b.received.length === 1);
    await network.until(() => a.node.events.at(-1) === 'opened b#1');
    assert.equal(a.transport.statistics()[0]?.lostMessages, 0);
  });

  over('a node that is forgotten is cut off, is told so, and its connections are gone on both sides', async (network) => {
    const [a, b] = await acquainted(network);
    a.transport.send(b.self, 'normal', { channel: CHANNEL, value: 1 });
    await network.until(() => b.received.length === 1);
    b.transport.forget(a.self);
    assert.equal(b.transport.send(a.self, 'normal', { channel: CHANNEL, value: 1 }), 'unknown');
    await network.until(() => a.transport.statistics()[0]?.connections === 0);
    a.transport.send(b.self, 'normal', { channel: CHANNEL, value: 2 });
    await network.until(() => (b.transport.refusals().get('NEXUS_HANDSHAKE_REFUSED') ?? 0) > 0);
    assert.equal(b.received.length, 1);
    assert.deepEqual(b.transport.statistics(), []);
    b.transport.forget(a.self);
  });

  over('another incarnation of a name takes the place of the one before', async (network) => {
    const [a, b] = await acquainted(network);
    a.transport.send(b.self, 'normal', { channel: CHANNEL, value: 1 });
    await network.until(() => b.received.length === 1);
    const later = await join(network, 'a', 2);
    b.transport.admit(later.self, later.transport.address);
    later.transport.admit(b.self, b.transport.address);
    assert.equal(b.transport.send(a.self, 'normal', { channel: CHANNEL, value: 1 }), 'unknown');
    assert.equal(later.transport.send(b.self, 'normal', { channel: CHANNEL, value: 2 }), 'accepted');
    await network.until(() => b.received.length === 2);
    assert.equal(b.received[1]?.from.incarnation, 2);
    assert.equal(b.transport.statistics().length, 1);
  });

  over('when connections break, what was on its way is counted as lost, nothing comes twice, and what is sent afterwards arrives', async (network) => {
    const [a, b] = await acquainted(network);
    a.transport.send(b.self, 'normal', { channel: CHANNEL, value: -1 });
    await network.until(() => b.received.length === 1);
    const ends = (): number => a.node.events.filter((event) => event.startsWith('closed')).length;
    for (let round = 0; round < 3; round++) {
      a.transport.send(b.self, 'normal', { channel: CHANNEL, value: round * 1_000 });
      await network.until(() => b.received.some(({ value }) => value === round * 1_000));
      for (let index = 1; index < 500; index++) a.transport.send(b.self, 'normal', { channel: CHANNEL, value: round * 1_000 + index, stream: index % 5 });
      const before = ends();
      network.breakConnections();
      await network.until(() => ends() > before);
      assert.equal(a.transport.send(b.self, 'control', { channel: CHANNEL, value: round * 1_000 + 999 }), 'accepted');
      await network.until(() => b.received.some(({ value }) => value === round * 1_000 + 999));
    }
    const values = b.received.map(({ value }) => value as number);
    assert.equal(new Set(values).size, values.length, 'something has come twice');
    for (let stream = 0; stream < 5; stream++) {
      const ofStream = values.filter((value) => value >= 0 && value % 1_000 !== 999 && value % 5 === stream);
      assert.deepEqual(
        ofStream,
        [...ofStream].sort((x, y) => x - y),
      );
    }
    const lost = a.transport.statistics()[0]?.lostMessages ?? 0;
    assert.ok(values.length + lost >= 1_504, `${values.length} have come and ${lost} are lost, of 1504`);
  });

  over('both call each other at once: everything arrives, on few connections', async (network) => {
    const [a, b] = await acquainted(network);
    for (let index = 0; index < 100; index++) {
      a.transport.send(b.self, 'normal', { channel: CHANNEL, value: index });
      b.transport.send(a.self, 'normal', { channel: CHANNEL, value: index });
    }
    await network.until(() => a.received.length === 100 && b.received.length === 100);
    for (const { received } of [a, b])
      assert.deepEqual(
        received.map(({ value }) => value),
        Array.from({ length: 100 }, (_, index) => index),
      );
    assert.ok((a.transport.statistics()[0]?.connections ?? 9) <= 2);
  });

  over('what waits for a node that cannot be reached is bounded for each lane, and told apart', async (network) => {
    const a = await join(network, 'a', 1);
    const b = await join(network, 'b', 1);
    await settled(network.until, b.transport.close());
    a.transport.admit(b.self, b.transport.address);
    const value = 'x'.repeat(10_000);
    let accepted = 0;
    while (accepted < 1_000_000 && a.transport.send(b.self, 'normal', { channel: CHANNEL, value, stream: accepted }) === 'accepted') accepted++;
    assert.ok(accepted > 10 && accepted < 1_000_000, `${accepted} messages were accepted`);
    assert.equal(a.transport.send(b.self, 'normal', { channel: CHANNEL, value }), 'full');
    assert.equal(a.transport.send(b.self, 'control', { channel: CHANNEL, value }), 'accepted');
    const [statistics] = a.transport.statistics();
    assert.equal(statistics?.waitingMessages, accepted + 1);
    await network.until(() => a.node.events.some((event) => event.startsWith('closed b#1')));
    a.transport.forget(b.self);
  });

  over('a transport that closes sends what waits, and takes no more', async (network) => {
    const [a, b] = await acquainted(network);
    for (let index = 0; index < 2_000; index++) a.transport.send(b.self, 'bulk', { channel: CHANNEL, value: [index, 'x'.repeat(1_000)] });
    await settled(network.until, a.transport.close(10_000));
    await network.until(() => b.received.length === 2_000);
    assert.equal(a.transport.send(b.self, 'normal', { channel: CHANNEL, value: 1 }), 'closed');
    await settled(network.until, a.transport.close());
    await network.until(() => b.transport.statistics()[0]?.connections === 0);
    assert.deepEqual(b.node.events, ['opened a#1', 'closed a#1']);
  });

  over('a transport that cannot send what waits ends at its deadline', async (network) => {
    const a = await join(network, 'a', 1);
    const b = await join(network, 'b', 1);
    await settled(network.until, b.transport.close());
    a.transport.admit(b.self, b.transport.address);
    a.transport.send(b.self, 'normal', { channel: CHANNEL, value: 1 });
    await settled(network.until, a.transport.close(100));
    assert.equal(a.transport.statistics()[0]?.lostMessages, 1);
  });
}

/** A node, and what it has received on the channel. */
interface Joined {
  readonly node: TransportNode;
  readonly transport: Transport;
  readonly self: NodeIdentity;
  readonly received: IncomingMessage[];
}

async function join(network: TransportNetwork, name: string, incarnation: number): Promise<Joined> {
  const self = { name, incarnation };
  const node = await settled(network.until, network.open(self));
  const received: IncomingMessage[] = [];
  node.transport.listen(CHANNEL, (message) => received.push(message));
  return { node, transport: node.transport, self, received };
}

/** Two nodes that know each other. */
async function acquainted(network: TransportNetwork): Promise<[Joined, Joined]> {
  const a = await join(network, 'a', 1);
  const b = await join(network, 'b', 1);
  a.transport.admit(b.self, b.transport.address);
  b.transport.admit(a.self, a.transport.address);
  return [a, b];
}
