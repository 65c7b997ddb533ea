/** Round trips between two processes of this machine, hot and parked, where they are put. */
import { parkedRoundTrip, roundTrip } from '../../harness/measure.mjs';
import { placesOf } from '../../harness/two-cores.mjs';
import { HOT_P50, PARKED_ONE_CORE_P50, PARKED_P50 } from './case-names.mjs';

/** Until both sides are compiled. */
const WARM_TIMES = 5;

/**
 * @param {number} otherPid the process at the other end
 * @param {() => Promise<unknown>} echo
 */
export async function reportRoundTrips(size, report, otherPid, echo) {
  const places = placesOf(otherPid);
  places?.apart();
  report.value(HOT_P50, 'ns', (await roundTrip({ ...size, warmMs: size.warmMs * WARM_TIMES }, echo)).p50Ns);
  report.value(PARKED_P50, 'ns', await parkedRoundTrip(size, echo));
  if (places === undefined) return;
  places.together();
  report.value(PARKED_ONE_CORE_P50, 'ns', await parkedRoundTrip(size, echo));
  places.apart();
}
