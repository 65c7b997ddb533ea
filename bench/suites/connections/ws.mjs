/** Connections of a bare server of ws that one process holds. */
import { once } from 'node:events';
import { WebSocketServer } from 'ws';
import { measureHeld } from './held.mjs';

export async function run(size, report) {
  const server = new WebSocketServer({ host: '0.0.0.0', port: 0, perMessageDeflate: false, backlog: 4096 });
  server.on('connection', (socket) => socket.on('message', () => undefined));
  await once(server, 'listening');
  await measureHeld(size, report, 'ws', server.address().port, () => server.clients.size);
}
