/** `nexus.observe`, with a logger that takes no debug lines. */
import { assertDone } from '../../harness/measure.mjs';
import { openNexus } from '../open-nexus.mjs';
import { measureCalls } from './calls.mjs';

export async function run(size, report) {
  const nexus = await openNexus(report, { agents: [], threads: 0 });
  let calls = 0;
  await measureCalls(size, report, (fn) => {
    calls++;
    return nexus.observe('benchmark', fn);
  });
  const counted = nexus.operations()[0].successes;
  assertDone(counted === calls, `${counted} of ${calls} calls were counted`);
  await nexus.stop();
}
