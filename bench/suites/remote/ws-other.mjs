/** The other end of the bare WebSockets: answers what is asked, and counts the rest. */
import { WebSocketServer } from 'ws';
import { CODECS } from './codecs.mjs';

const codec = CODECS[JSON.parse(process.argv[2]).codec];
process.on('disconnect', () => process.exit());
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  let count = 0;
  let sum = 0;
  const actions = {
    echo: (value) => value,
    add: ({ number }) => {
      count++;
      sum += number;
    },
    taken: () => {
      const taken = { count, sum };
      count = 0;
      sum = 0;
      return taken;
    },
  };
  socket.on('message', (data) => {
    const { ask, action, value } = codec.decode(data);
    const result = actions[action](value);
    if (ask !== undefined) socket.send(codec.encode({ ask, value: result }));
  });
});
server.on('listening', () => process.send({ port: server.address().port }));
