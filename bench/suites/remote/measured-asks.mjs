/** Round trips between two processes, warm and where they are put: left to the kernel, a process that is woken runs on the core of the other one in one round and not in the next, which are two figures. */
import { roundTrip } from '../../harness/measure.mjs';
import { coresForTwo, pinThread } from '../../harness/two-cores.mjs';
import { ASK, ASK_ONE_CORE_P50, ASK_P50 } from './case-names.mjs';

/** Both sides of a conversation are more code than a loop, and are warm when both are compiled: some ten thousand round trips. */
const WARM_TIMES = 5;

/**
 * @param {number} otherPid the process at the other end, whose first thread answers
 * @param {() => Promise<unknown>} ask
 */
export async function reportAsks(size, report, otherPid, ask) {
  const cores = coresForTwo();
  const put = (own, other) => {
    pinThread(process.pid, own);
    pinThread(otherPid, other);
  };
  const warm = { ...size, warmMs: size.warmMs * WARM_TIMES };
  if (cores !== undefined) put(cores[0], cores[1]);
  const { meanNs, p50Ns } = await roundTrip(warm, ask);
  report.value(ASK, 'ns', meanNs);
  report.value(ASK_P50, 'ns', p50Ns);
  if (cores === undefined) return;
  put(cores[0], cores[0]);
  report.value(ASK_ONE_CORE_P50, 'ns', (await roundTrip(warm, ask)).p50Ns);
  put(cores[0], cores[1]);
}
