/** Round trips between two processes, warm and where they are put. */
import { roundTrip } from '../../harness/measure.mjs';
import { placesOf } from '../../harness/two-cores.mjs';
import { ASK, ASK_ONE_CORE_P50, ASK_P50 } from './case-names.mjs';

/** Both sides of a conversation are more code than a loop, and are warm when both are compiled: some ten thousand round trips. */
const WARM_TIMES = 5;

/**
 * @param {number} otherPid the process at the other end, whose first thread answers
 * @param {() => Promise<unknown>} ask
 */
export async function reportAsks(size, report, otherPid, ask) {
  const places = placesOf(otherPid);
  const warm = { ...size, warmMs: size.warmMs * WARM_TIMES };
  places?.apart();
  const { meanNs, p50Ns } = await roundTrip(warm, ask);
  report.value(ASK, 'ns', meanNs);
  report.value(ASK_P50, 'ns', p50Ns);
  if (places === undefined) return;
  places.together();
  report.value(ASK_ONE_CORE_P50, 'ns', (await roundTrip(warm, ask)).p50Ns);
  places.apart();
}
