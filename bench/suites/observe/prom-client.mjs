/** What one writes with prom-client: a timer of a histogram and a counter of outcomes, each with the name as a label. */
import { Counter, Histogram, Registry } from 'prom-client';
import { assertDone } from '../../harness/measure.mjs';
import { measureCalls } from './calls.mjs';

const buckets = Array.from({ length: 27 }, (_, index) => 2 ** (index + 10) / 1e9);

export async function run(size, report) {
  const registers = [new Registry()];
  const durations = new Histogram({ name: 'durations_seconds', help: 'Durations.', labelNames: ['operation'], buckets, registers });
  const outcomes = new Counter({ name: 'operations_total', help: 'Operations.', labelNames: ['operation', 'outcome'], registers });
  let calls = 0;
  const ended = (end, outcome) => {
    end();
    outcomes.inc({ operation: 'benchmark', outcome });
  };
  await measureCalls(size, report, (fn) => {
    calls++;
    const end = durations.startTimer({ operation: 'benchmark' });
    let result;
    try {
      result = fn();
    } catch (error) {
      ended(end, 'failure');
      throw error;
    }
    if (!(result instanceof Promise)) {
      ended(end, 'success');
      return result;
    }
    return result.then(
      (value) => {
        ended(end, 'success');
        return value;
      },
      (error) => {
        ended(end, 'failure');
        throw error;
      },
    );
  });
  const counted = (await outcomes.get()).values[0].value;
  assertDone(counted === calls, `${counted} of ${calls} calls were counted`);
}
