/** An agent on one worker thread. */
import { setImmediate as turn } from 'node:timers/promises';
import { assertDone, parkedRoundTrip, roundTrip, throughput } from '../../harness/measure.mjs';
import { coresForTwo, pinThread, threadIds } from '../../harness/two-cores.mjs';
import { openNexus } from '../open-nexus.mjs';
import { reportAsks } from './asks.mjs';
import { ASK_DECLARED_HOT_P50, ASK_PARKED_APART_P50 } from './case-names.mjs';
import { batchOf, DECLARED, MESSAGES, QUESTION, weigh } from './messages.mjs';
import { Sink } from './sink.mjs';

const TIMEOUT = { timeoutMs: 60_000 };

export async function run(size, report) {
  const threadsBefore = threadIds();
  const nexus = await openNexus(report, { agents: [new URL('./sink.mjs', import.meta.url)], threads: 1 });
  const threadsOfNexus = threadIds().filter((id) => !threadsBefore.includes(id));
  const sink = await nexus.spawn(Sink, { thread: 1 });
  for (const message of [...MESSAGES, ...DECLARED])
    report.value(message.title, 'messages/s', await throughput(size, (n) => tell(sink, message, n), batchOf(message)));
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

async function tell(sink, { make, action = 'take' }, n) {
  const before = await totals(sink);
  let sum = before.sum;
  for (let index = 0; index < n; index++) {
    const value = make(index);
    sum = (sum + weigh(value)) | 0;
    for (let outcome = sink.tell(action, value); outcome !== 'accepted'; outcome = sink.tell(action, value)) {
      if (outcome !== 'full') throw new Error(`tell was ${outcome}`);
      await turn();
    }
  }
  const after = await totals(sink);
  assertDone(after.count - before.count === n, `${after.count - before.count} of ${n} were handled`);
  assertDone(after.sum === sum, 'the values that arrived are not those that were sent');
}

/** Answered behind all of the tells, in order. The ring may be full of them. */
async function totals(sink) {
  for (;;) {
    try {
      return await sink.ask('totals', undefined, TIMEOUT);
    } catch (error) {
      if (error.code !== 'NEXUS_BACKPRESSURE') throw error;
      await turn();
    }
  }
}
