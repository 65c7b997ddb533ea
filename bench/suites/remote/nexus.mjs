/** Two nodes of a cluster, in two processes, over WebSockets: messages of the one to an agent of the other. */
import { assertDone, throughput } from '../../harness/measure.mjs';
import { noteEngine } from '../open-nexus.mjs';
import { openOther } from '../transport/other-process.mjs';
import { Target } from './agents.mjs';
import { ASKS, ASKS_AT_ONCE, HUNDRED, SENT_IN_A_TURN, SMALL, TELL } from './case-names.mjs';
import { reportAsks } from './measured-asks.mjs';
import { reportLookups } from './measured-lookups.mjs';
import { openNode } from './open-node.mjs';

export const run = (size, report) => runNodes(false, size, report);

export async function runNodes(sameHost, size, report) {
  const nexus = await openNode('caller', [], sameHost);
  noteEngine(report, nexus);
  const { host, port } = nexus.cluster.address;
  const other = await openOther(new URL('./nexus-other.mjs', import.meta.url), { seed: `${host}:${port}`, sameHost });
  const target = await nexus.getOrSpawn(Target, 'target', { node: 'other' });

  assertDone((await target.ask('echo', SMALL)).name === SMALL.name, 'an answer was another one');
  await reportAsks(size, report, other.pid, () => target.ask('echo', SMALL));

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
  await reportLookups(size, report, nexus, target, 'other');
  other.end();
  await nexus.stop({ deadlineMs: 100 });
}
