/** Agents on worker threads that send to the agent of the next thread; with one thread, the calling thread sends. */
import { throughput } from '../../harness/measure.mjs';
import { countedTells } from '../cross-thread/counted-tells.mjs';
import { Sink } from '../cross-thread/sink.mjs';
import { openNexus } from '../open-nexus.mjs';
import { assertReceived, batchPerStream, caseOf, PAYLOADS, pointSize, warmUp } from './points.mjs';
import { Pump } from './pump.mjs';

const TIMEOUT = { timeoutMs: 60_000 };

export async function run(size, report, { threads }) {
  const agents = ['../cross-thread/sink.mjs', './pump.mjs'].map((module) => new URL(module, import.meta.url));
  const nexus = await openNexus(report, { agents, threads });
  const numbers = Array.from({ length: threads }, (_, index) => index + 1);
  const sinks = await Promise.all(numbers.map((thread) => nexus.spawn(Sink, { thread })));
  const pumps = await Promise.all(numbers.map((thread) => nexus.spawn(Pump, { thread })));
  const send = async (payload, declared, n) => {
    const { name, make, action } = payload;
    const order = { name, declared, count: n / threads };
    const counts = await Promise.all(
      threads === 1
        ? [countedTells(sinks[0], { make, action: declared ? action : 'take' }, n)]
        : pumps.map((pump, index) => pump.ask('pump', { ...order, sink: sinks[(index + 1) % threads] }, TIMEOUT)),
    );
    assertReceived(counts, n);
  };
  await warmUp(size, threads, (payload, n) => send(payload, true, n));
  for (const payload of PAYLOADS) {
    for (const declared of payload.isObject ? [true, false] : [true]) {
      const quantum = threads * batchPerStream(payload);
      const perSecond = await throughput(pointSize(size), (n) => send(payload, declared, n), quantum);
      report.value(caseOf({ payload: payload.name, threads, declared }), 'messages/s', perSecond);
    }
  }
  await nexus.stop();
}
