/** Connections of the WebSocket wire that one process holds, accepted and idle. */
import { systemClock } from '../../../dist/ts-src/adapters/system-clock.js';
import { createWebsocketWire } from '../../../dist/ts-src/adapters/websocket/websocket-wire.js';
import { measureHeld } from './held.mjs';

const logger = { debug() {}, info() {}, warn: console.error, error: console.error };

export async function run(size, report) {
  const wire = createWebsocketWire({ logger, clock: systemClock });
  const events = { received() {}, drained() {}, closed() {} };
  const { address } = await wire.listen({ host: '0.0.0.0', port: 0 }, (connection) => connection.listen(events));
  await measureHeld(size, report, 'nexus', address.port, () => wire.connectionCount);
}
