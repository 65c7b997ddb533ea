/** Opens connections to the process that is measured, in turns over several addresses of this machine: each has ports of its own. Holds them until it is told to end. */
import { WebSocket } from 'ws';
import { systemClock } from '../../../dist/ts-src/adapters/system-clock.js';
import { createWebsocketWire } from '../../../dist/ts-src/adapters/websocket/websocket-wire.js';

const { peer, port } = JSON.parse(process.argv[2]);
const AT_A_TIME = 50;
const ADDRESSES = 4;
const logger = { debug() {}, info() {}, warn: console.error, error: console.error };
const wire = createWebsocketWire({ logger, clock: systemClock });
const held = [];

function open(index) {
  const host = `127.0.0.${2 + (index % ADDRESSES)}`;
  return new Promise((resolve, reject) => {
    if (peer === 'nexus') {
      const opened = (connection) => {
        connection.listen({ received() {}, drained() {}, closed() {} });
        resolve(connection);
      };
      wire.dial({ host, port }, 30_000, { opened, failed: reject });
    } else {
      const socket = new WebSocket(`ws://${host}:${port}`, { perMessageDeflate: false });
      socket.once('open', () => resolve(socket)).once('error', reject);
    }
  });
}

process.on('message', async ({ count }) => {
  for (let from = 0; from < count; from += AT_A_TIME) {
    const some = Array.from({ length: Math.min(AT_A_TIME, count - from) }, (_, index) => open(from + index));
    held.push(...(await Promise.all(some)));
  }
  process.send({ held: held.length });
});
process.on('disconnect', () => process.exit());
process.send({ port: 0 });
