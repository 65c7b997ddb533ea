/**
 * What every `Wire` must do, as tests for any runner. The WebSockets of production and the simulated network pass it. TLS, floods and broken peers are not in it: they are matters of one
 * kind of network.
 */
import assert from 'node:assert/strict';
import { addressText, type NodeAddress } from '../../model/node-identity.js';
import type { CloseReason, Wire, WireConnection, WireListener } from '../../ports/wire.js';
import { type RegisterTest, settled, type Until } from './conformance.js';

/** A network on which nothing is lost or broken. */
export interface WireNetwork {
  /** A wire of another machine (or another part of one), and a host at which it can listen. */
  open(): { readonly wire: Wire; readonly host: string };
  readonly until: Until;
  /** After each test: whatever is left over. */
  close(): Promise<void>;
}

const DIAL_MS = 5_000;
const GOODBYE = 4_000;

/**
 * Registers the tests.
 * @param open a network for one test
 */
export function wireConformance(test: RegisterTest, open: () => Promise<WireNetwork>): void {
  const over = (name: string, run: (network: WireNetwork) => Promise<void>): void =>
    test(name, async () => {
      const network = await open();
      try {
        await run(network);
      } finally {
        await network.close();
      }
    });

  over('a wire carries frames both ways, whole, in order, each once', async (network) => {
    const { dialed, accepted } = await connect(network);
    const sizes = [0, 1, 125, 126, 65_535, 65_536, 3, 200_000, 0, 7];
    for (const [index, size] of sizes.entries()) {
      dialed.connection.send(filled(size, index), 'ordered');
      accepted.connection.send(filled(size, index + 100), 'ordered');
    }
    await network.until(() => dialed.frames.length === sizes.length && accepted.frames.length === sizes.length);
    for (const [index, size] of sizes.entries()) {
      assert.deepEqual(accepted.frames[index], filled(size, index), `frame ${index} of the dialing side`);
      assert.deepEqual(dialed.frames[index], filled(size, index + 100), `frame ${index} of the accepting side`);
    }
  });

  over('many small frames of one turn all arrive in order', async (network) => {
    const { dialed, accepted } = await connect(network);
    for (let index = 0; index < 5_000; index++) dialed.connection.send(Uint8Array.of(index & 255, index >> 8), 'ordered');
    await network.until(() => accepted.frames.length === 5_000);
    assert.equal(
      accepted.frames.findIndex((frame, index) => frame[0] !== (index & 255) || frame[1] !== index >> 8),
      -1,
    );
  });

  over('a wire never calls its user from within a call', async (network) => {
    const { wire: server, host } = network.open();
    const { wire: client } = network.open();
    let isInside = true;
    const entered: string[] = [];
    const check = (name: string): void => {
      if (isInside) entered.push(name);
    };
    const peers: Peer[] = [];
    const listener = await settled(
      network.until,
      server.listen({ host, port: 0 }, (connection) => peers.push(new Peer(connection, check))),
    );
    client.dial(listener.address, DIAL_MS, { opened: (connection) => peers.push(new Peer(connection, check)), failed: assert.fail });
    client.dial({ host, port: freed(listener.address) }, DIAL_MS, { opened: (connection) => connection.terminate(), failed: () => check('failed') });
    isInside = false;
    await network.until(() => peers.length === 2);
    isInside = true;
    for (const { connection } of peers) {
      for (let index = 0; index < 3; index++) connection.send(filled(connection.roomBytes, index), 'ordered');
      connection.close(GOODBYE, 'done');
      connection.terminate();
    }
    isInside = false;
    await network.until(() => peers.every(({ reasons }) => reasons.length === 1));
    assert.deepEqual(entered, []);
  });

  over('a connection that is closed delivers what was sent before, and both sides know who closed it and why', async (network) => {
    const { dialed, accepted } = await connect(network);
    for (let index = 0; index < 100; index++) dialed.connection.send(filled(1_000, index), 'ordered');
    dialed.connection.close(GOODBYE, 'the work is done');
    await network.until(() => dialed.reasons.length + accepted.reasons.length === 2);
    assert.equal(accepted.frames.length, 100);
    assert.deepEqual(accepted.reasons, [{ type: 'closed', byPeer: true, code: GOODBYE, text: 'the work is done' }]);
    assert.deepEqual(dialed.reasons, [{ type: 'closed', byPeer: false, code: GOODBYE, text: 'the work is done' }]);
  });

  over('a connection that is terminated ends on both sides, once, and nothing happens on it any more', async (network) => {
    const { dialed, accepted } = await connect(network);
    dialed.connection.send(filled(10, 1), 'ordered');
    accepted.connection.terminate();
    await network.until(() => dialed.reasons.length === 1 && accepted.reasons.length === 1);
    assert.equal(dialed.reasons[0]?.type, 'failed');
    for (const { connection } of [dialed, accepted]) {
      connection.send(filled(10, 2), 'ordered');
      connection.send(filled(10, 2), 'datagram');
      connection.close(GOODBYE, 'again');
      connection.terminate();
    }
    const other = await connect(network);
    other.dialed.connection.send(filled(1, 3), 'ordered');
    await network.until(() => other.accepted.frames.length === 1);
    assert.deepEqual([dialed.reasons.length, accepted.reasons.length, dialed.frames.length], [1, 1, 0]);
  });

  const waits = async (network: WireNetwork, bytes: number, framesMax: number): Promise<void> => {
    const { dialed, accepted } = await connect(network);
    const { connection } = dialed;
    let sent = 0;
    while (connection.waitingBytes <= connection.roomBytes && sent < framesMax) connection.send(filled(bytes, sent++), 'ordered');
    assert.ok(connection.waitingBytes > connection.roomBytes, `${sent} frames of ${bytes} bytes, and ${connection.waitingBytes} bytes wait`);
    await network.until(() => dialed.drains > 0);
    assert.ok(connection.waitingBytes <= connection.roomBytes);
    await network.until(() => accepted.frames.length === sent);
    await network.until(() => connection.waitingBytes === 0);
    assert.deepEqual(accepted.frames[sent - 1], filled(bytes, sent - 1));
  };

  over('what does not fit waits, is counted, and `drained` says when there is room again', (network) => waits(network, 65_536, 4_096));

  over('so it is with small frames, each of which finds room or not', (network) => waits(network, 1_000, 65_536));

  over('datagrams may be dropped when there is no room, ordered frames are not, and what arrives is in order', async (network) => {
    const { dialed, accepted } = await connect(network);
    for (let index = 0; index < 200; index++) {
      dialed.connection.send(filled(32_768, index), 'ordered');
      dialed.connection.send(filled(100, index), 'datagram');
    }
    dialed.connection.send(filled(1, 255), 'ordered');
    await network.until(() => accepted.frames.at(-1)?.length === 1);
    const ordered = accepted.frames.filter(({ length }) => length === 32_768);
    assert.deepEqual(
      ordered.map((frame) => frame[0]),
      Array.from({ length: 200 }, (_, index) => index),
    );
    assert.ok(accepted.frames.length <= 401);
    const { connection } = dialed;
    await network.until(() => connection.waitingBytes === 0);
    const before = accepted.frames.length;
    connection.send(filled(100, 1), 'datagram');
    await network.until(() => accepted.frames.length === before + 1);
  });

  over('nobody listens: a dial is refused, and says so', async (network) => {
    const { wire: server, host } = network.open();
    const { wire: client } = network.open();
    const listener = await settled(
      network.until,
      server.listen({ host, port: 0 }, () => undefined),
    );
    await settled(network.until, listener.close());
    const failures: [Error, boolean][] = [];
    client.dial(listener.address, DIAL_MS, { opened: () => assert.fail('opened'), failed: (error, isRefused) => failures.push([error, isRefused]) });
    await network.until(() => failures.length > 0);
    assert.equal(failures.length, 1);
    assert.equal(failures[0]?.[1], true);
    assert.ok(failures[0]?.[0].message.includes(addressText(listener.address)), failures[0]?.[0].message);
  });

  over('a dial that is given up calls nobody', async (network) => {
    const { wire: server, host } = network.open();
    const { wire: client } = network.open();
    const accepted: Peer[] = [];
    const listener = await settled(
      network.until,
      server.listen({ host, port: 0 }, (connection) => accepted.push(new Peer(connection))),
    );
    const giveUp = client.dial(listener.address, DIAL_MS, { opened: () => assert.fail('opened'), failed: () => assert.fail('failed') });
    giveUp();
    giveUp();
    await connectTo(network, client, listener, accepted);
    await network.until(() => accepted.filter(({ reasons }) => reasons.length === 0).length === 1);
  });

  over('an address that is taken is refused with a code, and can be used once it is free', async (network) => {
    const { wire, host } = network.open();
    const first = await settled(
      network.until,
      wire.listen({ host, port: 0 }, () => undefined),
    );
    await assert.rejects(
      settled(
        network.until,
        wire.listen({ host, port: first.address.port }, () => undefined),
      ),
      { code: 'NEXUS_LISTEN_FAILED' },
    );
    await settled(network.until, first.close());
    const again = await settled(
      network.until,
      wire.listen({ host, port: first.address.port }, () => undefined),
    );
    assert.equal(again.address.port, first.address.port);
  });

  over('a listener that is closed leaves its connections open', async (network) => {
    const { dialed, accepted, listener } = await connect(network);
    await settled(network.until, listener.close());
    dialed.connection.send(filled(5, 1), 'ordered');
    accepted.connection.send(filled(6, 1), 'ordered');
    await network.until(() => accepted.frames.length === 1 && dialed.frames.length === 1);
  });

  over('a wire that is closed ends its listeners and connections', async (network) => {
    const { dialed, accepted, server, client, listener } = await connect(network);
    await settled(network.until, server.close());
    await network.until(() => dialed.reasons.length === 1 && accepted.reasons.length === 1);
    const failures: Error[] = [];
    client.dial(listener.address, DIAL_MS, { opened: () => assert.fail('opened'), failed: (error) => failures.push(error) });
    await network.until(() => failures.length === 1);
    await settled(network.until, server.close());
  });
}

