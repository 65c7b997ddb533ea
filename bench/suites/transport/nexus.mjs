/** Two transports in two processes. */
import { assertDone, roundTrip, throughput } from '../../harness/measure.mjs';
import { percentile, sorted } from '../../harness/statistics.mjs';
import {
  BULK,
  BULK_BYTES,
  HEARTBEAT,
  HEARTBEAT_DURING_BULK,
  MESSAGE_BYTES,
  ONE_WAY,
  ROUND_TRIP,
  ROUND_TRIP_P50,
  SMALL_BYTES,
  sentInATurn,
} from './case-names.mjs';
import { ANNOUNCEMENT, ECHO, HOST, openNode, SINK, sendUntilAccepted } from './open-transport.mjs';
import { openOther } from './other-process.mjs';

export async function run(size, report) {
  const { transport } = await openNode('caller');
  const other = await openOther('./nexus-other.mjs', { port: transport.address.port });
  const to = { name: 'other', incarnation: 1 };
  transport.admit(to, { host: HOST, port: other.port });

  let echoed;
  transport.listen(ECHO, () => echoed());
  const echo = (lane, value) =>
    new Promise((resolve) => {
      echoed = resolve;
      assertDone(transport.send(to, lane, { channel: ECHO, value }) === 'accepted', 'a message of a round trip was not accepted');
    });
  let arrived;
  transport.listen(ANNOUNCEMENT, ({ value }) => arrived(value));
  /** All of them counted by the receiver. */
  const oneWay = async (lane, value, count) => {
    const done = new Promise((resolve) => {
      arrived = resolve;
    });
    await sendUntilAccepted(transport, to, 'control', { channel: ANNOUNCEMENT, value: count });
    const message = { channel: SINK, value };
    for (let sent = 0; sent < count; ) {
      if (transport.send(to, lane, message) !== 'accepted' || ++sent % sentInATurn(value) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const all = await done;
    assertDone(all.count === count && all.bytes === count * value.length, `${all.count} messages of ${count}`);
  };

  await echo('normal', new Uint8Array(1));
  const { meanNs, p50Ns } = await roundTrip(size, () => echo('normal', new Uint8Array(SMALL_BYTES)));
  report.value(ROUND_TRIP, 'ns', meanNs);
  report.value(ROUND_TRIP_P50, 'ns', p50Ns);

  const message = new Uint8Array(MESSAGE_BYTES);
  report.value(ONE_WAY, 'messages/s', await throughput(size, (n) => oneWay('normal', message, n)));

  const heartbeats = async (until) => {
    const samples = [];
    while (!until(samples.length)) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      const from = performance.now();
      await echo('control', 1);
      samples.push(performance.now() - from);
    }
    return percentile(sorted(Float64Array.from(samples)), 0.99) * 1e6;
  };
  report.value(HEARTBEAT, 'ns', await heartbeats((count) => count >= Math.min(300, size.latencySamplesMax / 10)));

  const large = new Uint8Array(BULK_BYTES);
  for (let index = 0; index < large.length; index++) large[index] = (index * 31) ^ (index >> 8);
  let isOver = false;
  let p99Ns;
  const perSecond = await throughput(
    { ...size, runMs: size.runMs * 8 },
    async (n) => {
      isOver = false;
      const beating = heartbeats((count) => isOver && count > 0);
      await oneWay('bulk', large, n);
      isOver = true;
      p99Ns = await beating;
    },
    8,
  );
  report.value(BULK, 'MB/s', (perSecond * BULK_BYTES) / 1e6);
  report.value(HEARTBEAT_DURING_BULK, 'ns', p99Ns);
  other.end();
}
