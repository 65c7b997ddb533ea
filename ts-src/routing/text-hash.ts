/**
 * 32 bits of a text: MurmurHash3 (Austin Appleby) over its UTF-16 units. Spreads similar texts evenly and is the same on every machine. Not for texts that somebody
 * chooses in order to collide.
 */
export function textHash(text: string, seed: number): number {
  let hash = seed | 0;
  for (let index = 0; index < text.length; index++) {
    let unit = Math.imul(text.charCodeAt(index), 0xcc9e2d51);
    unit = (unit << 15) | (unit >>> 17);
    hash ^= Math.imul(unit, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  return mixed(hash ^ text.length);
}

/** The finalizer: every bit of the input changes each bit of the result with a probability of one half. Unsigned. */
export function mixed(word: number): number {
  let hash = word | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
