/** A node of the benchmark: a transport over WebSockets, as a nexus has it, and nothing else. */
import { systemClock } from '../../../dist/ts-src/adapters/system-clock.js';
import { createWebsocketWire } from '../../../dist/ts-src/adapters/websocket/websocket-wire.js';
import { openTransport } from '../../../dist/ts-src/cluster/transport/session-transport.js';

export const HOST = '127.0.0.1';
/** What goes there is answered in kind. */
export const ECHO = 1;
/** What goes there is counted, and an answer is given when there are as many as were announced. */
export const SINK = 2;
export const ANNOUNCEMENT = 3;

const logger = { debug() {}, info() {}, warn: console.error, error: console.error };

export async function openNode(name) {
  const wire = createWebsocketWire({ logger, clock: systemClock });
  const self = { name, incarnation: 1 };
  const events = { opened() {}, closed() {} };
  const transport = await openTransport(
    { self: () => self, cluster: 'bench', listen: { host: HOST, port: 0 }, logger, events },
    { clock: systemClock, random: Math.random, wire },
  );
  return { transport, self, wire };
}

/** Sends again until it is accepted: a turn of the event loop later. */
export async function sendUntilAccepted(transport, to, lane, message) {
  while (transport.send(to, lane, message) !== 'accepted') await new Promise((resolve) => setImmediate(resolve));
}
