/** The other end of the Unix socket: messages with their length before them; those of the first kind are answered, the others counted. */
import { createServer } from 'node:net';
import { readMessages } from './unix-messages.mjs';

let awaited = Number.POSITIVE_INFINITY;
let count = 0;
const server = createServer((socket) => {
  socket.on(
    'data',
    readMessages((kind, body) => {
      if (kind === 0) socket.write(frameOf(0, body));
      else if (kind === 1) awaited = Number(body.toString());
      else count++;
      if (count < awaited) return;
      socket.write(frameOf(1, Buffer.from(String(count))));
      count = 0;
      awaited = Number.POSITIVE_INFINITY;
    }),
  );
});
function frameOf(kind, body) {
  const frame = Buffer.allocUnsafe(5 + body.length);
  frame.writeUInt32LE(body.length, 0);
  frame[4] = kind;
  body.copy(frame, 5);
  return frame;
}
process.on('disconnect', () => process.exit());
server.listen(JSON.parse(process.argv[2]).path, () => process.send({ port: 0 }));
