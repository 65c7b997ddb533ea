/** Names to look up, other strings than those they were registered with, and the order to do it in. */

export const HOT_NAMES = 8;

export function nameOf(index) {
  return `agent-${index}`;
}

/** A random order of the numbers below `count`, the same in every run. */
export function shuffled(count) {
  const order = Int32Array.from({ length: count }, (_, index) => index);
  let state = 12345;
  for (let left = count; left > 1; left--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * left);
    const last = order[left - 1];
    order[left - 1] = order[other];
    order[other] = last;
  }
  return order;
}

/**
 * All names in random order: flat strings that share nothing with the registered ones and were made in the order in which they are looked up, as if they
 * had been read from a socket. So what is measured is the search, not the way to the memory of the name.
 */
export function namesInRandomOrder(count) {
  return Array.from(shuffled(count), (index) => Buffer.from(nameOf(index), 'latin1').toString('latin1'));
}

/** A few of them, from all over. */
export function hotNames(names) {
  return Array.from({ length: HOT_NAMES }, (_, index) => names[Math.floor((index * names.length) / HOT_NAMES)]);
}

export function titles(agents) {
  const among = `among ${agents.toLocaleString('en-US')}`;
  return { random: `find ${among}, random`, hot: `find ${among}, ${HOT_NAMES} names`, getOrSpawn: `getOrSpawn of existing ${among}, random` };
}
