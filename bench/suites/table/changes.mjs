/** Rounds of insertions and removals, timed apart, so that the table holds as many names before and after each. */
import { settle } from '../../harness/measure.mjs';
import { nameOf, shuffled } from '../lookup/names.mjs';

/** New names of a round: a twentieth of what the table holds. */
const SHARE = 20;
const LEAST = 100;

/** New names, flat strings in the order in which they are inserted, and a random order to remove them in. */
export function newNames(names) {
  const count = Math.max(LEAST, Math.floor(names / SHARE));
  return { fresh: Array.from({ length: count }, (_, index) => Buffer.from(nameOf(names + index), 'latin1').toString('latin1')), order: shuffled(count) };
}

/**
 * Nanoseconds for one insertion and for one removal.
 * @param {{ warmMs: number, runMs: number }} size
 * @param {number} count names of a round
 * @param {() => void} insert all of them
 * @param {() => void} remove all of them
 */
export function changesNs(size, count, insert, remove) {
  rounds(size.warmMs, insert, remove);
  settle();
  const { inserting, removing, n } = rounds(size.runMs, insert, remove);
  return { insertNs: (inserting * 1e6) / (n * count), removeNs: (removing * 1e6) / (n * count) };
}

function rounds(milliseconds, insert, remove) {
  let inserting = 0;
  let removing = 0;
  let n = 0;
  do {
    const from = performance.now();
    insert();
    const between = performance.now();
    remove();
    inserting += between - from;
    removing += performance.now() - between;
    n++;
  } while (inserting + removing < milliseconds);
  return { inserting, removing, n };
}
