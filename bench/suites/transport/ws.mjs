/** Bare WebSockets of `ws` between two processes: one connection, no codec, no limits, no lanes. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { assertDone, roundTrip, throughput } from '../../harness/measure.mjs';
import { BULK, BULK_BYTES, MESSAGE_BYTES, ONE_WAY, ROUND_TRIP, ROUND_TRIP_P50, SMALL_BYTES, sentInATurn } from './case-names.mjs';
import { HOST } from './open-transport.mjs';
import { openOther } from './other-process.mjs';

const BUFFERED_BYTES_MAX = 4_194_304;

export async function run(size, report) {
  const other = await openOther('./ws-other.mjs');
  const socket = new WebSocket(`ws://${HOST}:${other.port}`, { perMessageDeflate: false });
  await once(socket, 'open');
  let received;
  socket.on('message', (data) => received(data));
  const next = () =>
    new Promise((resolve) => {
      received = resolve;
    });
  const oneWay = async (value, count) => {
    const done = next();
    socket.send(String(count));
    for (let sent = 0; sent < count; ) {
      if (socket.bufferedAmount < BUFFERED_BYTES_MAX) socket.send(value);
      else {
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      if (++sent % sentInATurn(value) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const all = JSON.parse((await done).toString());
    assertDone(all.count === count && all.bytes === count * value.length, `${all.count} messages of ${count}`);
  };

  const { meanNs, p50Ns } = await roundTrip(size, () => {
    const answer = next();
    socket.send(new Uint8Array(SMALL_BYTES));
    return answer;
  });
  report.value(ROUND_TRIP, 'ns', meanNs);
  report.value(ROUND_TRIP_P50, 'ns', p50Ns);
  report.value(ONE_WAY, 'messages/s', await throughput(size, (n) => oneWay(new Uint8Array(MESSAGE_BYTES).fill(1), n)));
  const perSecond = await throughput(size, (n) => oneWay(new Uint8Array(BULK_BYTES).fill(1), n), 8);
  report.value(BULK, 'MB/s', (perSecond * BULK_BYTES) / 1e6);
  other.end();
}
