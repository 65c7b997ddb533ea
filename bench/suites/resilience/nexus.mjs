/** What each policy costs around an ask of an agent on the same thread, and around a function that returns a promise. All in one process, in turns. */
import { bulkhead, circuitBreaker, retry, timeout } from 'nexus-agents/resilience';
import { assertDone, inTurns } from '../../harness/measure.mjs';
import { Counter } from '../counter.mjs';
import { openNexus } from '../open-nexus.mjs';
import { ASK, ASK_BREAKER, ASK_BULKHEAD, ASK_RATE, ASK_RETRY, ASK_TIMEOUT, FUNCTION, FUNCTION_BREAKER } from './case-names.mjs';

export async function run(size, report) {
  const nexus = await openNexus(report, { agents: [Counter], threads: 0 });
  const ref = await nexus.spawn(Counter, { thread: 'local' });
  const [breaker, breakerByRate, breakerOfFunction] = [circuitBreaker(), circuitBreaker({ failures: { rate: 0.5 } }), circuitBreaker()];
  const policies = { bulkhead: bulkhead(), retry: retry(), timeout: timeout({ ms: 5000 }) };
  let called = 0;
  const read = async () => ++called;

  const medians = await inTurns(size, {
    [ASK]: () => ref.ask('read'),
    [ASK_BREAKER]: () => breaker.ask(ref, 'read'),
    [ASK_RATE]: () => breakerByRate.ask(ref, 'read'),
    [ASK_BULKHEAD]: () => policies.bulkhead.ask(ref, 'read'),
    [ASK_RETRY]: () => policies.retry.ask(ref, 'read'),
    [ASK_TIMEOUT]: () => policies.timeout.ask(ref, 'read'),
    [FUNCTION]: () => read(),
    [FUNCTION_BREAKER]: () => breakerOfFunction.execute(() => read()),
  });
  for (const [name, ns] of Object.entries(medians)) report.value(name, 'ns', ns);
  assertDone(breaker.statistics.successes === breakerByRate.statistics.successes, `${breaker.statistics.successes} asks went through the breaker`);
  assertDone(called === 2 * breakerOfFunction.statistics.successes, `${called} calls of the function`);
  await nexus.stop();
}
