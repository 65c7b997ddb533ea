/** An agent on one worker thread. */
import { assertDone, parkedRoundTrip, roundTrip, throughput } from '../../harness/measure.mjs';
import { coresForTwo, pinThread, threadIds } from '../../harness/two-cores.mjs';
import { openNexus } from '../open-nexus.mjs';
import { reportAsks } from './asks.mjs';
import { ASK_DECLARED_HOT_P50, ASK_PARKED_APART_P50 } from './case-names.mjs';
import { countedTells } from './counted-tells.mjs';
import { batchOf, DECLARED, MESSAGES, QUESTION } from './messages.mjs';
import { Sink } from './sink.mjs';

export async function run(size, report) {
  const threadsBefore = threadIds();
  const nexus = await openNexus(report, { agents: [new URL('./sink.mjs', import.meta.url)], threads: 1 });
  const threadsOfNexus = threadIds().filter((id) => !threadsBefore.includes(id));
  const sink = await nexus.spawn(Sink, { thread: 1 });
  for (const message of [...MESSAGES, ...DECLARED])
    report.value(message.title, 'messages/s', await throughput(size, (n) => countedTells(sink, message, n), batchOf(message)));
  const declared = await roundTrip(size, (index) => sink.ask('echoSmall', QUESTION(index)));
  report.value(ASK_DECLARED_HOT_P50, 'ns', declared.p50Ns);
  const parksBefore = parks(nexus);
  await reportAsks(size, report, (value) => sink.ask('echo', value));
  assertDone(parks(nexus) - parksBefore >= size.parkedSamples / 2, 'the worker did not park between the parked asks');
  const cores = coresForTwo();
  if (cores !== undefined) {
    pinThread(process.pid, cores[0]);
    for (const thread of threadsOfNexus) pinThread(thread, cores[1]);
    report.value(ASK_PARKED_APART_P50, 'ns', await parkedRoundTrip(size, (index) => sink.ask('echo', QUESTION(index))));
  }
  await nexus.stop();
}

function parks(nexus) {
  return nexus.threads()[1].counters.parks;
}
