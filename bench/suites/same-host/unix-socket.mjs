/** A bare Unix socket between two processes: bytes with their length, no codec, no limits, no lanes. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { assertDone, throughput } from '../../harness/measure.mjs';
import { openOther } from '../transport/other-process.mjs';
import { BULK, BULK_BYTES, MESSAGE, ONE_WAY, SMALL, TURN } from './case-names.mjs';
import { reportRoundTrips } from './measured-round-trips.mjs';
import { readMessages } from './unix-messages.mjs';

const BUFFERED_BYTES_MAX = 4_194_304;

export async function run(size, report) {
  // In no directory, as with the links of a nexus.
  const path = `\0nexus-bench-${process.pid}`;
  const other = await openOther('../same-host/unix-other.mjs', { path });
  const socket = connect(path);
  await once(socket, 'connect');
  let received;
  socket.on(
    'data',
    readMessages((_kind, body) => received(body)),
  );
  const next = () =>
    new Promise((resolve) => {
      received = resolve;
    });
  const frameOf = (kind, body) => {
    const frame = Buffer.allocUnsafe(5 + body.length);
    frame.writeUInt32LE(body.length, 0);
    frame[4] = kind;
    frame.set(body, 5);
    return frame;
  };
  const echo = () => {
    const answer = next();
    socket.write(frameOf(0, Buffer.from(SMALL)));
    return answer;
  };
  const oneWay = async (body, count, turn) => {
    const done = next();
    socket.write(frameOf(1, Buffer.from(String(count))));
    for (let sent = 0; sent < count; ) {
      socket.cork();
      for (let each = 0; each < turn && sent < count; each++, sent++) socket.write(frameOf(2, body));
      socket.uncork();
      do await new Promise((resolve) => setImmediate(resolve));
      while (socket.writableLength > BUFFERED_BYTES_MAX);
    }
    assertDone(Number((await done).toString()) === count, 'not all messages have come');
  };
  await reportRoundTrips(size, report, other.pid, echo);
  report.value(ONE_WAY, 'messages/s', await throughput(size, (n) => oneWay(Buffer.from(MESSAGE), n, TURN)));
  report.value(BULK, 'MB/s', ((await throughput(size, (n) => oneWay(Buffer.alloc(BULK_BYTES, 7), n, 1), 8)) * BULK_BYTES) / 1e6);
  socket.destroy();
  other.end();
}
