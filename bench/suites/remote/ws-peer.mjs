/** Bare WebSockets of `ws` between two processes, with a codec: what one would write without agents. No limits, no order beyond one connection, no time limits, nobody is found by an id. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { assertDone, throughput } from '../../harness/measure.mjs';
import { openOther } from '../transport/other-process.mjs';
import { ASKS, ASKS_AT_ONCE, HUNDRED, SENT_IN_A_TURN, SMALL, TELL } from './case-names.mjs';
import { reportAsks } from './measured-asks.mjs';

const BUFFERED_BYTES_MAX = 4_194_304;

/** @param {{ name: string, encode: (value: unknown) => string | Uint8Array, decode: (data: Buffer) => any }} codec */
export async function runPeer(codec, size, report) {
  const other = await openOther(new URL('./ws-other.mjs', import.meta.url), { codec: codec.name });
  const socket = new WebSocket(`ws://127.0.0.1:${other.port}`, { perMessageDeflate: false });
  await once(socket, 'open');
  const waiting = new Map();
  let number = 0;
  socket.on('message', (data) => {
    const { ask, value } = codec.decode(data);
    const resolve = waiting.get(ask);
    waiting.delete(ask);
    resolve(value);
  });
  const ask = (action, value) =>
    new Promise((resolve) => {
      waiting.set(++number, resolve);
      socket.send(codec.encode({ ask: number, action, value }));
    });
  assertDone((await ask('echo', SMALL)).name === SMALL.name, 'an answer was another one');
  await reportAsks(size, report, other.pid, () => ask('echo', SMALL));
  const asks = async (count) => {
    for (let asked = 0; asked < count; asked += ASKS_AT_ONCE)
      await Promise.all(Array.from({ length: Math.min(ASKS_AT_ONCE, count - asked) }, () => ask('echo', SMALL)));
  };
  report.value(ASKS, 'asks/s', await throughput(size, asks));
  const tells = async (count) => {
    for (let sent = 0; sent < count; ) {
      if (socket.bufferedAmount < BUFFERED_BYTES_MAX) {
        socket.send(codec.encode({ action: 'add', value: HUNDRED }));
        sent++;
      }
      if (sent % SENT_IN_A_TURN === 0 || socket.bufferedAmount >= BUFFERED_BYTES_MAX) await new Promise((resolve) => setImmediate(resolve));
    }
    const taken = await ask('taken');
    assertDone(taken.count === count && taken.sum === count * HUNDRED.number, `${taken.count} messages of ${count}`);
  };
  report.value(TELL, 'messages/s', await throughput(size, tells));
  other.end();
}
