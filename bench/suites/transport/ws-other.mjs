/** The other end of the bare WebSockets: a first byte of 0 is answered in kind, everything else counted. */
import { WebSocketServer } from 'ws';
import { HOST } from './open-transport.mjs';

let awaited = Number.POSITIVE_INFINITY;
let count = 0;
let bytes = 0;
const server = new WebSocketServer({ host: HOST, port: 0, perMessageDeflate: false, maxPayload: 2 ** 24 });
server.on('connection', (socket) => {
  const finish = () => {
    if (count < awaited) return;
    socket.send(JSON.stringify({ count, bytes }));
    count = 0;
    bytes = 0;
    awaited = Number.POSITIVE_INFINITY;
  };
  socket.on('message', (data, isBinary) => {
    if (!isBinary) awaited = Number(data.toString());
    else if (data[0] === 0) return socket.send(data);
    else {
      count++;
      bytes += data.length;
    }
    finish();
  });
});
process.on('disconnect', () => process.exit());
server.on('listening', () => process.send({ port: server.address().port }));
