/** The table of what a hostile peer may send, over real connections to a real node: each refused with its code and counted, cut off where it should be, and another node is served all the while. */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { NodeAddress, NodeIdentity } from '../../../dist/ts-src/model/node-identity.js';
import type { TransportNode } from '../../../dist/ts-src/testing/conformance/transport-conformance.js';
import { HOSTILE_CASES, HOSTILE_LIMITS, type HostileCase, NODE_NAME, REMOVED_NAME, UNKNOWN_NAME } from '../../unit/protocols/wire/hostile-frames.js';
import { RawPeer } from '../../unit/protocols/wire/raw-peer.js';
import { until } from '../../until.js';
import { websocketTransports } from './websocket-transports.js';

const CHANNEL = 0;
const VICTIM = { name: NODE_NAME, incarnation: 1 };
const NOWHERE: NodeAddress = { host: '127.0.0.1', port: 1 };

/** Those in which the peer dials; and a transport knows no id of a cluster. */
const CASES = HOSTILE_CASES.filter(({ stage, name, quiet }) => stage !== 'dialled' && name !== 'another cluster of the same name' && quiet !== true);

/** What the socket has received, one after the other. */
function inbox(socket: WebSocket): () => Promise<Uint8Array | undefined> {
  const frames: Uint8Array[] = [];
  let isClosed = false;
  socket.on('message', (data) => frames.push(data as Buffer));
  socket.on('close', () => {
    isClosed = true;
  });
  return async () => {
    await until(() => frames.length > 0 || isClosed);
    return frames.shift();
  };
}

async function attack(node: TransportNode, { stage, peer: makePeer, frames }: HostileCase): Promise<WebSocket> {
  const peer = makePeer?.() ?? new RawPeer();
  const { host, port } = node.transport.address;
  const socket = new WebSocket(`ws://${host}:${port}/nexus`, ['nexus'], { perMessageDeflate: false });
  socket.on('error', () => undefined);
  const next = inbox(socket);
  await once(socket, 'open');
  let said = new Uint8Array(0);
  if (stage !== 'hello') {
    socket.send(peer.hello());
    said = Uint8Array.from((await next()) ?? []);
  }
  if (stage === 'open') socket.send(peer.confirm(said));
  for (const frame of frames(peer, said)) socket.send(frame);
  return socket;
}

test.each(CASES)('hostile, over a socket: $name', async (hostile) => {
  const network = websocketTransports({ transport: { sessionLimits: HOSTILE_LIMITS, compression: { bytesMin: 1024 } } });
  try {
    const victim = await network.open(VICTIM);
    const neighbour = await network.open({ name: 'neighbour', incarnation: 1 });
    const received: unknown[] = [];
    const heard: unknown[] = [];
    for (let channel = 0; channel < 256; channel++)
      victim.transport.listen(channel, ({ from, value }) => (from.name === 'neighbour' ? heard : received).push(value));
    const known = new RawPeer().introduction().identity;
    const admitted: NodeIdentity[] = [known, { name: REMOVED_NAME, incarnation: 1 }, { name: 'neighbour', incarnation: 1 }];
    for (const node of admitted) victim.transport.admit(node, node.name === 'neighbour' ? neighbour.transport.address : NOWHERE);
    victim.transport.forget({ name: REMOVED_NAME, incarnation: 1 });
    expect(UNKNOWN_NAME).not.toBe(known.name);
    neighbour.transport.admit(VICTIM, victim.transport.address);

    const socket = await attack(victim, hostile);
    if (hostile.closes) await until(() => socket.readyState === WebSocket.CLOSED);
    if (hostile.code !== undefined) await until(() => victim.transport.refusals().get(hostile.code as string) === 1);
    if (hostile.delivers !== undefined) await until(() => received.length === hostile.delivers?.length);
    expect([...victim.transport.refusals()]).toEqual(hostile.code === undefined ? [] : [[hostile.code, 1]]);
    neighbour.transport.send(VICTIM, 'normal', { channel: CHANNEL, value: 'served' });
    await until(() => heard.length === 1);
    if (!hostile.closes) expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.terminate();
  } finally {
    await network.close();
  }
});
