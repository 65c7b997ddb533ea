/** Two nodes of a cluster, in two processes: messages of the one to an agent of the other. */
import { partsOf } from '../../../dist/ts-src/nexus.js';
import { assertDone, roundTrip, throughput } from '../../harness/measure.mjs';
import { openOther } from '../transport/other-process.mjs';
import { ASK, ASK_P50, ASKS, ASKS_AT_ONCE, HUNDRED, SENT_IN_A_TURN, SMALL, TELL } from './case-names.mjs';
import { openNode } from './open-node.mjs';

/** How long two processes that have met may take to share memory. */
const SHARED_WITHIN_MS = 5_000;

export const run = (size, report) => measure(size, report, false);

/** @param {boolean} sameHost through shared memory, not over the loopback interface */
export async function measure(size, report, sameHost) {
  const nexus = await openNode('caller', [], sameHost);
  const { host, port } = nexus.cluster.address;
  const other = await openOther(new URL('./nexus-other.mjs', import.meta.url), { seed: `${host}:${port}`, sameHost });
  const target = partsOf(nexus).node.references.restoreRemote(other.first.target);

  assertDone((await target.ask('echo', SMALL)).name === SMALL.name, 'an answer was another one');
  for (const until = performance.now() + SHARED_WITHIN_MS; nexus.cluster.snapshot().links[0].sharedMemory !== sameHost; ) {
    assertDone(performance.now() < until, `the memory is not shared: ${nexus.cluster.snapshot().links[0].notSharedBecause}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { meanNs, p50Ns } = await roundTrip(size, () => target.ask('echo', SMALL));
  report.value(ASK, 'ns', meanNs);
  report.value(ASK_P50, 'ns', p50Ns);

  const asks = async (count) => {
    for (let asked = 0; asked < count; asked += ASKS_AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(ASKS_AT_ONCE, count - asked) }, () => target.ask('echo', SMALL)));
    }
  };
  report.value(ASKS, 'asks/s', await throughput(size, asks));

  const tells = async (count) => {
    for (let sent = 0; sent < count; ) {
      if (target.tell('add', HUNDRED) !== 'accepted' || ++sent % SENT_IN_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const taken = await target.ask('taken', undefined, { timeoutMs: 60_000 });
    assertDone(taken.count === count && taken.sum === count * HUNDRED.number, `${taken.count} messages of ${count}`);
  };
  report.value(TELL, 'messages/s', await throughput(size, tells));
  other.end();
  await nexus.stop({ deadlineMs: 100 });
}
