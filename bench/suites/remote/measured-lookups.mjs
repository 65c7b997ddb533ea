/** References to agents of the other node, by their ids: the first of each asks the owner of the id, the next ones nobody. */
import { assertDone, roundTrip } from '../../harness/measure.mjs';
import { percentile, sorted } from '../../harness/statistics.mjs';
import { Named } from './agents.mjs';
import { LOOKUP, LOOKUP_KNOWN } from './case-names.mjs';

const SAMPLES_MAX = 4_000;
/** Of those that were heard of. */
const KNOWN_IDS = 8;

/** @param target an agent of the other node */
export async function reportLookups(size, report, nexus, target, otherName) {
  const samples = Math.min(SAMPLES_MAX, size.latencySamplesMax);
  // The first half is for warming up.
  const ids = [];
  for (let index = 0; ids.length < 2 * samples; index++) if (nexus.cluster.where(`named-${index}`).owner === otherName) ids.push(`named-${index}`);
  await target.ask('start', ids, { timeoutMs: 60_000 });
  const before = nexus.cluster.snapshot().registry.lookups.owner;
  const tookMs = [];
  for (const id of ids) {
    const from = performance.now();
    await nexus.getOrSpawn(Named, id);
    tookMs.push(performance.now() - from);
  }
  const asked = nexus.cluster.snapshot().registry.lookups.owner - before;
  assertDone(asked === ids.length, `the owner was asked for ${asked} of ${ids.length} ids`);
  report.value(LOOKUP, 'ns', percentile(sorted(tookMs.slice(samples)), 0.5) * 1e6);
  const known = ids.slice(-KNOWN_IDS);
  assertDone((await nexus.find(known[0], Named).ask('here')) === true, 'nobody is there');
  report.value(LOOKUP_KNOWN, 'ns', (await roundTrip(size, (index) => nexus.find(known[index % KNOWN_IDS], Named))).meanNs);
}
