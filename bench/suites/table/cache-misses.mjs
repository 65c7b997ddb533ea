/**
 * The floor under a search for a random name: as many steps through as much memory, where each step loads one word of a bucket's cache line, and with it the place of a
 * record's cache line, and with that the next step. No hash, no name, no comparison: what is left is waiting for two loads that depend on each other.
 */
import { loadNativeAddon } from '../../../dist/bindings/native-addon.js';
import { reserveMemory } from '../../../dist/bindings/web-assembly-memory.js';
import { throughput } from '../../harness/measure.mjs';
import { shuffled } from '../lookup/names.mjs';
import { caseNames } from './case-names.mjs';
import { capacityFor } from './footprint.mjs';

const LINE_WORDS = 16;
const PAGE_BYTES = 65536;

export async function run(size, report) {
  const names = size.lookupAgents;
  const buckets = capacityFor(names) / 8;
  const bytes = (buckets + names) * LINE_WORDS * 4;
  const words = new Int32Array(reserveMemory(Math.ceil(bytes / PAGE_BYTES)).buffer);
  // The pages that the native engine asks for.
  loadNativeAddon().addon?.adviseHugePages(new Uint8Array(words.buffer), 0, bytes);
  const recordsAt = buckets * LINE_WORDS;
  const order = shuffled(names);
  // Several names share a bucket, each with a word of its own; a name's bucket says where its record is, and that where the next name's word is.
  const used = new Uint8Array(buckets);
  const entries = Int32Array.from(order, (_, step) => {
    let bucket = Math.imul(step, 0x9e3779b1) >>> (32 - Math.log2(buckets));
    while (used[bucket] === LINE_WORDS) bucket = (bucket + 1) % buckets;
    return bucket * LINE_WORDS + used[bucket]++;
  });
  for (let step = 0; step < names; step++) {
    const record = recordsAt + order[step] * LINE_WORDS;
    words[entries[step]] = record;
    words[record] = entries[(step + 1) % names];
  }
  let at = entries[0];
  const perSecond = await throughput(size, (n) => {
    for (let step = 0; step < n; step++) at = words[words[at]];
    if (at < 0 || at >= recordsAt) throw new Error('left the way');
  });
  report.value(caseNames(names).findRandom, 'ns', 1e9 / perSecond);
}
