/** Two transports in two processes of this machine, with shared memory or over a WebSocket. */
import { assertDone, throughput } from '../../harness/measure.mjs';
import { ANNOUNCEMENT, ECHO, HOST, SINK, sendUntilAccepted } from '../transport/open-transport.mjs';
import { openOther } from '../transport/other-process.mjs';
import { BULK, BULK_BYTES, MESSAGE, ONE_WAY, SMALL, TURN } from './case-names.mjs';
import { reportRoundTrips } from './measured-round-trips.mjs';
import { openNode } from './node.mjs';

/** How long two processes that have met may take to share memory. */
const SHARED_WITHIN_MS = 5_000;

export async function measure(size, report, shares) {
  const transport = await openNode('caller', shares);
  const other = await openOther('../same-host/other.mjs', { port: transport.address.port, shares });
  const to = { name: 'other', incarnation: 1 };
  transport.admit(to, { host: HOST, port: other.port });

  let echoed;
  transport.listen(ECHO, () => echoed());
  const echo = () =>
    new Promise((resolve) => {
      echoed = resolve;
      assertDone(transport.send(to, 'normal', { channel: ECHO, value: SMALL }) === 'accepted', 'a message of a round trip was not accepted');
    });
  let arrived;
  transport.listen(ANNOUNCEMENT, ({ value }) => arrived(value));
  const oneWay = async (lane, value, count, turn) => {
    const done = new Promise((resolve) => {
      arrived = resolve;
    });
    await sendUntilAccepted(transport, to, 'control', { channel: ANNOUNCEMENT, value: count });
    const message = { channel: SINK, value };
    for (let sent = 0; sent < count; ) {
      if (transport.send(to, lane, message) !== 'accepted' || ++sent % turn === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const all = await done;
    assertDone(all.count === count && all.bytes === count * value.length, `${all.count} messages of ${count}`);
  };

  await echo();
  const until = performance.now() + SHARED_WITHIN_MS;
  const { sharedMemory, notSharedBecause } = await settled(transport, shares, until);
  assertDone(sharedMemory === shares, `the memory is ${sharedMemory ? '' : 'not '}shared: ${notSharedBecause}`);
  if (shares) report.note('engine', 'native: no other one shares memory between processes');
  await reportRoundTrips(size, report, other.pid, echo);
  report.value(ONE_WAY, 'messages/s', await throughput(size, (n) => oneWay('normal', MESSAGE, n, TURN)));
  const large = new Uint8Array(BULK_BYTES).fill(7);
  report.value(BULK, 'MB/s', ((await throughput(size, (n) => oneWay('bulk', large, n, 1), 8)) * BULK_BYTES) / 1e6);
  other.end();
}

async function settled(transport, shares, until) {
  for (;;) {
    const [statistics] = transport.statistics();
    if (statistics.sharedMemory === shares || performance.now() > until) return statistics;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
