/**
 * The limit: the ring of nexus between two threads that spin, so bytes move and nothing else happens. The far end publishes how many messages and what sum it
 * has read in words of its own.
 */
import { Worker } from 'node:worker_threads';
import { RingReader, RingWriter } from '../../../dist/bindings/portable/ring.js';
import { createSharedMemory } from '../../../dist/bindings/shared-memory.js';
import * as L from '../../../dist/layout/generated/layout.js';
import { assertDone, roundTrip, throughput } from '../../harness/measure.mjs';
import { markOf, writeBare } from './bare-message.mjs';
import { ASK_HOT_MEAN, ASK_HOT_P50 } from './case-names.mjs';
import { batchOf, MESSAGES } from './messages.mjs';

const PUBLISH_EVERY = 16;

export async function run(size, report) {
  const shared = createSharedMemory({ threadCount: 2, recordCapacity: 4096, ringBytes: 1 << 20 }, [1, 2]);
  const progress = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL('./ring-worker.mjs', import.meta.url), { workerData: { memory: shared.memory, progress } });
  const writer = new RingWriter(shared, 0, 1);
  const reader = new RingReader(shared, 1, 0);
  const { words } = shared;
  let sent = 0;
  let sum = 0;

  const send = (type, source, mark) => {
    while (!writeBare(shared, writer, type, source, mark)) writer.publish();
    if (writer.unpublished >= PUBLISH_EVERY) writer.publish();
  };
  const tell = (source, n) => {
    for (let index = 0; index < n; index++) {
      source[source.length - 1] = index;
      sum = (sum + index) | 0;
      send(L.MESSAGE_TYPE_TELL, source, markOf(source));
    }
    writer.publish();
    sent = (sent + n) | 0;
    while (Atomics.load(progress, 0) !== sent);
    assertDone(Atomics.load(progress, 1) === sum, 'the bytes that arrived are not those that were sent');
  };
  for (const message of MESSAGES) {
    const source = new Int32Array(Math.ceil(message.bytes / 4));
    report.value(message.title, 'messages/s', await throughput(size, (n) => tell(source, n), batchOf(message)));
  }

  const question = new Int32Array(5);
  let answer = -1;
  const receive = (at) => {
    answer = words[(at >> 2) + L.MESSAGE_WORD_SLOT];
  };
  const ask = (index) => {
    send(L.MESSAGE_TYPE_ASK, question, index);
    writer.publish();
    while (reader.read(1, receive) === 0);
    assertDone(answer === index, `the reply to ${index} is ${answer}`);
  };
  const { p50Ns, meanNs } = await roundTrip(size, ask);
  report.value(ASK_HOT_P50, 'ns', p50Ns);
  report.value(ASK_HOT_MEAN, 'ns', meanNs);
  await worker.terminate();
}