/** One end of a connection, and all that has happened to it. */
class Peer {
  readonly frames: Uint8Array[] = [];
  readonly reasons: CloseReason[] = [];
  drains = 0;

  constructor(
    readonly connection: WireConnection,
    check: (name: string) => void = () => undefined,
  ) {
    connection.listen({
      received: (bytes) => {
        check('received');
        assert.equal(this.reasons.length, 0, 'received after closed');
        // The bytes are the user's only until the call returns.
        this.frames.push(Uint8Array.from(bytes));
      },
      drained: () => {
        check('drained');
        this.drains++;
      },
      closed: (reason) => {
        check('closed');
        this.reasons.push(reason);
      },
    });
  }
}

interface Connected {
  readonly server: Wire;
  readonly client: Wire;
  readonly listener: WireListener;
  readonly dialed: Peer;
  readonly accepted: Peer;
}

async function connect(network: WireNetwork): Promise<Connected> {
  const { wire: server, host } = network.open();
  const { wire: client } = network.open();
  const peers: Peer[] = [];
  const listener = await settled(
    network.until,
    server.listen({ host, port: 0 }, (connection) => peers.push(new Peer(connection))),
  );
  assert.ok(listener.address.port > 0);
  return { server, client, listener, ...(await connectTo(network, client, listener, peers)) };
}

/** Whichever it is of those that were accepted: the one that answers. */
async function connectTo(network: WireNetwork, client: Wire, listener: WireListener, accepted: readonly Peer[]): Promise<{ dialed: Peer; accepted: Peer }> {
  const dialed: Peer[] = [];
  client.dial(listener.address, DIAL_MS, { opened: (connection) => dialed.push(new Peer(connection)), failed: assert.fail });
  await network.until(() => dialed.length === 1);
  dialed[0]?.connection.send(filled(2, 9), 'ordered');
  await network.until(() => accepted.some(({ frames }) => frames.length === 1));
  const [there] = accepted.filter(({ frames }) => frames.length === 1);
  there?.frames.pop();
  return { dialed: dialed[0] as Peer, accepted: there as Peer };
}

function filled(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (seed + index * 7) & 255;
  return bytes;
}

/** A port beside it, where most likely nobody listens: whichever it is, the dial has an end. */
function freed({ port }: NodeAddress): number {
  return port === 1 ? 2 : port - 1;
}
