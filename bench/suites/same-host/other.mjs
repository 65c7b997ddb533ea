/** The node that receives: echoes, counts, and answers when all have come. */
import { ANNOUNCEMENT, ECHO, HOST, SINK, sendUntilAccepted } from '../transport/open-transport.mjs';
import { openNode } from './node.mjs';

const { port, shares } = JSON.parse(process.argv[2]);
const caller = { name: 'caller', incarnation: 1 };
const transport = await openNode('other', shares);
transport.admit(caller, { host: HOST, port });

let awaited = Number.POSITIVE_INFINITY;
let count = 0;
let bytes = 0;
const finish = () => {
  if (count < awaited) return;
  const all = { count, bytes };
  count = 0;
  bytes = 0;
  awaited = Number.POSITIVE_INFINITY;
  void sendUntilAccepted(transport, caller, 'normal', { channel: ANNOUNCEMENT, value: all });
};
transport.listen(ECHO, ({ lane, value }) => void transport.send(caller, lane, { channel: ECHO, value }));
transport.listen(SINK, ({ value }) => {
  count++;
  bytes += value.length;
  finish();
});
transport.listen(ANNOUNCEMENT, ({ value }) => {
  awaited = value;
  finish();
});
process.on('disconnect', () => process.exit());
process.send({ port: transport.address.port });
