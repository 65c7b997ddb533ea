/** Looks names up, over and over, and checks that each was found. */
import { throughput } from '../../harness/measure.mjs';

/**
 * Nanoseconds for one name.
 * @param {readonly string[]} names
 * @param {(name: string) => object | undefined} find
 */
export async function lookupNs(size, names, find) {
  let next = 0;
  const pass = (n) => {
    let found = 0;
    for (let index = 0; index < n; index++) {
      if (find(names[next]) !== undefined) found++;
      next = next + 1 === names.length ? 0 : next + 1;
    }
    if (found !== n) throw new Error(`${found} of ${n} names were found`);
  };
  // Each name once, so that its hash is known where an engine remembers it.
  pass(names.length);
  return 1e9 / (await throughput(size, pass, 1000));
}
